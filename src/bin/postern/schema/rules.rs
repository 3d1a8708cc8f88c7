//! `rules`: which requests need what.

use postern::policy::METADATA_RULE;
use serde_json::{Value, json};

use super::terms::{add, describe, duration, list, object, pattern, switch, text, word};
use super::{capability, patterns, reissue};

/// 31 days.
const LONGEST_AUTH_AGE: u64 = 31 * 24 * 3600;

pub fn all() -> Value {
    let mut schema = json!({ "type": "array", "default": [], "items": rule() });
    describe(
        &mut schema,
        "Which request needs what: the first rule that matches decides, and what no rule matches is refused.",
    );
    schema
}

fn rule() -> Value {
    let mut name =
        pattern("Letters, digits, - and _, at most 64; it appears in metrics and records.", patterns::RULE_NAME, None);
    add(&mut name, "not", json!({ "enum": ["none", METADATA_RULE] }));
    let mut challenge = list(
        "What a 401 offers; Basic makes browsers ask for a password.",
        word("A scheme.", &["bearer", "basic"], None),
    );
    add(&mut challenge, "default", json!(["bearer"]));
    let mut schema = object(
        "One rule.",
        &["name"],
        &[
            ("name", name),
            ("match", criteria()),
            (
                "access",
                word(
                    "required: a good token or no entry; optional: nobody in particular goes on without identity; anonymous: nothing is checked.",
                    &["required", "optional", "anonymous"],
                    Some("required"),
                ),
            ),
            ("require", requirement()),
            ("challenge", challenge),
            ("shadow", switch("Decide and record, but let on: a shadow rule protects nothing.", false)),
            (
                "foreign_authorization",
                word(
                    "What becomes of an Authorization that is neither Bearer nor Basic: pass lets it go on without identity.",
                    &["refuse", "pass"],
                    Some("refuse"),
                ),
            ),
            ("reissue", reissue::of_rule()),
        ],
    );
    let lets_on_without_a_token = json!({ "anyOf": [
        { "required": ["access"], "properties": { "access": { "enum": ["optional", "anonymous"] } } },
        { "required": ["foreign_authorization"], "properties": { "foreign_authorization": { "const": "pass" } } },
    ] });
    let is_anonymous = json!({ "required": ["access"], "properties": { "access": { "const": "anonymous" } } });
    let conditions = json!([
        { "if": lets_on_without_a_token, "then": { "properties": { "require": false } } },
        { "if": is_anonymous, "then": { "properties": { "reissue": false } } },
    ]);
    add(&mut schema, "allOf", conditions);
    schema
}

fn criteria() -> Value {
    let mut schema = object(
        "All that is given has to hold; left out, the rule is reached by name only.",
        &[],
        &[
            ("hosts", list("Any of these hosts.", reissue::host())),
            ("path", pattern("One exact path, without a query.", &patterns::path(), None)),
            (
                "prefix",
                pattern(
                    "A path and all below it, by whole segments, without a slash at the end.",
                    &patterns::prefix(),
                    None,
                ),
            ),
            (
                "methods",
                list(
                    "Any of these methods, case-sensitive; HEAD is not GET.",
                    pattern("A method in capitals.", patterns::METHOD, None),
                ),
            ),
            ("route", text("Envoy's name of the route.")),
        ],
    );
    add(&mut schema, "minProperties", json!(1));
    add(&mut schema, "if", json!({ "required": ["path"] }));
    add(&mut schema, "then", json!({ "properties": { "prefix": false } }));
    schema
}

fn requirement() -> Value {
    let names = |what: &str, one: &str| list(what, text(one));
    let base = object(
        "What the request does to its path below `base` has to be allowed by a scope with a path (scitokens, wlcg).",
        &[],
        &[("base", pattern("Where the scopes' own root is.", &patterns::path(), Some("/")))],
    );
    object(
        "What the token has to have; all that is given has to hold.",
        &[],
        &[
            ("issuers", names("Whose tokens: any of these `issuers`.", "The `issuer` of an entry of `issuers`.")),
            (
                "capabilities",
                choice("Capabilities that the token needs; missing ones are told in the 403.", &capability()),
            ),
            ("groups", choice("Groups that the user has to be in.", &text("A group."))),
            ("users", names("Any of these users.", "A user.")),
            ("clients", names("Any of these clients, as the `client` claim names them.", "A client.")),
            (
                "principals",
                list(
                    "Which kinds of caller.",
                    word("user, or service: a token of the client credentials flow.", &["user", "service"], None),
                ),
            ),
            ("interactive", switch("Whether a user has to have logged in for the token.", false)),
            ("path", base),
            (
                "acr",
                list(
                    "How the user has to have logged in: any of these `acr`.",
                    pattern("An authentication class.", patterns::SCOPE, None),
                ),
            ),
            (
                "max_auth_age",
                duration("How long ago the user may have logged in, by `auth_time`.", (60, LONGEST_AUTH_AGE), None),
            ),
        ],
    )
}

fn choice(description: &str, item: &Value) -> Value {
    let mut schema = object(
        description,
        &[],
        &[("all_of", list("All of these.", item.clone())), ("any_of", list("At least one of these.", item.clone()))],
    );
    add(&mut schema, "minProperties", json!(1));
    schema
}
