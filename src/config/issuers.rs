//! `issuers`: whose tokens are accepted, how they are checked, where their keys are.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::reader::{Node, Support, all};
use crate::crypto::Algorithm;
use crate::issuer::{ClaimMap, DEFAULT_ALGORITHMS, DEFAULT_CLOCK_SKEW, DEFAULT_MAX_LIFETIME, Issuer, MAX_CLOCK_SKEW};
use crate::json::Json;
use crate::jwks::{
    HttpUri, JwkSet, KeyLocation, KeySource, LONGEST_CACHE, LONGEST_TIMEOUT, RemoteKeys, SHORTEST_CACHE,
};
use crate::policy::is_scope_token;
use crate::token::{ClaimPath, TokenUse};

/// Longer than a healthy issuer needs and short enough for a client to wait.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A lifetime under a minute is below the clock skew; one over 31 days is no access token's.
const MIN_LIFETIME: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(31 * 24 * 3600);

/// OpenID Connect Discovery §4.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

const PROFILES: [(&str, Support); 9] = [
    ("generic", Support::Built),
    ("cilogon", Support::NotYet),
    ("lsst", Support::NotYet),
    ("cognito", Support::NotYet),
    ("keycloak", Support::NotYet),
    ("auth0", Support::NotYet),
    ("scitokens", Support::NotYet),
    ("wlcg", Support::NotYet),
    ("at-jwt", Support::NotYet),
];

pub(super) fn read(node: &Node<'_>) -> Option<Vec<Issuer>> {
    let nodes = node.non_empty_list()?;
    let mut names: Vec<&str> = Vec::new();
    for issuer in &nodes {
        // Two entries of one issuer would leave it to their order which audiences hold.
        if let Some(name) = issuer.value().get("issuer").and_then(Json::as_str) {
            if names.contains(&name) {
                issuer.problem::<()>("another entry has the same issuer");
            }
            names.push(name);
        }
    }
    node.each(read_issuer)
}

fn read_issuer(node: &Node<'_>) -> Option<Issuer> {
    let object = node.object()?;
    let issuer = object.require("issuer").and_then(|node| read_issuer_name(&node));
    if let Some(profile) = object.get("profile") {
        profile.supported(&PROFILES);
    }
    let audiences = object.require("audiences").and_then(|node| node.strings());
    let algorithms = object
        .get("algorithms")
        .map_or(Some(DEFAULT_ALGORITHMS.to_vec()), |node| node.each(|node| node.choice(&Algorithm::ALL)));
    let keys = object.require("jwks").and_then(|node| read_keys(&node, issuer));
    let clock_skew =
        object.get("clock_skew").map_or(Some(DEFAULT_CLOCK_SKEW), |node| node.duration(Duration::ZERO, MAX_CLOCK_SKEW));
    let max_lifetime =
        object.get("max_lifetime").map_or(Some(DEFAULT_MAX_LIFETIME), |node| node.duration(MIN_LIFETIME, MAX_LIFETIME));
    let token_use = object.get("token_use").map_or(Some(vec![TokenUse::Access]), |node| {
        node.each(|node| node.choice(&[("access", TokenUse::Access), ("id", TokenUse::Id)]))
    });
    let scope_map = object.get("scope_map").map_or(Some(BTreeMap::new()), |node| read_scope_map(&node));
    let claims = object.get("claims").map_or_else(|| Some(ClaimMap::default()), |node| read_claims(&node));
    object.finish();
    Some(Issuer {
        issuer: issuer?.to_owned(),
        audiences: audiences?,
        algorithms: algorithms?,
        clock_skew: clock_skew?,
        max_lifetime: max_lifetime?,
        token_use: token_use?,
        keys: keys?,
        claims: ClaimMap { scope_map: scope_map?, ..claims? },
    })
}

fn read_issuer_name<'a>(node: &Node<'a>) -> Option<&'a str> {
    let name = node.string()?;
    if name.trim() == name && !name.chars().any(char::is_control) {
        Some(name)
    } else {
        node.problem("begins or ends with white space, or holds a control character")
    }
}

fn read_keys(node: &Node<'_>, issuer: Option<&str>) -> Option<KeySource> {
    let object = node.object()?;
    let inline = object.get("inline");
    let uri = object.get("uri");
    let cluster = object.get("cluster");
    let timeout = object.get("timeout");
    let cache = object.get("cache");
    object.finish();
    if let Some(inline) = inline {
        for other in [uri, cluster, timeout, cache].into_iter().flatten() {
            other.problem::<()>("has no meaning beside `inline`");
        }
        return read_inline(&inline).map(KeySource::Inline);
    }
    let location = match &uri {
        Some(node) => read_uri(node, node.string()?).map(KeyLocation::Jwks),
        None => issuer.and_then(|issuer| {
            let document = format!("{}{DISCOVERY_PATH}", issuer.strip_suffix('/').unwrap_or(issuer));
            read_uri(node, &document).map(KeyLocation::Discovery)
        }),
    };
    let cluster = match cluster {
        Some(cluster) => cluster.string().map(str::to_owned),
        None => node.problem("needs `cluster`, the Envoy cluster that reaches the issuer, or `inline` keys"),
    };
    let timeout = timeout.map_or(Some(DEFAULT_TIMEOUT), |node| node.duration(MIN_TIMEOUT, LONGEST_TIMEOUT));
    let cache = cache.map_or(Some(None), |node| node.duration(SHORTEST_CACHE, LONGEST_CACHE).map(Some));
    Some(KeySource::Remote(RemoteKeys { location: location?, cluster: cluster?, timeout: timeout?, cache: cache? }))
}

/// Whoever can change keys on their way can sign any token. Within one machine there is no way to be on.
fn read_uri(node: &Node<'_>, uri: &str) -> Option<HttpUri> {
    match HttpUri::parse(uri) {
        Some(uri) if uri.scheme == "https" || uri.is_loopback() => Some(uri),
        Some(_) => node.problem(
            "keys would be fetched by plain http; give `uri` with https:// and let the cluster say how it is reached",
        ),
        // Not repeated: it may hold a password.
        None => node.problem("is not an https URI; it may have no user part and no fragment"),
    }
}

/// Keys in the configuration are the author's own, so each has to be good.
fn read_inline(node: &Node<'_>) -> Option<Rc<JwkSet>> {
    if node.value().first_duplicate().is_some() {
        return node.problem("a member name stands twice in one object");
    }
    let (set, refused) = match JwkSet::from_json(node.value()) {
        Ok(read) => read,
        Err(error) => return node.problem(format!("is no key set: {error}")),
    };
    for (position, error) in &refused {
        node.problem::<()>(format!("keys[{position}]: {}", error.as_str()));
    }
    if refused.is_empty() && set.iter().next().is_none() {
        return node.problem("has no key");
    }
    Some(Rc::new(set))
}

fn read_scope_map(node: &Node<'_>) -> Option<BTreeMap<String, String>> {
    let read = |(from, node): (&str, Node<'_>)| {
        let to = node.string()?;
        if is_scope_token(to) && is_scope_token(from) {
            Some((from.to_owned(), to.to_owned()))
        } else {
            node.problem("a scope holds printable ASCII without spaces, quotes and backslashes")
        }
    };
    all(node.object()?.entries().into_iter().map(read))
}

fn read_claims(node: &Node<'_>) -> Option<ClaimMap> {
    let object = node.object()?;
    let default = ClaimMap::default();
    let paths = |name, default| object.get(name).map_or(Some(default), |node| read_claim_paths(&node));
    let map = (
        paths("user", default.user),
        paths("uid", default.uid),
        paths("email", default.email),
        paths("groups", default.groups),
        paths("scopes", default.scopes),
        paths("audience", default.audience),
        paths("client", default.client),
    );
    object.finish();
    let (user, uid, email, groups, scopes, audience, client) = map;
    Some(ClaimMap {
        user: user?,
        uid: uid?,
        email: email?,
        groups: groups?,
        scopes: scopes?,
        audience: audience?,
        client: client?,
        scope_map: BTreeMap::new(),
    })
}

/// One path, or a list of them.
pub(super) fn read_claim_paths(node: &Node<'_>) -> Option<Vec<ClaimPath>> {
    if matches!(node.value(), Json::String(_)) {
        return read_claim_path(node).map(|path| vec![path]);
    }
    node.each(read_claim_path)
}

/// `a.b`, `a[].b`, `["https://ns/x"]`, or the names as a list of their own.
fn read_claim_path(node: &Node<'_>) -> Option<ClaimPath> {
    if matches!(node.value(), Json::Array(_)) {
        return node.strings().map(ClaimPath::literal);
    }
    match ClaimPath::parse(node.string()?) {
        Some(path) => Some(path),
        None => node.problem("is no claim path; write a.b, a[].b, or [\"https://ns/x\"] for a name with dots"),
    }
}
