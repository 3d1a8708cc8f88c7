//! What reaches a terminal, and what reaches a program.

use serde_json::json;

use crate::scene::{NOW, Said, Scene, everything, token};
use crate::support::mint::{Signer, Token};

const URL: &str = "https://api.test/tap";

#[test]
fn there_are_colours_where_they_are_wanted_and_nowhere_else() {
    let scene = Scene::of(&everything());
    for (name, variables, want) in [
        ("piped", &[][..], false),
        ("forced", &[("CLICOLOR_FORCE", "1")], true),
        ("forced and not wanted", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
    ] {
        let said = Said::of(scene.command(&[URL]).envs(variables.iter().copied()).output().unwrap());
        assert_eq!(said.out.contains('\u{1b}'), want, "{name}: {}", said.out);
        assert!(said.out.contains("FAIL"), "{name}: {}", said.out);
        let said = Said::of(scene.command(&[URL, "--json"]).envs(variables.iter().copied()).output().unwrap());
        assert!(!said.out.contains('\u{1b}'), "{name}: {}", said.out);
    }
}

#[test]
fn nothing_that_a_token_or_a_request_says_acts_on_a_terminal() {
    let scene = Scene::of(&everything());
    let hostile = "x\u{1b}[2J\u{9b}1m\r\n  ok    signature\u{202e}";
    let tokens = [
        ("a claim of its own", token(json!({"scope": "read:tap", "note": hostile, hostile: 1}))),
        ("its issuer", token(json!({"iss": hostile}))),
        ("its audience", token(json!({"aud": hostile}))),
        ("its groups", token(json!({"groups": [hostile], "scope": "read:tap"}))),
        ("its client", token(json!({"client_id": hostile}))),
        ("its acr", token(json!({"acr": hostile, "scope": "read:tap"}))),
    ];
    for (name, token) in tokens {
        for arguments in [&[URL, "--token", &token][..], &[URL, "--token", &token, "--json"]] {
            let said = scene.explain(arguments);
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!said.out.contains(acts), "{name}: {:?}", said.out);
            assert!(!said.out.lines().any(|line| line.starts_with("  ok    signature\\u")), "{name}: {}", said.out);
        }
    }
    let told = scene.explain(&[URL, "--token", &token(json!({"note": hostile})), "--json"]).json();
    assert_eq!(told["token"]["claims"]["note"], hostile);
}

#[test]
fn an_audience_that_two_claims_name_is_said_once() {
    let mut config = everything();
    config["issuers"][0]["profile"] = json!("keycloak");
    let both = token(json!({"typ": "Bearer", "aud": ["account", "portal"], "azp": "portal"}));
    let said = Scene::of(&config).explain(&[URL, "--token", &both]);
    assert!(said.out.contains(" account, portal\n"), "{}", said.out);
}

#[test]
fn an_algorithm_that_may_be_named_is_told_from_one_that_may_not() {
    let scene = Scene::of(&everything());
    let hint = |token: &str| {
        let told = scene.explain(&[URL, "--token", token, "--json"]).json();
        assert_eq!(told["decision"]["reason"], "algorithm", "{told:#}");
        told.to_string().contains("name it in the issuer's `algorithms`")
    };
    assert!(hint(&Token::at(&Signer::rs256(), NOW).mint()), "RS256");
    assert!(!hint(&Token::at(&Signer::es256(), NOW).header("alg", "HS256").mint()), "HS256");
}

#[test]
fn machines_are_told_the_same_facts() {
    let scene = Scene::of(&everything());
    let good = token(json!({"scope": "read:image", "groups": ["g_tap"], "auth_time": NOW - 60}));
    let told = scene.explain(&[URL, "--token", &good, "--json"]).json();
    for (at, want) in [
        ("/configuration/file", json!("config.yaml")),
        ("/request/host", json!("api.test")),
        ("/rules/0/name", json!("tap")),
        ("/rules/0/index", json!(2)),
        ("/rules/0/why", json!("prefix: /tap")),
        ("/credential", json!("bearer")),
        ("/signature_checked", json!(true)),
        ("/token/header/alg", json!("ES256")),
        ("/token/claims/sub", json!("alice")),
        ("/caller/kind", json!("user")),
        ("/caller/interactive", json!(true)),
        (
            "/caller/capabilities",
            json!([{"name": "read:image", "groups": []}, {"name": "read:tap", "groups": ["g_tap"]}]),
        ),
        ("/decision/verdict", json!("allow")),
        ("/decision/record/user", json!("alice")),
        ("/answer", json!(null)),
        ("/upstream/0", json!({"change": "remove", "name": "authorization", "value": null})),
        ("/upstream/1", json!({"change": "add", "name": "x-auth-request-user", "value": "alice"})),
    ] {
        assert_eq!(told.pointer(at), Some(&want), "{at}: {told:#}");
    }
    let told = scene.explain(&[URL, "--json"]).json();
    for (at, want) in [
        ("/answer/status", json!(401)),
        ("/answer/headers/2", json!(["www-authenticate", "Bearer realm=\"test\""])),
        ("/upstream", json!(null)),
        ("/token", json!(null)),
        ("/caller", json!(null)),
    ] {
        assert_eq!(told.pointer(at), Some(&want), "{at}: {told:#}");
    }
}

#[test]
fn a_form_goes_with_what_is_said_of_it() {
    let scene = Scene::of(&everything());
    let long = "a".repeat(70_000);
    for (name, arguments, want) in [
        ("a form", &["-d", "a=b"][..], "grant_type is missing"),
        ("another kind of body", &["-d", "a=b", "-H", "Content-Type: application/json"], "The body is no form"),
        ("too long", &["-d", &long], "The form is too long"),
    ] {
        let arguments = [&["https://api.test/postern/token", "--json"], arguments].concat();
        let told = scene.explain(&arguments).json();
        let body = told["answer"]["body"].as_str().unwrap_or_default();
        assert!(body.contains(want), "{name}: {told:#}");
    }
}

#[test]
fn of_rules_that_do_not_match_the_nearest_are_told() {
    let scene = Scene::of(&everything());
    let told = scene.explain(&["https://b.test/nowhere", "--json"]).json();
    let names: Vec<&str> =
        told["rules_that_do_not_match"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    // `hosted` stands before some of these, and neither its host nor its path holds.
    assert_eq!(names, ["public", "optional", "tap", "deep", "groups", "users", "clients", "services"]);
    let all = everything()["rules"].as_array().unwrap().len();
    assert_eq!(told["more_rules_that_do_not_match"], all - names.len());
}

#[test]
fn a_hint_says_what_may_be_meant() {
    let scene = Scene::of(&everything());
    let hint = |path: &str, claims: serde_json::Value| {
        let told = scene.explain(&[&format!("https://api.test{path}"), "--token", &token(claims), "--json"]).json();
        let checks = told["checks"].as_array().unwrap().clone();
        let failed = checks.into_iter().find(|check| check["state"] == "fail").unwrap();
        failed["hint"].as_str().unwrap_or_default().to_owned()
    };
    for (name, path, claims, want) in [
        ("no login", "/notebook", json!({"groups": ["g_nb"]}), "the token has what is asked, and is not one of a user"),
        ("below it", "/tap", json!({"scope": "read:tap/a"}), "missing: read:tap. read:tap/a does not give read:tap:"),
        ("above it", "/deep", json!({"scope": "a"}), "missing: a/b. a does not give a/b:"),
        ("another", "/tap", json!({"scope": "read:tape"}), "missing: read:tap"),
        (
            "a slash more",
            "/tap",
            json!({"aud": format!("{}/", crate::support::mint::AUDIENCE)}),
            "has a slash at the end",
        ),
        ("capitals", "/tap", json!({"iss": "https://ISSUER.test"}), "they differ in http and https, in capitals"),
    ] {
        let hint = hint(path, claims);
        assert!(hint.contains(want) && hint.contains(". ") == want.contains(". "), "{name}: {hint}");
    }
}

#[test]
fn a_refusal_is_told_of_the_check_that_it_is_of() {
    let scene = Scene::of(&everything());
    let own = Token::at(&Signer::es256(), NOW).claim("iss", crate::scene::OWN);
    let form = |token: &str| {
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        format!("grant_type={grant}&subject_token_type={kind}&subject_token={token}")
    };
    let endpoint = "https://api.test/postern/token";
    let long = Token::at(&Signer::es256(), NOW).expires_in(86_401).mint();
    let id = form(&token(json!({"nonce": "n"})));
    for (name, arguments, check, want) in [
        ("a life too long", &[URL, "--token", &long][..], "lifetime", "fail"),
        ("and its times are right", &[URL, "--token", &long], "time", "ok"),
        ("a token in a form", &[endpoint, "-d", &id], "kind", "fail"),
        ("and the form is right", &[endpoint, "-d", &id], "own path", "ok"),
    ] {
        let arguments = [arguments, &["--json"]].concat();
        let told = scene.explain(&arguments).json();
        let checks = told["checks"].as_array().unwrap();
        let found = checks.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("{name}: {told:#}"));
        assert_eq!(found["state"], want, "{name}: {told:#}");
    }
    // A token that was made here goes on as it is to its service, and to no other.
    for (name, audience, fact) in [
        ("for this service", "https://job.test", "the presented one, which was made here for https://job.test before"),
        ("for another", crate::support::mint::AUDIENCE, "none: the presented one was made here, for another service"),
    ] {
        let token = own.clone().claim("aud", audience).mint();
        let told = scene.explain(&["https://api.test/job", "-X", "POST", "--token", &token, "--json"]).json();
        let checks = told["checks"].as_array().unwrap();
        let found = checks.iter().find(|found| found["check"] == "service's token").unwrap();
        assert_eq!((&found["facts"][0], &told["new_token"]), (&json!(fact), &json!(null)), "{name}: {told:#}");
    }
}
