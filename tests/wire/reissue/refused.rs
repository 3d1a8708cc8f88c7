//! Keys that nobody should sign with: the configuration is refused, says why, and tells nothing of the key.

use rsa_09::pkcs1::EncodeRsaPrivateKey as _;
use rsa_09::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::json;

use super::keys::{Key, in_new_vm, of_host};
use super::scene::{Scene, config};
use crate::support::mint::{Signer, Token};
use crate::wire::harness::dynamic::Drain;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Protocol;
use crate::wire::harness::variables::Variables;
use crate::wire::leaks::secrets::Secrets;
use crate::wire::leaks::told::PAGES;

/// Where an Envoy that never starts would have found its service.
const NOWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 9);

const VARIABLE: &str = "BAD_KEY";

struct Row {
    name: &'static str,
    /// What the variable holds, where there is one.
    holds: Option<String>,
    /// A word of the reason.
    why: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |name, holds: &str, why| Row { name, holds: Some(holds.to_owned()), why };
    // Not the issuer's of all tests, which is in the configuration.
    let good = Key::other_rs256();
    let key = good.signer.rsa_key();
    let cut: String = good.pem.lines().take(12).chain(["-----END PRIVATE KEY-----"]).collect::<Vec<_>>().join("\n");
    let pem_of = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    vec![
        Row { name: "no such variable", holds: None, why: "is not set" },
        row("an empty one", "", "empty"),
        row("spaces", "  \n ", "empty"),
        row("RSA of 1024 bits", include_str!("../../support/keys/test-rsa1024.pem"), "2048"),
        row(
            "RSA of 2048 bits with the exponent 3",
            include_str!("../../support/keys/test-rsa2048-exponent3.pem"),
            "exponent",
        ),
        row("P-521", include_str!("../../support/keys/test-p521.pem"), "curve"),
        row("P-384", include_str!("../../support/keys/test-p384.pem"), "curve"),
        row("encrypted", include_str!("../../support/keys/test-p256-encrypted.pem"), "encrypted"),
        row("PKCS#1", &key.to_pkcs1_pem(LineEnding::LF).expect("PEM"), "PKCS#8"),
        row("a public key", &key.to_public_key().to_public_key_pem(LineEnding::LF).expect("PEM"), "public"),
        row("no PEM", &good.pem.lines().filter(|line| !line.starts_with('-')).collect::<String>(), "PEM"),
        row("PEM that is cut off", &good.pem[..good.pem.len() / 2], "PEM"),
        row("half a key", &cut, "PKCS#8"),
        row("what is no base64", &pem_of("!!!! this is no base64 but a password of 16 and more"), "PEM"),
        row("base64 of something else", &pem_of("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="), "PKCS#8"),
    ]
}

/// Sixteen characters of what the variable holds are too many.
fn secrets(row: &Row) -> Secrets {
    let mut secrets = Secrets::default();
    let lines = row.holds.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with("-----"));
    lines.filter(|line| line.trim().len() >= 16).for_each(|line| secrets.add(line.trim()));
    secrets
}

fn variable(number: usize) -> String {
    format!("{VARIABLE}_{number}")
}

/// A configuration that signs with this key, if any, and with what stands in these variables.
fn bad_config(first: Option<&Key>, variables: &[String]) -> serde_json::Value {
    let mut config = config(first.as_slice());
    let bad = variables.iter().map(|variable| json!({ "env": variable }));
    config["reissue"]["keys"].as_array_mut().expect("keys").extend(bad);
    config
}

fn says_why(name: &str, log: &str, at: &str, variable: &str, row: &Row) {
    let line = log.lines().find(|line| line.contains(at)).unwrap_or_else(|| panic!("{name}: no {at}:\n{log}"));
    println!("{name}: {}", &line[line.find(at).unwrap_or_default()..]);
    for word in [variable, row.why] {
        assert!(line.contains(word), "{name}: no {word}: {line}");
    }
    assert_eq!(secrets(row).first_in(log), None, "{name}:\n{log}");
}

#[test]
fn envoy_does_not_start_with_keys_that_nobody_should_sign_with() {
    type Way = fn(Variables, &str, &str) -> Variables;
    let ways: [(&str, Way); 2] = [
        ("host_env_keys", |all, name, text| all.host(name, text)),
        ("key_values", |all, name, text| all.written(name, text)),
    ];
    let rows = rows();
    for (way, hold) in ways {
        for rows in rows.chunks(4) {
            let names: Vec<String> = (0..rows.len()).map(variable).collect();
            let variables = rows.iter().zip(&names).fold(Variables::default(), |all, (row, name)| match &row.holds {
                Some(text) => hold(all, name, text),
                None => all.asked(name),
            });
            let log = Envoy::refusal(&Setup::new(&bad_config(None, &names)).variables(variables), NOWHERE.into());
            for (number, row) in rows.iter().enumerate() {
                let name = format!("{} by {way}", row.name);
                says_why(&name, &log, &format!("reissue.keys[{number}]"), &names[number], row);
            }
        }
    }
}

#[test]
fn a_key_that_nobody_asked_the_process_for_is_not_there() {
    let key = Key::es256();
    let variables = Variables::default().only_host(key.variable, key.pem);
    let log = Envoy::refusal(&Setup::new(&config(&[&key])).variables(variables), NOWHERE.into());
    assert!(log.contains(&format!("reissue.keys[0].env: {} is not set", key.variable)), "{log}");
}

#[test]
fn an_update_with_such_a_key_is_refused_and_the_old_one_goes_on() {
    let good = Key::es256();
    let rows = rows();
    // The process has them all from the beginning, and is asked for the good one alone.
    let of_process = rows.iter().enumerate().fold(of_host(&[&good]), |variables, (number, row)| match &row.holds {
        Some(text) => variables.only_host(&variable(number), text),
        None => variables,
    });
    let dynamic = |setup: Setup| setup.dynamic(Drain::AtOnce);
    let scene = Scene::start(&dynamic(Setup::new(&config(&[&good])).variables(of_process)));
    let sends = |name: &str| {
        let user = Token::new(&Signer::rs256()).mint();
        let came = scene.send(Protocol::Http1, &Request::new("POST", "/job").bearer(&user));
        came.verified(name);
        assert_eq!(came.header()["kid"], good.kid(), "{name}");
    };
    for (number, row) in rows.iter().enumerate() {
        sends(row.name);
        let variable = variable(number);
        let bad = bad_config(Some(&good), std::slice::from_ref(&variable));
        let bad = dynamic(Setup::new(&bad).variables(of_host(&[&good]).asked(&variable)));
        let bad = in_new_vm(bad, &variable);
        let log = scene.envoy.refuses_update(&bad);
        says_why(row.name, &log, "reissue.keys[1]", &variable, row);
        sends(row.name);
        let secrets = secrets(row);
        for page in PAGES {
            assert_eq!(secrets.first_in(&scene.envoy.admin(page)), None, "{}: {page}", row.name);
        }
        assert_eq!(secrets.first_in(&scene.envoy.access_log_text()), None, "{}", row.name);
        assert_eq!(secrets.first_in(&scene.envoy.log()), None, "{}", row.name);
    }
}
