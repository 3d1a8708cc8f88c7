//! The same in other words: JSON and base64 that a lenient reader takes, signed as it is written.

use serde_json::json;

use super::case::{Case, MAIN, good};
use super::mixtures::sampled_mutants;
use crate::support::mint::{Signer, base64url};

/// Signs these two parts as they are.
fn sign_parts(signer: &Signer, header: &str, payload: &str) -> String {
    let text = format!("{header}.{payload}");
    format!("{text}.{}", base64url(signer.signature(text.as_bytes())))
}

/// The parts of a good token.
fn parts(signer: &Signer, now: u64) -> [String; 3] {
    // A length that leaves room for padding, and letters that differ between the alphabets.
    let token = good(signer, now).claim("x", "???>>>~~~\u{ff}").mint();
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("three parts")
}

type Spelling = fn(&str) -> String;

/// What may be done to one part.
const TWINS: [(&str, Spelling); 15] = [
    ("as it is", |part| part.to_owned()),
    ("padded", |part| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4))),
    ("one =", |part| format!("{part}=")),
    ("two =", |part| format!("{part}==")),
    ("three =", |part| format!("{part}===")),
    ("the other alphabet", |part| part.replace('-', "+").replace('_', "/")),
    ("bits left over", |part| {
        let (rest, last) = part.split_at(part.len() - 1);
        let next = last.chars().next().map_or('A', |last| char::from(last as u8 + 1));
        format!("{rest}{next}")
    }),
    ("a space behind", |part| format!("{part} ")),
    ("a space before", |part| format!(" {part}")),
    ("a space within", |part| format!("{} {}", &part[..4], &part[4..])),
    ("a tab within", |part| format!("{}\t{}", &part[..4], &part[4..])),
    ("percent-encoded", |part| part.replacen('J', "%4A", 1)),
    ("= within", |part| format!("{}={}", &part[..4], &part[4..])),
    ("a letter more", |part| format!("{part}A")),
    ("four letters more", |part| format!("{part}AAAA")),
];

/// What may be done to a whole token.
const FRAMES: [(&str, Spelling); 15] = [
    ("a dot behind", |token| format!("{token}.")),
    ("a dot before", |token| format!(".{token}")),
    ("two dots behind", |token| format!("{token}..")),
    ("two dots first", |token| token.replacen('.', "..", 1)),
    ("two dots everywhere", |token| token.replace('.', "..")),
    ("a fourth part", |token| format!("{token}.x")),
    ("a space behind", |token| format!("{token} ")),
    ("a space before", |token| format!(" {token}")),
    ("a space and a word behind", |token| format!("{token} x")),
    ("a comma behind", |token| format!("{token},")),
    ("a comma and a word behind", |token| format!("{token},x")),
    ("a comma and itself behind", |token| format!("{token},{token}")),
    ("in quotes", |token| format!("\"{token}\"")),
    ("an escape behind", |token| format!("{token}%20")),
    ("a semicolon behind", |token| format!("{token};")),
];

/// What may be done to the text of a JSON object.
const JSON: [(&str, Spelling); 26] = [
    ("a space before", |json| format!(" {json}")),
    ("a line feed behind", |json| format!("{json}\n")),
    ("white space within", |json| json.replace("\":", "\" :\t\r\n")),
    ("a byte order mark", |json| format!("\u{feff}{json}")),
    ("a NUL behind", |json| format!("{json}\0")),
    ("a brace behind", |json| format!("{json}}}")),
    ("another object behind", |json| format!("{json}{{}}")),
    ("in a list", |json| format!("[{json}]")),
    ("a comma at the end", |json| format!("{},}}", &json[..json.len() - 1])),
    ("without its end", |json| json[..json.len() - 1].to_owned()),
    ("single quotes", |json| json.replace('"', "'")),
    ("names without quotes", |json| json.replacen("\"a", "a", 1).replacen("\":", ":", 1)),
    ("a comment", |json| json.replacen('{', "{/* x */", 1)),
    ("a member twice, alike", |json| json.replacen('{', "{\"x1\":1,\"x1\":1,", 1)),
    ("a member twice, deep", |json| json.replacen('{', "{\"x1\":{\"a\":1,\"a\":2},", 1)),
    ("a name with an escape", |json| json.replacen("\"a", "\"\\u0061", 1)),
    ("a surrogate alone", |json| json.replacen('{', "{\"x1\":\"\\ud800\",", 1)),
    ("NaN", |json| json.replacen('{', "{\"x1\":NaN,", 1)),
    ("a number of hexadecimals", |json| json.replacen('{', "{\"x1\":0x10,", 1)),
    ("a number with zeros before", |json| json.replacen('{', "{\"x1\":007,", 1)),
    ("a number beyond doubles", |json| json.replacen('{', "{\"x1\":1e999,", 1)),
    ("a number with a plus", |json| json.replacen('{', "{\"x1\":+1,", 1)),
    ("a control character in a text", |json| json.replacen('{', "{\"x1\":\"\u{1}\",", 1)),
    ("True", |json| json.replacen('{', "{\"x1\":True,", 1)),
    ("an escape that there is not", |json| json.replacen('{', "{\"x1\":\"\\x41\",", 1)),
    ("a double escape", |json| json.replacen('{', "{\"x1\":\"\\\\u0061\",", 1)),
];

/// Members that stand twice, the second time with the value that would do, or the first.
fn twice() -> Vec<(bool, &'static str, String)> {
    let mut rows = Vec::new();
    for (in_header, member, other) in [
        (true, "alg", json!("none")),
        (true, "kid", json!("nobody")),
        (true, "typ", json!("logout+jwt")),
        (false, "iss", json!("https://evil.test")),
        (false, "aud", json!("https://evil.test")),
        (false, "exp", json!(1)),
        (false, "exp", json!(9_999_999_999_u64)),
        (false, "sub", json!("root")),
        (false, "nbf", json!(1)),
        (false, "scope", json!("all")),
    ] {
        rows.push((in_header, "before", format!("{{\"{member}\":{other},")));
        rows.push((in_header, "behind", format!(",\"{member}\":{other}}}")));
    }
    rows
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for signer in [Signer::es256(), Signer::eddsa(), Signer::rs256()] {
        let alg = signer.alg();
        for (twin, of) in TWINS {
            for (part, name) in ["header", "payload", "signature"].into_iter().enumerate() {
                let signer = signer.clone();
                cases.push(Case::new(format!("{alg}: base64 of the {name}: {twin}"), MAIN, move |now| {
                    let [header, payload, _] = parts(&signer, now);
                    let spelt = [header, payload]
                        .into_iter()
                        .enumerate()
                        .map(|(index, text)| if index == part { of(&text) } else { text });
                    let [header, payload]: [String; 2] = spelt.collect::<Vec<_>>().try_into().expect("two");
                    let token = sign_parts(&signer, &header, &payload);
                    let (text, signature) = token.rsplit_once('.').expect("a token");
                    if part == 2 { format!("{text}.{}", of(signature)) } else { token }
                }));
            }
        }
        for (frame, of) in FRAMES {
            let signer = signer.clone();
            cases.push(Case::new(
                format!("{alg}: token with {frame}"),
                MAIN,
                move |now| of(&good(&signer, now).mint()),
            ));
        }
        for (spelling, of) in JSON {
            for in_header in [true, false] {
                cases.push(rewritten(&signer, spelling, in_header, of));
            }
        }
        for (in_header, place, member) in twice() {
            let name = format!("{member} {place}");
            cases.push(rewritten(&signer, &name, in_header, move |json| match place {
                "before" => json.replacen('{', &member, 1),
                _ => format!("{}{member}", &json[..json.len() - 1]),
            }));
        }
        for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"] {
            let signer = signer.clone();
            cases.push(Case::new(format!("{alg}: a claim of bytes {}", bytes.escape_ascii()), MAIN, move |now| {
                let [header, payload, _] = parts(&signer, now);
                let mut json = decoded(&payload);
                json.truncate(json.len() - 1);
                json.extend([&b",\"x1\":\""[..], bytes, b"\"}"].concat());
                sign_parts(&signer, &header, &base64url(json))
            }));
        }
    }
    cases.extend(sampled_mutants());
    cases
}

fn rewritten(signer: &Signer, spelling: &str, in_header: bool, of: impl Fn(&str) -> String + 'static) -> Case {
    let place = if in_header { "header" } else { "payload" };
    let name = format!("{}: JSON of the {place}: {spelling}", signer.alg());
    let signer = signer.clone();
    Case::new(name, MAIN, move |now| {
        let [header, payload, _] = parts(&signer, now);
        let spelt = |part: &str, change: bool| {
            let json = String::from_utf8(decoded(part)).expect("text");
            base64url(if change { of(&json) } else { json })
        };
        sign_parts(&signer, &spelt(&header, in_header), &spelt(&payload, !in_header))
    })
}

fn decoded(part: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url")
}
