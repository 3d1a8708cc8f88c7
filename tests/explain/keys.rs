//! The keys that signatures are checked with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::scene::{NOW, Said, Scene, everything, token};
use crate::support::mint::{Signer, Token, jwks};

const URL: &str = "https://api.test/anybody";

/// A token of the issuer whose keys are not in the configuration.
fn remote() -> String {
    token(json!({"iss": "https://remote.test"}))
}

fn signature(told: &Value) -> &Value {
    told["checks"].as_array().unwrap().iter().find(|check| check["check"] == "signature").unwrap()
}

#[test]
fn without_keys_all_else_is_looked_at_and_that_is_said() {
    let scene = Scene::of(&everything());
    let forged = Token::at(&Signer::other_es256(), NOW).claim("iss", "https://remote.test").mint();
    let rs256 = Token::at(&Signer::es384(), NOW).claim("iss", "https://remote.test").mint();
    for (name, token, reason) in
        [("good", remote(), "ok"), ("forged", forged, "ok"), ("not accepted", rs256, "algorithm")]
    {
        let said = scene.explain(&[URL, "--token", &token, "--json"]);
        let told = said.json();
        assert_eq!(said.code, if reason == "ok" { 3 } else { 1 }, "{name}");
        assert_eq!(told["decision"]["reason"], reason, "{name}: {told:#}");
        let is_conditional = told["decision"]["on_condition_that_the_signature_holds"].as_bool().unwrap();
        assert_eq!(is_conditional, reason == "ok", "{name}");
        assert_eq!(signature(&told)["state"], if is_conditional { "not_checked" } else { "not_reached" }, "{name}");
    }
    let said = scene.explain(&[URL, "--token", &remote()]);
    assert!(said.out.contains("NOT CHECKED") && said.out.contains("ON CONDITION"), "{}", said.out);
}

#[test]
fn every_algorithm_can_be_looked_at_without_keys() {
    let mut config = everything();
    let names: Vec<&str> = Signer::every_algorithm().iter().map(Signer::alg).collect();
    config["issuers"][2]["algorithms"] = json!(names);
    let scene = Scene::of(&config);
    for signer in Signer::every_algorithm() {
        for token in [Token::at(&signer, NOW), Token::at(&signer, NOW).without_header("kid")] {
            let token = token.claim("iss", "https://remote.test").mint();
            let told = scene.explain(&[URL, "--token", &token, "--json"]).json();
            assert_eq!(
                (&told["decision"]["reason"], &told["signature_checked"]),
                (&json!("ok"), &json!(false)),
                "{}",
                signer.alg()
            );
        }
    }
}

#[test]
fn keys_of_a_file_are_those_of_the_tokens_issuer_or_of_the_one_that_is_named() {
    let scene = Scene::of(&everything());
    scene.file("good.json", &jwks(&[&Signer::es256()]).to_string());
    scene.file("other.json", &jwks(&[&Signer::other_es256().with_kid("test-es256")]).to_string());
    let token = remote();
    for (name, sets, want) in [
        ("its own", &["good.json"][..], "ok"),
        ("another's", &["other.json"], "bad_signature"),
        ("named", &["https://remote.test=good.json", "other.json"], "ok"),
        ("named, the other way", &["https://remote.test=other.json", "good.json"], "bad_signature"),
        ("of another issuer", &["https://issuer.test=other.json", "good.json"], "ok"),
        ("of another issuer alone", &["https://issuer.test=nobody.json"], "ok"),
    ] {
        let mut arguments = vec![URL, "--token", &token, "--json"];
        sets.iter().for_each(|set| arguments.extend(["--jwks", set]));
        let told = scene.explain(&arguments).json();
        assert_eq!(told["decision"]["reason"], want, "{name}: {told:#}");
        assert_eq!(told["signature_checked"], !name.ends_with("alone"), "{name}");
    }
}

#[test]
fn keys_that_are_given_go_before_those_of_the_configuration() {
    let scene = Scene::of(&everything());
    scene.file("other.json", &jwks(&[&Signer::other_es256().with_kid("test-es256")]).to_string());
    let told = scene.explain(&[URL, "--token", &token(json!({})), "--jwks", "other.json", "--json"]).json();
    assert_eq!(told["decision"]["reason"], "bad_signature");
}

#[test]
fn a_key_to_sign_with_that_is_not_set_is_no_key_to_check_by() {
    let own = Token::at(&Signer::es256(), NOW).claim("iss", crate::scene::OWN).mint();
    let scene = Scene::of(&everything());
    let told = scene.explain(&[URL, "--token", &own, "--json"]).json();
    assert_eq!((&told["decision"]["reason"], &told["signature_checked"]), (&json!("ok"), &json!(false)), "{told:#}");
    let pem = include_str!("../support/keys/test-p256-a.pem");
    let said = |pem: &str| {
        let mut command = scene.command(&[URL, "--token", &own, "--json"]);
        Said::of(command.env("POSTERN_EXPLAIN_TEST_KEY", pem).output().unwrap())
    };
    assert_eq!(said(pem).json()["decision"]["reason"], "unknown_key");
    let wrong = said("hunter2");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("reissue.keys[0].env: POSTERN_EXPLAIN_TEST_KEY") && !wrong.err.contains("hunter2"),
        "{}",
        wrong.err
    );
}

/// `postern issuer` on a free port, stopped when the test ends.
struct Issuer(Child, String);

impl Issuer {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_postern"))
            .args(["issuer", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).unwrap();
        Self(child, address)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that gives every request one answer.
fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}")
}

#[test]
fn keys_are_fetched_from_their_own_place_or_by_the_issuers_name() {
    let issuer = Issuer::start();
    let scene = Scene::of(&everything());
    let token = remote();
    let set = |url: &str| {
        let told = scene.explain(&[URL, "--token", &token, "--jwks", url, "--json"]).json();
        assert_eq!(
            (&told["decision"]["reason"], &told["signature_checked"]),
            (&json!("unknown_key"), &json!(true)),
            "{url}: {told:#}"
        );
        signature(&told)["facts"].to_string()
    };
    let keys = set(&format!("{}/jwks.json", issuer.1));
    assert!(keys.contains("es256-"), "{keys}");
    for url in [issuer.1.clone(), format!("{}/", issuer.1), format!("{}/.well-known/openid-configuration", issuer.1)] {
        assert_eq!(set(&url).split("the keys").last(), keys.split("the keys").last(), "{url}");
    }
}

#[test]
fn what_is_fetched_and_is_no_key_set_is_told_and_bounded() {
    let scene = Scene::of(&everything());
    let token = remote();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let file = format!("file://{}/config.yaml", scene.folder().display());
    let leads_to = |uri: &str| answering(ok(&json!({"jwks_uri": uri}).to_string()));
    for (name, url, want) in [
        ("nobody there", closed.clone(), "curl: (7)"),
        ("a page", answering(ok("<html>")), "neither a key set nor an OpenID issuer"),
        ("no keys that can be used", answering(ok("{\"keys\":[]}")), "no key set: no key"),
        ("an error", answering("HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n".to_owned()), "503"),
        (
            "a redirect",
            answering(
                "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            ),
            "neither a key set",
        ),
        ("too much", answering(ok(&" ".repeat(2 * 1024 * 1024))), "1 MiB"),
        ("a file behind an address", leads_to(&file), "only http and https are fetched"),
        ("one address behind the other", leads_to(&leads_to("http://127.0.0.1:1/")), "no key set"),
    ] {
        let said = scene.explain(&[URL, "--token", &token, "--jwks", &url]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains(want), "{name}: {}", said.err);
    }
    // The absent program is spoken of.
    let mut command = scene.command(&[URL, "--token", &token, "--jwks", &closed]);
    let said = Said::of(command.env("PATH", scene.folder()).output().unwrap());
    assert_eq!(said.code, 2);
    assert!(said.err.contains("the program curl, which fetches it, is not installed"), "{}", said.err);
}
