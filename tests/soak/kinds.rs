//! The kinds of request, each under a rule of its own name, so that the filter's counters can be told apart.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::item::Item;
use super::right::Right;
use super::world::{STEADY, World, lock};
use crate::support::dice::Dice;
use crate::support::mint::{Signer, Token, unsigned, wall_clock};
use crate::wire::harness::arguments::Form;
use crate::wire::harness::request::Request;

/// Longer than the long form.
pub const LIFETIME: i64 = 4 * 3600;

pub const LET_ON: Right = Right::Always(200, "");

/// Of a hundred requests, how many are of each kind.
const SHARES: [(&str, usize); 21] = [
    ("warm", 18),
    ("cold", 14),
    ("rotor", 12),
    ("toggle", 7),
    ("basic", 6),
    ("query", 5),
    ("body", 4),
    ("short", 4),
    ("tap", 4),
    ("expired", 3),
    ("audience", 3),
    ("forged", 4),
    ("unknown-key", 2),
    ("stranger", 2),
    ("garbage", 4),
    ("nothing", 2),
    ("several", 1),
    ("open", 2),
    ("optional", 1),
    ("no-rule", 1),
    ("early", 1),
];

/// Rules of requests that are not of the stream.
const OTHERS: [&str; 7] = ["probe", "park", "park-reset", "reset-sent", "reset-body", "reset-answer", "reset-head"];

pub fn rules(number: usize) -> Value {
    let names = SHARES.iter().map(|(name, _)| *name).chain(OTHERS).filter(|name| *name != "no-rule");
    let rule = |name: &str| {
        let mut rule = json!({ "name": name, "match": { "prefix": format!("/{name}") } });
        match name {
            "open" => rule["access"] = json!("anonymous"),
            "optional" => rule["access"] = json!("optional"),
            "tap" => rule["require"] = json!({ "capabilities": { "all_of": ["read:tap"] } }),
            // Every other configuration asks for what nobody has.
            "toggle" => {
                let asked = if number.is_multiple_of(2) { "read:a" } else { "read:b" };
                rule["require"] = json!({ "capabilities": { "all_of": [asked] } });
            }
            "basic" => rule["challenge"] = json!(["bearer", "basic"]),
            _ => {}
        }
        rule
    };
    json!(names.map(rule).collect::<Vec<_>>())
}

pub struct Kinds {
    fixed: Vec<(&'static str, Vec<Arc<Item>>)>,
    /// Where the next one is that was not sent for longest.
    next_cold: Mutex<usize>,
    /// Tokens that run out within seconds, the oldest first.
    short: Mutex<VecDeque<(u64, Arc<Item>)>>,
}

/// A token of the issuer whose keys stay, of somebody.
fn token(signer: &Signer, user: &str) -> Token {
    Token::new(signer).claim("iss", STEADY).claim("sub", user).expires_in(LIFETIME)
}

fn bearer(rule: &'static str, token: &str, right: Right) -> Item {
    Item::new(rule, Request::get(&format!("/{rule}")).bearer(token), right)
}

impl Kinds {
    pub fn new(form: Form) -> Self {
        // More for each worker than it remembers.
        let cold = match form {
            Form::Short => 24,
            Form::Long => 240,
        };
        let kinds = SHARES.iter().map(|(name, _)| (*name, make(name, cold)));
        let fixed = kinds.map(|(name, items)| (name, items.into_iter().map(Arc::new).collect())).collect();
        Self { fixed, next_cold: Mutex::default(), short: Mutex::default() }
    }

    /// How many tokens a worker remembers, so that those called cold are really forgotten meanwhile.
    pub fn remembered(form: Form) -> usize {
        match form {
            Form::Short => 64,
            Form::Long => 640,
        }
    }

    pub fn of(&self, kind: &str) -> &[Arc<Item>] {
        let found = self.fixed.iter().find(|(name, _)| *name == kind);
        &found.unwrap_or_else(|| panic!("no kind is called {kind}")).1
    }

    pub fn pick(&self, world: &World, dice: &mut Dice) -> Arc<Item> {
        let mut left = dice.below(100);
        let found = SHARES.iter().find(|(_, share)| {
            let here = left < *share;
            left = left.saturating_sub(*share);
            here
        });
        match found.map_or("warm", |(name, _)| *name) {
            "rotor" => dice.one_of(&world.rotors).pick(dice.below(1 << 20)),
            "short" => self.short(),
            // Such tokens have the keys fetched: from when on, the director says.
            "unknown-key" if !world.seeks_keys.load(Ordering::SeqCst) => Arc::clone(dice.one_of(self.of("warm"))),
            "cold" => {
                let all = self.of("cold");
                let mut next = lock(&self.next_cold);
                *next = (*next + 1) % all.len();
                Arc::clone(&all[*next])
            }
            kind => Arc::clone(dice.one_of(self.of(kind))),
        }
    }

    /// One of a few tokens that have run out, are about to, or have seconds left.
    fn short(&self) -> Arc<Item> {
        const SECONDS: i64 = 3;
        let now = wall_clock();
        let mut short = lock(&self.short);
        if short.back().is_none_or(|(made, _)| *made < now) {
            let user = format!("short-{now}");
            let end = now.saturating_add_signed(SECONDS);
            let token = token(&Signer::eddsa(), &user).expires_in(SECONDS).claim("exp", end).mint();
            short.push_back((now, Arc::new(bearer("short", &token, Right::Until(end)).user(&user))));
        }
        while short.front().is_some_and(|(made, _)| made + 5 < now) {
            short.pop_front();
        }
        let turn = usize::try_from(super::clock::nanos() / 1000 % 1_000_000).unwrap_or_default() % short.len();
        Arc::clone(&short[turn].1)
    }
}

fn make(kind: &'static str, cold: usize) -> Vec<Item> {
    let all = Signer::every_algorithm();
    let good = |signer: &Signer, number: usize| {
        let user = format!("{kind}-{}-{number}", signer.alg());
        let token = token(signer, &user).claim("scope", "read:a").mint();
        (user, token)
    };
    let each = |count: usize, right: Right| -> Vec<Item> {
        let item = |signer: &Signer, number: usize| {
            let (user, token) = good(signer, number);
            bearer(kind, &token, right).user(&user)
        };
        (0..count).flat_map(|number| all.iter().map(move |signer| (signer, number))).map(|(s, n)| item(s, n)).collect()
    };
    let get = || Request::get(&format!("/{kind}"));
    let elsewhere = |change: &dyn Fn(Token) -> Token, reason: &'static str| -> Vec<Item> {
        let tokens = all.iter().map(|signer| change(token(signer, kind)).mint());
        tokens.map(|token| bearer(kind, &token, Right::Always(401, reason))).collect()
    };
    match kind {
        "warm" => each(1, LET_ON),
        "cold" => each(cold, LET_ON),
        "toggle" => each(1, Right::Toggled),
        "tap" => each(1, Right::Always(403, "insufficient_scope")),
        "basic" => {
            let forms: [fn(Request, &str) -> Request; 4] = [
                |request, token| request.basic(token, "x-oauth-basic"),
                |request, token| request.basic(token, ""),
                |request, token| request.basic("x-oauth-basic", token),
                |request, token| request.basic("", token),
            ];
            let item = |(number, form): (usize, &fn(Request, &str) -> Request)| {
                let (user, token) = good(&all[number], number);
                Item::new(kind, form(get(), &token), LET_ON).user(&user)
            };
            forms.iter().enumerate().map(item).collect()
        }
        "query" => {
            let (user, token) = good(&Signer::es256(), 0);
            vec![Item::new(kind, Request::get(&format!("/query?a=b&access_token={token}")), LET_ON).user(&user)]
        }
        "body" => {
            let (user, token) = good(&Signer::rs256(), 0);
            let request = Request::new("POST", "/body").bearer(&token).body(&[b'b'; 3000]);
            vec![Item::new(kind, request, LET_ON).user(&user)]
        }
        "expired" => elsewhere(&|token| token.issued_in(-7200).expires_in(-3600), "expired"),
        "audience" => elsewhere(&|token| token.claim("aud", "https://elsewhere.test"), "wrong_audience"),
        "stranger" => elsewhere(&|token| token.claim("iss", "https://stranger.test"), "unknown_issuer"),
        "unknown-key" => elsewhere(&|token| token.header("kid", "no-such-key"), "unknown_key")
            .into_iter()
            .map(|item| Item { right: Right::UnknownKey, ..item })
            .collect(),
        "forged" => {
            let impostors =
                [Signer::other_rs256().with_kid("test-rs256"), Signer::other_es256().with_kid("test-es256")];
            let tokens = (0..40).map(|number| token(&impostors[number % 2], &format!("forged-{number}")).mint());
            tokens.map(|token| bearer(kind, &token, Right::Always(401, "bad_signature"))).collect()
        }
        "garbage" => garbage(&good(&Signer::es256(), 0).1),
        "several" => {
            let (one, other) = (good(&all[0], 0).1, good(&all[6], 1).1);
            let refused = Right::Always(400, "several_credentials");
            vec![
                // Envoy makes one field of the two, and that it is no token is seen when it is not known.
                Item::new(kind, get().bearer(&one).bearer(&other), refused),
                Item::new(kind, Request::get(&format!("/several?access_token={one}")).bearer(&other), refused)
                    .not_looked_up(),
            ]
        }
        "nothing" => vec![Item::new(kind, get(), Right::Always(401, "missing_credential")).not_looked_up()],
        "open" | "optional" => vec![Item::new(kind, get(), LET_ON).not_looked_up()],
        "no-rule" => {
            vec![Item::new(kind, Request::get("/nowhere"), Right::Always(403, "no_rule")).rule("none").not_looked_up()]
        }
        // It is refused before its body is there.
        "early" => {
            let request = Request::new("POST", "/early").body(&[b'e'; 20_000]);
            vec![Item::new(kind, request, Right::Always(401, "missing_credential")).not_looked_up()]
        }
        _ => Vec::new(),
    }
}

fn garbage(token: &str) -> Vec<Item> {
    let (head, _) = token.rsplit_once('.').expect("a token");
    let none = unsigned(&json!({ "alg": "none" }), &json!({ "iss": STEADY }));
    let long = "x".repeat(4000);
    let rows: [(String, u16, &'static str, bool); 9] = [
        ("Bearer".to_owned(), 400, "malformed_credential", false),
        ("Bearer a.b.c".to_owned(), 401, "token_not_jwt", true),
        (format!("Bearer {head}"), 401, "token_not_jwt", true),
        (format!("Bearer {head}."), 401, "token_not_jwt", true),
        (format!("Bearer {none}"), 401, "token_not_jwt", true),
        (format!("Bearer {long}"), 401, "token_opaque", true),
        ("Basic ????".to_owned(), 400, "malformed_credential", false),
        ("Basic YWxpY2U6aHVudGVyMg==".to_owned(), 401, "not_a_token", false),
        ("Negotiate abcdef".to_owned(), 401, "foreign_authorization", false),
    ];
    let item = |(value, status, reason, looked_up): (String, u16, &'static str, bool)| {
        let request = Request::get("/garbage").field("authorization", value);
        Item { looked_up, ..Item::new("garbage", request, Right::Always(status, reason)) }
    };
    rows.into_iter().map(item).collect()
}
