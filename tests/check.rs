//! `postern check` as it is called: what it reads, prints and ends with.

#![cfg(test)]

#[path = "support/command.rs"]
mod command;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use command::postern;

const GOOD: &str = "issuers:
- { issuer: https://login.test, audiences: [https://api.test], jwks: { cluster: login } }
rules:
- { name: all, match: { prefix: / } }
";
/// Without rules all depends on what routes say, and those are in another file.
const BARE: &str = "issuers:
- { issuer: https://login.test, audiences: [https://api.test], jwks: { cluster: login } }
";
/// A shadow rule is a warning.
const ODD: &str = "issuers:
- { issuer: https://login.test, audiences: [https://api.test], jwks: { cluster: login } }
rules:
- { name: all, match: { prefix: / }, shadow: true }
";
const BAD: &str = "issuers:
- { issuer: https://login.test, audiences: [], jwks: { cluster: login, cache: 1s } }
";

fn check(arguments: &[&str], folder: &Path, input: &str) -> Output {
    postern(folder, &[&["check"], arguments].concat(), input.as_bytes())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("good.yaml", GOOD), ("odd.yaml", ODD), ("bad.yaml", BAD)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("bytes.yaml"), b"a: \xff").unwrap();
    folder
}

#[test]
fn the_end_says_what_was_found() {
    let folder = folder();
    let good = "good.yaml:1: a configuration with 1 issuer and 1 rule\n0 errors, 0 warnings\n";
    let bare = "-:1:1: note: rules: there are none, and no route of these files says in its metadata what it needs: every \
                request is refused\n-:1: a configuration with 1 issuer and 0 rules\n0 errors, 0 warnings\n";
    let odd = "odd.yaml:1:1: warning: rule all is a shadow: every request under it is let on\n\
               odd.yaml:1: a configuration with 1 issuer and 1 rule\n0 errors, 1 warning\n";
    let bad = "bad.yaml:2:33: error: issuers[0].audiences: needs at least one item\n\
               bad.yaml:2:72: error: issuers[0].jwks.cache: must be between 5m and 1h\n2 errors, 0 warnings\n";
    for (name, arguments, input, code, stdout, stderr) in [
        ("nothing wrong", &["good.yaml"][..], "", 0, good, ""),
        ("a warning", &["odd.yaml"], "", 0, odd, ""),
        ("a warning, strictly", &["--strict", "odd.yaml"], "", 1, odd, ""),
        ("errors", &["bad.yaml"], "", 1, bad, ""),
        ("standard input", &["-"], GOOD, 0, &*good.replace("good.yaml", "-"), ""),
        ("no rules", &["--strict", "-"], BARE, 0, bare, ""),
        ("no such file", &["none.yaml"], "", 2, "", "postern: none.yaml: No such file or directory (os error 2)\n"),
        (
            "one of two",
            &["good.yaml", "none.yaml"],
            "",
            2,
            "",
            "postern: none.yaml: No such file or directory (os error 2)\n",
        ),
        ("no text", &["bytes.yaml"], "", 2, "", "postern: bytes.yaml: not UTF-8\n"),
    ] {
        let output = check(arguments, folder.path(), input);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), stdout, "{name}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), stderr, "{name}");
        assert_eq!(output.status.code(), Some(code), "{name}");
    }
    let output = check(&[], folder.path(), "");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "without a file");
}

/// The key itself is looked at where it is there, and otherwise a note says that it was not.
#[test]
fn a_signing_key_is_looked_at_where_it_is_set() {
    const NAME: &str = "POSTERN_CHECK_TEST_KEY";
    let folder = folder();
    let config = format!("{GOOD}reissue: {{ issuer: https://api.test/postern, keys: [{{ env: {NAME} }}] }}\n");
    std::fs::write(folder.path().join("signs.yaml"), config).unwrap();
    for (name, key, code, want) in [
        ("not there", None, 0, "note: reissue.keys[0].env: POSTERN_CHECK_TEST_KEY is not set here"),
        ("a key", Some(include_str!("support/keys/test-p256-a.pem")), 0, "0 errors, 0 warnings"),
        ("none", Some("geheim"), 1, "error: reissue.keys[0].env: "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.args(["check", "signs.yaml"]).current_dir(folder.path()).env_remove(NAME);
        let output = command.envs(key.map(|key| (NAME, key))).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains(want) && !said.contains("geheim"), "{name}: {said}");
        assert_eq!(said.contains("note: "), key.is_none(), "{name}: {said}");
    }
}

#[test]
fn a_file_that_nobody_wrote_is_not_read_to_its_end() {
    let folder = folder();
    let large = std::fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(32 * 1024 * 1024 + 1).unwrap();
    let output = check(&["large.yaml"], folder.path(), "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(2), "postern: large.yaml: larger than 32 MiB\n"));
}

/// Names are of whoever wrote the file, and may be written to look like a verdict.
#[test]
fn nothing_in_a_file_acts_on_a_terminal() {
    let folder = folder();
    let hostile = "kind: ServiceEntry\nspec: { hosts: [a.test], ports: [{ number: 443 }] }\n---\nkind: WasmPlugin\n\
        metadata: { name: \"postern\\e[2J\" }\nspec:\n  failStrategy: FAIL_RELOAD\n  phase: AUTHN\n  pluginConfig:\n    issuers:\n\
        \x20   - { issuer: https://a.test, audiences: [a], jwks: { cluster: \"outbound|443||b\\e[2J\\u202e\\x9b\" } }\n";
    std::fs::write(folder.path().join("hostile\u{1b}.yaml"), hostile).unwrap();
    for arguments in [&["hostile\u{1b}.yaml"][..], &["--json", "hostile\u{1b}.yaml"], &["no\u{1b}.yaml"]] {
        let output = check(arguments, folder.path(), "");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("[2J") || said.contains("No such file"), "{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{said:?}");
    }
}

#[test]
fn machines_get_the_same_as_json() {
    let folder = folder();
    let output = check(&["--json", "good.yaml", "bad.yaml"], folder.path(), "");
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["configurations"][0]["file"], "good.yaml");
    let problem = &said["problems"][1];
    let place = (&problem["file"], &problem["line"], &problem["column"]);
    assert_eq!(place, (&"bad.yaml".into(), &2.into(), &72.into()));
    assert_eq!(problem["path"], "issuers[0].jwks.cache");
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["message"], "must be between 5m and 1h");
}

#[test]
fn every_sample_is_without_errors_and_warnings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let yaml = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "yaml");
    let mut names: Vec<String> = std::fs::read_dir(folder.join("envoy"))
        .unwrap()
        .map(Result::unwrap)
        .filter(yaml)
        .map(|entry| format!("envoy/{}", entry.file_name().to_str().unwrap()))
        .filter(|name| !name.ends_with("compose.yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let output = check(&["--strict", &name], folder, "");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
