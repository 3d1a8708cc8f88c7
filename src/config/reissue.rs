//! `reissue`, of the whole configuration and of a rule: the issuer that the filter itself is, and the tokens it makes.

use std::time::Duration;

use super::Environment;
use super::reader::{Node, quote};
use super::rules::{read_host, read_issuers};
use crate::authority;
use crate::crypto::SigningKey;
use crate::json::Json;
use crate::jwks::HttpUri;
use crate::policy::{HostPattern, ReadPath, read_path};
use crate::reissue::{
    DEFAULT_KEY_CACHE, DEFAULT_LIFETIME, Documents, Exchange, LONGEST_KEY_CACHE, LONGEST_LIFETIME, OwnIssuer, OwnKey,
    Reissue, SHORTEST_KEY_CACHE, SHORTEST_LIFETIME, Scopes,
};

/// One that signs, one that comes next, and one that is still needed; readers of key sets take few.
const MOST_KEYS: usize = 4;

/// Characters of a thumbprint that tell a handful of keys apart: a key id is in every token.
const SHORT_KID: usize = 8;

const LONGEST_KID: usize = 64;

/// `whole` is the configuration that this is part of.
pub(super) fn read(node: &Node<'_>, environment: Environment<'_>, whole: &Json) -> Option<OwnIssuer> {
    let object = node.object()?;
    let issuer = object.require("issuer").and_then(|node| read_issuer(&node));
    let hosts = object
        .get("hosts")
        .map_or_else(|| issuer.as_ref().map(|issuer| issuer.hosts.clone()), |node| node.each(read_host));
    let keys = object.require("keys").and_then(|node| read_keys(&node, environment));
    let key_cache = object
        .get("key_cache")
        .map_or(Some(DEFAULT_KEY_CACHE), |node| node.duration(SHORTEST_KEY_CACHE, LONGEST_KEY_CACHE));
    let exchange =
        object.get("exchange").map_or(Some(None), |node| read_exchange(&node, issuer.as_ref(), whole).map(Some));
    object.finish();
    let (Issuer { name, origin, path, .. }, keys, exchange) = (issuer?, keys?, exchange?);
    let endpoint = exchange.as_ref().map(|exchange| format!("{origin}{}", exchange.path));
    Some(OwnIssuer {
        documents: Documents::new((&name, &path), &keys, key_cache?, endpoint.as_deref()),
        issuer: name,
        hosts: hosts?,
        keys,
        exchange,
    })
}

fn read_exchange(node: &Node<'_>, issuer: Option<&Issuer>, whole: &Json) -> Option<Exchange> {
    let object = node.object()?;
    let path = match object.get("path") {
        None => issuer.map(|issuer| format!("{}/token", issuer.path)),
        Some(node) => read_path_of_endpoint(&node),
    };
    let audiences = object.require("audiences").and_then(|node| node.strings());
    let lifetime = object.get("lifetime").map_or(Some(DEFAULT_LIFETIME), |node| lifetime(&node));
    // Those entries are not read yet, for the one of our own issuer has its keys from here.
    let known = whole.get("issuers").and_then(Json::as_array).unwrap_or_default();
    let is_known = |name: &str| known.iter().any(|issuer| issuer.get("issuer").and_then(Json::as_str) == Some(name));
    let issuers = object.get("issuers").map_or(Some(None), |node| read_issuers(&node, is_known).map(Some));
    object.finish();
    Some(Exchange { path: path?, audiences: audiences?, lifetime: lifetime?, issuers: issuers? })
}

fn read_path_of_endpoint(node: &Node<'_>) -> Option<String> {
    let path = node.string()?;
    if read_path(path) == ReadPath::Plain(path.to_owned()) && path != "/" && !path.contains("/.well-known/") {
        Some(path.to_owned())
    } else {
        node.problem("has to be one path, such as /postern/token, that is read in one way, without a query")
    }
}

struct Issuer {
    name: String,
    /// Scheme and authority.
    origin: String,
    path: String,
    hosts: Vec<HostPattern>,
}

/// An issuer whose documents are found by its name (OpenID Connect Discovery §4).
fn read_issuer(node: &Node<'_>) -> Option<Issuer> {
    let name = node.string()?;
    let Some(uri) = HttpUri::parse(name).filter(|uri| uri.scheme == "https" || uri.is_loopback()) else {
        return node
            .problem("has to be an https URI, without user part and fragment: services look for the keys there");
    };
    if name.ends_with('/') || name.contains('?') {
        return node.problem("has a query, or ends with /: readers of tokens would not agree on where the keys are");
    }
    let origin = format!("{}://{}", uri.scheme, uri.authority);
    let path = if uri.path == "/" { String::new() } else { uri.path };
    if !path.is_empty() && read_path(&path) != ReadPath::Plain(path.clone()) {
        return node.problem("has a path that can be read in more than one way");
    }
    let host = authority::host(&uri.authority).map(|host| format!("{}:*", host.name));
    let hosts = host.as_deref().and_then(HostPattern::parse).into_iter().collect();
    Some(Issuer { name: name.to_owned(), origin, path, hosts })
}

fn read_keys(node: &Node<'_>, environment: Environment<'_>) -> Option<Vec<OwnKey>> {
    let nodes = node.non_empty_list()?;
    if nodes.len() > MOST_KEYS {
        return node.problem(format!("more than {MOST_KEYS} keys"));
    }
    let keys = node.each(|node| read_key(node, environment))?;
    for (position, key) in keys.iter().enumerate() {
        let earlier = || keys.iter().take(position);
        if earlier().any(|other| other.kid == key.kid) {
            return node.problem(format!("two keys have the kid {}", quote(&key.kid)));
        }
        if earlier().any(|other| other.key.thumbprint() == key.key.thumbprint()) {
            return node.problem("two entries have the same key");
        }
    }
    Some(keys)
}

fn read_key(node: &Node<'_>, environment: Environment<'_>) -> Option<OwnKey> {
    let object = node.object()?;
    let key = object.require("env").and_then(|node| read_from(&node, environment));
    let kid = object.get("kid").map_or(Some(None), |node| read_kid(&node).map(Some));
    object.finish();
    let (key, kid) = (key?, kid?);
    let kid = kid.unwrap_or_else(|| key.thumbprint().chars().take(SHORT_KID).collect());
    Some(OwnKey { kid, key })
}

/// A key stands in the environment and never here: the configuration is shown by Envoy's admin interface.
fn read_from(node: &Node<'_>, environment: Environment<'_>) -> Option<SigningKey> {
    let name = node.string()?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !plain || name.starts_with(|c: char| c.is_ascii_digit()) || name.len() > LONGEST_KID {
        // Not repeated: it may be the key itself.
        return node.problem("is no name of an environment variable; the key stands in the variable, not here");
    }
    let Some(key) = environment(name) else {
        return node.problem(format!(
            "{name} is not set; Envoy has to be started with it, and the VM has to be given it \
             (vm_config.environment_variables, in Istio vmConfig.env)"
        ));
    };
    SigningKey::read(key.expose()).map_or_else(|problem| node.problem(format!("{name} {problem}")), Some)
}

fn read_kid(node: &Node<'_>) -> Option<String> {
    match node.string()? {
        kid if kid.len() <= LONGEST_KID && kid.bytes().all(|b| b.is_ascii_graphic()) => Some(kid.to_owned()),
        _ => node.problem(format!("may hold printable ASCII without spaces, at most {LONGEST_KID} characters")),
    }
}

/// `issued_here` says whether the whole configuration has its part; nothing is said where that is wrong itself.
pub(super) fn read_rule(node: &Node<'_>, issued_here: bool) -> Option<Reissue> {
    let object = node.object()?;
    let audience = object.require("audience").and_then(|node| node.string().map(str::to_owned));
    let lifetime = object.get("lifetime").map_or(Some(DEFAULT_LIFETIME), |node| lifetime(&node));
    let switch = |name, default| object.get(name).map_or(Some(default), |node| node.boolean());
    let safe_methods = switch("safe_methods", false);
    let (outlive, reuse) = (switch("outlive", false), switch("reuse", true));
    let scopes = object
        .get("scopes")
        .map_or(Some(Scopes::Keep), |node| node.choice(&[("keep", Scopes::Keep), ("needed", Scopes::Needed)]));
    object.finish();
    if !issued_here {
        return node.problem("needs `reissue` of the whole configuration beside `rules`, with `issuer` and `keys`");
    }
    Some(Reissue {
        audience: audience?,
        lifetime: lifetime?,
        safe_methods: safe_methods?,
        scopes: scopes?,
        outlive: outlive?,
        reuse: reuse?,
    })
}

pub(super) fn lifetime(node: &Node<'_>) -> Option<Duration> {
    node.duration(SHORTEST_LIFETIME, LONGEST_LIFETIME)
}

#[cfg(test)]
mod tests;
