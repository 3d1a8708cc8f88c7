//! Making a token of another.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::payload::{Members, object, quoted};
use super::{Former, OwnIssuer, OwnKey, Refused};
use crate::crypto::Signer;
use crate::denial::Denial;
use crate::json::Json;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::token::{ClaimPath, MAX_LENGTH};

/// What the new token is to be.
pub struct Order<'a> {
    pub audience: &'a str,
    pub lifetime: Duration,
    /// Whether it may end later than the former.
    pub outlive: bool,
    /// Its scopes, where they are not the former's.
    pub scope: Option<&'a str>,
    /// Which claims it is not to have.
    pub leave_out: &'a dyn Fn(&str) -> bool,
}

#[derive(Debug)]
pub struct Minted {
    pub token: Secret,
    pub issued: UnixTime,
    pub expires: UnixTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MintError {
    /// Nobody would read what came of it: it would be longer or deeper than a token may be.
    TooLarge,
    /// What should not fail has failed.
    Internal(&'static str),
}

/// Makes a token of one that was verified. `iss`, `aud`, `iat`, `exp` and `jti` are new; `act` is what those were (RFC 8693
/// §4.1); all other claims stay as they are written.
pub fn mint(
    own: &OwnIssuer,
    former: &Former,
    order: &Order<'_>,
    signer: &dyn Signer,
    now: UnixTime,
) -> Result<Minted, MintError> {
    let key = own.keys.first().ok_or(MintError::Internal("there is no key to sign with"))?;
    let payload = payload(&former.token).ok_or(MintError::Internal("a verified token cannot be read"))?;
    let members = Members::read(&payload).ok_or(MintError::Internal("a verified token cannot be read"))?;
    let (issued, expires) = times(&members, order, now)?;
    let nonce = signer.nonce().ok_or(MintError::Internal("there are no random numbers"))?;
    let act = object(&["iss", "aud", "jti", "act"].map(|name| (name, members.get(name))));
    // What is in it stands deeper than where it was read; all else was found good, and stands where it stood.
    if Json::parse(object(&[("act", Some(&act))]).as_bytes()).is_err() {
        return Err(MintError::TooLarge);
    }
    let mut set = vec![
        ("iss", quoted(&own.issuer)),
        ("aud", quoted(order.audience)),
        ("iat", issued.to_string()),
        ("exp", expires.to_string()),
        ("jti", quoted(&URL_SAFE_NO_PAD.encode(nonce))),
        ("act", act),
    ];
    set.extend(order.scope.map(|scope| ("scope", quoted(scope))));
    let claims = members.rewritten(&set, order.leave_out);
    let header = json!({"alg": key.key.algorithm().name(), "kid": key.kid, "typ": former.typ}).to_string();
    sign(key, &header, &claims, (issued, expires), signer)
}

/// The shortest token that says who calls, and may do what: for clients that cut what is longer. It has no `iat`, `jti` and
/// `act`, and of the user no more than the name.
pub fn mint_short(
    own: &OwnIssuer,
    former: &Former,
    order: &Order<'_>,
    signer: &dyn Signer,
    now: UnixTime,
) -> Result<Minted, Denial> {
    let unreadable = MintError::Internal("a verified token cannot be read");
    let payload = payload(&former.token).ok_or(unreadable)?;
    let members = Members::read(&payload).ok_or(unreadable)?;
    let claims = Json::parse(payload.as_bytes()).map_err(|_| unreadable)?;
    // Who reads it as a token of the former's issuer finds the same user in it.
    let is_name = |claim: &Json| claim.as_str().is_some_and(|name| !name.is_empty());
    let user = former.issuer.claims.user.iter().find(|path| path.first(&claims).is_some_and(is_name));
    let user = user.and_then(ClaimPath::only_name).filter(|_| former.names_user);
    let user = user.ok_or(Refused::Request("Short tokens are for users whose name is a claim of its own"))?;
    let (issued, expires) = times(&members, order, now)?;
    let scope = order.scope.filter(|scope| !scope.is_empty()).map(quoted);
    let claims = object(&[
        ("iss", Some(&quoted(&own.issuer))),
        ("aud", Some(&quoted(order.audience))),
        (user, members.get(user)),
        ("exp", Some(&expires.to_string())),
        ("scope", scope.as_deref()),
    ]);
    let key = own.keys.iter().min_by_key(|key| key.key.signature_length());
    let key = key.ok_or(MintError::Internal("there is no key to sign with"))?;
    let header = json!({"alg": key.key.algorithm().name(), "kid": key.kid}).to_string();
    Ok(sign(key, &header, &claims, (issued, expires), signer)?)
}

/// When it begins and when it ends, in seconds.
fn times(former: &Members<'_>, order: &Order<'_>, now: UnixTime) -> Result<(u64, u64), MintError> {
    let expires = now.plus(order.lifetime).seconds();
    let former: Option<u64> = former.get("exp").and_then(|exp| exp.parse().ok());
    let expires = match former.ok_or(MintError::Internal("a verified token has no end"))? {
        _ if order.outlive => expires,
        former => expires.min(former),
    };
    // A former that has ended is used for a moment more by clocks that differ; none may end before it begins.
    Ok((now.seconds().min(expires), expires))
}

fn sign(
    key: &OwnKey,
    header: &str,
    claims: &str,
    (issued, expires): (u64, u64),
    signer: &dyn Signer,
) -> Result<Minted, MintError> {
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer.sign(&key.key, &token).ok_or(MintError::Internal("a token cannot be signed"))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > MAX_LENGTH {
        return Err(MintError::TooLarge);
    }
    let [issued, expires] = [issued, expires].map(UnixTime::from_seconds);
    Ok(Minted { token: Secret::new(token), issued, expires })
}

/// The payload of a compact JWS.
fn payload(token: &Secret) -> Option<String> {
    let encoded = token.expose().split('.').nth(1)?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}
