//! The fields that carry a token: `Authorization` in each of its forms, and the query. A mutant is let on where it carries
//! the same token by the letter of its grammar, which is written down here once more, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern::crypto::RustCrypto;
use serde_json::json;

use super::door::{Checked, Decision, Door, NOW, document};
use super::mutants::{BYTES, every};
use crate::support::mint::{Signer, Token, jwks};

fn refused_as_a_credential(decision: &Decision) -> bool {
    matches!(decision, Decision::Refused(400 | 401, _))
}

/// A field that says nothing but the scheme, at least one space, and one of these credentials.
fn says(value: &[u8], scheme: &str, credentials: &[String]) -> bool {
    let first = value.iter().position(|byte| !b" \t".contains(byte)).unwrap_or(value.len());
    let last = value.iter().rposition(|byte| !b" \t".contains(byte)).map_or(first, |last| last + 1);
    let value = &value[first..last];
    let named = value.get(..scheme.len()).is_some_and(|name| name.eq_ignore_ascii_case(scheme.as_bytes()));
    let rest = value.get(scheme.len()..).unwrap_or_default();
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    named && spaces > 0 && credentials.iter().any(|credential| *credential.as_bytes() == rest[spaces..])
}

#[test]
fn an_authorization_of_a_mutant_is_let_on_only_where_it_is_the_same_credential() {
    let signer = Signer::es256();
    let token = Token::at(&signer, NOW).mint();
    let bearer = vec![token.clone()];
    let pairs =
        [format!("{token}:"), format!("{token}:x-oauth-basic"), format!(":{token}"), format!("x-oauth-basic:{token}")];
    let basic: Vec<String> = pairs.iter().map(|pair| STANDARD.encode(pair)).collect();
    let mut forms = vec![("Bearer", &token, &bearer)];
    forms.extend(basic.iter().map(|credential| ("Basic", credential, &basic)));
    let signatures = Checked::new(&RustCrypto);
    let mut door = Door::new(&document(&["ES256"], &json!({"inline": jwks(&[&signer])})), &signatures);
    for (scheme, credential, same) in forms {
        let good = format!("{scheme} {credential}");
        assert_eq!(door.send(b"/", Some(good.as_bytes())), Decision::Allowed, "{good}");
        let mut let_on = 0;
        for (change, mutant) in every(good.as_bytes(), &BYTES) {
            let decision = door.send(b"/", Some(&mutant));
            let is_same = says(&mutant, scheme, same);
            let as_it_should = if is_same { decision.is_allowed() } else { refused_as_a_credential(&decision) };
            assert!(as_it_should, "{scheme}, {change:?}, the same credential: {is_same}: {decision:?}");
            let_on += usize::from(is_same);
        }
        // A letter of the scheme in the other case; a space more between, at either side of the one that is there; a space or
        // a tab before or behind.
        assert_eq!(let_on, scheme.len() + 6, "{good}");
    }
}

/// Escapes undone once; nothing where one is broken.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(bytes)
}

/// What a path and query say of the token, as far as it can be said: the path, and every `access_token`.
fn tokens_of(target: &[u8]) -> (&[u8], Vec<Option<Vec<u8>>>) {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let query = target.get(end + 1..).unwrap_or_default();
    let value = |parameter: &[u8]| {
        let end = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let value = parameter.get(end + 1..).unwrap_or_default();
        (unescaped(&parameter[..end])? == b"access_token").then(|| unescaped(value))
    };
    (&target[..end], query.split(|byte| *byte == b'&').filter_map(value).collect())
}

#[test]
fn a_query_of_a_mutant_is_let_on_only_where_it_holds_the_same_token_once() {
    let signer = Signer::es256();
    let token = Token::at(&signer, NOW).mint();
    let signatures = Checked::new(&RustCrypto);
    let mut document = document(&["ES256"], &json!({"inline": jwks(&[&signer])}));
    document["credentials"] = json!({"query": true});
    document["rules"] = json!([{"name": "tap", "match": {"path": "/api/tap"}}]);
    let mut door = Door::new(&document, &signatures);
    let escaped = token.replace('.', "%2E");
    for good in [
        format!("/api/tap?access_token={token}"),
        format!("/api/tap?a=1&access_token={token}&b=%20c"),
        format!("/api/tap?a&access%5Ftoken={escaped}"),
    ] {
        assert_eq!(door.send(good.as_bytes(), None), Decision::Allowed, "{good}");
        let mut let_on = 0;
        for (change, mutant) in every(good.as_bytes(), &BYTES) {
            let decision = door.send(&mutant, None);
            let (path, tokens) = tokens_of(&mutant);
            let is_same = path == b"/api/tap" && tokens == [Some(token.clone().into_bytes())];
            // What is not text at all may be refused for that.
            let may_pass = std::str::from_utf8(&mutant).is_ok();
            if decision.is_allowed() || (is_same && may_pass) {
                assert!(decision.is_allowed() && is_same, "{good}, {change:?}: {decision:?}");
                let_on += 1;
            } else {
                assert!(matches!(decision, Decision::Refused(400 | 401 | 403, _)), "{good}, {change:?}: {decision:?}");
            }
        }
        assert!(let_on > 0, "{good}: what is beside the token is its own business");
    }
}
