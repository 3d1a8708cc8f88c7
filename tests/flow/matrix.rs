//! Every kind of rule, every kind of caller, several methods: what becomes of it, as one table.
//!
//! `tests/matrix.txt` holds the table. It is read as a difference: a change of the code that lets somebody on, or refuses
//! somebody, shows there as a changed line, whoever thought of it.

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::Signer;
use crate::world::{Request, Seen, World, also, document, issuer, patched, token};

/// A kind of rule: its name, what the rule says, and the methods that are of interest.
struct Kind {
    name: &'static str,
    rule: Value,
    /// A rule that goes before it.
    first: Option<Value>,
    /// What the request's route asks by itself, in its metadata.
    metadata: Option<&'static str>,
    methods: &'static [&'static str],
}

const METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "COPY", "MOVE"];
const PATH_METHODS: [&str; 10] =
    ["GET", "HEAD", "OPTIONS", "PROPFIND", "SEARCH", "PUT", "MKCOL", "DELETE", "COPY", "MOVE"];

fn kinds() -> Vec<Kind> {
    let kind = |name, rule: Value| Kind { name, rule, first: None, metadata: None, methods: &METHODS };
    let requires = |name, require: Value| kind(name, json!({"require": require}));
    let path = |name, base: &str| Kind { methods: &PATH_METHODS, ..requires(name, json!({"path": {"base": base}})) };
    vec![
        kind("anonymous", json!({"access": "anonymous"})),
        kind("optional", json!({"access": "optional"})),
        kind("required", json!({})),
        kind("required, challenge basic", json!({"challenge": ["basic"]})),
        kind("required, challenge both", json!({"challenge": ["bearer", "basic"]})),
        requires(
            "capabilities all_of read:tap write:tap",
            json!({"capabilities": {"all_of": ["read:tap", "write:tap"]}}),
        ),
        requires(
            "capabilities any_of read:tap read:image",
            json!({"capabilities": {"any_of": ["read:tap", "read:image"]}}),
        ),
        requires("capabilities exec:portal, under the preset", json!({"capabilities": {"all_of": ["exec:portal"]}})),
        Kind { metadata: Some("read:tap"), ..kind("capabilities read:tap in the route's metadata", json!({})) },
        requires("groups any_of staff", json!({"groups": {"any_of": ["staff"]}})),
        requires("issuers of SciTokens and WLCG", json!({"issuers": [SCITOKENS, WLCG]})),
        requires("users alice", json!({"users": ["alice"]})),
        requires("clients portal poller", json!({"clients": ["portal", "poller"]})),
        requires("principals user", json!({"principals": ["user"]})),
        requires("principals service", json!({"principals": ["service"]})),
        // As a scheduler's own poller, which may look and not touch.
        Kind {
            first: Some(json!({"match": {"methods": ["GET"]}, "require": {"clients": ["poller", "portal"]}})),
            ..requires("principals user, but to GET clients poller portal", json!({"principals": ["user"]}))
        },
        requires("interactive", json!({"interactive": true})),
        path("path, where the tokens reach", "/rule"),
        path("path, where they do not", "/rule/store"),
        path("path, of another base", "/rule/elsewhere"),
        requires("max_auth_age 15m", json!({"max_auth_age": "15m"})),
        requires("acr mfa", json!({"acr": ["mfa"]})),
        kind("foreign_authorization pass", json!({"foreign_authorization": "pass"})),
        kind("optional, foreign_authorization pass", json!({"access": "optional", "foreign_authorization": "pass"})),
        kind(
            "shadow of capabilities read:tap",
            json!({"shadow": true, "require": {"capabilities": {"all_of": ["read:tap"]}}}),
        ),
        kind("shadow of optional", json!({"shadow": true, "access": "optional"})),
    ]
}

const SCITOKENS: &str = "https://scitokens.test";
const WLCG: &str = "https://wlcg.test";

/// Callers by name, with what they put into `Authorization`.
fn principals(signer: &Signer) -> Vec<(&'static str, Option<String>)> {
    let everything = json!({
        "scope": "read:tap write:tap read:image exec:portal read:/ write:/", "groups": ["staff", "lsst_tap"],
        "client_id": "portal", "auth_time": NOW - 60, "acr": "mfa",
    });
    let bearer = |claims: Value| Some(format!("Bearer {}", token(signer, claims)));
    let with = |claims: Value| bearer(also(everything.clone(), claims));
    let sci = |scope: &str| {
        bearer(json!({"iss": SCITOKENS, "ver": "scitoken:2.0", "nbf": NOW, "scope": scope, "sub": "bbockelm"}))
    };
    let wlcg = |claims: Value| {
        let usual = json!({"iss": WLCG, "wlcg.ver": "1.0", "nbf": NOW, "jti": "1", "sub": "e1eb758b"});
        bearer(also(usual, claims))
    };
    let storage = |operation: &str| wlcg(json!({"scope": format!("storage.{operation}:/store")}));
    vec![
        ("nobody", None),
        ("foreign scheme", Some("token 0123456789abcdef".to_owned())),
        ("password", Some("Basic YWxpY2U6aHVudGVyMg==".to_owned())),
        ("expired", with(json!({"iat": NOW - 7200, "exp": NOW - 3600}))),
        ("for another audience", with(json!({"aud": "https://other.test"}))),
        ("user with everything", with(json!({}))),
        ("user with nothing", bearer(json!({"sub": "bob"}))),
        ("user by groups alone", bearer(json!({"sub": "carol", "groups": ["lsst_tap", "lsst_portal"]}))),
        (
            "user by ID token",
            bearer(json!({"nonce": "n", "auth_time": NOW - 7200, "groups": ["lsst_tap", "lsst_portal"]})),
        ),
        ("service with everything", with(json!({"sub": "poller", "client_id": "poller"}))),
        ("neither, with everything", with(json!({"sub": null}))),
        ("SciToken read", sci("read:/store")),
        ("SciToken write", sci("write:/store")),
        ("SciToken both", sci("read:/store write:/store")),
        ("WLCG read", storage("read")),
        ("WLCG create", storage("create")),
        ("WLCG modify", storage("modify")),
        ("WLCG read and create", wlcg(json!({"scope": "storage.read:/store storage.create:/store"}))),
        ("WLCG groups", wlcg(json!({"wlcg.groups": ["staff"], "scope": "openid"}))),
    ]
}

fn world(kind: &Kind, signer: &Signer) -> World {
    let of = |name: &str, profile: &str| patched(issuer(signer), &json!({"issuer": name, "profile": profile}));
    let issuers = [
        patched(issuer(signer), &json!({"token_use": ["access", "id"]})),
        of(SCITOKENS, "scitokens"),
        of(WLCG, "wlcg"),
    ];
    let rule = |name: &str, rule: &Value| patched(json!({"name": name, "match": {"prefix": "/rule"}}), rule);
    let rules = kind.first.iter().map(|first| rule("first", first)).chain([rule("rule", &kind.rule)]);
    let capabilities = json!({"capabilities": {"preset": "lsst", "group_prefix": "lsst_"}});
    World::of(&patched(document(&issuers, &rules.collect()), &capabilities))
}

/// Refused: status, reason, and whether Basic is offered. Let on: as whom, and what was added to the request.
fn in_short(seen: &Seen) -> String {
    if seen.refusal.is_some() {
        let basic = seen.challenges().iter().any(|challenge| challenge.starts_with("Basic "));
        return format!("{}{}", seen.in_short(), if basic { " +basic" } else { "" });
    }
    let mut short = match (seen.recorded("decision"), seen.recorded("reason")) {
        (Some("allow"), Some("ok")) => "ok".to_owned(),
        (Some("allow"), Some(reason)) => format!("ok {reason}"),
        (Some(decision), Some(reason)) => format!("{decision} {reason}"),
        other => panic!("{other:?}"),
    };
    for (name, sign) in [("x-auth-request-user", "as "), ("x-auth-request-service", "as service ")] {
        if let Some(value) = seen.value(name) {
            short.push_str(&format!(" {sign}{value}"));
        }
    }
    for name in ["if-none-match", "overwrite"] {
        if let Some(value) = seen.value(name) {
            short.push_str(&format!(", {name}: {value}"));
        }
    }
    short
}

/// One block: a line for each caller, a column for each method, where `"` is what stands on its left.
fn block(kind: &Kind, signer: &Signer, principals: &[(&str, Option<String>)]) -> String {
    let mut world = world(kind, signer);
    let mut rows = vec![("", kind.methods.iter().map(|method| (*method).to_owned()).collect::<Vec<_>>())];
    for (name, authorization) in principals {
        let mut row: Vec<String> = Vec::new();
        for method in kind.methods {
            let request = Request::new(method, "/rule/store/x");
            let request =
                if matches!(*method, "COPY" | "MOVE") { request.with("destination", "/rule/store/y") } else { request };
            let request = authorization.iter().fold(request, |request, value| request.with("authorization", value));
            let request = kind.metadata.iter().fold(request, |request, asked| request.under(None, Some(asked)));
            row.push(in_short(&world.send(&request)));
        }
        let same = |at: usize| at > 0 && row[at] == row[at - 1];
        let cells = (0..row.len()).map(|at| if same(at) { "\"".to_owned() } else { row[at].clone() }).collect();
        rows.push((name, cells));
    }
    let names = rows.iter().map(|(name, _)| name.len()).max().unwrap();
    let width = |at: usize| rows.iter().map(|(_, cells)| cells[at].len()).max().unwrap();
    let mut table = format!("{}\n", kind.name);
    for (name, cells) in &rows {
        let cells: Vec<String> =
            cells.iter().enumerate().map(|(at, cell)| format!("{cell:<width$}", width = width(at))).collect();
        table.push_str(format!("  {name:<names$}  {}", cells.join("  ")).trim_end());
        table.push('\n');
    }
    table
}

#[test]
fn every_kind_of_caller_fares_as_the_table_says_under_every_kind_of_rule() {
    let signer = Signer::es256();
    let principals = principals(&signer);
    let blocks: Vec<String> = kinds().iter().map(|kind| block(kind, &signer, &principals)).collect();
    let table = blocks.join("\n");
    let known = include_str!("../matrix.txt");
    assert!(table == known, "tests/matrix.txt has another table than this:\n{table}");
}
