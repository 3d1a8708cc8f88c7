//! Capabilities as paths, against a second reading of them.
//!
//! The rules of the SciTokens claims document and of the WLCG Common JWT Profile (§2.2.1) are written down here once
//! more, by lists of plain segments: what a spelling means is known where it is made, so nothing here takes a path
//! apart. Thousands of invented cases are decided by both.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::dice::Dice;
use crate::support::mint::{AUDIENCE, Signer};
use crate::world::{Request, Seen, World, document, issuer, patched, token};

const SCITOKENS: &str = "https://scitokens.test";
const WLCG: &str = "https://wlcg.test";

/// The segments below `/`, and whether a slash ends them. `/` itself ends with none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    segments: Vec<String>,
    slash: bool,
}

impl Place {
    fn new(segments: &[String], slash: bool) -> Self {
        Self { segments: segments.to_vec(), slash: slash && !segments.is_empty() }
    }

    /// What it is to a service whose own root this is. That root is `/`, however it is written.
    fn below(&self, base: &[String]) -> Option<Self> {
        self.segments.strip_prefix(base).map(|rest| Self::new(rest, self.slash))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}{}", self.segments.join("/"), if self.slash { "/" } else { "" })
    }
}

/// What a spelling stands for, or nothing that two servers would agree on.
type Meaning = Option<Place>;

#[derive(Clone, Debug)]
struct Spelt {
    text: String,
    meaning: Meaning,
}

// ---------------------------------------------------------------------------------------------------------------------
// The oracle.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    SciTokens,
    Wlcg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Read,
    Write,
}

/// How a token holds an operation on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Wholly,
    /// Only where nothing is there yet, by `storage.create`.
    ToCreate,
    No,
}

#[derive(Clone, Debug)]
struct Scope {
    operation: &'static str,
    path: Option<Spelt>,
}

const STORAGE: [&str; 4] = ["storage.read", "storage.stage", "storage.create", "storage.modify"];

impl Scope {
    /// Where it is for. Without a path a SciToken's scope is for everything; WLCG's storage knows no such scope.
    fn place(&self) -> Meaning {
        self.path.as_ref().map_or_else(|| Some(Place::new(&[], false)), |path| path.meaning.clone())
    }

    /// Whether it is about this resource: the path itself or anything below it, by whole segments. One that ends with a
    /// slash is about what is in a directory, and the directory by that name.
    fn covers(&self, resource: &Place) -> bool {
        self.place().is_some_and(|place| {
            let itself = resource.segments == place.segments;
            resource.segments.starts_with(&place.segments) && (!itself || resource.slash || !place.slash)
        })
    }

    /// Whether the resource is a directory that has to be there before the scope's own path can be: "the creation of any
    /// non-existent directories required to create the path itself" (WLCG, `storage.create`).
    fn needs(&self, directory: &Place) -> bool {
        self.place().is_some_and(|place| {
            let above = place.segments.starts_with(&directory.segments);
            above && (place.segments.len() > directory.segments.len() || place.slash)
        })
    }

    /// A path is a must for all of these, so that a token with one that has none is no token of the profile.
    fn lacks_its_path(&self) -> bool {
        STORAGE.contains(&self.operation) && self.path.as_ref().is_none_or(|path| !path.text.starts_with('/'))
    }
}

fn held(family: Family, scopes: &[Scope], operation: Operation, resource: &Place) -> Held {
    let any = |names: &[&str]| scopes.iter().any(|scope| names.contains(&scope.operation) && scope.covers(resource));
    let (wholly, to_create) = match (family, operation) {
        (Family::SciTokens, Operation::Read) => (any(&["read"]), false),
        (Family::SciTokens, Operation::Write) => (any(&["write"]), false),
        (Family::Wlcg, Operation::Read) => (any(&["storage.read", "storage.stage"]), false),
        (Family::Wlcg, Operation::Write) => (any(&["storage.modify"]), any(&["storage.create"])),
    };
    match (wholly, to_create) {
        (true, _) => Held::Wholly,
        (false, true) => Held::ToCreate,
        (false, false) => Held::No,
    }
}

/// Whether one scope to create with is for all of these.
fn creates_each_by_one(family: Family, scopes: &[Scope], resources: [&Place; 2]) -> bool {
    let create = |scope: &&Scope| family == Family::Wlcg && scope.operation == "storage.create";
    scopes.iter().filter(create).any(|scope| resources.iter().all(|resource| scope.covers(resource)))
}

/// The name under which a challenge asks for the operation.
fn asked(family: Family, operation: Operation) -> &'static str {
    match (family, operation) {
        (Family::SciTokens, Operation::Read) => "read",
        (Family::SciTokens, Operation::Write) => "write",
        (Family::Wlcg, Operation::Read) => "storage.read",
        (Family::Wlcg, Operation::Write) => "storage.modify",
    }
}

/// Where a copy goes to, or what is wrong with what the client says about it.
#[derive(Clone, Debug)]
enum Target {
    /// Nothing is said: no field at all.
    Unsaid,
    /// Something is pulled from elsewhere to the request's own path.
    Pulled,
    Said(Meaning),
}

#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    path: Meaning,
    target: Target,
}

/// What may become of a request: let on with these fields, or refused for any one of these.
#[derive(Debug, Default)]
struct Verdict {
    refusals: Vec<String>,
    /// What the token lacks, as record and challenge name it.
    lacking: Vec<(Operation, Place)>,
    /// Fields whose values are other ones than the client's.
    changed: BTreeMap<&'static str, &'static [&'static str]>,
}

impl Verdict {
    fn refuse(&mut self, outcome: &str) {
        self.refusals.push(outcome.to_owned());
    }

    fn lack(&mut self, operation: Operation, resource: &Place) {
        self.refuse("403 insufficient_scope");
        self.lacking.push((operation, resource.clone()));
    }
}

fn decide(family: Family, scopes: &[Scope], base: &[String], request: &Asked) -> Verdict {
    let mut verdict = Verdict::default();
    let Some(path) = &request.path else {
        verdict.refuse("400 ambiguous_path");
        return verdict;
    };
    // What binds one path to another says where in its body.
    let binds = ["BIND", "REBIND"].iter().any(|binds| binds.eq_ignore_ascii_case(request.method));
    let copies = matches!(request.method, "COPY" | "MOVE");
    let moves = request.method == "MOVE";
    let target = match &request.target {
        Target::Pulled if moves => &Target::Said(None),
        target => target,
    };
    if binds || (copies && matches!(target, Target::Said(None))) {
        verdict.refuse("400 ambiguous_destination");
    }
    // Such a token holds nothing at all, so that no path of its is looked for.
    let refused = family == Family::Wlcg && scopes.iter().any(Scope::lacks_its_path);
    if refused {
        verdict.refuse("401 invalid_claim");
    }
    let Some(own) = path.below(base) else {
        verdict.refuse("403 no_rule");
        return verdict;
    };
    let there = match (copies, target) {
        (true, Target::Said(Some(target))) => match target.below(base) {
            Some(there) => there,
            None => {
                verdict.refuse("403 no_rule");
                return verdict;
            }
        },
        // Where to is not said, so it may be here.
        _ => own.clone(),
    };
    let mut lacks: Vec<(Operation, &Place)> = Vec::new();
    let root = Place::new(&[], false);
    let wants = |operation, resource| held(family, scopes, operation, resource);
    match request.method {
        "HEAD" if family == Family::Wlcg => {
            // Who may do anything there may know whether it is there: clients look before they write, and after.
            let some = scopes.iter().any(|scope| STORAGE.contains(&scope.operation) && scope.covers(&own));
            lacks.extend((!some).then_some((Operation::Read, &own)));
        }
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" => {
            lacks.extend((wants(Operation::Read, &own) == Held::No).then_some((Operation::Read, &own)));
        }
        // What they look at stands in their body, and may be all that there is.
        "REPORT" | "SEARCH" => {
            lacks.extend((wants(Operation::Read, &root) == Held::No).then_some((Operation::Read, &root)));
        }
        "MKCOL" => {
            let creates = |scope: &&Scope| matches!(scope.operation, "storage.create" | "storage.modify");
            let above = family == Family::Wlcg && scopes.iter().filter(creates).any(|scope| scope.needs(&own));
            let no = wants(Operation::Write, &own) == Held::No && !above;
            lacks.extend(no.then_some((Operation::Write, &own)));
        }
        "PUT" => match wants(Operation::Write, &own) {
            Held::Wholly => {}
            Held::ToCreate => verdict.changed.extend([("if-none-match", &["*"][..]), ("if-match", &[])]),
            Held::No => lacks.push((Operation::Write, &own)),
        },
        "POST" | "PATCH" | "DELETE" | "PROPPATCH" | "LOCK" | "UNLOCK" => {
            lacks.extend((wants(Operation::Write, &own) != Held::Wholly).then_some((Operation::Write, &own)));
        }
        "COPY" | "MOVE" => {
            let renames = moves && creates_each_by_one(family, scopes, [&own, &there]);
            if moves && !renames && wants(Operation::Write, &own) != Held::Wholly {
                lacks.push((Operation::Write, &own));
            }
            // What is pulled is read elsewhere.
            let reads = !moves && !matches!(target, Target::Pulled);
            if reads && wants(Operation::Read, &own) == Held::No {
                lacks.push((Operation::Read, &own));
            }
            let here = !moves || wants(Operation::Write, &own) == Held::Wholly;
            match wants(Operation::Write, &there) {
                Held::Wholly if here => {}
                Held::No => lacks.push((Operation::Write, &there)),
                _ => verdict.changed.extend([("overwrite", &["F"][..])]),
            }
        }
        _ => verdict.refuse("403 no_rule"),
    }
    if !refused {
        for (operation, resource) in lacks {
            verdict.lack(operation, resource);
        }
    }
    verdict
}

// ---------------------------------------------------------------------------------------------------------------------
// The inventor.

/// Few names, so that paths meet, and names that begin alike.
const NAMES: [&str; 8] = ["store", "store", "storex", "stor", "user", "a b", "é", "50%"];

/// Each makes a path that some server reads differently, wherever in it.
const AMBIGUOUS: [&str; 14] = [
    "%2f",
    "%2F",
    "/..",
    "/.",
    "/../store",
    "/./store",
    "/%2e%2e/store",
    "//store",
    "//",
    ";x=1",
    "%00",
    "%5cstore",
    "%252e",
    "#store",
];

fn segments(random: &mut Dice, most: usize) -> Vec<String> {
    (0..random.below(most + 1)).map(|_| (*random.one_of(&NAMES)).to_owned()).collect()
}

/// One of many ways to write it that all servers read alike, or at times one that they do not.
fn spell(random: &mut Dice, segments: &[String]) -> Spelt {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        for c in segment.chars() {
            if !c.is_ascii_alphanumeric() || random.one_in(12) {
                let mut buffer = [0; 4];
                let upper = random.one_in(2);
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    text.push_str(&if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") });
                }
            } else {
                text.push(c);
            }
        }
    }
    let slash = text.is_empty() || random.one_in(6);
    if slash {
        text.push('/');
    }
    if random.one_in(10) {
        // Behind any segment, or at the end.
        let places: Vec<usize> = text.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).collect();
        let at = if places.is_empty() || random.one_in(2) { text.len() } else { *random.one_of(&places) };
        text.insert_str(at, random.one_of::<&str>(&AMBIGUOUS));
        return Spelt { text, meaning: None };
    }
    Spelt { text, meaning: Some(Place::new(segments, slash)) }
}

fn scopes(random: &mut Dice, family: Family) -> Vec<Scope> {
    let own: &[&str] = match family {
        Family::SciTokens => &["read", "write"],
        Family::Wlcg => &["storage.read", "storage.stage", "storage.modify", "storage.create", "storage.create"],
    };
    // The other family's, ones that look alike, and ones that are none of a path's business.
    let others: &[&str] = match family {
        Family::SciTokens => &["storage.read", "storage.modify", "reads", "Read", "queue", "execute"],
        Family::Wlcg => &["read", "write", "storages.read", "storage", "compute.create", "compute.read"],
    };
    let count = random.below(6);
    let mut scopes: Vec<Scope> = Vec::new();
    for _ in 0..count {
        let operation = if random.one_in(6) { *random.one_of(others) } else { *random.one_of(own) };
        // One without a path makes a WLCG token worth nothing, so there it is for fewer.
        let path = match random.below(if family == Family::Wlcg { 40 } else { 12 }) {
            0 => None,
            1 => Some(Spelt {
                text: (*random.one_of(&["store", "store/user", "%2fstore", "*", "."])).to_owned(),
                meaning: None,
            }),
            _ => {
                let segments = segments(random, 2);
                Some(spell(random, &segments))
            }
        };
        scopes.push(Scope { operation, path });
    }
    scopes
}

fn list(scopes: &[Scope]) -> String {
    let written = scopes.iter().map(|scope| match &scope.path {
        None => scope.operation.to_owned(),
        Some(path) => format!("{}:{}", scope.operation, path.text),
    });
    // A SciToken without any scope is no SciToken.
    written.chain(["openid".to_owned()]).collect::<Vec<_>>().join(" ")
}

/// Anything below the base, often where a scope is for, a little above or below that; now and then somewhere else.
fn below(random: &mut Dice, base: &[String], scopes: &[Scope]) -> Vec<String> {
    let mut path = match (base, random.below(8)) {
        // Beside the base, and above it.
        ([first, ..], 0) => vec![format!("{first}x")],
        ([above @ .., _], 1) => above.to_vec(),
        _ => base.to_vec(),
    };
    let places: Vec<Place> = scopes.iter().filter_map(Scope::place).collect();
    if places.is_empty() || random.one_in(2) {
        path.extend(segments(random, 3));
        return path;
    }
    path.extend_from_slice(&places[random.below(places.len())].segments);
    match random.below(3) {
        0 => path.extend(segments(random, 2)),
        1 => path.truncate(path.len().saturating_sub(1).max(base.len())),
        _ => {}
    }
    path
}

const METHODS: [&str; 31] = [
    "GET",
    "GET",
    "GET",
    "HEAD",
    "HEAD",
    "OPTIONS",
    "PROPFIND",
    "REPORT",
    "SEARCH",
    "PUT",
    "PUT",
    "PUT",
    "POST",
    "PATCH",
    "DELETE",
    "MKCOL",
    "MKCOL",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "COPY",
    "COPY",
    "COPY",
    "MOVE",
    "MOVE",
    "MOVE",
    "MOVE",
    "get",
    "LINK",
    "BIND",
    "Rebind",
];

struct Case {
    asked: Asked,
    request: Request,
    fields: Vec<(String, String)>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.fields {
            write!(f, "\n  {name}: {value}")?;
        }
        write!(f, "\n  which means {:?}", self.asked)
    }
}

fn case(random: &mut Dice, base: &[String], scopes: &[Scope], token: &str) -> Case {
    let method = *random.one_of(&METHODS);
    let segments = below(random, base, scopes);
    let path = spell(random, &segments);
    let mut text = path.text.clone();
    if random.one_in(8) {
        text.push_str(random.one_of::<&str>(&["?x=/store", "?", "?..//%2f;"]));
    }
    let mut fields = vec![(":method".to_owned(), method.to_owned()), (":path".to_owned(), text)];
    // What the client says of these himself is not to be trusted where the token is only good for something new.
    if random.one_in(3) {
        fields.push(("overwrite".to_owned(), (*random.one_of(&["T", "F"])).to_owned()));
    }
    if random.one_in(4) {
        fields.push(("if-none-match".to_owned(), (*random.one_of(&["*", "\"tag\""])).to_owned()));
    }
    if random.one_in(4) {
        fields.push(("if-match".to_owned(), (*random.one_of(&["*", "\"tag\""])).to_owned()));
    }
    let copies = matches!(method, "COPY" | "MOVE");
    let elsewhere = "https://elsewhere.test/store";
    let target = if random.one_in(if copies { 6 } else { 20 }) {
        let (sources, pulled): (&[&str], bool) = match random.below(12) {
            0 => (&[""], false),
            1 => (&[elsewhere, "https://elsewhere.test/user"], false),
            2 => (&["/store/user"], false),
            3 => (&["ftp://elsewhere.test/store"], false),
            4 => (&["https://api.test/store"], false),
            _ => (&[elsewhere], true),
        };
        fields.extend(sources.iter().map(|source| ("source".to_owned(), (*source).to_owned())));
        // With both there are servers that write here and servers that write there.
        let both = random.one_in(8);
        if both {
            let segments = below(random, base, scopes);
            fields.push(("destination".to_owned(), spell(random, &segments).text));
        }
        if pulled && !both { Target::Pulled } else { Target::Said(None) }
    } else if copies || random.one_in(20) {
        let segments = below(random, base, scopes);
        let Spelt { text, meaning } = spell(random, &segments);
        match random.below(16) {
            0 => Target::Unsaid,
            odd @ 1..=5 => {
                let absolute = format!("https://api.test{text}");
                let said = match odd {
                    1 => format!("https://elsewhere.test{text}"),
                    2 => format!("{absolute}?x"),
                    3 => format!("{absolute}#x"),
                    4 => absolute.replacen("https:", "ftp:", 1),
                    _ => text.trim_start_matches('/').to_owned(),
                };
                fields.push(("destination".to_owned(), said));
                Target::Said(None)
            }
            6 => {
                fields.extend([text.clone(), text].map(|said| ("destination".to_owned(), said)));
                Target::Said(None)
            }
            7..=10 => {
                let scheme = *random.one_of(&["http", "https"]);
                fields.push(("destination".to_owned(), format!("{scheme}://api.test{text}")));
                Target::Said(meaning)
            }
            _ => {
                fields.push(("destination".to_owned(), text));
                Target::Said(meaning)
            }
        }
    } else {
        Target::Unsaid
    };
    let request =
        fields.iter().fold(Request::get("/").bearing(token), |request, (name, value)| request.with(name, value));
    Case { asked: Asked { method, path: path.meaning, target }, request, fields }
}

// ---------------------------------------------------------------------------------------------------------------------

fn claims(family: Family, scope: &str) -> Value {
    let times = json!({"aud": AUDIENCE, "nbf": NOW, "iat": NOW, "exp": NOW + 600, "jti": "id-1", "scope": scope});
    let own = match family {
        Family::SciTokens => json!({"iss": SCITOKENS, "ver": "scitoken:2.0"}),
        Family::Wlcg => json!({"iss": WLCG, "wlcg.ver": "1.0", "sub": "e1eb758b"}),
    };
    patched(times, &own)
}

fn world(signer: &Signer, base: Option<&str>) -> World {
    let of = |name: &str, profile: &str| patched(issuer(signer), &json!({"issuer": name, "profile": profile}));
    let path = base.map_or_else(|| json!({}), |base| json!({"base": base}));
    let rules = json!([{"name": "storage", "match": {"prefix": "/"}, "require": {"path": path}}]);
    World::of(&document(&[of(SCITOKENS, "scitokens"), of(WLCG, "wlcg")], &rules))
}

const TOKENS: u64 = 600;
const REQUESTS_A_TOKEN: usize = 20;

#[test]
fn paths_are_decided_as_the_scitokens_and_wlcg_documents_say() {
    let signer = Signer::es256();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let bases = [None, Some("/"), Some("/dav"), Some("/dav/vo")];
    let mut worlds = bases.map(|base| world(&signer, base));
    for seed in 0..TOKENS {
        let mut random = Dice(seed);
        let family = *random.one_of(&[Family::SciTokens, Family::Wlcg]);
        let scopes = scopes(&mut random, family);
        let which = random.below(bases.len());
        let base: Vec<String> = bases[which].iter().flat_map(|base| base.split('/')).map(str::to_owned).collect();
        let base: Vec<String> = base.into_iter().filter(|name| !name.is_empty()).collect();
        let scope = list(&scopes);
        let raw = token(&signer, claims(family, &scope));
        for number in 0..REQUESTS_A_TOKEN {
            let case = case(&mut random, &base, &scopes, &raw);
            let verdict = decide(family, &scopes, &base, &case.asked);
            let seen = worlds[which].send(&case.request);
            let told = format!(
                "seed {seed}, request {number}: {family:?}, base {:?}, scope {scope:?}{case}\n  {verdict:?}",
                bases[which],
            );
            compare(&seen, &verdict, family, &case, &told);
            *outcomes.entry(format!("{family:?} {}", seen.in_short())).or_default() += 1;
            if seen.in_short() == "ok" && !verdict.changed.is_empty() {
                *outcomes.entry(format!("{} for what is new", case.asked.method)).or_default() += 1;
            }
        }
    }
    // None of this is worth much where everything is refused.
    for family in ["SciTokens", "Wlcg"] {
        for outcome in
            ["ok", "400 ambiguous_path", "400 ambiguous_destination", "403 no_rule", "403 insufficient_scope"]
        {
            let count = outcomes.get(&format!("{family} {outcome}")).copied().unwrap_or_default();
            assert!(count >= 100, "{family} {outcome}: {count} of {outcomes:?}");
        }
    }
    for (outcome, least) in [
        ("Wlcg 401 invalid_claim", 100),
        ("PUT for what is new", 15),
        ("COPY for what is new", 15),
        ("MOVE for what is new", 15),
    ] {
        assert!(outcomes.get(outcome).is_some_and(|count| *count >= least), "{outcome}: {outcomes:?}");
    }
}

fn compare(seen: &Seen, verdict: &Verdict, family: Family, case: &Case, told: &str) {
    let short = seen.in_short();
    if !verdict.refusals.is_empty() {
        assert!(verdict.refusals.contains(&short), "{short}, but {told}");
        if short == "403 insufficient_scope" {
            explained(seen, verdict, family, told);
        }
        return;
    }
    assert_eq!(short, "ok", "{told}");
    for name in ["if-none-match", "if-match", "overwrite"] {
        let sent: Vec<&str> =
            case.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect();
        let want = verdict.changed.get(name).map_or(sent, |ours| ours.to_vec());
        assert_eq!(seen.values(name), want, "{name}, {told}");
    }
    assert_eq!(seen.value(":path"), Some(case.fields[1].1.as_str()), "the path goes on as it came, {told}");
}

/// The client is told the operation alone, the operator where as well.
fn explained(seen: &Seen, verdict: &Verdict, family: Family, told: &str) {
    let challenge = seen.challenges().join("\n");
    let names: Vec<&str> = verdict.lacking.iter().map(|(operation, _)| asked(family, *operation)).collect();
    let scope = challenge.split_once("scope=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(scope, _)| scope);
    let scope = scope.unwrap_or_else(|| panic!("no scope in {challenge:?}, {told}"));
    assert!(!scope.contains([':', '/']), "a path in {challenge:?}, {told}");
    assert!(scope.split(' ').any(|name| names.contains(&name)), "{challenge:?}, {told}");
    let missing = seen.recorded("missing").unwrap_or_else(|| panic!("nothing is said to be missing, {told}"));
    // How a character that has to be encoded is written there is nobody's business.
    let plain = |place: &Place| place.segments.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric()));
    if verdict.lacking.iter().all(|(_, place)| plain(place)) {
        let lacking = |(operation, place): &(Operation, Place)| {
            let name = format!("{}:{place}", asked(family, *operation));
            missing.split(' ').any(|word| word == name)
        };
        assert!(verdict.lacking.iter().any(lacking), "{missing:?} is said to be missing, {told}");
    }
}

/// The cases that the two documents give themselves, and those that a library of theirs got wrong once.
#[test]
fn the_documents_own_examples_hold() {
    let signer = Signer::es256();
    let mut world = world(&signer, None);
    for (name, family, scope, method, path, want) in [
        ("another path", Family::SciTokens, "read:/foo", "GET", "/bar", "403 insufficient_scope"),
        ("below", Family::SciTokens, "write:/baz", "PUT", "/baz/qux", "ok"),
        ("no path is all", Family::SciTokens, "read", "GET", "/foo", "ok"),
        ("write is no read", Family::SciTokens, "write:/", "GET", "/foo", "403 insufficient_scope"),
        ("read is no write", Family::SciTokens, "read:/", "PUT", "/foo", "403 insufficient_scope"),
        ("begins alike", Family::SciTokens, "read:/john", "GET", "/johnathan", "403 insufficient_scope"),
        ("up and out", Family::SciTokens, "read:/home/user1/..", "GET", "/home/user2", "403 insufficient_scope"),
        ("case counts", Family::SciTokens, "read:/Store", "GET", "/store", "403 insufficient_scope"),
        ("a question mark", Family::SciTokens, "read:/store?x", "GET", "/store", "403 insufficient_scope"),
        ("the whole of it", Family::Wlcg, "storage.read:/", "GET", "/any/file", "ok"),
        ("another path", Family::Wlcg, "storage.read:/foo", "GET", "/bar", "403 insufficient_scope"),
        ("below", Family::Wlcg, "storage.modify:/baz", "DELETE", "/baz/qux", "ok"),
        ("stage is read", Family::Wlcg, "storage.stage:/tape/subdir", "GET", "/tape/subdir/file", "ok"),
        ("read is no stage", Family::Wlcg, "storage.read:/protected", "GET", "/tape/file", "403 insufficient_scope"),
        ("begins alike", Family::Wlcg, "storage.create:/foo/bar", "PUT", "/foo/bargain", "403 insufficient_scope"),
        ("create a file", Family::Wlcg, "storage.create:/foo/bar", "PUT", "/foo/bar", "ok"),
        ("create below", Family::Wlcg, "storage.create:/foo/bar", "PUT", "/foo/bar/qux", "ok"),
        ("not above", Family::Wlcg, "storage.create:/foo/bar", "PUT", "/foo", "403 insufficient_scope"),
        ("create a directory", Family::Wlcg, "storage.create:/foo", "MKCOL", "/foo/bar", "ok"),
        ("create is no delete", Family::Wlcg, "storage.create:/", "DELETE", "/foo", "403 insufficient_scope"),
        ("create is no change", Family::Wlcg, "storage.create:/", "PATCH", "/foo", "403 insufficient_scope"),
        ("create is no read", Family::Wlcg, "storage.create:/", "GET", "/foo", "403 insufficient_scope"),
        ("modify is no read", Family::Wlcg, "storage.modify:/", "GET", "/foo", "403 insufficient_scope"),
        ("a path is a must", Family::Wlcg, "storage.read", "GET", "/foo", "401 invalid_claim"),
        ("jobs are no files", Family::Wlcg, "compute.read", "GET", "/foo", "403 insufficient_scope"),
        ("one of several", Family::Wlcg, "storage.read:/a storage.read:/b", "GET", "/b/c", "ok"),
    ] {
        let raw = token(&signer, claims(family, scope));
        let seen = world.send(&Request::new(method, path).bearing(&raw));
        assert_eq!(seen.in_short(), want, "{family:?}: {name}");
    }
}

/// Where the issuer is of neither kind, a scope that looks like a path is a name like any other.
#[test]
fn other_issuers_tokens_hold_no_path() {
    let signer = Signer::es256();
    let rules = json!([
        {"name": "storage", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}},
        {"name": "named", "match": {"prefix": "/named"}, "require": {"capabilities": {"all_of": ["read:/"]}}},
    ]);
    let mut world = World::of(&document(&[issuer(&signer)], &rules));
    let raw = token(&signer, json!({"scope": "read:/ write:/ storage.read:/ storage.modify:/", "wlcg.ver": "1.0"}));
    for (method, path, want) in [
        ("GET", "/dav/x", "403 insufficient_scope"),
        ("PUT", "/dav/x", "403 insufficient_scope"),
        ("GET", "/named/x", "ok"),
        ("LINK", "/dav/x", "403 no_rule"),
    ] {
        assert_eq!(world.send(&Request::new(method, path).bearing(&raw)).in_short(), want, "{method} {path}");
    }
}

/// A slash at the end of a scope is for what is in the directory, not for a file of its name.
#[test]
fn a_slash_at_the_end_of_a_scope_counts() {
    let signer = Signer::es256();
    for (family, read, write) in
        [(Family::SciTokens, "read", "write"), (Family::Wlcg, "storage.read", "storage.modify")]
    {
        for (base, below) in [(None, ""), (Some("/dav"), "/dav"), (Some("/dav/"), "/dav")] {
            let mut world = world(&signer, base);
            for (path, resource, may) in [
                ("/store", "/store", "ok"),
                ("/store", "/store/", "ok"),
                ("/store", "/store/x", "ok"),
                ("/store", "/store/x/", "ok"),
                ("/store", "/storex", "no"),
                ("/store", "/", "no"),
                ("/store/", "/store", "no"),
                ("/store/", "/store/", "ok"),
                ("/store/", "/store/x", "ok"),
                ("/store/", "/store/x/", "ok"),
                ("/store/", "/storex/", "no"),
                ("/store/", "/%73tore", "no"),
                ("/store/", "/%73tore/", "ok"),
                ("/%73tore/", "/store", "no"),
                ("/", "/", "ok"),
                ("/", "/store", "ok"),
                ("/", "/store/", "ok"),
            ] {
                for (name, method) in [(read, "GET"), (read, "PROPFIND"), (write, "PUT"), (write, "DELETE")] {
                    let raw = token(&signer, claims(family, &format!("{name}:{path}")));
                    let request = Request::new(method, &format!("{below}{resource}")).bearing(&raw);
                    let want = if may == "ok" { "ok" } else { "403 insufficient_scope" };
                    let told = format!("{family:?}, base {base:?}: {name}:{path} {method} {resource}");
                    let seen = world.send(&request);
                    assert_eq!(seen.in_short(), want, "{told}");
                    if want != "ok" && !resource.contains('%') {
                        let missing = format!("{name}:{resource}");
                        assert_eq!(seen.recorded("missing"), Some(missing.as_str()), "{told}");
                        assert!(seen.challenges()[0].contains(&format!(", scope=\"{name}\"")), "{told}");
                    }
                }
            }
        }
        // The base itself is one directory, however it is written on either side.
        for base in ["/dav", "/dav/"] {
            let mut world = world(&signer, Some(base));
            for path in ["/dav", "/dav/"] {
                let mut send = |scope: &str| {
                    let raw = token(&signer, claims(family, scope));
                    world.send(&Request::get(path).bearing(&raw))
                };
                assert_eq!(send(&format!("{read}:/")).in_short(), "ok", "{family:?}: {path} under {base}");
                let seen = send(&format!("{read}:/x"));
                assert_eq!(seen.in_short(), "403 insufficient_scope", "{family:?}: {path} under {base}");
                assert_eq!(seen.recorded("missing"), Some(format!("{read}:/").as_str()), "{path} under {base}");
            }
        }
    }
}

/// Whose scope is for something there may look whether it is there; what a search reads, its path does not say.
#[test]
fn a_look_takes_any_scope_and_a_search_one_for_everything() {
    let signer = Signer::es256();
    let mut world = world(&signer, Some("/dav"));
    let (sci, wlcg) = (Family::SciTokens, Family::Wlcg);
    for (family, scope, method, path, missing) in [
        (wlcg, "storage.read:/store", "HEAD", "/store/a", None),
        (wlcg, "storage.stage:/store", "HEAD", "/store/a", None),
        (wlcg, "storage.create:/store", "HEAD", "/store/a", None),
        (wlcg, "storage.modify:/store", "HEAD", "/store/a", None),
        (wlcg, "storage.create:/store/", "HEAD", "/store", Some("storage.read:/store")),
        (wlcg, "storage.modify:/store", "HEAD", "/other", Some("storage.read:/other")),
        (wlcg, "storage.modify:/store", "HEAD", "/", Some("storage.read:/")),
        (wlcg, "compute.create:/store", "HEAD", "/store", Some("storage.read:/store")),
        (wlcg, "storage.create:/store", "GET", "/store/a", Some("storage.read:/store/a")),
        (wlcg, "storage.create:/store", "PROPFIND", "/store/a", Some("storage.read:/store/a")),
        (wlcg, "storage.modify:/store", "OPTIONS", "/store/a", Some("storage.read:/store/a")),
        (sci, "read:/store", "HEAD", "/store/a", None),
        (sci, "write:/store", "HEAD", "/store/a", Some("read:/store/a")),
        (wlcg, "storage.read:/store", "REPORT", "/store/a", Some("storage.read:/")),
        (wlcg, "storage.read:/store", "SEARCH", "/store/a", Some("storage.read:/")),
        (wlcg, "storage.modify:/", "REPORT", "/store/a", Some("storage.read:/")),
        (wlcg, "storage.read:/", "REPORT", "/store/a", None),
        (wlcg, "storage.stage:/", "SEARCH", "/store/a", None),
        (wlcg, "storage.read:/store", "REPORT", "/", Some("storage.read:/")),
        (sci, "read:/store", "REPORT", "/store", Some("read:/")),
        (sci, "read:/store", "SEARCH", "/store/", Some("read:/")),
        (sci, "write", "SEARCH", "/store", Some("read:/")),
        (sci, "read:/", "REPORT", "/store/a", None),
        (sci, "read", "SEARCH", "/store/a", None),
    ] {
        let raw = token(&signer, claims(family, scope));
        let seen = world.send(&Request::new(method, &format!("/dav{path}")).bearing(&raw));
        let want = if missing.is_none() { "ok" } else { "403 insufficient_scope" };
        assert_eq!((seen.in_short().as_str(), seen.recorded("missing")), (want, missing), "{scope}: {method} {path}");
        assert_eq!((seen.values("if-none-match"), seen.values("overwrite")), (vec![], vec![]), "{scope}: {method}");
    }
    let everything = token(&signer, claims(wlcg, "storage.read:/"));
    let outside = world.send(&Request::new("SEARCH", "/other").bearing(&everything));
    assert_eq!(outside.in_short(), "403 no_rule", "a search elsewhere");
}

/// What has to be there before the path of a scope can be may be made with it, and nothing else.
#[test]
fn the_directories_above_the_path_of_a_scope_may_be_made() {
    let signer = Signer::es256();
    let mut world = world(&signer, Some("/dav"));
    for (scope, path, may) in [
        ("storage.create:/a/b/c", "/a/b/c", true),
        ("storage.create:/a/b/c", "/a/b/c/d", true),
        ("storage.create:/a/b/c", "/a/b", true),
        ("storage.create:/a/b/c", "/a/b/", true),
        ("storage.create:/a/b/c", "/a", true),
        ("storage.create:/a/b/c", "/a/", true),
        ("storage.create:/a/b/c", "/", true),
        ("storage.create:/a/b/c", "/%61/b", true),
        ("storage.create:/a/b/c", "/a/x", false),
        ("storage.create:/a/b/c", "/a/bc", false),
        ("storage.create:/a/b/c", "/a/b/x", false),
        ("storage.create:/a/b/c", "/A", false),
        ("storage.create:/a/b/", "/a/b/", true),
        ("storage.create:/a/b/", "/a", true),
        ("storage.modify:/a/b/c", "/a/b", true),
        ("storage.modify:/a/b/c", "/a/", true),
        ("storage.modify:/a/b/c", "/b", false),
        ("storage.create:/a/../a/b", "/a", false),
        ("storage.read:/a/b/c", "/a/b", false),
        ("storage.stage:/a/b/c", "/a", false),
        ("storage.read:/ storage.create:/x", "/a", false),
    ] {
        let raw = token(&signer, claims(Family::Wlcg, scope));
        let seen = world.send(&Request::new("MKCOL", &format!("/dav{path}")).bearing(&raw));
        assert_eq!(seen.in_short(), if may { "ok" } else { "403 insufficient_scope" }, "{scope}: {path}");
    }
    // Only directories, and only with WLCG, whose profile says so.
    for (family, scope, method) in [
        (Family::Wlcg, "storage.create:/a/b", "PUT"),
        (Family::Wlcg, "storage.modify:/a/b", "PUT"),
        (Family::Wlcg, "storage.modify:/a/b", "DELETE"),
        (Family::Wlcg, "storage.modify:/a/b", "PROPPATCH"),
        (Family::Wlcg, "storage.create:/a/b", "HEAD"),
        (Family::SciTokens, "write:/a/b", "MKCOL"),
    ] {
        let raw = token(&signer, claims(family, scope));
        let seen = world.send(&Request::new(method, "/dav/a").bearing(&raw));
        assert_eq!(seen.in_short(), "403 insufficient_scope", "{scope}: {method}");
    }
}

/// A token with a scope of which nobody can say where it is for is refused as a whole, wherever it is sent.
#[test]
fn a_storage_scope_without_a_path_makes_its_token_worth_nothing() {
    let signer = Signer::es256();
    let rules = json!([
        {"name": "storage", "match": {"prefix": "/dav"}, "require": {"path": {}}},
        {"name": "any", "match": {"prefix": "/any"}},
        {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional"},
    ]);
    let of = |name: &str, profile: &str| patched(issuer(&signer), &json!({"issuer": name, "profile": profile}));
    let mut world = World::of(&document(&[of(SCITOKENS, "scitokens"), of(WLCG, "wlcg")], &rules));
    for (family, scope, good) in [
        (Family::Wlcg, "storage.read:/", true),
        (Family::Wlcg, "storage.read", false),
        (Family::Wlcg, "storage.stage", false),
        (Family::Wlcg, "storage.create", false),
        (Family::Wlcg, "storage.modify", false),
        (Family::Wlcg, "storage.read:", false),
        (Family::Wlcg, "storage.read:dav", false),
        (Family::Wlcg, "storage.read:*", false),
        (Family::Wlcg, "storage.read:%2fdav", false),
        (Family::Wlcg, "storage.read:/ storage.create", false),
        (Family::Wlcg, "storage.modify storage.read:/", false),
        // Those have none.
        (Family::Wlcg, "compute.read", true),
        (Family::Wlcg, "read", true),
        // One that counts for nothing harms no other.
        (Family::Wlcg, "storage.read:/.. storage.read:/", true),
        (Family::SciTokens, "read storage.read", true),
        (Family::SciTokens, "read:dav", true),
    ] {
        let raw = token(&signer, claims(family, scope));
        for path in ["/dav/x", "/any", "/optional"] {
            let seen = world.send(&Request::get(path).bearing(&raw));
            let told = format!("{family:?}: {scope} at {path}");
            if !good {
                assert_eq!(seen.in_short(), "401 invalid_claim", "{told}");
                assert!(seen.detail().contains("claim scope"), "{told}: {}", seen.detail());
            } else if path != "/dav/x" {
                assert_eq!(seen.in_short(), "ok", "{told}");
            } else {
                assert!(["ok", "403 insufficient_scope"].contains(&seen.in_short().as_str()), "{told}");
            }
        }
    }
}
