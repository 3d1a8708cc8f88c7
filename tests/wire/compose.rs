//! What `envoy/docker-compose.yaml` starts fits together: its Envoy on a real one, with tokens as its Keycloak makes them.
//! Only the addresses are others here.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::envoy::{Envoy, project};
use super::harness::http1;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::module::Module;
use super::harness::request::Request;
use super::harness::upstream::Upstream;
use crate::support::mint::{Signer, Token, jwks};

fn text(name: &str) -> String {
    fs::read_to_string(project().join("envoy").join(name)).expect("a file of the sample")
}

fn yaml(name: &str) -> Value {
    serde_yaml_ng::from_str(&text(name)).expect("YAML")
}

fn realm() -> Value {
    serde_json::from_str(&text("postern-realm.json")).expect("JSON")
}

/// The issuer's entry in the filter's configuration.
fn entry() -> Value {
    let listener = &yaml("compose.yaml")["static_resources"]["listeners"][0];
    let filters = &listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
    filters[0]["typed_config"]["config"]["configuration"]["value"]["issuers"][0].clone()
}

/// What a mapper of the realm's client is told.
fn mapper(kind: &str) -> Value {
    let client = &realm()["clients"][0];
    let mappers = client["protocolMappers"].as_array().expect("mappers");
    mappers.iter().find(|mapper| mapper["protocolMapper"] == kind).expect("that mapper")["config"].clone()
}

/// The claims that a Keycloak of version 26 writes, with those of the realm's own mappers.
fn claims() -> Value {
    let (realm, entry) = (realm(), entry());
    let user = &realm["users"][0];
    json!({
        "iss": entry["issuer"],
        "aud": mapper("oidc-audience-mapper")["included.custom.audience"],
        "sub": "7f2f4e0c-9a39-4b8e-8f0f-3b2f6b1f5a11",
        "typ": "Bearer",
        "azp": realm["clients"][0]["clientId"],
        "sid": "a1f2cd2e-61c4-4a35-93c4-6d1f5c1f0b7a",
        "acr": "1",
        "scope": "profile email",
        "email_verified": true,
        "preferred_username": user["username"],
        "groups": [realm["groups"][0]["name"]],
    })
}

#[test]
fn the_parts_of_the_compose_file_agree_about_names_and_ports() {
    let (compose, realm, entry) = (yaml("docker-compose.yaml"), realm(), entry());
    let services = &compose["services"];
    let host = services["keycloak"]["environment"]["KC_HOSTNAME"].as_str().expect("a name");
    let name = realm["realm"].as_str().expect("a name");
    assert_eq!(entry["issuer"], format!("{host}/realms/{name}"));
    assert_eq!(entry["audiences"], json!([mapper("oidc-audience-mapper")["included.custom.audience"]]));
    assert_eq!(mapper("oidc-group-membership-mapper")["full.path"], "false", "groups are named without a slash");
    assert_eq!(services["keycloak"]["volumes"][0]["source"], format!("./{name}-realm.json"));
    for cluster in yaml("compose.yaml")["static_resources"]["clusters"].as_array().expect("clusters") {
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        let service = endpoint["address"]["socket_address"]["address"].as_str().expect("a name");
        assert!(services.get(service).is_some(), "no service {service}");
    }
    for (service, config) in services.as_object().expect("services") {
        let image = config["image"].as_str().expect("an image");
        assert!(image.rsplit_once(':').is_some_and(|(_, tag)| tag.contains('.')), "{service}: {image} is not pinned");
        assert!(!config["user"].as_str().expect("a user").starts_with('0'), "{service} is root");
        for volume in config["volumes"].as_array().into_iter().flatten() {
            assert_eq!(volume["read_only"], true, "{service} may write to {}", volume["source"]);
        }
        for port in config["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")),
                "{service}: all may reach {port}"
            );
        }
    }
    assert_eq!(services["upstream"].get("ports"), None, "the service can be reached without Envoy");
    let password = &realm["users"][0]["credentials"][0]["value"];
    let variable = password.as_str().and_then(|value| value.strip_prefix("${")?.strip_suffix('}')).expect("a variable");
    let given = services["keycloak"]["environment"][variable].as_str().expect("that variable");
    assert!(given.starts_with(&format!("${{{variable}:?")), "a password stands in the file: {given}");
}

#[test]
fn the_envoy_of_the_compose_file_decides_by_the_tokens_of_its_keycloak() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let keys = "/realms/postern/protocol/openid-connect/certs";
    issuer.on(keys, Script::json(&jwks(&[&Signer::rs256()])));
    let upstream = Upstream::start(&journal);
    let (envoy, _) = Envoy::on_files(|folder| {
        let port = |address: std::net::SocketAddr| format!("address: 127.0.0.1, port_value: {} }}", address.port());
        let text = text("compose.yaml")
            .replace("address: keycloak, port_value: 8080 }", &port(issuer.address()))
            .replace("address: upstream, port_value: 8080 }", &port(upstream.address()))
            .replace("address: 0.0.0.0, port_value: 10000 }", "address: 127.0.0.1, port_value: 0 }")
            .replace("port_value: 9901 }", "port_value: 0 }")
            .replace("/etc/envoy/postern.wasm", &Module::Shipped.path().display().to_string());
        let path = folder.join("envoy.yaml");
        fs::write(&path, text).expect("a file");
        path
    });
    let token = |claims: &Value| Token::new(&Signer::rs256()).claims(claims.clone()).mint();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&claims)
    };
    let alice = token(&claims());
    let rows = [
        ("nobody at the public page", "/anything/public", None, 200),
        ("nobody elsewhere", "/headers", None, 401),
        ("alice", "/headers", Some(alice.clone()), 200),
        ("alice, who is of the staff", "/anything/staff", Some(alice), 200),
        ("somebody who is not", "/anything/staff", Some(with("groups", json!(["guests"]))), 403),
        ("an ID token", "/headers", Some(with("typ", json!("ID"))), 401),
        ("a token for another service", "/headers", Some(with("aud", json!("account"))), 401),
        ("of another realm", "/headers", Some(with("iss", json!("http://localhost:8080/realms/master"))), 401),
    ];
    for (name, path, token, status) in rows {
        let request = token.iter().fold(Request::get(path), |request, token| request.bearer(token));
        let before = upstream.count();
        let answer = http1::send(envoy.address(), &request);
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert_eq!(upstream.count() - before, usize::from(status == 200), "{name}");
        if status == 200 && token.is_some() {
            assert_eq!(upstream.whole(before).values("x-auth-request-user"), ["alice"], "{name}");
        }
    }
    assert_eq!(issuer.asked(keys), 1);

    let test = &yaml("docker-compose.yaml")["services"]["envoy"]["healthcheck"]["test"];
    assert_eq!([&test[0], &test[1], &test[2]], ["CMD", "bash", "-c"]);
    // Compose writes `$` as `$$`.
    let command = test[3].as_str().expect("a command").replace("$$", "$");
    let port = envoy.admin_address().port().to_string();
    for (name, port, healthy) in [("a running Envoy", port.as_str(), true), ("none", "1", false)] {
        let command = command.replace("9901", port);
        let status = Command::new("bash").args(["-c", &command]).status().expect("bash");
        assert_eq!(status.success(), healthy, "the health check at {name}");
    }
}
