//! The whole text of typical explanations. Where one is meant to change, `POSTERN_WRITE_EXPLAINED=1` writes them anew.

use serde_json::{Value, json};

use crate::scene::{NOW, Scene, token};
use crate::support::mint::{Signer, Token, jwks};

struct Row {
    /// Also of the file with the text.
    name: &'static str,
    code: i32,
    arguments: &'static [&'static str],
    token: Option<String>,
}

fn rows() -> Vec<Row> {
    const TAP: &[&str] = &["https://api.test/api/tap", "--jwks", "keys.json"];
    let row = |name, code, arguments, token: Value| Row {
        name,
        code,
        arguments,
        token: (!token.is_null()).then(|| self::token(token)),
    };
    let expired = Token::at(&Signer::es256(), NOW).issued_in(-7200).expires_in(-3600).mint();
    vec![
        row("let-on", 0, TAP, json!({"scope": "read:image", "groups": ["g_tap", "staff"]})),
        row("no-token", 1, TAP, Value::Null),
        Row { name: "expired", code: 1, arguments: TAP, token: Some(expired) },
        row("wrong-audience", 1, TAP, json!({"aud": ["https://api.test/", "https://other.test"]})),
        row("missing-capability", 1, TAP, json!({"scope": "read:tap/user"})),
        row("wrong-issuer", 1, TAP, json!({"iss": "https://issuer.test/"})),
        row("no-rule", 1, &["https://api.test/files/a?x=1"], json!({})),
        row("far-from-every-rule", 1, &["https://api.test/"], Value::Null),
        row("id-token", 1, TAP, json!({"nonce": "n", "at_hash": "h"})),
        row(
            "two-rules",
            1,
            &["https://api.test/files/a", "-X", "COPY", "-H", "Destination: /api/tap/a", "--jwks", "keys.json"],
            json!({"scope": "write:files"}),
        ),
        row("without-keys", 3, &["https://api.test/files/a", "-X", "PUT"], json!({"scope": "write:files read:tap"})),
        row("shadow", 0, &["https://api.test/trial", "--jwks", "keys.json"], json!({})),
    ]
}

#[test]
fn what_is_printed_is_as_it_was_read_and_found_good() {
    let scene = Scene::written("config.yaml", include_str!("printed/config.yaml"));
    scene.file("keys.json", &jwks(&[&Signer::es256()]).to_string());
    for Row { name, code, arguments, token } in rows() {
        let mut arguments = arguments.to_vec();
        if let Some(token) = &token {
            scene.file("token", token);
            arguments.extend(["--token-file", "token"]);
        }
        let said = scene.explain(&arguments);
        assert_eq!((said.code, said.err.as_str()), (code, ""), "{name}");
        let path = format!("{}/tests/explain/printed/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        // A key that is made for the moment has another name each time, and so has each token.
        let out = said.out.lines().map(|line| match line.trim_start().split_once(": ") {
            Some(("jti", _)) if line.contains('"') => line.split(": ").next().unwrap().to_owned() + ": …",
            Some((name, _)) if name.ends_with("kid") && !line.contains("test-es256") => {
                line.split(": ").next().unwrap().to_owned() + ": …"
            }
            _ => line.to_owned(),
        });
        let out = out.map(|line| line + "\n").collect::<String>();
        if std::env::var_os("POSTERN_WRITE_EXPLAINED").is_some() {
            std::fs::write(&path, &out).unwrap();
        }
        let want = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(out == want, "{name}: {path} has another text than this:\n{out}");
    }
}
