//! B: encoding and parsing.

use serde_json::json;

use super::row::{Place, RESET, Row, Way, row, token};
use super::scene::Scene;
use crate::wire::harness::request::Request;

/// The longest token that is read.
const LONGEST: usize = 16 * 1024;

const PARTS: [&str; 3] = ["header", "payload", "signature"];

pub fn rows() -> Vec<Row> {
    let parts = [base64(), shapes(), sizes()];
    parts.into_iter().flatten().collect()
}

/// A token with one of its parts changed.
fn changed(token: &str, part: usize, change: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[part] = change(&parts[part]);
    parts.join(".")
}

fn base64() -> Vec<Row> {
    let mut rows = Vec::new();
    for (part, name) in PARTS.into_iter().enumerate() {
        for padding in ["=", "=="] {
            let row = token("B01", format!("{padding} after the {name}"), move |scene| {
                changed(&scene.good, part, |text| format!("{text}{padding}"))
            });
            rows.push(match name {
                "signature" => row.is(401, "token_not_jwt"),
                _ => row.is(400, "malformed_credential").pin("= may only end a credential: RFC 6750 2.1"),
            });
        }
        for (sign, other) in [('+', '-'), ('/', '_')] {
            let row = token("B02", format!("{sign} in the {name}"), move |scene| {
                changed(&scene.good, part, |text| text.replacen([other, 'a', 'b', 'I'], &sign.to_string(), 1))
            });
            rows.push(row.is(401, "token_not_jwt"));
        }
        // The good token was let on a moment before: a twin must not be taken for it.
        let twin = token("B03", format!("unused bits of the {name} set"), move |scene| {
            changed(&scene.good, part, with_unused_bits)
        });
        rows.push(twin.is(401, "token_not_jwt"));
    }
    for (name, sign) in [("a space", " "), ("a tab", "\t"), ("%20", "%20"), ("a zero-width space", "\u{200b}")] {
        let row = token("B04", format!("{name} in the payload"), move |scene| {
            changed(&scene.good, 1, |text| format!("{}{sign}{}", &text[..20], &text[20..]))
        });
        rows.push(row.is(400, "malformed_credential"));
    }
    let in_query = row("B04", "%20 in the payload, in the query", |scene| {
        let token = changed(&scene.good, 1, |text| format!("{}%20{}", &text[..20], &text[20..]));
        Request::get(&format!("/me?access_token={token}"))
    });
    rows.push(in_query.is(401, "token_not_jwt"));
    rows
}

/// The same bytes for a decoder that does not look at the bits that are left over.
fn with_unused_bits(part: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    assert_ne!(part.len() % 4, 0, "a part with bits left over");
    let place = ALPHABET.find(last).expect("base64url");
    format!("{rest}{}", &ALPHABET[place + 1..place + 2])
}

fn shapes() -> Vec<Row> {
    let of = |name: &'static str, make: fn(&[&str]) -> String| {
        token("B05", name, move |scene| make(&scene.good.split('.').collect::<Vec<_>>()))
    };
    vec![
        row("B05", "no part", |_| Request::get("/me").field("authorization", "Bearer "))
            .is(400, "malformed_credential"),
        of("one part", |parts| parts[0].to_owned()).is(401, "token_not_jwt"),
        of("one part, of nobody knows what", |_| "gt-abcdef".to_owned()).is(401, "token_opaque"),
        of("two parts", |parts| parts[..2].join(".")).is(401, "token_not_jwt"),
        of("two parts and a dot", |parts| format!("{}.{}.", parts[0], parts[1])).is(401, "token_not_jwt"),
        of("four parts", |parts| format!("{}.x", parts.join("."))).is(401, "token_not_jwt"),
        of("five parts", |parts| format!("{}.x.y", parts.join("."))).is(401, "token_opaque"),
        of("six parts", |parts| format!("{}.x.y.z", parts.join("."))).is(401, "token_not_jwt"),
        of("a..c", |parts| format!("{}..{}", parts[0], parts[2])).is(401, "token_not_jwt"),
        of("a..b.c", |parts| format!("{}..{}.{}", parts[0], parts[1], parts[2])).is(401, "token_not_jwt"),
        of(".a.b.c", |parts| format!(".{}", parts.join("."))).is(401, "token_opaque"),
        of("a.b.c.", |parts| format!("{}.", parts.join("."))).is(401, "token_not_jwt"),
        of(".b.c", |parts| format!(".{}.{}", parts[1], parts[2])).is(401, "token_not_jwt"),
        of("three dots", |_| "...".to_owned()).is(401, "token_opaque"),
        of("two dots", |_| "..".to_owned()).is(401, "token_not_jwt"),
    ]
}

/// A good token of this length.
fn of_length(scene: &Scene, length: usize) -> String {
    // Four characters of the token are three of a claim, so another length of the header makes up the rest.
    let tokens = (0..3).flat_map(|header| (0..8).map(move |less| (header, less)));
    let mut made = tokens.map(|(header, less)| {
        let token = scene.token().header("x", "x".repeat(header)).claim("pad", "").mint();
        let room = (length - token.len()) * 3 / 4 - less.min((length - token.len()) * 3 / 4);
        scene.token().header("x", "x".repeat(header)).claim("pad", "x".repeat(room)).mint()
    });
    made.find(|token| token.len() == length).expect("a token of any length")
}

fn sizes() -> Vec<Row> {
    let get_query = |length: usize| format!("/me?access_token={}", "a".repeat(length));
    vec![
        token("B11", "the longest token that is read", |scene| of_length(scene, LONGEST)).let_on(),
        token("B11", "one character more", |scene| of_length(scene, LONGEST + 1)).is(401, "token_too_long"),
        token("B11", "59 KiB", |_| "a".repeat(59 * 1024)).is(401, "token_too_long"),
        token("B11", "61 KiB", |_| "a".repeat(61 * 1024)).is(401, "token_too_long").envoy_says(431).but(
            Way::H2,
            RESET,
            None,
        ),
        row("B11", "50 KB in the query", move |_| Request::get(&get_query(50_000))).is(401, "token_too_long"),
        row("B11", "50 KB in a query that is not read", move |_| Request::get(&get_query(50_000)))
            .at(Place::AsWritten)
            .is(401, "missing_credential"),
        token("B14", "900 claims", |scene| {
            let claims: Vec<String> = (0..900).map(|index| format!("\"c{index}\":1")).collect();
            scene.saying(&claims.join(","))
        })
        .let_on(),
        token("B14", "100 000 claims", |scene| {
            let claims: Vec<String> = (0..100_000).map(|index| format!("\"c{index}\":1")).collect();
            scene.saying(&claims.join(","))
        })
        .is(401, "token_too_long")
        .envoy_says(431)
        .but(Way::H2, RESET, None),
        token("B14", "2 500 audiences, none ours", |scene| scene.token().claim("aud", json!(vec!["a"; 2_500])).mint())
            .is(401, "wrong_audience"),
        token("B14", "2 500 audiences, the last ours", |scene| {
            let mut audiences = vec!["a"; 2_500];
            audiences.push(crate::support::mint::AUDIENCE);
            scene.token().claim("aud", json!(audiences)).mint()
        })
        .let_on(),
        token("B14", "100 000 audiences", |scene| scene.token().claim("aud", json!(vec!["a"; 100_000])).mint())
            .is(401, "token_too_long")
            .envoy_says(431)
            .but(Way::H2, RESET, None),
    ]
}
