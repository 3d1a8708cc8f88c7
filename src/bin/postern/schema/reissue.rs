//! `reissue`, of the whole configuration and of a rule: the issuer that the filter itself is, and the tokens it makes.

use postern::reissue::{LONGEST_KEY_CACHE, LONGEST_LIFETIME, SHORTEST_KEY_CACHE, SHORTEST_LIFETIME};
use serde_json::{Value, json};

use super::patterns;
use super::terms::{add, duration, list, object, pattern, switch, text, word};

pub fn whole() -> Value {
    object(
        "Tokens that the filter makes, for the services of rules with `reissue` and at the token endpoint.",
        &["issuer", "keys"],
        &[
            (
                "issuer",
                pattern(
                    "The new tokens' `iss`, an https URI: services find the keys by it.",
                    &patterns::own_issuer(),
                    None,
                ),
            ),
            (
                "hosts",
                list(
                    "Where the keys and the token endpoint are answered; by default the issuer's host with any port.",
                    host(),
                ),
            ),
            ("keys", keys()),
            (
                "key_cache",
                duration(
                    "How long readers may keep the key set.",
                    (SHORTEST_KEY_CACHE.as_secs(), LONGEST_KEY_CACHE.as_secs()),
                    Some("10m"),
                ),
            ),
            ("exchange", exchange()),
        ],
    )
}

pub fn host() -> Value {
    pattern("A host name in lower case, *.name for all below it, with :* behind it for any port.", patterns::HOST, None)
}

fn keys() -> Value {
    let key = object(
        "A private key.",
        &["env"],
        &[
            (
                "env",
                pattern(
                    "The environment variable that holds the key (PKCS#8, PEM); the key itself never stands here.",
                    patterns::VARIABLE,
                    None,
                ),
            ),
            (
                "kid",
                pattern(
                    "The key's name, in every token; by default the beginning of its thumbprint.",
                    patterns::KEY_NAME,
                    None,
                ),
            ),
        ],
    );
    let mut keys = list("One to four private keys: the first one signs, all are published.", key);
    add(&mut keys, "maxItems", json!(4));
    keys
}

fn exchange() -> Value {
    object(
        "The token endpoint: POST with a token gives a weaker one, for a program (RFC 8693).",
        &["audiences"],
        &[
            (
                "path",
                pattern(
                    "One path, without a query; by default the issuer's path and /token.",
                    &patterns::endpoint(),
                    None,
                ),
            ),
            (
                "audiences",
                list(
                    "Which `aud` may be asked for; the first one is for those who ask for none.",
                    text("An audience."),
                ),
            ),
            ("lifetime", lifetime("The longest that such a token lives.")),
            (
                "issuers",
                list(
                    "Whose tokens are exchanged; by default those of all `issuers`.",
                    text("The `issuer` of an entry of `issuers`."),
                ),
            ),
        ],
    )
}

pub fn of_rule() -> Value {
    object(
        "What token the service gets: one made of the user's, for this service alone; needs `reissue` beside `rules`.",
        &["audience"],
        &[
            ("audience", text("The new token's `aud`, by which the service knows that it is for it.")),
            ("lifetime", lifetime("How long the token lives, but no longer than the user's own.")),
            (
                "safe_methods",
                switch("Whether requests that change nothing (GET, HEAD, PROPFIND …) get one too.", false),
            ),
            (
                "scopes",
                word(
                    "keep: those of the user's token; needed: only what this rule and the route ask for.",
                    &["keep", "needed"],
                    Some("keep"),
                ),
            ),
            ("outlive", switch("Whether the new token may end later than the user's own.", false)),
            ("reuse", switch("Whether one token serves several requests of a user under this rule.", true)),
        ],
    )
}

fn lifetime(description: &str) -> Value {
    duration(description, (SHORTEST_LIFETIME.as_secs(), LONGEST_LIFETIME.as_secs()), Some("1h"))
}
