//! The filters of each contender, as a deployment would configure them for the same task: tokens of one issuer whose keys
//! are at hand, for one audience, which have to have one capability.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::bootstrap::{AUTHORIZER, typed};
use super::contender::Contender;
use super::tokens::{Alg, CAPABILITY};
use crate::support::mint::{AUDIENCE, ISSUER, jwks};

/// The variable that holds the key of a contender that signs.
pub const SIGNING_KEY: &str = "POSTERN_SIGNING_KEY";

/// What a contender is set up for.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub contender: Contender,
    pub alg: Alg,
    /// How many tokens it may remember; else its own default.
    pub cache: Option<usize>,
    /// How many rules there are, each for paths of its own; else one for all paths.
    pub rules: Option<usize>,
    pub workers: usize,
    /// Where the authorizer listens.
    pub authorizer: Option<SocketAddr>,
}

/// The files of the filters that run in a virtual machine.
pub struct Modules<'a> {
    pub postern: &'a Path,
    pub empty: &'a Path,
}

pub fn filters(scene: &Scene, modules: &Modules<'_>) -> Vec<Value> {
    match scene.contender {
        Contender::None => vec![],
        Contender::WasmEmpty => vec![wasm("empty", modules.empty, &[], &json!({}))],
        Contender::JwtAuthn => vec![jwt_authn(scene, false, false)],
        Contender::JwtAuthnCache => vec![jwt_authn(scene, true, false)],
        Contender::JwtAuthnCacheRbac => vec![jwt_authn(scene, true, true), rbac(scene)],
        Contender::ExtAuthz => vec![ext_authz(scene)],
        Contender::Postern => vec![wasm("postern", modules.postern, &[], &postern(scene))],
        Contender::PosternReused(_) | Contender::PosternSigned(_) => {
            vec![wasm("postern", modules.postern, &[SIGNING_KEY], &reissuing(scene))]
        }
    }
}

/// The paths that the rules stand for.
pub fn prefix(rule: usize) -> String {
    format!("/r{rule:05}")
}

fn prefixes(scene: &Scene) -> Vec<String> {
    scene.rules.map_or_else(|| vec!["/".to_owned()], |rules| (0..rules).map(prefix).collect())
}

fn filter(name: &str, kind: &str, config: Value) -> Value {
    json!({ "name": name, "typed_config": typed(&format!("envoy.extensions.filters.http.{kind}"), config) })
}

fn wasm(name: &str, module: &Path, variables: &[&str], configuration: &Value) -> Value {
    let mut config = json!({
        "name": name,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": module } },
        },
        "configuration": typed("google.protobuf.Struct", json!({ "value": configuration })),
    });
    if !variables.is_empty() {
        config["vm_config"]["environment_variables"] = json!({ "host_env_keys": variables });
    }
    filter(name, "wasm.v3.Wasm", json!({ "config": config }))
}

fn postern(scene: &Scene) -> Value {
    let rules = prefixes(scene).into_iter().enumerate().map(|(number, prefix)| {
        json!({
            "name": format!("rule-{number}"),
            "match": { "prefix": prefix },
            "require": { "capabilities": { "all_of": [CAPABILITY] } },
        })
    });
    let mut configuration = json!({
        "issuers": [{
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": [scene.alg.to_string()],
            "jwks": { "inline": jwks(&[&scene.alg.signer()]) },
        }],
        "rules": rules.collect::<Vec<_>>(),
    });
    if let Some(size) = scene.cache {
        // The number of entries is to be the limit, as in the other caches, and not their size.
        configuration["token_cache"] = json!({ "max_entries": size, "max_bytes": 64 * 1024 * 1024 });
    }
    configuration
}

/// The same with a token for the service: any request gets one, as most are reads.
fn reissuing(scene: &Scene) -> Value {
    let reuse = matches!(scene.contender, Contender::PosternReused(_));
    let mut configuration = postern(scene);
    configuration["reissue"] =
        json!({ "issuer": "https://data.example.org/postern", "keys": [{ "env": SIGNING_KEY, "kid": "2026-11" }] });
    for rule in configuration["rules"].as_array_mut().expect("rules") {
        rule["reissue"] = json!({ "audience": "https://data.example.org/api", "safe_methods": true, "reuse": reuse });
    }
    configuration
}

fn jwt_authn(scene: &Scene, cache: bool, with_rbac: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": jwks(&[&scene.alg.signer()]).to_string() },
        "forward": false,
    });
    if cache {
        provider["jwt_cache_config"] = json!({});
        if let Some(size) = scene.cache {
            provider["jwt_cache_config"] = json!({ "jwt_cache_size": size });
        }
    }
    if with_rbac {
        provider["payload_in_metadata"] = json!("claims");
        // Else a scope is a string, in which `read:tap` is also found in `read:tapes`.
        provider["normalize_payload_in_metadata"] = json!({ "space_delimited_claims": ["scope"] });
    }
    let rules = prefixes(scene).into_iter().map(|prefix| {
        let matched = match scene.rules {
            None => json!({ "prefix": prefix }),
            Some(_) => json!({ "path_separated_prefix": prefix }),
        };
        json!({ "match": matched, "requires": { "provider_name": "issuer" } })
    });
    let config = json!({ "providers": { "issuer": provider }, "rules": rules.collect::<Vec<_>>() });
    filter("envoy.filters.http.jwt_authn", "jwt_authn.v3.JwtAuthentication", config)
}

fn rbac(scene: &Scene) -> Value {
    let has_capability = json!({
        "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{ "key": "claims" }, { "key": "scope" }],
            "value": { "list_match": { "one_of": { "string_match": { "exact": CAPABILITY } } } },
        },
    });
    let policies: Map<String, Value> = prefixes(scene)
        .into_iter()
        .enumerate()
        .map(|(number, prefix)| {
            let permission = match scene.rules {
                None => json!({ "any": true }),
                Some(_) => json!({ "url_path": { "path": { "prefix": format!("{prefix}/") } } }),
            };
            let policy = json!({ "permissions": [permission], "principals": [has_capability] });
            (format!("rule-{number}"), policy)
        })
        .collect();
    let config = json!({ "rules": { "action": "ALLOW", "policies": policies } });
    filter("envoy.filters.http.rbac", "rbac.v3.RBAC", config)
}

fn ext_authz(scene: &Scene) -> Value {
    let address = scene.authorizer.expect("an authorizer for the filter that asks one");
    let config = json!({
        "transport_api_version": "V3",
        "http_service": {
            "server_uri": { "uri": format!("http://{address}"), "cluster": AUTHORIZER, "timeout": "5s" },
        },
    });
    filter("envoy.filters.http.ext_authz", "ext_authz.v3.ExtAuthz", config)
}
