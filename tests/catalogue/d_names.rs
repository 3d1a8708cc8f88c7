//! D: what becomes of names: scopes, users, groups, and what is hidden in them.

use serde_json::{Value, json};

use super::d_claims::with;
use super::row::{Row, row};
use crate::wire::harness::request::Request;

pub fn rows() -> Vec<Row> {
    [scopes(), injections(), names()].into_iter().flatten().collect()
}

/// A request where `read:tap` is asked for.
fn tap(id: &'static str, name: &str, claims: Value) -> Row {
    row(id, name, move |scene| Request::get("/api/tap").bearer(&scene.token().claims(claims.clone()).mint()))
}

fn scopes() -> Vec<Row> {
    let seen = |scopes: &'static str| [("x-auth-request-user", "alice"), ("x-auth-request-token-capabilities", scopes)];
    let mut rows = vec![
        tap("D12", "a string", json!({ "scope": "other read:tap" })).let_on_as(&seen("other read:tap")),
        tap("D12", "a list", json!({ "scope": ["other", "read:tap"] })).let_on_as(&seen("other read:tap")),
        tap("D12", "two spaces", json!({ "scope": "other  read:tap" }))
            .let_on_as(&seen("other read:tap"))
            .pin("nothing stands between them"),
        tap("D12", "a space before", json!({ "scope": " read:tap" }))
            .let_on_as(&seen("read:tap"))
            .pin("nothing stands before it"),
        tap("D12", "scp, which is not configured", json!({ "scp": "read:tap" })).is(403, "insufficient_scope"),
        tap("D13", "scope without, scp with", json!({ "scope": "other", "scp": ["read:tap"] }))
            .is(403, "insufficient_scope")
            .pin("scope alone counts, unless configured"),
        tap("D13", "scope with, scp without", json!({ "scope": "read:tap", "scp": ["other"] }))
            .let_on_as(&seen("read:tap")),
        tap("D12", "no scope", json!({})).is(403, "insufficient_scope"),
        tap("D12", "null", json!({ "scope": null })).is(403, "insufficient_scope"),
    ];
    for (name, scope) in [
        ("parted by a comma", json!("other,read:tap")),
        ("parted by a tab", json!("other\tread:tap")),
        ("parted by a line feed", json!("other\nread:tap")),
        ("parted by a space that is none", json!("other\u{a0}read:tap")),
        ("in capitals", json!("READ:TAP")),
        ("an asterisk", json!("read:*")),
        ("more than it", json!("read:tap2")),
        ("a prefix of it", json!("read:")),
        ("below it", json!("read:tap/user")),
        ("within a list, with a space", json!(["other read:tap"])),
        ("empty", json!("")),
        ("an empty list", json!([])),
    ] {
        rows.push(tap("D12", name, json!({ "scope": scope })).is(403, "insufficient_scope"));
    }
    for (name, scope) in [
        ("a number", json!(1)),
        ("an object", json!({ "read:tap": 1 })),
        ("a list with a number", json!(["read:tap", 1])),
    ] {
        rows.push(tap("D12", name, json!({ "scope": scope })).is(401, "invalid_claim"));
    }
    rows
}

fn injections() -> Vec<Row> {
    let sub = |name: &str, value: &'static str| with("D14", name, "sub", json!(value));
    let both = |name: &'static str, value: &'static str| [("x-auth-request-user", "alice"), (name, value)];
    vec![
        sub("sub with a line", "a\r\nx-admin: 1").is(401, "invalid_claim"),
        sub("sub with a line feed", "a\nb").is(401, "invalid_claim"),
        sub("sub with a carriage return", "a\rb").is(401, "invalid_claim"),
        sub("sub with NUL", "a\0b").is(401, "invalid_claim"),
        sub("sub with a space after it", "a ").is(401, "invalid_claim"),
        sub("sub with a space before it", " a").is(401, "invalid_claim"),
        sub("sub with a tab", "a\tb").is(401, "invalid_claim"),
        sub("sub with an accent", "é").let_on_as(&[("x-auth-request-user", "é")]),
        with("D14", "email with a line", "email", json!("a@b.test\r\nx-admin: 1"))
            .let_on()
            .misses("x-admin")
            .pin("what is no line of text is not set"),
        with("D14", "a group with a comma", "groups", json!(["a,admins", "b"]))
            .let_on_as(&both("x-auth-request-groups", "b"))
            .pin("no role by DMTN-094 2.2, so left out"),
        with("D14", "a group with a line", "groups", json!(["a\r\nx-admin: 1", "b"]))
            .let_on_as(&both("x-auth-request-groups", "b"))
            .misses("x-admin"),
        row("D14", "a group with a comma, where admins are asked for", |scene| {
            Request::get("/admin").bearer(&scene.token().claim("groups", json!(["a,admins"])).mint())
        })
        .is(403, "not_in_group"),
        with("D14", "a scope with a line", "scope", json!(["read:tap\r\nx-admin:", "b"]))
            .let_on_as(&both("x-auth-request-token-capabilities", "b"))
            .misses("x-admin"),
        with("D14", "a scope with a quote", "scope", json!("a\" b"))
            .let_on_as(&both("x-auth-request-token-capabilities", "b")),
    ]
}

fn names() -> Vec<Row> {
    let long: &'static str = Box::leak("u".repeat(300).into_boxed_str());
    let mut rows: Vec<Row> = [".", "..", "root", "A-B", "0", long, "Ω"]
        .map(|name| {
            let shown: String = name.chars().take(8).collect();
            with("D15", &format!("user {shown}"), "sub", json!(name))
                .let_on_as(&[("x-auth-request-user", name)])
                .pin("users are named by their issuer; rules list `users`")
        })
        .into();
    let groups: Vec<String> = (0..1_000).map(|index| format!("g{index:04}")).collect();
    let listed = groups.join(",");
    let mut with_admins = groups.clone();
    with_admins.push("admins".to_owned());
    rows.extend([
        with("D15", "an empty user", "sub", json!("")).let_on_as(&[]).pin("nobody in particular, so no header"),
        row("D15", "an empty user, where a user is asked for", |scene| {
            Request::get("/person").bearer(&scene.token().claim("sub", "").mint())
        })
        .is(403, "wrong_principal"),
        with("D15", "a user that is a number", "sub", json!(0)).is(401, "invalid_claim"),
        with("D16", "1 000 groups", "groups", json!(groups))
            .let_on_as(&[("x-auth-request-user", "alice"), ("x-auth-request-groups", &listed)])
            .pin("as many as fit into the longest token fit into a header"),
        row("D16", "the last of 1 001 groups is asked for", move |scene| {
            Request::get("/admin").bearer(&scene.token().claim("groups", json!(with_admins)).mint())
        })
        .let_on_as(&[("x-auth-request-user", "alice"), ("x-auth-request-groups", &format!("{listed},admins"))]),
    ]);
    rows
}
