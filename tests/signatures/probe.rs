//! What the self-test finds out about a host.

use std::cell::RefCell;

use postern::crypto::{BoringSsl, Foreign};

use crate::boringssl::{Arguments, no, verify_signature, yes};

const ALL: [&str; 5] = ["RS256", "RS384", "RS512", "ES256", "ES384"];

fn rightly(arguments: &[u8]) -> Option<Vec<u8>> {
    verify_signature(arguments).ok()
}

/// A host that answers rightly but for the questions that this picks.
fn but(arguments: &[u8], answer: Vec<u8>, picked: fn(&Arguments) -> bool) -> Option<Vec<u8>> {
    if picked(&Arguments::read(arguments)?) { Some(answer) } else { rightly(arguments) }
}

thread_local! {
    static GOOD: RefCell<Vec<Arguments>> = const { RefCell::new(Vec::new()) };
}

/// A host that is right about what is good, and says of the rest what this makes of it and of what was good before.
fn after_good(
    arguments: &[u8],
    rest: impl FnOnce(&[Arguments], &Arguments, Vec<u8>) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let asked = Arguments::read(arguments)?;
    let answer = rightly(arguments)?;
    GOOD.with_borrow_mut(|seen| {
        if answer == yes() {
            seen.push(asked);
            return Some(answer);
        }
        rest(seen, &asked, answer)
    })
}

/// A host that also takes what looks to it like something good that it has seen with this key.
fn taking(arguments: &[u8], like: fn(&Arguments, &Arguments) -> bool) -> Option<Vec<u8>> {
    after_good(arguments, |seen, asked, answer| {
        let taken = seen.iter().any(|good| good.public_key == asked.public_key && like(good, asked));
        Some(if taken { yes() } else { answer })
    })
}

/// A host that does not say no where it last saw something good, and this differs so.
fn silent(arguments: &[u8], unlike: fn(&Arguments, &Arguments) -> bool) -> Option<Vec<u8>> {
    after_good(arguments, |seen, asked, answer| {
        (!seen.last().is_some_and(|good| unlike(good, asked))).then_some(answer)
    })
}

#[test]
fn an_algorithm_is_the_hosts_where_it_says_yes_to_what_is_good_and_no_to_all_else() {
    let rows: [(&str, Foreign, &[&str]); 25] = [
        ("right", |_, asked| rightly(asked), &ALL),
        ("right, with a text beside each yes", |_, asked| Some([rightly(asked)?, no("no reason")].concat()), &ALL),
        ("right under another name", |name, asked| (name == "verify").then(|| rightly(asked)).flatten(), &[]),
        ("no function", |_, _| None, &[]),
        ("yes to all", |_, _| Some(yes()), &[]),
        ("silence to what is not good", |_, asked| rightly(asked).filter(|answer| *answer == yes()), &[]),
        ("silence to another text", |_, asked| silent(asked, |good, it| good.text != it.text), &[]),
        ("silence to another signature", |_, asked| silent(asked, |good, it| good.signature != it.signature), &[]),
        ("no to all", |_, _| Some(no("no")), &[]),
        ("nothing to all", |_, _| Some(Vec::new()), &[]),
        ("bytes that are no answer", |_, _| Some(vec![0xff; 40]), &[]),
        ("a yes that breaks off", |_, _| Some(vec![0x08]), &[]),
        ("a yes of another type", |_, _| Some(vec![0x0a, 1, 1]), &[]),
        ("text", |_, _| Some(b"Failed to verify digest.".to_vec()), &[]),
        ("the opposite", |_, asked| Some(if rightly(asked)? == yes() { no("yes") } else { yes() }), &[]),
        ("yes to EC", |_, asked| but(asked, yes(), |it| it.key_type() == "EC"), &ALL[..3]),
        ("no to EC", |_, asked| but(asked, no("no"), |it| it.key_type() == "EC"), &ALL[..3]),
        ("bytes to EC", |_, asked| but(asked, vec![0xff; 9], |it| it.key_type() == "EC"), &ALL[..3]),
        ("yes to RSA", |_, asked| but(asked, yes(), |it| it.key_type() == "RSA"), &ALL[3..]),
        (
            "no to SHA-384",
            |_, asked| but(asked, no("no"), |it| it.hash_function == "sha384"),
            &["RS256", "RS512", "ES256"],
        ),
        (
            "any text",
            |_, asked| {
                taking(asked, |good, it| (&good.hash_function, &good.signature) == (&it.hash_function, &it.signature))
            },
            &[],
        ),
        ("any middle", |_, asked| taking(asked, |good, it| ends(good) == ends(it)), &[]),
        ("any first half", |_, asked| taking(asked, |good, it| half(good, 1) == half(it, 1)), &[]),
        ("any second half", |_, asked| taking(asked, |good, it| half(good, 0) == half(it, 0)), &[]),
        ("one hash instead of another", |_, asked| any_hash(asked), &[]),
    ];
    for (name, host, want) in rows {
        GOOD.take();
        let summary = BoringSsl::probe(host).summary();
        let want = if want.is_empty() { "none".to_owned() } else { want.join(", ") };
        assert!(summary.starts_with(&format!("the host checks {want};")), "{name}: {summary}");
    }
}

/// The first half of a signature, or its second, for the same text.
fn half(arguments: &Arguments, which: usize) -> (&[u8], &[u8]) {
    let (first, second) = arguments.signature.split_at(arguments.signature.len() / 2);
    (&arguments.text, [first, second][which])
}

/// All but the midst of a signature, for the same text.
fn ends(arguments: &Arguments) -> (&[u8], &[u8], &[u8]) {
    let (signature, last) = arguments.signature.split_at(arguments.signature.len() - 8);
    (&arguments.text, &signature[..8], last)
}

/// A host that does not heed which hash it is told, as long as it is one of those that there are.
fn any_hash(arguments: &[u8]) -> Option<Vec<u8>> {
    let asked = Arguments::read(arguments)?;
    let with = |hash: &str| {
        let asked = Arguments { hash_function: hash.to_owned(), ..asked.clone() };
        rightly(&asked.write())
    };
    let answers = ["sha256", "sha384", "sha512"].map(with);
    Some(if answers.contains(&Some(yes())) { yes() } else { no("none of them") })
}
