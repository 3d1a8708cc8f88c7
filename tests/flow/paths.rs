//! Capabilities as paths, against a second reading of them.
//!
//! The rules of the SciTokens claims document and of the WLCG Common JWT Profile (§2.2.1) are written down here once
//! more, by lists of plain segments: what a spelling means is known where it is made, so nothing here takes a path
//! apart. Thousands of invented cases are decided by both.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, Signer};
use crate::world::{Request, Seen, World, document, issuer, patched, token};

const SCITOKENS: &str = "https://scitokens.test";
const WLCG: &str = "https://wlcg.test";

/// What a spelling stands for: the segments below `/`, or nothing that two servers would agree on.
type Meaning = Option<Vec<String>>;

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

impl Scope {
    /// Whether it is about this resource: the path itself or anything below it, by whole segments.
    fn covers(&self, resource: &[String], without_path: bool) -> bool {
        match &self.path {
            None => without_path,
            Some(Spelt { meaning: None, .. }) => false,
            Some(Spelt { meaning: Some(path), .. }) => {
                resource.len() >= path.len() && resource[..path.len()] == path[..]
            }
        }
    }
}

fn held(family: Family, scopes: &[Scope], operation: Operation, resource: &[String]) -> Held {
    let any = |names: &[&str], without_path: bool| {
        scopes.iter().any(|scope| names.contains(&scope.operation) && scope.covers(resource, without_path))
    };
    let (wholly, to_create) = match (family, operation) {
        // Without a path a SciToken's scope is for everything; the WLCG profile knows no such scope for storage.
        (Family::SciTokens, Operation::Read) => (any(&["read"], true), false),
        (Family::SciTokens, Operation::Write) => (any(&["write"], true), false),
        (Family::Wlcg, Operation::Read) => (any(&["storage.read", "storage.stage"], false), false),
        (Family::Wlcg, Operation::Write) => (any(&["storage.modify"], false), any(&["storage.create"], false)),
    };
    match (wholly, to_create) {
        (true, _) => Held::Wholly,
        (false, true) => Held::ToCreate,
        (false, false) => Held::No,
    }
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
    lacking: Vec<(Operation, Vec<String>)>,
    added: BTreeMap<&'static str, &'static str>,
}

fn decide(family: Family, scopes: &[Scope], base: &[String], request: &Asked) -> Verdict {
    let mut verdict = Verdict::default();
    let Some(path) = &request.path else {
        verdict.refusals.push("400 ambiguous_path".to_owned());
        return verdict;
    };
    let copies = matches!(request.method, "COPY" | "MOVE");
    if copies && matches!(request.target, Target::Said(None)) {
        verdict.refusals.push("400 ambiguous_destination".to_owned());
    }
    let mut needs: Vec<(Operation, &[String])> = Vec::new();
    match request.method {
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" | "SEARCH" => needs.push((Operation::Read, path)),
        "PUT" | "POST" | "PATCH" | "DELETE" | "MKCOL" | "PROPPATCH" | "LOCK" | "UNLOCK" => {
            needs.push((Operation::Write, path));
        }
        "COPY" | "MOVE" => match &request.target {
            Target::Pulled => needs.push((Operation::Write, path)),
            Target::Said(target) => {
                let own = if request.method == "COPY" { Operation::Read } else { Operation::Write };
                needs.push((own, path));
                needs.extend(target.iter().map(|target| (Operation::Write, target.as_slice())));
            }
            // Where to is not said, so it may be here.
            Target::Unsaid => {
                let own = if request.method == "COPY" { Operation::Read } else { Operation::Write };
                needs.extend([(own, path.as_slice()), (Operation::Write, path)]);
            }
        },
        _ => verdict.refusals.push("403 no_rule".to_owned()),
    }
    for (operation, path) in needs {
        let Some(resource) = path.strip_prefix(base) else {
            verdict.refusals.push("403 no_rule".to_owned());
            continue;
        };
        match held(family, scopes, operation, resource) {
            Held::Wholly => {}
            Held::ToCreate if request.method == "MKCOL" => {}
            Held::ToCreate if request.method == "PUT" => {
                verdict.added.insert("if-none-match", "*");
            }
            // What a copy writes to, which is the last of its places, or either side of a move.
            Held::ToCreate if matches!(request.method, "COPY" | "MOVE") => {
                verdict.added.insert("overwrite", "F");
            }
            Held::ToCreate | Held::No => {
                verdict.refusals.push("403 insufficient_scope".to_owned());
                verdict.lacking.push((operation, resource.to_vec()));
            }
        }
    }
    verdict
}

// ---------------------------------------------------------------------------------------------------------------------
// The inventor.

/// SplitMix64: the same cases for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

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

fn segments(random: &mut Random, most: usize) -> Vec<String> {
    (0..random.below(most + 1)).map(|_| random.pick(&NAMES).to_owned()).collect()
}

/// One of many ways to write it that all servers read alike, or at times one that they do not.
fn spell(random: &mut Random, segments: &[String]) -> Spelt {
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
    if text.is_empty() || random.one_in(6) {
        text.push('/');
    }
    if random.one_in(10) {
        // Behind any segment, or at the end.
        let places: Vec<usize> = text.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).collect();
        let at = if places.is_empty() || random.one_in(2) { text.len() } else { random.pick(&places) };
        text.insert_str(at, random.pick(&AMBIGUOUS));
        return Spelt { text, meaning: None };
    }
    Spelt { text, meaning: Some(segments.to_vec()) }
}

fn scopes(random: &mut Random, family: Family) -> Vec<Scope> {
    let own: &[&str] = match family {
        Family::SciTokens => &["read", "write"],
        Family::Wlcg => &["storage.read", "storage.stage", "storage.modify", "storage.create"],
    };
    // The other family's, ones that look alike, and ones that are none of a path's business.
    let others: &[&str] = match family {
        Family::SciTokens => &["storage.read", "storage.modify", "reads", "Read", "queue", "execute"],
        Family::Wlcg => &["read", "write", "storage.reads", "storage", "compute.create", "compute.read"],
    };
    let count = random.below(4);
    let mut scopes: Vec<Scope> = Vec::new();
    for _ in 0..count {
        let operation = if random.one_in(6) { random.pick(others) } else { random.pick(own) };
        let path = match random.below(12) {
            0 => None,
            1 => Some(Spelt {
                text: random.pick(&["store", "store/user", "%2fstore", "*", "."]).to_owned(),
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

/// The base now and then, then anything below it; now and then somewhere else.
fn below(random: &mut Random, base: &[String]) -> Vec<String> {
    let mut path = match (base, random.below(8)) {
        // Beside the base, and above it.
        ([first, ..], 0) => vec![format!("{first}x")],
        ([above @ .., _], 1) => above.to_vec(),
        _ => base.to_vec(),
    };
    path.extend(segments(random, 3));
    path
}

const METHODS: [&str; 24] = [
    "GET",
    "GET",
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
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "COPY",
    "COPY",
    "COPY",
    "MOVE",
    "MOVE",
    "get",
    "LINK",
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

fn case(random: &mut Random, base: &[String], token: &str) -> Case {
    let method = random.pick(&METHODS);
    let segments = below(random, base);
    let path = spell(random, &segments);
    let mut text = path.text.clone();
    if random.one_in(8) {
        text.push_str(random.pick(&["?x=/store", "?", "?..//%2f;"]));
    }
    let mut fields = vec![(":method".to_owned(), method.to_owned()), (":path".to_owned(), text)];
    // What the client says of these himself is not to be trusted where the token is only good for something new.
    if random.one_in(3) {
        fields.push(("overwrite".to_owned(), random.pick(&["T", "F"]).to_owned()));
    }
    if random.one_in(4) {
        fields.push(("if-none-match".to_owned(), random.pick(&["*", "\"tag\""]).to_owned()));
    }
    let copies = matches!(method, "COPY" | "MOVE");
    let target = if copies && random.one_in(8) {
        fields.push(("source".to_owned(), "https://elsewhere.test/store".to_owned()));
        Target::Pulled
    } else if copies || random.one_in(20) {
        let segments = below(random, base);
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
                let scheme = random.pick(&["http", "https"]);
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

const TOKENS: u64 = 400;
const REQUESTS_A_TOKEN: usize = 20;

#[test]
fn paths_are_decided_as_the_scitokens_and_wlcg_documents_say() {
    let signer = Signer::es256();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let bases = [None, Some("/"), Some("/dav"), Some("/dav/vo")];
    let mut worlds = bases.map(|base| world(&signer, base));
    for seed in 0..TOKENS {
        let mut random = Random(seed);
        let family = random.pick(&[Family::SciTokens, Family::Wlcg]);
        let scopes = scopes(&mut random, family);
        let which = random.below(bases.len());
        let base: Vec<String> = bases[which].iter().flat_map(|base| base.split('/')).map(str::to_owned).collect();
        let base: Vec<String> = base.into_iter().filter(|name| !name.is_empty()).collect();
        let scope = list(&scopes);
        let raw = token(&signer, claims(family, &scope));
        for number in 0..REQUESTS_A_TOKEN {
            let case = case(&mut random, &base, &raw);
            let verdict = decide(family, &scopes, &base, &case.asked);
            let seen = worlds[which].send(&case.request);
            let told = format!(
                "seed {seed}, request {number}: {family:?}, base {:?}, scope {scope:?}{case}\n  {verdict:?}",
                bases[which],
            );
            compare(&seen, &verdict, family, &case, &told);
            *outcomes.entry(format!("{family:?} {}", seen.in_short())).or_default() += 1;
            if seen.in_short() == "ok" && !verdict.added.is_empty() {
                *outcomes.entry(format!("{family:?} for what is new")).or_default() += 1;
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
    assert!(outcomes.get("Wlcg for what is new").is_some_and(|count| *count >= 50), "{outcomes:?}");
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
    for name in ["if-none-match", "overwrite"] {
        let sent: Vec<&str> =
            case.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect();
        let want = verdict.added.get(name).map_or(sent, |ours| vec![*ours]);
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
    let plain = |path: &[String]| path.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric()));
    if verdict.lacking.iter().all(|(_, path)| plain(path)) {
        let lacking = |(operation, path): &(Operation, Vec<String>)| {
            let name = format!("{}:/{}", asked(family, *operation), path.join("/"));
            missing.split(' ').any(|word| word.trim_end_matches('/') == name.trim_end_matches('/'))
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
        ("a path is a must", Family::Wlcg, "storage.read", "GET", "/foo", "403 insufficient_scope"),
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
