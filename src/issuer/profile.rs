//! What the tokens of each kind of issuer look like: a table of defaults, each of which the configuration may override.

use std::time::Duration;

use super::{DEFAULT_ALGORITHMS, DEFAULT_MAX_LIFETIME};
use crate::crypto::Algorithm;
use crate::token::TokenUse;

/// One kind of issuer.
#[derive(Debug)]
pub struct Profile {
    pub name: &'static str,
    pub claims: DefaultClaims,
    pub algorithms: &'static [Algorithm],
    pub max_lifetime: Duration,
    pub token_use: &'static [TokenUse],
    pub keys: KeysAt,
    pub audience: AudienceRule,
    /// An audience that stands for every service there is.
    pub everyone: Option<&'static str>,
    pub marker: Marker,
    pub needs: &'static [Need],
    pub services: Services,
    /// Whether scopes hold paths, and how they are read.
    pub paths: Option<PathDialect>,
    /// Whether `resource_access` lists roles by client. Those at the configured audiences are groups: a role at another
    /// client means nothing here, whatever it is called.
    pub client_roles: bool,
    /// Whether every issuer of this kind has a name that ends with a slash.
    pub slash_at_end: bool,
}

/// Claim paths, as they would be written in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct DefaultClaims {
    pub user: &'static [&'static str],
    pub uid: &'static [&'static str],
    pub email: &'static [&'static str],
    pub groups: &'static [&'static str],
    pub scopes: &'static [&'static str],
    pub audience: &'static [&'static str],
    pub client: &'static [&'static str],
}

/// Where the keys are, from the issuer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysAt {
    /// OpenID Connect Discovery §4.
    Discovery,
    /// The same, or else RFC 8414's document, where issuers without any login of users have only that.
    DiscoveryOrMetadata,
    /// This below the issuer's name.
    Below(&'static str),
}

/// How several audience claims go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceRule {
    /// The first that is there decides.
    FirstFound,
    /// One of them has to fit.
    Either,
}

/// Where a token has to say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Nowhere: one that does not say is told by what is in it.
    Anywhere,
    Claim(&'static str),
    /// `typ: at+jwt` in the header (RFC 9068 §2.1).
    HeaderType,
}

/// What a token has to have beside what every token needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A claim that is text.
    Text(&'static str),
    /// A claim whose type is checked elsewhere.
    Claim(&'static str),
    /// A claim that is one of these and a number.
    Version(&'static str, &'static [&'static str]),
    /// `kid` in the header.
    KeyId,
    /// A user or a uid (DMTN-094 §3: a capability token is minimally these and capabilities).
    Identity,
}

/// How a client's own token is told from a user's, beside `sub` being the client itself (RFC 9068 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    BySubject,
    /// `preferred_username` of `service-account-CLIENT`, or the claims that the client credentials flow adds.
    Keycloak,
    /// `gty` of `client-credentials`, or a `sub` of `CLIENT@clients`.
    Auth0,
}

/// How scopes with paths are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathDialect {
    SciTokens,
    Wlcg,
}

/// The claims of RFC 7519, RFC 8693 and OpenID Connect, and DMTN-094's `uidNumber` and `isMemberOf`.
const STANDARD: DefaultClaims = DefaultClaims {
    user: &["sub"],
    uid: &["uidNumber"],
    email: &["email"],
    groups: &["groups", "isMemberOf[].name"],
    scopes: &["scope"],
    audience: &["aud"],
    client: &["client_id", "azp"],
};

const GENERIC: Profile = Profile {
    name: "generic",
    claims: STANDARD,
    algorithms: &DEFAULT_ALGORITHMS,
    max_lifetime: DEFAULT_MAX_LIFETIME,
    token_use: &[TokenUse::Access],
    keys: KeysAt::Discovery,
    audience: AudienceRule::FirstFound,
    everyone: None,
    marker: Marker::Anywhere,
    needs: &[],
    services: Services::BySubject,
    paths: None,
    client_roles: false,
    slash_at_end: false,
};

/// Its ID tokens are what DMTN-094 calls identity tokens (§3.2), which the services of the first approach take.
const CILOGON: Profile = Profile {
    name: "cilogon",
    claims: DefaultClaims { user: &["uid", "eppn"], groups: &["isMemberOf[].name"], ..STANDARD },
    token_use: &[TokenUse::Access, TokenUse::Id],
    keys: KeysAt::Below("/oauth2/certs"),
    ..GENERIC
};

/// Tokens that an LSST instance issues itself: capability tokens, and identity tokens with all that CILogon's had in
/// them (DMTN-094 §4.5), the marks of an ID token too.
const LSST: Profile = Profile {
    name: "lsst",
    claims: DefaultClaims { user: &["uid"], groups: &["isMemberOf[].name"], ..STANDARD },
    token_use: &[TokenUse::Access, TokenUse::Id],
    needs: &[Need::Identity],
    ..GENERIC
};

/// Access tokens have no `aud` unless they were asked for a resource; `client_id` stands in for it.
const COGNITO: Profile = Profile {
    name: "cognito",
    claims: DefaultClaims {
        user: &["username", "cognito:username"],
        uid: &["custom:uidNumber"],
        groups: &["cognito:groups"],
        audience: &["aud", "client_id"],
        client: &["client_id"],
        ..STANDARD
    },
    keys: KeysAt::Below("/.well-known/jwks.json"),
    marker: Marker::Claim("token_use"),
    ..GENERIC
};

/// `aud` is `account` and other clients' names unless a mapper adds ours; the client that asked is in `azp`.
const KEYCLOAK: Profile = Profile {
    name: "keycloak",
    claims: DefaultClaims {
        user: &["preferred_username"],
        groups: &["groups", "realm_access.roles"],
        audience: &["aud", "azp"],
        client: &["azp", "client_id"],
        ..STANDARD
    },
    keys: KeysAt::Below("/protocol/openid-connect/certs"),
    audience: AudienceRule::Either,
    marker: Marker::Claim("typ"),
    services: Services::Keycloak,
    client_roles: true,
    ..GENERIC
};

/// With RBAC what a user may do is in `permissions`. Everything else of one's own has a name like a URL, to be given in
/// the configuration.
const AUTH0: Profile = Profile {
    name: "auth0",
    claims: DefaultClaims {
        uid: &[],
        groups: &[],
        scopes: &["scope", "permissions"],
        client: &["azp", "client_id"],
        ..STANDARD
    },
    keys: KeysAt::Below("/.well-known/jwks.json"),
    services: Services::Auth0,
    slash_at_end: true,
    ..GENERIC
};

/// A SciToken says what may be done and not who does it: `sub` is not for identity (DMTN-094 §6.7).
const SCITOKENS: Profile = Profile {
    name: "scitokens",
    claims: DefaultClaims { user: &[], uid: &["posix.uid"], groups: &[], ..STANDARD },
    algorithms: &[Algorithm::Rs256, Algorithm::Es256],
    keys: KeysAt::DiscoveryOrMetadata,
    everyone: Some("ANY"),
    needs: &[
        Need::Version("ver", &["scitoken:2.", "scitokens:2."]),
        Need::Claim("iat"),
        Need::Claim("nbf"),
        Need::Text("scope"),
    ],
    paths: Some(PathDialect::SciTokens),
    ..GENERIC
};

/// The common JWT profile of the WLCG: as SciTokens, or with groups. Its access tokens live for six hours at most.
const WLCG: Profile = Profile {
    name: "wlcg",
    claims: DefaultClaims { user: &[], uid: &[], groups: &["[\"wlcg.groups\"]"], ..STANDARD },
    algorithms: &[Algorithm::Rs256, Algorithm::Es256],
    max_lifetime: Duration::from_secs(6 * 3600),
    keys: KeysAt::DiscoveryOrMetadata,
    everyone: Some("https://wlcg.cern.ch/jwt/v1/any"),
    needs: &[Need::Version("wlcg.ver", &["1."]), Need::Text("sub"), Need::Claim("iat"), Need::Text("jti"), Need::KeyId],
    paths: Some(PathDialect::Wlcg),
    ..GENERIC
};

/// RFC 9068.
const AT_JWT: Profile = Profile {
    name: "at-jwt",
    claims: DefaultClaims { groups: &["groups", "roles", "entitlements"], client: &["client_id"], ..STANDARD },
    marker: Marker::HeaderType,
    needs: &[Need::Text("sub"), Need::Text("client_id"), Need::Claim("iat"), Need::Text("jti")],
    ..GENERIC
};

static PROFILES: [Profile; 9] = [GENERIC, CILOGON, LSST, COGNITO, KEYCLOAK, AUTH0, SCITOKENS, WLCG, AT_JWT];

impl Profile {
    /// Every profile; the first one is the default.
    pub fn all() -> &'static [Self] {
        &PROFILES
    }

    pub fn generic() -> &'static Self {
        &PROFILES[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ClaimPath;

    #[test]
    fn every_default_claim_is_a_claim_path() {
        for profile in Profile::all() {
            let DefaultClaims { user, uid, email, groups, scopes, audience, client } = profile.claims;
            for path in [user, uid, email, groups, scopes, audience, client].concat() {
                assert!(ClaimPath::parse(path).is_some(), "{}: {path}", profile.name);
            }
            assert!(!audience.is_empty() && !scopes.is_empty(), "{}", profile.name);
        }
    }
}
