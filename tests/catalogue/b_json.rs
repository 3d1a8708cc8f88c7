//! B: the JSON that is in the parts.

use super::row::{RESET, Row, Way, token};
use super::scene::{Scene, usual};
use crate::support::mint::base64url;

pub fn rows() -> Vec<Row> {
    [json_texts(), depth(), numbers(), strings()].into_iter().flatten().collect()
}

fn json_texts() -> Vec<Row> {
    let payload = |id, name: &'static str, make: fn(&Scene) -> Vec<u8>| {
        token(id, name, move |scene| scene.with_payload(make(scene))).is(401, "token_unreadable")
    };
    let mut rows: Vec<Row> = ["[]", "null", "\"str\"", "1", "true", "{", "{}}"]
        .into_iter()
        .map(|text| {
            token("B06", format!("payload {text}"), move |scene| scene.with_payload(text)).is(401, "token_unreadable")
        })
        .collect();
    for text in ["[]", "null", "\"str\"", "1"] {
        let row = token("B06", format!("header {text}"), move |scene| scene.with_header(text));
        rows.push(row.is(401, "token_unreadable"));
    }
    rows.extend([
        token("B06", "payload {}", |scene| scene.with_payload("{}")).is(401, "missing_claim"),
        token("B06", "header {}", |scene| scene.with_header("{}")).is(401, "algorithm"),
        token("B06", "an empty payload", |scene| scene.with_payload("")).is(401, "token_not_jwt"),
        token("B06", "an empty header", |scene| scene.with_header("")).is(401, "token_not_jwt"),
        payload("B07", "two objects", |scene| format!("{0}{0}", scene.claims()).into_bytes()),
        payload("B07", "a letter after it", |scene| format!("{}x", scene.claims()).into_bytes()),
        payload("B07", "NUL after it", |scene| format!("{}\0", scene.claims()).into_bytes()),
        payload("B07", "a comment after it", |scene| format!("{}//", scene.claims()).into_bytes()),
        token("B07", "line feeds after it", |scene| scene.with_payload(format!("{}\n\n", scene.claims())))
            .let_on()
            .pin("white space is JSON's own: RFC 8259 2"),
        payload("B08", "a byte that is no UTF-8", |scene| {
            [b"{\"a\":\"\xff\",", &scene.claims().to_string().as_bytes()[1..]].concat()
        }),
        payload("B08", "a surrogate as UTF-8", |scene| {
            [b"{\"a\":\"\xed\xa0\x80\",", &scene.claims().to_string().as_bytes()[1..]].concat()
        }),
        payload("B08", "a byte order mark", |scene| format!("\u{feff}{}", scene.claims()).into_bytes()),
        payload("B08", "a lone surrogate, escaped", |scene| scene.claims_after(r#""a":"\ud800""#).into_bytes()),
        payload("B08", "a line feed in a string", |scene| scene.claims_after("\"a\":\"\n\"").into_bytes()),
        token("B08", "a byte order mark before the header", |scene| {
            scene.with_header("\u{feff}{\"alg\":\"RS256\",\"kid\":\"test-rs256\"}")
        })
        .is(401, "token_unreadable"),
        payload("B09", "exp twice", |scene| scene.claims_after(r#""exp":1"#).into_bytes()),
        payload("B09", "exp and its escaped twin", |scene| scene.claims_after(r#""\u0065xp":1"#).into_bytes()),
        payload("B09", "scope twice", |scene| scene.claims_after(r#""scope":"a","scope":"read:tap""#).into_bytes()),
        payload("B09", "twice within groups", |scene| {
            scene.claims_after(r#""isMemberOf":[{"name":"a","name":"admins"}]"#).into_bytes()
        }),
        payload("B09", "twice, deep down", |scene| scene.claims_after(r#""x":[[{"a":{"b":1,"b":1}}]]"#).into_bytes()),
    ]);
    rows
}

fn depth() -> Vec<Row> {
    let mut rows = Vec::new();
    for deep in [127, 128, 129, 2_000] {
        let nested = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        let in_payload = nested.clone();
        rows.push(
            token("B10", format!("{deep} deep in the payload"), move |scene| {
                scene.saying(&format!("\"a\":{in_payload}"))
            })
            .is(401, "token_unreadable"),
        );
        let header = format!(r#"{{"alg":"RS256","kid":"test-rs256","a":{nested}}}"#);
        let row = token("B10", format!("{deep} deep in the header"), move |scene| scene.with_header(&header));
        rows.push(row.is(401, if deep < 1_000 { "token_unreadable" } else { "token_too_long" }));
    }
    let open = |deep: usize| {
        token("B10", format!("{deep} open brackets"), move |scene| {
            scene.with_payload(format!("{{\"a\":{}", "[".repeat(deep)))
        })
    };
    rows.push(open(10_000).is(401, "token_unreadable"));
    rows.push(open(100_000).is(401, "token_too_long").envoy_says(431).but(Way::H2, RESET, None));
    rows.push(
        token("B10", "16 deep", |scene| scene.saying(&format!("\"a\":{}1{}", "[".repeat(15), "]".repeat(15)))).let_on(),
    );
    rows.push(
        token("B10", "17 deep", |scene| scene.saying(&format!("\"a\":{}1{}", "[".repeat(16), "]".repeat(16))))
            .is(401, "token_unreadable"),
    );
    rows
}

fn numbers() -> Vec<Row> {
    let exp = |text: &str, reason| {
        let text = text.to_owned();
        let name: String = text.chars().take(12).collect();
        token("B12", format!("exp {name}"), move |scene| scene.with_claim_text("exp", &text)).is(401, reason)
    };
    let mut rows: Vec<Row> =
        ["0x10", "01", "+1", "NaN", "Infinity", "-", ".5", "1.", "1e", "1e400", &"9".repeat(10_000)]
            .into_iter()
            .map(|text| exp(text, "token_unreadable"))
            .collect();
    rows.extend(["-0", "1E3", "1.0", "4e9", "4000000000.0"].into_iter().map(|text| exp(text, "invalid_claim")));
    rows.push(
        token("B12", "an integer beyond any range", |scene| scene.with_claim_text("exp", &"9".repeat(30)))
            .is(401, "invalid_claim"),
    );
    rows
}

fn strings() -> Vec<Row> {
    let long = "u".repeat(9_000);
    vec![
        token("B13", "sub of 50 KiB", |scene| scene.token().claim("sub", "u".repeat(50 * 1024)).mint())
            .is(401, "token_too_long")
            .envoy_says(431)
            .but(Way::H2, RESET, None),
        token("B13", "sub of 9 000 bytes", {
            let long = long.clone();
            move |scene| scene.token().claim("sub", long.as_str()).mint()
        })
        .let_on_as(&[("x-auth-request-user", &long)])
        .pin("passed on byte for byte"),
        token("B13", "NUL in sub", |scene| scene.token().claim("sub", "a\0b").mint()).is(401, "invalid_claim"),
        token("B13", "DEL in sub", |scene| scene.token().claim("sub", "a\u{7f}b").mint()).is(401, "invalid_claim"),
        token("B13", "a control of C1 in sub", |scene| scene.token().claim("sub", "a\u{85}b").mint())
            .is(401, "invalid_claim"),
        token("B13", "sub turned from right to left", |scene| scene.token().claim("sub", "a\u{202e}b").mint())
            .let_on_as(&[("x-auth-request-user", "a\u{202e}b")])
            .pin("passed on byte for byte"),
        token("B13", "sub in composed form", |scene| scene.token().claim("sub", "caf\u{e9}").mint())
            .let_on_as(&[("x-auth-request-user", "caf\u{e9}")]),
        token("B13", "the same in decomposed form", |scene| scene.token().claim("sub", "cafe\u{301}").mint())
            .let_on_as(&[("x-auth-request-user", "cafe\u{301}")])
            .pin("another user: nothing is normalized"),
        token("B13", "spaces before the header", |scene| {
            let header = format!("{}{}", " ".repeat(3), usual().header());
            scene.with_header(&header)
        })
        .let_on(),
        token("B13", "a payload of bytes", |scene| scene.with_payload([0x80; 64])).is(401, "token_unreadable"),
        token("B13", "base64url of nothing readable", |_| format!("{0}.{0}.{0}", base64url([0xff; 30])))
            .is(401, "token_unreadable"),
    ]
}
