//! What cannot be looked at is told so, and ends with 2.

use std::process::Stdio;

use serde_json::json;

use crate::scene::{Said, Scene, everything, token};

const URL: &str = "https://api.test/tap";

#[test]
fn what_cannot_be_looked_at_ends_with_2_and_says_why() {
    let scene = Scene::of(&everything());
    let empty = scene.file("empty", "\n");
    let two = scene.file("two", "a b");
    let long = scene.file("long", &"a".repeat(70_000));
    let no_keys = scene.file("no-keys.json", "{}");
    let many_keys = scene.file("many-keys.json", &" ".repeat(1024 * 1024 + 1));
    let good = token(json!({}));
    let remote = token(json!({"iss": "https://remote.test"}));
    for (name, arguments, want) in [
        ("no URL", &[][..], "<URL>"),
        ("a URL of another kind", &["ftp://api.test/"], "URL: it has to begin with https:// or http://"),
        ("a URL without host", &["https:///a"], "URL: it names no host"),
        ("a URL with a space", &["https://api.test/a b"], "URL: it has a space"),
        ("a header without colon", &[URL, "-H", "a"], "write it as 'Name: value'"),
        ("a header's name", &[URL, "-H", "a b: c"], "the name is none that a header has"),
        ("a header on two lines", &[URL, "-H", "a: b\nc: d"], "the value has a line break"),
        ("a method", &[URL, "-X", "A B"], "-X: a method is one word"),
        ("a token twice", &[URL, "--token", "a", "--token-file", "b"], "cannot be used with"),
        ("no token file", &[URL, "--token-file", "nobody"], "nobody: No such file"),
        ("an empty token file", &[URL, "--token-file", &empty], "there is no token in it"),
        ("more than a token", &[URL, "--token-file", &two], "there is more than a token in it"),
        ("no token is that long", &[URL, "--token-file", &long], "longer than any token"),
        ("no time", &[URL, "--at", "yesterday"], "yesterday"),
        ("another plugin", &[URL, "--plugin", "nobody"], "no such plugin"),
        ("no key file", &[URL, "--token", &good, "--jwks", "nobody.json"], "nobody.json: No such file"),
        ("no key set is that long", &[URL, "--token", &good, "--jwks", &many_keys], "larger than 1 MiB"),
        ("no key set", &[URL, "--token", &good, "--jwks", &no_keys], "no key set: no list of keys"),
        ("several key sets", &[URL, "--token", &remote, "--jwks", "a", "--jwks", "b"], "write ISSUER= before each"),
    ] {
        let said = scene.explain(arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains(want), "{name}: {}", said.err);
    }
}

#[test]
fn a_configuration_that_is_wrong_is_told_as_check_tells_it() {
    for (name, text, want) in [
        (
            "a field",
            "issuers: []\nrules:\n- name: a\n  acces: required\n",
            "config.yaml:4:3: error: rules[0].acces: unknown field",
        ),
        ("no YAML", "issuers: [\n", "config.yaml:2:1: error: this is no YAML"),
        ("nothing of ours", "a: b\n", "there is no configuration of the filter in it"),
    ] {
        let said = Scene::written("config.yaml", text).explain(&[URL]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains(want), "{name}: {}", said.err);
    }
}

#[test]
fn of_several_filters_one_is_chosen_by_its_name() {
    let filter = |name: &str| {
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {"name": name, "configuration": {
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": {"issuers": everything()["issuers"][0].as_object().map(|_| json!([everything()["issuers"][0]])), "rules": [{"name": name, "match": {"prefix": "/"}, "access": "anonymous"}]},
            }},
        })
    };
    let scene = Scene::written(
        "envoy.yaml",
        &json!({"static_resources": {"listeners": [filter("one"), filter("two")]}}).to_string(),
    );
    let said = scene.explain(&[URL]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("choose one by --plugin: one (line 1), two (line 1)"), "{}", said.err);
    let told = scene.explain(&[URL, "--plugin", "two", "--json"]).json();
    assert_eq!(told["rules"][0]["name"], "two");
}

#[test]
fn a_token_may_come_by_standard_input() {
    let scene = Scene::of(&everything());
    let token = scene.file("token", &format!("{}\n", token(json!({"scope": "read:tap"}))));
    let stdin = || Stdio::from(std::fs::File::open(&token).unwrap());
    let said = Said::of(scene.command(&[URL, "--token-file", "-"]).stdin(stdin()).output().unwrap());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let mut both = scene.command(&[]);
    both = std::process::Command::new(both.get_program());
    let said = Said::of(both.args(["explain", "-", URL, "--token-file", "-"]).stdin(stdin()).output().unwrap());
    assert_eq!(said.code, 2);
    assert!(said.err.contains("standard input is read once"), "{}", said.err);
}

#[test]
fn several_hosts_are_one_that_no_rule_means_as_envoy_makes_of_them() {
    let told = Scene::of(&everything()).explain(&[URL, "-H", "Host: a.test", "-H", "Host: b.test", "--json"]).json();
    assert_eq!(told["request"]["host"], "a.test,b.test");
}

#[test]
fn help_has_examples() {
    let said = Scene::of(&everything()).explain(&["--help"]);
    assert_eq!(said.code, 0);
    assert!(said.out.matches("postern explain ").count() >= 4, "{}", said.out);
}
