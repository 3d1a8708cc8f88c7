//! Why the filter and `jwt_authn` differ. A row stands for a difference where the filter refused for one of its reasons
//! and the token is so; the first that fits counts.

use serde_json::Value;

use super::asked::Asked;

pub struct Row {
    pub name: &'static str,
    /// The filter's reasons.
    pub reasons: &'static [&'static str],
    pub is_so: fn(&Asked<'_>) -> bool,
    pub why: &'static str,
}

const SKEW: f64 = 60.0;
const DAY: f64 = 86_400.0;

/// Of the second in which it was asked nobody knows the end.
const A_SECOND: f64 = 1.0;

/// What the filter refuses and `jwt_authn` does not.
pub const REFUSED: &[Row] = &[
    Row {
        name: "`crit`, `b64`, `enc`, `zip`, `cty` or `jwk` in the header",
        reasons: &["token_header"],
        is_so: |it| ["crit", "b64", "enc", "zip", "cty", "jwk"].iter().any(|name| it.header(name).is_some()),
        why: "a header that has to be understood is not (RFC 7515 section 4.1.11), or a sender brings his own key",
    },
    Row {
        name: "a `kid` that is empty, or longer than 256 bytes",
        reasons: &["token_header"],
        is_so: |it| it.header("kid").and_then(Value::as_str).is_some_and(|kid| kid.is_empty() || kid.len() > 256),
        why: "it names nothing, or no key that an issuer has",
    },
    Row {
        name: "`typ` in the header is not `JWT` or `at+jwt`",
        reasons: &["token_kind"],
        is_so: |it| {
            let known = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
            let named = |typ: &Value| typ.as_str().is_some_and(|typ| known.contains(&typ.to_lowercase().as_str()));
            it.header("typ").is_some_and(|typ| !named(typ))
        },
        why: "other kinds of tokens are signed with the same keys (RFC 8725 section 3.11)",
    },
    Row {
        name: "bound to a key (`cnf`)",
        reasons: &["token_kind"],
        is_so: |it| it.claim("cnf").is_some(),
        why: "who sends it has to prove that he has the key (RFC 7800), and Bearer does not",
    },
    Row {
        name: "a logout or event token (`events`)",
        reasons: &["token_kind"],
        is_so: |it| it.claim("events").is_some(),
        why: "it tells of an event (RFC 8417), and gives nobody access",
    },
    Row {
        name: "an authorization response (`state` with `code` or `error`)",
        reasons: &["token_kind"],
        is_so: |it| it.claim("state").is_some() && (it.claim("code").is_some() || it.claim("error").is_some()),
        why: "it is for the client that asked (JARM)",
    },
    Row {
        name: "refresh, logout, ID and other tokens by `typ` or `token_use`",
        reasons: &["token_kind"],
        is_so: |it| ["typ", "token_use"].iter().any(|name| it.claim(name).is_some()),
        why: "issuers mark so what is no access token",
    },
    Row {
        name: "refresh, logout and ID tokens by `type` or `token_type`",
        reasons: &["token_kind"],
        is_so: |it| ["type", "token_type"].iter().any(|name| it.claim(name).is_some()),
        why: "the same by the names that others use",
    },
    Row {
        name: "an ID token by `nonce`, `at_hash` or `c_hash`",
        reasons: &["token_kind"],
        is_so: |it| ["nonce", "at_hash", "c_hash"].iter().any(|name| it.claim(name).is_some()),
        why: "an ID token tells a client who logged in (OpenID Connect Core section 2), and is no key to an API",
    },
    Row {
        name: "an ID token by its audience, which is its client, without a scope",
        reasons: &["token_kind"],
        is_so: |it| {
            let only = |aud: &Value| if aud.is_array() && aud[1].is_null() { aud[0].clone() } else { aud.clone() };
            it.claim("azp").is_some() && it.claim("aud").map(only).as_ref() == it.claim("azp")
        },
        why: "the same where nothing else says so",
    },
    Row {
        name: "`iat` later than now and the skew",
        reasons: &["not_yet_valid"],
        is_so: |it| it.time("iat").is_some_and(|iat| iat > SKEW - A_SECOND),
        why: "it has not been issued yet: a clock is wrong, or somebody made it up",
    },
    Row {
        name: "at `exp` and the skew to the second",
        reasons: &["expired"],
        is_so: |it| it.time("exp").is_some_and(|exp| (exp + SKEW).abs() <= A_SECOND),
        why: "the time has to be before `exp` (RFC 7519 section 4.1.4)",
    },
    Row {
        name: "`exp` before `iat` or `nbf`",
        reasons: &["invalid_claim"],
        is_so: |it| ["iat", "nbf"].iter().any(|name| it.time(name) > it.time("exp") && it.time("exp").is_some()),
        why: "there is no time at which it was valid; only the skew lets it look so",
    },
    Row {
        name: "more than a day from `iat` to `exp`",
        reasons: &["lifetime_too_long"],
        is_so: |it| {
            let life = it.time("exp").zip(it.time("iat")).map(|(exp, iat)| exp - iat);
            life.is_some_and(|life| life > DAY)
        },
        why: "`max_lifetime` is of the whole life; `jwt_authn` looks at what is left of it",
    },
    Row {
        name: "a time that is no whole number",
        reasons: &["invalid_claim"],
        is_so: |it| {
            let whole = |time: &Value| time.is_i64() || time.is_u64();
            ["exp", "nbf", "iat"].iter().any(|name| it.claim(name).is_some_and(|time| !whole(time)))
        },
        why: "no issuer of this field sends one, and every reader rounds in its own way",
    },
    Row {
        name: "`iat` of 0",
        reasons: &["invalid_claim"],
        is_so: |it| it.claim("iat").and_then(Value::as_i64) == Some(0),
        why: "a time that says nothing",
    },
    Row {
        name: "`nonce` is no text",
        reasons: &["invalid_claim"],
        is_so: |it| it.claim("nonce").is_some_and(|nonce| !nonce.is_string()),
        why: "RFC 7519 and OpenID Connect say that it is",
    },
    Row {
        name: "scopes or groups that are neither text nor list",
        reasons: &["invalid_claim"],
        is_so: |it| {
            let list = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            let readable = |value: &Value| value.is_string() || value.is_null() || list(value);
            ["scope", "groups"].iter().any(|name| it.claim(name).is_some_and(|value| !readable(value)))
        },
        why: "what a token allows has to be read in one way; `jwt_authn` does not read it",
    },
    Row {
        name: "a name with control characters",
        reasons: &["invalid_claim"],
        is_so: |it| it.claim("sub").and_then(Value::as_str).is_some_and(|sub| sub.chars().any(char::is_control)),
        why: "it becomes a header for the service; `jwt_authn` was not told to make one here",
    },
    Row {
        name: "an audience that differs in scheme or by a slash at its end",
        reasons: &["wrong_audience"],
        is_so: |it| {
            let loose = |aud: &str| {
                let host = aud.strip_prefix("https://").or(aud.strip_prefix("http://")).unwrap_or(aud);
                host.strip_suffix('/').unwrap_or(host) == "api.test" && aud != "https://api.test"
            };
            let aud = it.claim("aud").cloned().unwrap_or_default();
            let list = aud.as_array().cloned().unwrap_or_else(|| vec![aud]);
            list.iter().filter_map(Value::as_str).any(loose)
        },
        why: "names are compared letter for letter (RFC 7519 section 4.1.3); `jwt_authn` leaves out scheme and slash",
    },
    Row {
        name: "white space or `=` within the token",
        reasons: &["malformed_credential"],
        is_so: |it| it.token.trim_end_matches('=').contains(['=', ' ', '\t']),
        why: "the grammar of RFC 6750 section 2.1; `jwt_authn` reads on over it, so a token would have many spellings",
    },
    Row {
        name: "`=` at the end of a part",
        reasons: &["token_not_jwt"],
        is_so: |it| it.parts().iter().any(|part| part.ends_with('=')),
        why: "RFC 7515 section 2: base64url without padding, so that a token has one spelling",
    },
    Row {
        name: "bits left over at the end of a part",
        reasons: &["token_not_jwt"],
        is_so: |it| it.parts().len() == 3 && it.parts().iter().any(|part| has_bits_left_over(part)),
        why: "the same (RFC 4648 section 3.5)",
    },
    Row {
        name: "empty parts: dots before, behind, or two together",
        reasons: &["token_not_jwt", "token_opaque"],
        is_so: |it| it.parts().len() > 3 && it.parts().contains(&""),
        why: "a token has three parts (RFC 7515 section 7.1); `jwt_authn` passes over empty ones",
    },
    Row {
        name: "JSON that is none, or nested deeper than 16",
        reasons: &["token_unreadable"],
        is_so: |it| it.is_no_json(),
        why: "RFC 8259; `jwt_authn` takes commas at the end, other quotes, names without quotes",
    },
    Row {
        name: "a header of more than 4 KiB",
        reasons: &["token_too_long"],
        is_so: |it| it.parts()[0].len() > 4096,
        why: "it has an algorithm, a key and a type; what is longer is only work",
    },
    Row {
        name: "more than 16 KiB",
        reasons: &["token_too_long"],
        is_so: |it| it.token.len() > 16 * 1024,
        why: "real tokens have 0.5 to 4 KiB",
    },
    Row {
        name: "an ECDSA signature of another length",
        reasons: &["bad_signature"],
        is_so: |it| {
            let alg = it.header("alg").and_then(Value::as_str).unwrap_or_default();
            let length = if alg == "ES256" { 86 } else { 128 };
            alg.starts_with("ES") && it.parts().last().is_some_and(|signature| signature.len() != length)
        },
        why: "RFC 7518 section 3.4 says how long its two numbers are; `jwt_authn` halves what there is",
    },
    Row {
        name: "no `kid`, and more than one key",
        reasons: &["unknown_key"],
        is_so: |it| it.header("kid").is_none() && it.all_keys().len() > 1,
        why: "the token has to say which key is its own where there is a choice; `jwt_authn` tries all",
    },
    Row {
        name: "a `kid`, and a key without one",
        reasons: &["unknown_key"],
        is_so: |it| {
            let nameless = |key: &Value| key.get("kid").is_none_or(|kid| kid == "");
            it.header("kid").is_some() && it.all_keys().iter().any(nameless)
        },
        why: "a token that names a key is checked with that key only",
    },
    Row {
        name: "a key for the other curve",
        reasons: &["unknown_key"],
        is_so: |it| {
            let alg = it.header("alg").and_then(Value::as_str).unwrap_or_default();
            it.has_key(|key| matches!((alg, key["crv"].as_str()), ("ES256", Some("P-384")) | ("ES384", Some("P-256"))))
        },
        why: "ES256 is of P-256 and ES384 of P-384 (RFC 7518 section 3.4)",
    },
    Row {
        name: "an Ed25519 key of small order",
        reasons: &["unknown_key"],
        is_so: |it| it.header("alg").is_some_and(|alg| alg == "EdDSA") && it.set == super::key_sets::VECTORS,
        why: "with such a key one signature is good for any text",
    },
    Row {
        name: "keys for something else: `use`, `key_ops`",
        reasons: NO_KEYS,
        is_so: |it| {
            let verifies = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
            it.has_key(|key| {
                key.get("use").is_some_and(|usage| usage != "sig")
                    || key.get("key_ops").is_some_and(|ops| !verifies(ops))
            })
        },
        why: "the issuer says that they are not for signatures (RFC 7517 section 4.2 and 4.3)",
    },
    Row {
        name: "keys with their secret half",
        reasons: NO_KEYS,
        is_so: |it| it.has_key(|key| ["d", "p", "k"].iter().any(|member| key.get(member).is_some())),
        why: "nobody can say any more who signs with them",
    },
    Row {
        name: "keys whose `alg` or `kid` is no text",
        reasons: NO_KEYS,
        is_so: |it| it.all_keys().iter().any(|key| key["alg"].is_number() || key["kid"].is_number()),
        why: "RFC 7517 says that it is",
    },
    Row {
        name: "keys of which two have one name",
        reasons: NO_KEYS,
        is_so: |it| {
            let kids: Vec<&Value> = it.all_keys().iter().filter_map(|key| key.get("kid")).collect();
            kids.iter().enumerate().any(|(at, kid)| kids[..at].contains(kid))
        },
        why: "which of them a reader takes is chance",
    },
    Row {
        name: "curve keys that do not name their curve",
        reasons: NO_KEYS,
        is_so: |it| it.has_key(|key| key["kty"] == "EC" && key.get("crv").is_none()),
        why: "RFC 7518 section 6.2.1 says that they have to",
    },
    Row {
        name: "key material with padding, white space or zeros before it",
        reasons: NO_KEYS,
        is_so: |it| {
            let odd = |text: &str| text.contains(['=', ' ']) || text.starts_with("AA");
            let longer = |key: &Value| key["kty"] == "EC" && text(key, "x").len() > 43;
            it.has_key(|key| longer(key) || ["n", "e", "x", "y"].iter().any(|part| odd(text(key, part))))
        },
        why: "it has one spelling (RFC 7518 section 2 and 6.2.1.2)",
    },
    Row {
        name: "RSA keys under 2048 bits, or with an exponent under 65537",
        reasons: NO_KEYS,
        is_so: |it| it.has_key(|key| key["kty"] == "RSA" && (text(key, "n").len() < 342 || text(key, "e").len() < 4)),
        why: "NIST SP 800-131A, FIPS 186-5",
    },
    Row {
        name: "more than 64 keys",
        reasons: NO_KEYS,
        is_so: |it| it.all_keys().len() > 64,
        why: "no issuer has them, and each costs",
    },
    Row {
        name: "a key set that is no JSON",
        reasons: NO_KEYS,
        is_so: |it| it.all_keys().is_empty(),
        why: "RFC 8259; `jwt_authn` takes a comma at the end",
    },
];

/// Of keys that are of no use there are none, or not the one that is named.
const NO_KEYS: &[&str] = &["keys_unavailable", "unknown_key"];

/// What `jwt_authn` refuses and the filter does not: keys that it cannot read, and nothing else.
pub const ACCEPTED: &[Row] = &[Row {
    name: "an RSA key whose exponent has 32 bits",
    reasons: &[""],
    is_so: |it| it.has_key(|key| key["kty"] == "RSA" && text(key, "e").len() > 4),
    why: "`jwt_authn` cannot read such a key",
}];

fn text<'a>(key: &'a Value, member: &str) -> &'a str {
    key[member].as_str().unwrap_or_default()
}

/// Whether the last letter has bits that stand for nothing.
fn has_bits_left_over(part: &str) -> bool {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let unused = match part.len() % 4 {
        2 => 16,
        3 => 4,
        _ => return false,
    };
    part.chars().last().and_then(|last| LETTERS.find(last)).is_some_and(|value| value % unused != 0)
}
