//! What has to hold of every request, whatever was sent.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use postern::flow::Report;
use postern::percent::decode;
use postern::reply::Reply;
use postern::request::RouteMetadata;
use serde_json::Value;

use super::input::{FORGED, KNOWN};
use super::tokens::{Known, SCITOKENS, SECOND, WLCG};
use super::{Fields, Outcome, Sent, World};
use crate::mint::{AUDIENCE, ISSUER};

static BY_ID: LazyLock<BTreeMap<&str, &Known>> =
    LazyLock::new(|| KNOWN.iter().map(|known| (known.claims["jti"].as_str().expect("an id"), known)).collect());

pub fn check(outcome: &Outcome, sent: &Sent, world: &World) {
    no_identity_of_the_clients(&outcome.fields, world);
    let Some((report, reply)) = &outcome.end else { return };
    let told = format!("{report:?}{reply:?}");
    assert!(!told.contains(FORGED), "what the client sent is told: {told}");
    for token in sent.tokens.iter().filter(|token| token.len() >= 24) {
        assert!(!told.contains(token.as_str()), "a token is told: {told}");
    }
    let record: Value = serde_json::from_str(&report.record).expect("a record is JSON");
    well_formed(report, &record);
    match reply {
        Some(reply) => refused(reply, &record, outcome),
        None => Upstream { fields: &outcome.fields, sent, world, record: &record }.check(),
    }
}

fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|(field, _)| *field == name.as_bytes()).map(|(_, value)| &**value).collect()
}

/// Whether some server takes this for a name by which it is told who is calling.
fn is_ours(name: &[u8], world: &World) -> bool {
    let spelt: String = name
        .iter()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '-' })
        .collect();
    spelt.starts_with("x-auth-request-") || world.settings.names().contains(&spelt.as_str())
}

fn no_identity_of_the_clients(fields: &Fields, world: &World) {
    for (name, value) in fields.iter().filter(|(name, _)| is_ours(name, world)) {
        let text = String::from_utf8_lossy(name);
        assert!(world.settings.names().contains(&&*text), "a look-alike goes on: {text}");
        assert_eq!(values(fields, &text).len(), 1, "{text} goes on more than once");
        assert_ne!(value, FORGED.as_bytes(), "{text} is the client's");
        assert!(value.iter().all(|byte| *byte >= b' ' && *byte != 0x7f), "{text} would end a line: {value:?}");
    }
}

fn well_formed(report: &Report, record: &Value) {
    let rest = report.counter.strip_prefix("postern_requests_total.decision.").expect("the counter of requests");
    let [decision, "reason", reason, "rule", rule] = rest.split('.').collect::<Vec<_>>()[..] else {
        panic!("labels of {rest}");
    };
    assert_eq!((record["decision"].as_str(), record["reason"].as_str()), (Some(decision), Some(reason)));
    assert_eq!(record["rule"].as_str().unwrap_or("none"), rule);
    assert!(["allow", "deny", "shadow_deny"].contains(&decision));
    assert!(reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{reason}");
    let line = &report.record;
    assert!(line.len() < 4096 && !line.contains(|c: char| c.is_control()), "not for a log: {line:?}");
}

fn refused(reply: &Reply, record: &Value, outcome: &Outcome) {
    assert_eq!(record["decision"], "deny");
    assert!([400, 401, 403, 503].contains(&reply.status), "{}", reply.status);
    assert_eq!(reply.details, format!("postern_{}", record["reason"].as_str().unwrap_or_default()));
    for (name, value) in &reply.headers {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value:?}");
    }
    let has = |name: &str| reply.headers.iter().any(|(field, _)| *field == name);
    assert!(has("cache-control"));
    assert!(reply.status != 401 || has("www-authenticate"), "a 401 without a challenge");
    assert!(reply.status != 503 || (has("retry-after") && !has("www-authenticate")), "{reply:?}");
    // What is left of it is for the access log.
    assert!(values(&outcome.fields, "authorization").is_empty());
    for path in values(&outcome.fields, ":path") {
        assert_eq!(tokens_in_query(path), 0, "a token for the access log");
    }
    for authority in values(&outcome.fields, ":authority").iter().filter_map(|value| std::str::from_utf8(value).ok()) {
        assert!(!authority.contains('@'), "a user part for the access log: {authority}");
    }
}

fn tokens_in_query(path: &[u8]) -> usize {
    let query = path.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
    let name = |parameter: &[u8]| decode(parameter.split(|byte| *byte == b'=').next().unwrap_or_default());
    query.split(|byte| *byte == b'&').filter(|parameter| name(parameter).as_deref() == Some(b"access_token")).count()
}

/// A request that goes on.
struct Upstream<'a> {
    fields: &'a Fields,
    sent: &'a Sent,
    world: &'a World,
    record: &'a Value,
}

impl Upstream<'_> {
    fn check(&self) {
        self.is_the_clients_but_for_what_we_change();
        let rule = self.record["rule"].as_str().unwrap_or_default();
        let decision =
            (self.record["decision"].as_str().unwrap_or_default(), self.record["reason"].as_str().unwrap_or_default());
        match decision {
            ("allow", "ok") => self.authenticated(rule),
            ("allow", "anonymous") => {
                assert!(["public", "optional"].contains(&rule), "a stranger under {rule}");
                self.nobody_in_particular();
                self.no_bearer_of_a_stranger();
            }
            ("allow", "foreign_authorization") => {
                assert_eq!(rule, "foreign");
                self.nobody_in_particular();
                assert_eq!(values(self.fields, "authorization"), values(&self.sent.fields, "authorization"));
                assert!(!self.names_bearer());
            }
            ("shadow_deny", _) => {
                assert_eq!(rule, "shadow");
                self.nobody_in_particular();
            }
            other => panic!("{other:?} goes on"),
        }
    }

    fn is_the_clients_but_for_what_we_change(&self) {
        const CHANGED: [&str; 5] = [":path", "authorization", "connection", "overwrite", "if-none-match"];
        for (name, value) in self.fields {
            let text = String::from_utf8_lossy(name);
            let same = self.sent.fields.contains(&(name.clone(), value.clone()));
            assert!(same || CHANGED.contains(&&*text) || is_ours(name, self.world), "{text} is new");
            let spelt = text.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            let overrides = ["x-http-method-override", "x-http-method", "x-method-override"].contains(&spelt.as_str());
            assert!(!overrides, "{text} makes it another request");
        }
        let (before, after) = (values(&self.sent.fields, ":path"), values(self.fields, ":path"));
        let path = |value: &[&[u8]]| value.first().map(|value| value.split(|b| *b == b'?').next().map(<[u8]>::to_vec));
        assert_eq!(path(&before), path(&after), "the path is another one");
        assert!(before == after || self.world.settings.query(), "the query is not ours to change");
        let options = |value: &[u8]| String::from_utf8_lossy(value).to_ascii_lowercase();
        if !values(self.fields, "upgrade").is_empty() {
            for option in values(self.fields, "connection").into_iter().map(options) {
                let usual = |option: &str| ["upgrade", "keep-alive"].contains(&option.trim_ascii());
                assert!(option.split(',').all(usual), "the next hop is to drop {option:?}");
            }
        }
    }

    fn nobody_in_particular(&self) {
        let told = self.fields.iter().find(|(name, _)| is_ours(name, self.world));
        assert!(told.is_none(), "nobody was authenticated, and the service is told {told:?}");
    }

    fn names_bearer(&self) -> bool {
        let is_bearer = |part: &[u8]| {
            let name = part.trim_ascii_start().split(|b| b" \t".contains(b)).next().unwrap_or_default();
            name.eq_ignore_ascii_case(b"bearer")
        };
        let plain = |value: &&[u8]| value.iter().all(|b| *b >= b' ' || *b == b'\t');
        let values = values(&self.sent.fields, "authorization");
        values.iter().filter(|value| plain(value)).any(|value| value.split(|b| *b == b',').any(is_bearer))
    }

    fn no_bearer_of_a_stranger(&self) {
        if self.world.settings.bearer() && self.names_bearer() {
            assert!(values(self.fields, "authorization").is_empty(), "a token that nobody has looked at goes on");
        }
        if self.world.settings.query() {
            assert!(values(self.fields, ":path").iter().all(|path| tokens_in_query(path) == 0));
        }
    }

    fn authenticated(&self, rule: &str) {
        let id = self.record["token_id"].as_str().expect("every token that was signed has an id");
        let known = BY_ID.get(id).expect("nobody signed this");
        assert!(self.sent.tokens.contains(&known.raw), "it came with another token");
        self.is_good(known);
        self.satisfies(known, rule);
        let claims = &known.claims;
        for user in values(self.fields, self.world.settings.user_header()) {
            assert_eq!(claims["sub"].as_str().map(str::as_bytes), Some(user), "somebody else");
            assert!(claims["iss"] == ISSUER || claims["iss"] == SECOND);
        }
        if rule == "shadow" {
            return;
        }
        let expected = if self.world.settings.forwards_token() { vec![known.raw.clone()] } else { Vec::new() };
        assert_eq!(
            values(self.fields, "x-auth-request-token"),
            expected.iter().map(String::as_bytes).collect::<Vec<_>>()
        );
        let bearers: Vec<String> = expected.iter().map(|raw| format!("Bearer {raw}")).collect();
        assert_eq!(values(self.fields, "authorization"), bearers.iter().map(String::as_bytes).collect::<Vec<_>>());
        if self.world.settings.query() {
            assert!(values(self.fields, ":path").iter().all(|path| tokens_in_query(path) == 0), "a token in the query");
        }
    }

    /// By what was put into it.
    fn is_good(&self, known: &Known) {
        let claims = &known.claims;
        let (iss, aud) = (claims["iss"].as_str().unwrap_or_default(), &claims["aud"]);
        let now = self.world.now.seconds();
        let skew = if iss == SECOND { 0 } else { 60 };
        let time = |name: &str| claims[name].as_u64();
        assert!(time("exp").is_some_and(|exp| exp + skew > now), "{known:?} is over");
        assert!(
            ["nbf", "iat"].iter().filter_map(|name| time(name)).all(|from| from <= now + skew),
            "{known:?} is not good yet"
        );
        assert!([ISSUER, SECOND, WLCG, SCITOKENS].contains(&iss), "nobody's token: {iss}");
        assert!(*aud == AUDIENCE || (iss == SECOND && *aud == "second"), "for somebody else: {aud}");
        let published = &self.world.published;
        let fetched = iss == ISSUER && self.world.settings.fetches_keys();
        assert!(
            if fetched { published.contains(&known.key) } else { known.key == ('a', "k1") },
            "{known:?}: by whose key?"
        );
    }

    fn satisfies(&self, known: &Known, rule: &str) {
        let claims = &known.claims;
        let has_scope =
            |scope: &str| claims["scope"].as_str().is_some_and(|list| list.split(' ').any(|one| one == scope));
        let user = |name: &str| claims["sub"] == name && claims.get("client_id").is_none();
        let logged_in = || claims.get("auth_time").is_some() || claims.get("nonce").is_some();
        let ok = match rule {
            "tap" | "metadata" => has_scope("read:tap"),
            "portal" => has_scope("exec:portal") && logged_in(),
            "alice" | "by-name" => user("alice"),
            "recent" => {
                let login = claims["auth_time"].as_u64();
                claims["acr"] == "mfa" && login.is_some_and(|at| at + 960 >= self.world.now.seconds())
            }
            "second" => claims["iss"] == SECOND,
            "group" => claims["groups"].as_array().is_some_and(|groups| groups.iter().any(|group| group == "g")),
            "dav" => claims["iss"] == WLCG || claims["iss"] == SCITOKENS,
            "shadow" => user("bob"),
            "optional" | "foreign" | "host" | "route" | "any" => true,
            _ => false,
        };
        assert!(ok, "{rule} lets on {claims}");
        self.is_where_the_rule_is(rule);
    }

    fn is_where_the_rule_is(&self, rule: &str) {
        let method = values(&self.sent.fields, ":method").concat().to_ascii_uppercase();
        let by_match = self.sent.route.metadata == RouteMetadata::Absent && !["host", "route"].contains(&rule);
        // These fall under the rule of another path as well.
        if !by_match || [&b"COPY"[..], b"MOVE"].contains(&method.as_slice()) {
            return;
        }
        let path = values(&self.sent.fields, ":path").concat();
        let path = decode(path.split(|byte| *byte == b'?').next().unwrap_or_default()).unwrap_or_default();
        let rest = path.strip_prefix(format!("/{rule}").as_bytes());
        let ok = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        assert!(ok, "{rule} decides about {}", String::from_utf8_lossy(&path));
    }
}
