//! The clients that people really use, against a challenge and with a token of their kind.

use std::process::Command;

use super::harness::config::make_test_config;
use super::harness::setup::Setup;
use super::harness::stage::Stage;
use super::harness::tools::Tool;
use crate::support::mint::{Signer, Token};

/// What a run left at the upstream: the targets and users it saw.
fn arrivals(stage: &Stage, from: usize) -> Vec<(String, Vec<String>)> {
    stage.upstream.all()[from..]
        .iter()
        .map(|seen| {
            assert!(seen.values("authorization").is_empty(), "the credential went upstream");
            (seen.target().to_owned(), seen.values("x-auth-request-user"))
        })
        .collect()
}

#[test]
fn curl_wget_and_git_are_served_with_the_credential_each_can_send() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = &Token::new(&Signer::rs256()).mint();
    let at = stage.envoy.address();
    let curl = ["-q", "--silent", "--show-error", "--fail", "--max-time", "60"].map(str::to_owned);
    let curl = |more: &[&str]| -> (&'static str, Vec<String>) {
        ("curl", curl.iter().cloned().chain(more.iter().map(|arg| (*arg).to_owned())).collect())
    };
    let wget = |more: &[&str]| -> (&'static str, Vec<String>) {
        let always = ["--no-verbose", "--tries=1", "--timeout=60", "--output-document=-"];
        ("wget", always.iter().chain(more).map(|arg| (*arg).to_owned()).collect())
    };
    let git = |url: String| ("git", vec!["ls-remote".to_owned(), url]);
    let me = format!("http://{at}/me");
    let basic = format!("http://{at}/basic");
    let rows = [
        ("curl -u T:", "/me", curl(&["-u", &format!("{token}:"), &me])),
        ("curl -u x-oauth-basic:T", "/me", curl(&["-u", &format!("x-oauth-basic:{token}"), &me])),
        ("curl -u T:x-oauth-basic", "/me", curl(&["-u", &format!("{token}:x-oauth-basic"), &me])),
        ("curl --oauth2-bearer", "/me", curl(&["--oauth2-bearer", token, &me])),
        ("curl with userinfo", "/me", curl(&[&format!("http://{token}@{at}/me")])),
        ("curl with :T", "/me", curl(&[&format!("http://:{token}@{at}/me")])),
        ("curl --anyauth, which waits to be asked", "/basic", curl(&["--anyauth", "-u", &format!("{token}:"), &basic])),
        (
            "wget, which waits to be asked",
            "/basic",
            wget(&["--user=x-oauth-basic", &format!("--password={token}"), &basic]),
        ),
        ("wget with userinfo", "/basic", wget(&[&format!("http://{token}:x-oauth-basic@{at}/basic")])),
        (
            "wget --auth-no-challenge",
            "/me",
            wget(&["--auth-no-challenge", &format!("--user={token}"), "--password=x-oauth-basic", &me]),
        ),
        (
            "git with userinfo",
            "/basic/repo/info/refs?service=git-upload-pack",
            git(format!("http://x-oauth-basic:{token}@{at}/basic/repo")),
        ),
        (
            "git with the token as user",
            "/basic/repo/info/refs?service=git-upload-pack",
            git(format!("http://{token}:x-oauth-basic@{at}/basic/repo")),
        ),
    ];
    for (name, target, (tool, args)) in rows {
        let before = stage.upstream.count();
        let outcome = Tool::new(tool).args(args).run();
        let arrived = arrivals(&stage, before);
        assert_eq!(arrived, [(target.to_owned(), vec!["alice".to_owned()])], "{name}: {outcome:?}");
        // The upstream is no git server, so git itself can't be content with it.
        if tool != "git" {
            assert!(outcome.success, "{name}: {outcome:?}");
            assert_eq!(outcome.stdout, "hello\n", "{name}");
        }
    }
}

#[test]
fn python_requests_is_served_with_the_credential_it_can_send() {
    let fetched = Command::new("tests/fetch-requests").current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    let folder = String::from_utf8(fetched.stdout).unwrap();
    let script = |body: &str| Tool::new("python3").env("PYTHONPATH", folder.trim()).args(["-c", body]).run();
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = &Token::new(&Signer::rs256()).mint();
    let at = stage.envoy.address();
    let rows = [
        ("auth", format!("requests.get('http://{at}/me', auth=('{token}', 'x-oauth-basic'))")),
        ("userinfo", format!("requests.get('http://x-oauth-basic:{token}@{at}/me')")),
        ("header", format!("requests.get('http://{at}/me', headers={{'Authorization': 'Bearer {token}'}})")),
    ];
    for (name, call) in rows {
        let before = stage.upstream.count();
        let outcome = script(&format!("import requests; print({call}.status_code)"));
        assert_eq!(outcome.stdout, "200\n", "{name}: {outcome:?}");
        let arrived = arrivals(&stage, before);
        assert_eq!(arrived, [("/me".to_owned(), vec!["alice".to_owned()])], "{name}");
    }
}
