//! `issuers`: whose tokens are accepted, how they are checked, where their keys are.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::reader::{Node, all};
use crate::crypto::Algorithm;
use crate::issuer::{AudienceRule, ClaimMap, DEFAULT_CLOCK_SKEW, Issuer, KeysAt, MAX_CLOCK_SKEW, Marker, Profile};
use crate::json::Json;
use crate::jwks::{
    HttpUri, JwkSet, KeyLocation, KeySource, LONGEST_CACHE, LONGEST_TIMEOUT, RemoteKeys, SHORTEST_CACHE,
};
use crate::policy::CapabilityGroups;
use crate::reissue::OwnIssuer;
use crate::scope::is_scope_token;
use crate::token::{ClaimPath, TokenUse};

/// Longer than a healthy issuer needs and short enough for a client to wait.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

/// A lifetime under a minute is below the clock skew; one over 31 days is no access token's.
const MIN_LIFETIME: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(31 * 24 * 3600);

/// OpenID Connect Discovery §4.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// RFC 8414 §3, but behind the issuer's whole name, where the SciTokens libraries look.
const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The issuer that the filter itself is.
#[derive(Clone, Copy)]
pub(super) enum Own<'a> {
    Absent,
    /// It could not be read: whose keys are its own is not known, and nothing is said of keys that are missing.
    Unread,
    Read(&'a OwnIssuer),
}

pub(super) fn read(node: &Node<'_>, groups: &Rc<CapabilityGroups>, own: Own<'_>) -> Option<Vec<Issuer>> {
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
    node.each(|node| read_issuer(node, groups, own))
}

fn read_issuer(node: &Node<'_>, groups: &Rc<CapabilityGroups>, own_issuer: Own<'_>) -> Option<Issuer> {
    let object = node.object()?;
    let issuer = object.require("issuer").and_then(|node| read_issuer_name(&node));
    let profile = object.get("profile").map_or(Some(Profile::generic()), |node| read_profile(&node));
    // What is wrong with the rest is worth saying although the profile is.
    let known = profile.unwrap_or_else(Profile::generic);
    if known.slash_at_end && issuer.is_some_and(|issuer| !issuer.ends_with('/')) {
        object.get("issuer")?.problem::<()>(format!("an issuer of profile {} ends with /", known.name));
    }
    let audiences = object.require("audiences").and_then(|node| node.strings());
    let own = match own_issuer {
        Own::Read(own) if issuer == Some(own.issuer.as_str()) => Some(own),
        Own::Read(_) | Own::Unread | Own::Absent => None,
    };
    let algorithms = object.get("algorithms").map_or_else(
        || Some(own.map_or_else(|| known.algorithms.to_vec(), OwnIssuer::algorithms)),
        |node| node.each(|node| node.choice(&Algorithm::ALL)),
    );
    let keys = match (own, object.get("jwks")) {
        (Some(own), None) => Some(KeySource::Inline(Rc::new(own.key_set()))),
        (_, Some(node)) => read_keys(&node, issuer, known.keys),
        (None, None) if matches!(own_issuer, Own::Unread) => None,
        // Perhaps it was meant to be that one.
        (None, None) if matches!(own_issuer, Own::Read(_)) => object.missing(
            "jwks",
            "is missing; only the entry of the `issuer` of `reissue`, in the same letters, needs none",
        ),
        (None, None) => object.require("jwks").and(None),
    };
    let clock_skew =
        object.get("clock_skew").map_or(Some(DEFAULT_CLOCK_SKEW), |node| node.duration(Duration::ZERO, MAX_CLOCK_SKEW));
    let max_lifetime =
        object.get("max_lifetime").map_or(Some(known.max_lifetime), |node| node.duration(MIN_LIFETIME, MAX_LIFETIME));
    let token_use = object.get("token_use").map_or(Some(known.token_use.to_vec()), |node| read_token_use(&node, known));
    let scope_map = object.get("scope_map").map_or(Some(BTreeMap::new()), |node| read_scope_map(&node));
    let claims = read_claims(object.get("claims"), known, audiences.as_deref().unwrap_or_default());
    object.finish();
    Some(Issuer {
        issuer: issuer?.to_owned(),
        profile: profile?,
        audiences: audiences?,
        algorithms: algorithms?,
        clock_skew: clock_skew?,
        max_lifetime: max_lifetime?,
        token_use: token_use?,
        keys: keys?,
        claims: ClaimMap { scope_map: scope_map?, ..claims? },
        capability_groups: Rc::clone(groups),
    })
}

fn read_profile(node: &Node<'_>) -> Option<&'static Profile> {
    let named: Vec<(&str, &Profile)> = Profile::all().iter().map(|profile| (profile.name, profile)).collect();
    node.choice(&named)
}

fn read_token_use(node: &Node<'_>, profile: &Profile) -> Option<Vec<TokenUse>> {
    let kinds = node.each(|node| node.choice(&[("access", TokenUse::Access), ("id", TokenUse::Id)]))?;
    if profile.marker == Marker::HeaderType && kinds != [TokenUse::Access] {
        return node.problem("only access tokens say of themselves what this profile wants to hear, `typ: at+jwt`");
    }
    Some(kinds)
}

fn read_issuer_name<'a>(node: &Node<'a>) -> Option<&'a str> {
    let name = node.string()?;
    if name.trim() == name && !name.chars().any(char::is_control) {
        Some(name)
    } else {
        node.problem("begins or ends with white space, or holds a control character")
    }
}

fn read_keys(node: &Node<'_>, issuer: Option<&str>, keys_at: KeysAt) -> Option<KeySource> {
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
        None if issuer.is_some_and(|issuer| HttpUri::parse(issuer).is_none()) => {
            node.problem("needs `uri`: the keys cannot be found by the issuer's name, which is no URI")
        }
        None => issuer.and_then(|issuer| locate(node, issuer, keys_at)),
    };
    let cluster = match cluster {
        Some(cluster) => cluster.string().map(str::to_owned),
        None => node.problem("needs `cluster`, the Envoy cluster that reaches the issuer, or `inline` keys"),
    };
    let timeout = timeout.map_or(Some(DEFAULT_TIMEOUT), |node| node.duration(MIN_TIMEOUT, LONGEST_TIMEOUT));
    let cache = cache.map_or(Some(None), |node| node.duration(SHORTEST_CACHE, LONGEST_CACHE).map(Some));
    Some(KeySource::Remote(RemoteKeys { location: location?, cluster: cluster?, timeout: timeout?, cache: cache? }))
}

/// Where the keys are, by the issuer's name.
fn locate(node: &Node<'_>, issuer: &str, keys_at: KeysAt) -> Option<KeyLocation> {
    let below = |path: &str| read_uri(node, &format!("{}{path}", issuer.strip_suffix('/').unwrap_or(issuer)));
    let discovery = |fallback| Some(KeyLocation::Discovery { document: below(DISCOVERY_PATH)?, fallback });
    match keys_at {
        KeysAt::Below(path) => below(path).map(KeyLocation::Jwks),
        KeysAt::Discovery => discovery(None),
        KeysAt::DiscoveryOrMetadata => discovery(Some(below(METADATA_PATH)?)),
    }
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

/// The profile's claims, but for those that are given.
fn read_claims(node: Option<Node<'_>>, profile: &Profile, audiences: &[String]) -> Option<ClaimMap> {
    let default = ClaimMap::of(profile);
    let Some(object) = node.as_ref().map_or(Some(None), |node| node.object().map(Some))? else {
        return Some(ClaimMap { groups: with_client_roles(default.groups, profile, audiences), ..default });
    };
    let given = |name| object.get(name).map_or(Some(None), |node| read_claim_paths(&node).map(Some));
    let (user, uid, email) = (given("user"), given("uid"), given("email"));
    let (groups, scopes) = (given("groups"), given("scopes"));
    let (audience, client) = (given("audience"), given("client"));
    object.finish();
    let audience = audience?;
    Some(ClaimMap {
        user: user?.unwrap_or(default.user),
        uid: uid?.unwrap_or(default.uid),
        email: email?.unwrap_or(default.email),
        groups: groups?.unwrap_or_else(|| with_client_roles(default.groups, profile, audiences)),
        scopes: scopes?.unwrap_or(default.scopes),
        audience_rule: if audience.is_some() { AudienceRule::FirstFound } else { default.audience_rule },
        audience: audience.unwrap_or(default.audience),
        client: client?.unwrap_or(default.client),
        scope_map: BTreeMap::new(),
    })
}

fn with_client_roles(mut groups: Vec<ClaimPath>, profile: &Profile, audiences: &[String]) -> Vec<ClaimPath> {
    if profile.client_roles {
        let roles =
            |client: &String| ClaimPath::literal(vec!["resource_access".into(), client.clone(), "roles".into()]);
        groups.extend(audiences.iter().map(roles));
    }
    groups
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
