//! `postern schema`: the plugin configuration in the words of JSON Schema, for editors.
//!
//! It is built here from the core's own tables and bounds where those are to be had. What stands here a second time,
//! names of fields above all, `tests/schema.rs` holds to the core.

mod issuers;
mod patterns;
mod reissue;
mod rules;
mod terms;

use std::io::{self, Write};

use postern::config::{DEFAULT_REALM, IDENTITY_FAMILIES_TAKEN, IDENTITY_NAMES_TAKEN};
use serde_json::{Value, json};

use terms::{integer, list, object, pattern, switch, text, word};

/// Print a JSON Schema (2020-12) of the plugin configuration
///
/// Editors complete names, show what each field means, and mark mistakes while one types. A schema cannot say all that
/// the filter checks (rules that no request reaches, names that stand twice): `postern check` can.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  postern schema > postern.schema.json

In an editor with the YAML language server (VS Code's YAML extension, neovim, Emacs, Helix), the first line of a plugin
configuration in a file of its own names the schema, by a path from that file or a URL:
  # yaml-language-server: $schema=postern.schema.json

In an Envoy configuration or an Istio manifest the plugin configuration is one part of a larger document, which this
schema does not describe: use `postern check` there.")]
pub struct Args {
    /// The same: a schema is JSON already
    #[arg(long)]
    json: bool,
}

pub fn run(_: Args) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(&document())?;
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

fn document() -> Value {
    let mut root = object(
        "Plugin configuration of Postern, a token filter for Envoy.",
        &["issuers"],
        &[
            (
                "realm",
                pattern(
                    "Names what is protected, in every challenge; printable ASCII without quotes and backslashes.",
                    patterns::REALM,
                    Some(DEFAULT_REALM),
                ),
            ),
            (
                "issuers",
                list(
                    "Whose tokens are accepted; a token is checked by the entry whose `issuer` is exactly its `iss`.",
                    issuers::issuer(),
                ),
            ),
            ("reissue", reissue::whole()),
            ("credentials", credentials()),
            ("capabilities", capabilities()),
            ("headers", headers()),
            ("rules", rules::all()),
            (
                "require_tls",
                switch("Whether a credential on a request that came without TLS is refused with 400.", false),
            ),
            ("token_cache", token_cache()),
        ],
    );
    // Without `reissue` nothing is our own: every issuer has its keys elsewhere, and no rule makes tokens.
    let none_is_our_own = json!({
        "issuers": { "items": { "required": ["jwks"] } },
        "rules": { "items": { "properties": { "reissue": false } } },
    });
    terms::add(&mut root, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    terms::add(&mut root, "title", json!("Postern"));
    terms::add(&mut root, "if", json!({ "not": { "required": ["reissue"] } }));
    terms::add(&mut root, "then", json!({ "properties": none_is_our_own }));
    terms::add(&mut root, "$defs", json!({ "claim": issuers::claim_paths() }));
    root
}

fn credentials() -> Value {
    let mut schema = object(
        "Where a token is looked for; two credentials in one request are refused.",
        &[],
        &[
            ("bearer", switch("`Authorization: Bearer TOKEN`.", true)),
            ("basic", switch("`Authorization: Basic`, with the token as user or as password.", true)),
            ("query", switch("`?access_token=TOKEN`; URLs are logged, stored and sent on.", false)),
        ],
    );
    let off = json!({ "const": false });
    let nowhere =
        json!({ "required": ["bearer", "basic"], "properties": { "bearer": off, "basic": off, "query": off } });
    terms::add(&mut schema, "not", nowhere);
    schema
}

fn capabilities() -> Value {
    let mut groups = json!({ "type": "object", "additionalProperties": list("Capabilities.", capability()) });
    terms::describe(&mut groups, "Which capabilities a group stands for, by what follows `group_prefix` in its name.");
    let mut schema = object(
        "Capabilities that groups stand for; a token has those of its scopes and those of its groups.",
        &[],
        &[
            (
                "preset",
                word(
                    "A table of groups and capabilities; lsst is that of DMTN-094, section 2.6.",
                    &["none", "lsst"],
                    Some("none"),
                ),
            ),
            ("group_prefix", text("What stands before every suffix in the preset and in `groups`.")),
            ("groups", groups),
        ],
    );
    let meant = json!({ "anyOf": [
        { "required": ["preset"], "properties": { "preset": { "const": "lsst" } } },
        { "required": ["groups"], "properties": { "groups": { "minProperties": 1 } } },
    ] });
    terms::add(&mut schema, "if", json!({ "required": ["group_prefix"] }));
    terms::add(&mut schema, "then", meant);
    schema
}

fn capability() -> Value {
    pattern("A capability, letter for letter.", patterns::SCOPE, None)
}

fn headers() -> Value {
    let name = |what: &str, default: &str| {
        let mut schema = header_name(json!({ "type": ["string", "null"], "default": default }));
        terms::describe(&mut schema, &format!("The header by which the service is told {what}; null leaves it out."));
        schema
    };
    let mut claims = json!({
        "type": "object",
        "propertyNames": header_name(json!({})),
        "additionalProperties": issuers::claim_reference(),
    });
    terms::describe(&mut claims, "Other claims with one value, by header name; a claim path or a list of them.");
    object(
        "Under which names the service is told who is calling; what a client sends under them is removed.",
        &[],
        &[
            ("user", name("the user", "x-auth-request-user")),
            ("uid", name("the numeric user id", "x-auth-request-uid")),
            ("email", name("the e-mail address", "x-auth-request-email")),
            ("groups", name("the groups, separated by commas", "x-auth-request-groups")),
            ("scopes", name("the capabilities, separated by spaces", "x-auth-request-token-capabilities")),
            ("token", name("the token, under rules with `reissue` or with `forward_token`", "x-auth-request-token")),
            ("client", name("the client, where the token is a service's own", "x-auth-request-service")),
            ("claims", claims),
            (
                "forward_token",
                switch("Whether the service gets the user's token, which opens every door of the platform.", false),
            ),
        ],
    )
}

/// A name that HTTP or Envoy give a meaning to cannot carry an identity, nor one that servers may take for it.
fn header_name(mut schema: Value) -> Value {
    let taken = IDENTITY_NAMES_TAKEN.iter().map(|name| json!({ "pattern": format!("^{}$", patterns::alike(name)) }));
    let families =
        IDENTITY_FAMILIES_TAKEN.iter().map(|name| json!({ "pattern": format!("^{}", patterns::alike(name)) }));
    terms::add(&mut schema, "pattern", json!(patterns::HEADER_NAME));
    // A pattern says nothing of null, so that would be "not".
    let taken: Vec<Value> = taken.chain(families).collect();
    terms::add(&mut schema, "not", json!({ "type": "string", "anyOf": taken }));
    schema
}

fn token_cache() -> Value {
    object(
        "How much each worker remembers of tokens, so that the next request with one costs no signature check.",
        &[],
        &[
            ("max_entries", integer("How many tokens; 0 switches it off.", 1_000_000, 4096)),
            ("max_bytes", integer("How many bytes.", 67_108_864, 16_777_216)),
        ],
    )
}
