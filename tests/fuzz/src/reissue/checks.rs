//! What has to hold of a token that is made of another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern::crypto::{RustCrypto, SignatureCheck, Signed};
use serde_json::Value;

use super::{API, OWN, Seen, Stage};
use crate::members::members;
use crate::mint::AUDIENCE;
use crate::signed::NOW;

const DAY: u64 = 24 * 3600;

/// What is set anew in every token.
const OURS: [&str; 6] = ["iss", "aud", "iat", "exp", "jti", "act"];

/// What gives a token scopes, by any of the profiles.
const GRANTS: [&str; 10] = [
    "scope",
    "permissions",
    "groups",
    "isMemberOf",
    "cognito:groups",
    "realm_access",
    "resource_access",
    "wlcg.groups",
    "roles",
    "entitlements",
];

/// What an exchange leaves out beside.
const OF_LOGIN: [&str; 11] =
    ["auth_time", "acr", "amr", "nonce", "at_hash", "c_hash", "s_hash", "token_use", "typ", "type", "token_type"];

fn meaning(written: &str) -> String {
    serde_json::from_str(written).expect("a name")
}

/// Takes a token apart that the own key has signed.
fn opened(stage: &Stage, token: &str) -> String {
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url")).collect();
    let key = &stage.config().reissue.as_ref().expect("an issuer").keys[0].key;
    let signed = Signed { token, signature: &parts[2] };
    assert!(RustCrypto.verify(key.algorithm(), key.public(), signed), "the signature is wrong");
    let header: Value = serde_json::from_slice(&parts[0]).expect("a header");
    assert_eq!((&header["alg"], &header["kid"]), (&"ES256".into(), &"k".into()));
    String::from_utf8(parts[1].clone()).expect("text")
}

/// Whether it was made here, or by another filter like this one.
fn was_made(claims: &Value) -> bool {
    claims["iss"] == OWN || (claims["act"].get("iss").is_some() && claims["act"].get("sub").is_none())
}

fn is_for(claims: &Value, audience: &str) -> bool {
    claims["aud"] == audience || claims["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == audience))
}

/// What a service gets under a rule that has a token made.
pub fn passage(stage: &Stage, rule: &str, outlives: bool, (former, payload): (&str, &str), seen: &Seen) {
    assert!(!seen.told.contains(former), "the user's token is told");
    let claims: Value = serde_json::from_str(payload).expect("the payload is JSON");
    if let Some(reply) = &seen.reply {
        assert_eq!(reply.status, 500, "{reply:?}");
        // One that our own entry would read otherwise is for nobody.
        if reply.details == "postern_reissue_reading" {
            return assert!(seen.value("authorization").is_none(), "something goes on");
        }
        assert_eq!(reply.details, "postern_internal:a token would be too large");
        // Act goes one level deeper, and the names of issuer and audiences come in addition.
        let is_large = former.len() > 15_000 || payload.matches(['[', '{']).count() >= 15;
        assert!(is_large && !was_made(&claims), "it is not too large");
        assert!(seen.value("authorization").is_none(), "something goes on");
        return;
    }
    let new = seen.value("x-auth-request-token");
    assert_eq!(seen.value("authorization"), new.map(|token| format!("Bearer {token}")).as_deref());
    if was_made(&claims) {
        assert_eq!(new, Some(former).filter(|_| is_for(&claims, API)), "it was made for somebody");
        return;
    }
    let new = new.expect("a token goes on");
    assert!(seen.fields.iter().all(|(_, value)| !value.contains(former)), "the user's own goes on");
    let written = opened(stage, new);
    let dropped: &[&str] = if rule == "needed" { &GRANTS } else { &[] };
    let new = compare(payload, &written, dropped, rule == "needed");
    assert_eq!(new["aud"], API);
    check_times(&claims, &new, outlives);
    assert!(rule != "needed" || new["scope"] == "", "no scope is asked for: {}", new["scope"]);
}

/// Compares what was written before and now; answers the new claims.
fn compare(former: &str, new: &str, dropped: &[&str], has_scope: bool) -> Value {
    let claims: Value = serde_json::from_str(new).expect("the payload is JSON");
    let is_set = |name: &str| OURS.contains(&name) || (has_scope && name == "scope");
    let (before, after) = (members(former), members(new));
    let mut left = after.iter().peekable();
    for (name, value) in &before {
        let meaning = meaning(name);
        if left.peek().is_some_and(|(other, _)| other == name) {
            let (_, now) = left.next().expect("it is there");
            assert!(is_set(&meaning) || now == value, "{name} has become {now}");
        } else {
            assert!(dropped.contains(&meaning.as_str()), "{name} is gone");
        }
    }
    let added: Vec<String> = left.map(|(name, _)| meaning(name)).collect();
    assert!(added.iter().all(|name| is_set(name)), "{added:?} are new");
    let raw = |all: &[(String, String)], wanted: &str| {
        all.iter().find(|(name, _)| meaning(name) == wanted).map(|(_, value)| value.clone())
    };
    let act = members(&raw(&after, "act").expect("act"));
    for name in ["iss", "aud", "jti", "act"] {
        assert_eq!(raw(&act, name), raw(&before, name), "act says another {name}");
    }
    assert_eq!(claims["iss"], OWN);
    claims
}

fn check_times(former: &Value, new: &Value, outlives: bool) {
    let (iat, exp) = (new["iat"].as_u64().expect("iat"), new["exp"].as_u64().expect("exp"));
    assert!(iat <= exp && iat <= NOW && exp <= NOW + DAY, "from {iat} to {exp}");
    let before = former["exp"].as_u64().expect("exp");
    assert!(outlives || exp <= before, "{exp} is after {before}");
}

/// What a program gets for a token.
pub fn exchange(stage: &Stage, (former, payload): (&str, &str), plain: &Seen, seen: &Seen) {
    assert!(!seen.told.contains(former), "the former token is told");
    assert!(seen.fields.iter().all(|(_, value)| !value.contains(former)), "it is left for the access log");
    let reply = seen.reply.as_ref().expect("an answer");
    let answer: Value = serde_json::from_str(&reply.body).expect("JSON");
    if reply.status != 200 {
        assert!([400, 401, 403, 500].contains(&reply.status) && answer["error"].is_string(), "{answer}");
        // Where tokens made here are read otherwise than the former's issuer's, none is given.
        let known = ["postern_internal:a token would be too large", "postern_exchange_reading"];
        let is_known = known.contains(&reply.details.as_str());
        assert!(reply.status != 500 || is_known, "{reply:?}");
        return;
    }
    let token = answer["access_token"].as_str().expect("a token");
    let claims: Value = serde_json::from_str(payload).expect("the payload is JSON");
    let written = opened(stage, token);
    let new: Value = serde_json::from_str(&written).expect("the payload is JSON");
    if new.get("act").is_some() {
        compare(payload, &written, &[&GRANTS[..], &OF_LOGIN].concat(), true);
        check_times(&claims, &new, false);
    } else {
        assert!(members(&written).len() <= 5 && new["exp"].as_u64() <= claims["exp"].as_u64(), "{new}");
    }
    for gone in OF_LOGIN.iter().take(7) {
        assert!(new.get(gone).is_none(), "{gone} is of a login");
    }
    let audience = new["aud"].as_str().expect("one audience");
    let is_ours = claims["iss"] == OWN;
    let known = is_ours || [AUDIENCE, "other"].contains(&audience);
    let known = known && (!(is_ours || was_made(&claims)) || is_for(&claims, audience));
    assert!(known, "it is for {audience}");
    let held = plain.list("x-auth-request-token-capabilities", ' ');
    let given: Vec<&str> =
        new.get("scope").and_then(Value::as_str).unwrap_or("").split(' ').filter(|s| !s.is_empty()).collect();
    assert_eq!(answer["scope"], given.join(" "));
    for scope in &given {
        assert!(held.contains(scope) || held.iter().any(|held| covers(held, scope)), "{scope} is not in {held:?}");
        let interactive = stage.has_groups && ["exec:portal", "exec:notebook"].contains(scope);
        assert!(!interactive, "{scope} is for those who log in");
    }
    returned(stage, token, plain, &[held, given].concat());
}

/// A path at or below that of what is held, for the same operation.
fn covers(held: &str, scope: &str) -> bool {
    let (operation, path) = held.split_once(':').unwrap_or((held, ""));
    let path = path.strip_suffix('/').filter(|path| path.is_empty()).unwrap_or(path);
    let rest = scope.strip_prefix(operation).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
    let operations = ["read", "write", "storage.read", "storage.create", "storage.modify", "storage.stage"];
    // Escapes are undone on both sides; what is left of them is compared by the product's own tests.
    operations.contains(&operation)
        && (held.contains('%') || scope.contains('%') || rest.is_some_and(|rest| rest == "" || rest.starts_with(path)))
}

/// Where it comes back it is of the same caller, and worth no more.
fn returned(stage: &Stage, token: &str, plain: &Seen, scopes: &[&str]) {
    for rule in ["login", "recent"] {
        let seen = stage.send("POST", &format!("/{rule}"), token, None);
        assert!(seen.reply.is_some(), "a token for programs passes for a login under {rule}");
    }
    let seen = stage.send("POST", "/plain", token, None);
    if seen.reply.is_some() {
        return;
    }
    for name in ["user", "uid", "email", "service"] {
        let name = format!("x-auth-request-{name}");
        let now = seen.value(&name);
        assert!(now.is_none() || now == plain.value(&name), "{name} has become {now:?}");
    }
    let before = plain.list("x-auth-request-groups", ',');
    assert!(seen.list("x-auth-request-groups", ',').iter().all(|group| before.contains(group)), "more groups");
    let now = seen.list("x-auth-request-token-capabilities", ' ');
    assert!(now.iter().all(|scope| scopes.contains(scope)), "{now:?} are more than {scopes:?}");
}
