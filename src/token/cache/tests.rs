use super::*;
use crate::issuer::{Issuer, Issuers};

mod model;

/// What is remembered of a good token here: a number to tell one from another, and the room that it says it takes.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    number: usize,
    bytes: usize,
}

impl Room for Known {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

const NOW: UnixTime = UnixTime::from_seconds(1000);
const SPAN: Span = Span { from: UnixTime::from_seconds(900), until: UnixTime::from_seconds(1100) };
const PLENTY: CacheLimits = CacheLimits { max_entries: 1000, max_bytes: 1_000_000 };

const KID: &str = "key";

/// What an entry takes besides its token and what its value says.
const GOOD: usize = Shelf::<Rc<Known>>::OVERHEAD + KID.len();
const BAD: usize = Shelf::<()>::OVERHEAD + KID.len();

fn issuers() -> [IssuerId; 2] {
    let issuers =
        Issuers::new(vec![Issuer::for_tests("https://a.test", &[]), Issuer::for_tests("https://b.test", &[])]);
    let ids: Vec<IssuerId> = issuers.iter().map(|(id, _)| id).collect();
    ids.try_into().unwrap()
}

fn token(number: usize) -> String {
    format!("header.payload-of-{number:06}.{number:032}")
}

fn limits(max_entries: usize, max_bytes: usize) -> CacheLimits {
    CacheLimits { max_entries, max_bytes }
}

struct Desk {
    cache: TokenCache<Known>,
    keys: Rc<JwkSet>,
}

impl Desk {
    fn new(limits: CacheLimits) -> Self {
        Self { cache: TokenCache::new(limits), keys: Rc::default() }
    }

    fn ground(&self) -> Ground {
        Ground::new(issuers()[0], Some(KID), &self.keys, SPAN)
    }

    fn remember(&mut self, token: &str, number: usize, bytes: usize) {
        let ground = self.ground();
        self.cache.remember(Secret::new(token), ground, Rc::new(Known { number, bytes }), NOW);
    }

    fn remember_forged(&mut self, token: &str) {
        let ground = self.ground();
        self.cache.remember_forged(Secret::new(token), ground);
    }

    fn recall_at(&mut self, token: &str, now: UnixTime) -> String {
        let keys = Rc::clone(&self.keys);
        match self.cache.recall(token, now, |_| Some(keys)) {
            Recall::Good(known) => format!("good {}", known.number),
            Recall::Forged(issuer) if issuer == issuers()[0] => "forged".to_owned(),
            Recall::Forged(_) => "forged, of another issuer".to_owned(),
            Recall::Unknown => "unknown".to_owned(),
        }
    }

    fn recall(&mut self, token: &str) -> String {
        self.recall_at(token, NOW)
    }

    fn sizes(&self) -> (usize, usize) {
        (self.cache.entries(), self.cache.bytes())
    }
}

#[test]
fn a_token_is_found_by_its_whole_text_only() {
    let tail = "0123456789abcdef0123456789ABCDEF";
    let text = format!("header.payload.{tail}");
    for (name, other, same) in [
        ("the same", text.clone(), true),
        ("another payload of the same length", format!("header.payl0ad.{tail}"), false),
        ("another header of the same length", format!("Header.payload.{tail}"), false),
        ("a longer payload", format!("header.payloadpayload.{tail}"), false),
        ("nothing but the end", tail.to_owned(), false),
        ("all but the beginning", text[1..].to_owned(), false),
        ("a character before it", format!(" {text}"), false),
        ("a multiple of eight before it", format!("12345678{text}"), false),
        ("a character after it", format!("{text} "), false),
        ("a prefix", text[..text.len() - 1].to_owned(), false),
        ("the last character differs", format!("{}G", &text[..text.len() - 1]), false),
        ("the first of the end differs", text.replace(".0123", ".1123"), false),
        ("in upper case", text.to_uppercase(), false),
        ("too short to have an end", tail[1..].to_owned(), false),
        ("empty", String::new(), false),
    ] {
        let mut desk = Desk::new(PLENTY);
        desk.remember(&text, 7, 0);
        assert_eq!(desk.recall(&other), if same { "good 7" } else { "unknown" }, "{name}");
        assert_eq!(desk.recall(&text), "good 7", "{name}: and the token itself is still known");

        let mut desk = Desk::new(PLENTY);
        desk.remember_forged(&text);
        assert_eq!(desk.recall(&other), if same { "forged" } else { "unknown" }, "{name}, forged");
        assert_eq!(desk.recall(&text), "forged", "{name}, forged: and it is still known to be");
    }
}

/// Every place where two texts can differ, for lengths around those in which they are compared.
#[test]
fn texts_that_differ_anywhere_are_not_the_same() {
    for length in 0..40 {
        let text = "a".repeat(length);
        assert!(is_same(&text, &text), "{length}");
        assert!(!is_same(&text, &"a".repeat(length + 1)) && !is_same(&"a".repeat(length + 1), &text), "{length}");
        assert!(!is_same(&text, &"a".repeat(length + 8)) && !is_same(&"a".repeat(length + 8), &text), "{length}");
        for place in 0..length {
            let mut other = text.clone();
            other.replace_range(place..=place, "b");
            assert!(!is_same(&text, &other) && !is_same(&other, &text), "{place} of {length}");
        }
    }
}

#[test]
fn a_token_without_an_end_of_32_bytes_is_not_kept() {
    for (length, kept) in [(0, false), (1, false), (31, false), (32, true), (33, true)] {
        let text = "x".repeat(length);
        let mut desk = Desk::new(PLENTY);
        desk.remember(&text, 1, 0);
        assert_eq!((desk.recall(&text) == "good 1", desk.sizes().0), (kept, usize::from(kept)), "{length}");
        let mut desk = Desk::new(PLENTY);
        desk.remember_forged(&text);
        assert_eq!((desk.recall(&text) == "forged", desk.sizes().0), (kept, usize::from(kept)), "{length}, forged");
    }
}

/// Two that end alike have one place: whoever comes last has it, and the other is not taken for him.
#[test]
fn of_two_good_tokens_that_end_alike_the_last_is_known() {
    let mut desk = Desk::new(PLENTY);
    let [first, second] = ["a.b.", "c.d.e.f."].map(|start| format!("{start}{}", "x".repeat(32)));
    desk.remember(&first, 1, 50);
    desk.remember(&second, 2, 70);
    assert_eq!([desk.recall(&first), desk.recall(&second)], ["unknown", "good 2"]);
    assert_eq!(desk.sizes(), (1, GOOD + second.len() + 70));
}

#[test]
fn a_forged_twin_does_not_stand_in_the_way_of_the_good_token() {
    let mut desk = Desk::new(PLENTY);
    let [good, forged] = ["a.b.", "c.d."].map(|start| format!("{start}{}", "x".repeat(32)));
    desk.remember(&good, 1, 0);
    desk.remember_forged(&forged);
    for _ in 0..2 {
        assert_eq!([desk.recall(&good), desk.recall(&forged)], ["good 1", "forged"]);
    }
    assert_eq!(desk.sizes().0, 2);
}

#[test]
fn those_used_longest_ago_go_first() {
    let mut desk = Desk::new(limits(3, 1_000_000));
    (0..3).for_each(|number| desk.remember(&token(number), number, 0));
    // To be looked for is a use; to be looked for in vain is none of anybody else's.
    assert_eq!(desk.recall(&token(0)), "good 0");
    assert_eq!(desk.recall(&token(9)), "unknown");
    desk.remember(&token(3), 3, 0);
    let known =
        |desk: &mut Desk| (0..4).map(|number| desk.recall(&token(number)).starts_with("good")).collect::<Vec<_>>();
    assert_eq!(known(&mut desk), [true, false, true, true]);
    // So is to be remembered again.
    desk.remember(&token(0), 10, 0);
    desk.remember(&token(4), 4, 0);
    assert_eq!(desk.recall(&token(2)), "unknown");
    assert_eq!([desk.recall(&token(0)), desk.recall(&token(3))], ["good 10", "good 3"]);
}

#[test]
fn only_what_was_still_good_counts_as_driven_out() {
    let ended = Span { until: NOW, ..SPAN };
    for (name, limits, span, keeps_keys, want) in [
        ("room for all", PLENTY, SPAN, true, 0),
        ("no room", limits(3, 1_000_000), SPAN, true, 7),
        ("too few bytes", limits(1000, 3 * (GOOD + token(0).len())), SPAN, true, 7),
        ("they have ended", limits(3, 1_000_000), ended, true, 0),
        ("their keys are gone", limits(3, 1_000_000), SPAN, false, 0),
        ("nothing is to be remembered", limits(0, 1_000_000), SPAN, true, 0),
    ] {
        let mut desk = Desk::new(limits);
        for number in 0..10 {
            let keys = if keeps_keys { Rc::clone(&desk.keys) } else { Rc::default() };
            let ground = Ground::new(issuers()[0], Some(KID), &keys, span);
            desk.cache.remember(Secret::new(token(number)), ground, Rc::new(Known { number, bytes: 0 }), NOW);
            (0..200).for_each(|number| desk.remember_forged(&token(1000 + number)));
        }
        assert_eq!(desk.cache.has_driven_out(), want > 0, "{name}");
        assert_eq!([desk.cache.take_driven_out(), desk.cache.take_driven_out()], [want, 0], "{name}");
    }
}

#[test]
fn there_are_no_more_than_so_many_entries_and_bytes() {
    let length = token(0).len();
    let each = GOOD + length + 100;
    for (name, limits, kept) in [
        ("no entries", limits(0, 1_000_000), 0),
        ("one", limits(1, 1_000_000), 1),
        ("nine", limits(9, 1_000_000), 9),
        ("more than there are", limits(100, 1_000_000), 20),
        ("no bytes", limits(100, 0), 0),
        ("a byte too few for one", limits(100, each - 1), 0),
        ("bytes for one", limits(100, each), 1),
        ("bytes for two but one", limits(100, 2 * each - 1), 1),
        ("bytes for two", limits(100, 2 * each), 2),
        ("neither", limits(0, 0), 0),
    ] {
        let mut desk = Desk::new(limits);
        for number in 0..20 {
            desk.remember(&token(number), number, 100);
            let (entries, bytes) = desk.sizes();
            assert!(entries <= limits.max_entries && bytes <= limits.max_bytes, "{name}: {entries} {bytes}");
            assert_eq!(bytes, entries * each, "{name}");
        }
        assert_eq!(desk.sizes().0, kept, "{name}");
        for number in 0..20 {
            let want = if number + kept >= 20 { format!("good {number}") } else { "unknown".to_owned() };
            assert_eq!(desk.recall(&token(number)), want, "{name}");
        }
    }
}

#[test]
fn one_that_is_larger_than_all_that_may_be_kept_drives_nobody_out() {
    let mut desk = Desk::new(limits(100, 10_000));
    desk.remember(&token(1), 1, 100);
    desk.remember_forged(&token(2));
    let before = desk.sizes();
    for bytes in [10_000, usize::MAX - 10, usize::MAX] {
        desk.remember(&token(3), 3, bytes);
        assert_eq!(desk.recall(&token(3)), "unknown", "{bytes}");
    }
    desk.remember_forged(&"x".repeat(10_000));
    assert_eq!(desk.sizes(), before);
    assert_eq!([desk.recall(&token(1)), desk.recall(&token(2))], ["good 1", "forged"]);
    // One that just fits has all of it.
    desk.remember(&token(3), 3, 10_000 - GOOD - token(3).len());
    assert_eq!([desk.recall(&token(1)), desk.recall(&token(3))], ["unknown", "good 3"]);
    assert_eq!(desk.recall(&token(2)), "forged");
}

#[test]
fn a_token_that_is_remembered_again_is_counted_once() {
    let mut desk = Desk::new(PLENTY);
    for bytes in [100, 100, 30, 500] {
        desk.remember(&token(1), bytes, bytes);
        assert_eq!(desk.sizes(), (1, GOOD + token(1).len() + bytes));
        assert_eq!(desk.recall(&token(1)), format!("good {bytes}"));
    }
    let good = desk.sizes().1;
    for _ in 0..3 {
        desk.remember_forged(&token(2));
        assert_eq!(desk.sizes(), (2, good + BAD + token(2).len()));
    }
    desk.keys = Rc::default();
    assert_eq!([desk.recall(&token(1)), desk.recall(&token(2))], ["unknown", "unknown"]);
    assert_eq!(desk.sizes(), (0, 0));
}

#[test]
fn the_name_of_the_key_takes_room_too() {
    for (kid, room) in [(None, 0), (Some("k"), 1), (Some("a-name-of-a-key"), 15)] {
        let mut desk = Desk::new(PLENTY);
        let ground = || Ground::new(issuers()[0], kid, &desk.keys, SPAN);
        let (good, bad) = (ground(), ground());
        desk.cache.remember(Secret::new(token(1)), good, Rc::new(Known { number: 1, bytes: 0 }), NOW);
        assert_eq!(desk.sizes(), (1, GOOD - KID.len() + token(1).len() + room), "{kid:?}");
        let before = desk.sizes().1;
        desk.cache.remember_forged(Secret::new(token(2)), bad);
        assert_eq!(desk.sizes(), (2, before + BAD - KID.len() + token(2).len() + room), "{kid:?}, forged");
    }
}

#[test]
fn forged_tokens_and_good_ones_do_not_drive_each_other_out() {
    let plenty = limits(1000, 64 * 1024 * 1024);
    let mut desk = Desk::new(plenty);
    (0..1000).for_each(|number| desk.remember(&token(number), number, 0));
    (1000..3000).for_each(|number| desk.remember_forged(&token(number)));
    assert_eq!(desk.sizes().0, 1000 + FORGED.max_entries);
    assert!((0..1000).all(|number| desk.recall(&token(number)) == format!("good {number}")));
    assert!((3000 - FORGED.max_entries..3000).all(|number| desk.recall(&token(number)) == "forged"));
    assert_eq!(desk.recall(&token(2999 - FORGED.max_entries)), "unknown", "those of before are gone");

    (3000..6000).for_each(|number| desk.remember(&token(number), number, 0));
    assert!((3000 - FORGED.max_entries..3000).all(|number| desk.recall(&token(number)) == "forged"));
    assert_eq!(desk.sizes().0, 1000 + FORGED.max_entries);
}

#[test]
fn the_place_of_forged_tokens_is_small_and_no_larger_than_that_of_good_ones() {
    let big = |number: usize| format!("{}{}", "x".repeat(16_000), token(number));
    for (name, limits, entries, bytes) in [
        ("by default", CacheLimits::default(), 128, 256 * 1024),
        ("few entries", limits(5, 1_000_000), 5, 256 * 1024),
        ("few bytes", limits(1000, 40_000), 128, 40_000),
        ("nothing", limits(0, 0), 0, 0),
        ("no entries", limits(0, 1_000_000), 0, 0),
    ] {
        let mut desk = Desk::new(limits);
        (0..300).for_each(|number| desk.remember_forged(&token(number)));
        assert_eq!(desk.sizes().0, entries.min(bytes / (BAD + token(0).len())), "{name}");
        (0..300).for_each(|number| desk.remember_forged(&big(number)));
        assert_eq!(desk.sizes().0, entries.min(bytes / (BAD + big(0).len())), "{name}: large ones");
        assert!(desk.sizes().1 <= bytes, "{name}");
    }
}

#[test]
fn what_is_known_is_known_within_its_span_only() {
    let millis = |time: UnixTime, by: i64| UnixTime::from_millis(time.millis().checked_add_signed(by).unwrap());
    for (name, now, holds) in [
        ("a moment before", millis(SPAN.from, -1), false),
        ("at its beginning", SPAN.from, true),
        ("within", NOW, true),
        ("just before its end", millis(SPAN.until, -1), true),
        ("at its end", SPAN.until, false),
        ("long before", UnixTime::from_seconds(0), false),
        ("long after", UnixTime::from_seconds(u64::MAX), false),
    ] {
        let mut desk = Desk::new(PLENTY);
        desk.remember(&token(1), 1, 0);
        desk.remember_forged(&token(2));
        let want = if holds { ["good 1", "forged"] } else { ["unknown", "unknown"] };
        assert_eq!([desk.recall_at(&token(1), now), desk.recall_at(&token(2), now)], want, "{name}");
        // What does not hold is forgotten, and takes no room.
        assert_eq!(desk.sizes().0, if holds { 2 } else { 0 }, "{name}");
        assert_eq!(desk.sizes().1 > 0, holds, "{name}");
    }
}

#[test]
fn outside_its_span_nobody_is_asked_for_keys() {
    let mut desk = Desk::new(PLENTY);
    desk.remember(&token(1), 1, 0);
    desk.remember_forged(&token(2));
    for number in [1, 2, 3] {
        let recall = desk.cache.recall(&token(number), SPAN.until, |_| panic!("{number}: keys are asked for"));
        assert_eq!(recall, Recall::Unknown);
    }
}

#[test]
fn keys_are_asked_for_by_issuer_and_key_id() {
    let [first, second] = issuers();
    for (issuer, kid) in [(first, None), (second, Some("one")), (second, None)] {
        let mut desk = Desk::new(PLENTY);
        let ground = || Ground::new(issuer, kid, &desk.keys, SPAN);
        desk.cache.remember(Secret::new(token(1)), ground(), Rc::new(Known { number: 1, bytes: 0 }), NOW);
        desk.cache.remember_forged(Secret::new(token(2)), ground());
        for (number, want) in [(1, Recall::Good(Rc::new(Known { number: 1, bytes: 0 }))), (2, Recall::Forged(issuer))] {
            let keys = Rc::clone(&desk.keys);
            let recall = desk.cache.recall(&token(number), NOW, |ground| {
                assert_eq!((ground.issuer, ground.kid()), (issuer, kid));
                Some(keys)
            });
            assert_eq!(recall, want);
        }
    }
}

#[test]
fn what_was_found_by_other_keys_is_forgotten() {
    type Change = fn(&Rc<JwkSet>) -> Option<Rc<JwkSet>>;
    let rows: [(&str, Change, bool); 4] = [
        ("the same", |keys| Some(Rc::clone(keys)), true),
        ("others", |_| Some(Rc::default()), false),
        ("others that say the same", |_| Some(Rc::new(JwkSet::default())), false),
        ("none", |_| None, false),
    ];
    for (name, change, holds) in rows {
        let mut desk = Desk::new(PLENTY);
        desk.remember(&token(1), 1, 0);
        desk.remember_forged(&token(2));
        for number in [1, 2] {
            let keys = change(&desk.keys);
            let known = desk.cache.recall(&token(number), NOW, |_| keys) != Recall::Unknown;
            assert_eq!(known, holds, "{name}: {number}");
        }
        // Also when the keys of before come back.
        let want = if holds { ["good 1", "forged"] } else { ["unknown", "unknown"] };
        assert_eq!([desk.recall(&token(1)), desk.recall(&token(2))], want, "{name}");
        assert_eq!(desk.sizes().0, if holds { 2 } else { 0 }, "{name}");
    }
}

/// Memory is given out again at once, so new keys may come to stand where the old ones stood.
#[test]
fn keys_that_stand_where_others_stood_are_not_taken_for_them() {
    let mut desk = Desk::new(PLENTY);
    for round in 0..100 {
        desk.remember(&token(1), round, 0);
        desk.remember_forged(&token(2));
        // What is there is dropped before there is anything new.
        let gone = std::mem::replace(&mut desk.keys, Rc::new(JwkSet::default()));
        drop(gone);
        let next: Vec<Rc<JwkSet>> = (0..4).map(|_| Rc::default()).collect();
        desk.keys = Rc::clone(&next[round % 4]);
        assert_eq!([desk.recall(&token(1)), desk.recall(&token(2))], ["unknown", "unknown"], "{round}");
    }
}

#[test]
fn nothing_keeps_old_keys_alive() {
    let mut desk = Desk::new(PLENTY);
    desk.remember(&token(1), 1, 0);
    desk.remember_forged(&token(2));
    let old = Rc::downgrade(&std::mem::take(&mut desk.keys));
    assert!(old.upgrade().is_none());
}

#[test]
fn a_token_may_turn_from_forged_to_good_and_back() {
    let mut desk = Desk::new(PLENTY);
    for round in 0..3 {
        desk.remember_forged(&token(1));
        assert_eq!(desk.recall(&token(1)), "forged", "{round}");
        desk.keys = Rc::default();
        assert_eq!(desk.recall(&token(1)), "unknown", "{round}");
        desk.remember(&token(1), round, 0);
        assert_eq!(desk.recall(&token(1)), format!("good {round}"));
        desk.keys = Rc::default();
        assert_eq!(desk.recall(&token(1)), "unknown", "{round}");
        assert_eq!(desk.sizes(), (0, 0));
    }
}

#[test]
fn a_ground_can_be_narrowed() {
    let mut desk = Desk::new(PLENTY);
    let ground = desk.ground().holding(Span { from: NOW, until: NOW.plus(std::time::Duration::from_secs(1)) });
    assert_eq!((ground.issuer, ground.kid()), (issuers()[0], Some(KID)));
    desk.cache.remember(Secret::new(token(1)), ground, Rc::new(Known { number: 1, bytes: 0 }), NOW);
    assert_eq!(desk.recall(&token(1)), "good 1");
    assert_eq!(desk.recall_at(&token(1), UnixTime::from_seconds(1001)), "unknown");
}

#[test]
fn debug_output_holds_no_token() {
    let mut desk = Desk::new(PLENTY);
    desk.remember(&token(1), 1, 0);
    desk.remember_forged(&token(2));
    let told = format!("{:?}", desk.cache);
    assert!(!told.contains("payload-of"), "{told}");
}
