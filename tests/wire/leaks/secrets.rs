//! Every secret that was sent, in every form, by all its pieces.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// As much of a secret as is looked for. Less is found by chance.
const PIECE: usize = 16;

#[derive(Default)]
pub struct Secrets(HashSet<[u8; PIECE]>);

impl Secrets {
    /// A token as it is, escaped, and in all that Basic makes of it.
    pub fn add_token(&mut self, token: &str) {
        self.add(token);
        let forms = [format!("{token}:x-oauth-basic"), format!("x-oauth-basic:{token}"), format!(":{token}")];
        forms.iter().for_each(|form| self.add(&STANDARD.encode(form)));
    }

    pub fn add_password(&mut self, user: &str, password: &str) {
        self.add(password);
        self.add(&STANDARD.encode(format!("{user}:{password}")));
    }

    pub fn add(&mut self, secret: &str) {
        assert!(secret.len() >= PIECE, "too short to be told from chance: {secret}");
        for form in [secret.to_owned(), escaped(secret)] {
            self.0.extend(pieces(form.as_bytes()));
        }
    }

    pub fn are_in(&self, text: &str) -> bool {
        self.first_in(text).is_some()
    }

    /// The first piece of a secret that this holds.
    pub fn first_in(&self, text: &str) -> Option<String> {
        let found = pieces(text.as_bytes()).find(|piece| self.0.contains(piece));
        found.map(|piece| String::from_utf8_lossy(&piece).into_owned())
    }
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = [u8; PIECE]> {
    bytes.windows(PIECE).filter_map(|window| window.try_into().ok())
}

/// Every byte as `%XX`.
pub fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_piece_of_a_secret_is_found_in_every_form() {
    let mut secrets = Secrets::default();
    secrets.add_token("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLWFuZC1tb3Jl");
    secrets.add_password("alice", "correct horse battery");
    for (text, found) in [
        ("nothing at all, however long it is", false),
        ("x c2lnbmF0dXJlLWFu y", true),
        ("x c2lnbmF0dXJlLWF y", false),
        ("eyJzdWIiOiJhbGljZSJ9", true),
        (&escaped("c2lnbmF0dXJl"), true),
        (&STANDARD.encode("x-oauth-basic:eyJhbGciOiJFUzI1NiJ9"), true),
        (&STANDARD.encode("alice:correct horse"), true),
        ("it is correct horse batter", true),
    ] {
        assert_eq!(secrets.are_in(text), found, "{text}");
    }
}
