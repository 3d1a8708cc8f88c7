//! Whatever is asked in whatever order: the same comes out of a list that is searched from end to end.

use super::*;

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

struct Line {
    token: String,
    issuer: usize,
    /// Which of the issuer's key sets it was, counted from the first.
    keys: usize,
    span: Span,
    value: usize,
    bytes: usize,
}

/// Entries from the one used longest ago to the newest.
struct List {
    lines: Vec<Line>,
    limits: CacheLimits,
}

impl List {
    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.bytes).sum()
    }

    fn put(&mut self, line: Line) {
        if line.token.len() < 32 || line.bytes > self.limits.max_bytes {
            return;
        }
        self.lines.retain(|other| other.token != line.token);
        self.lines.push(line);
        while self.lines.len() > self.limits.max_entries || self.bytes() > self.limits.max_bytes {
            self.lines.remove(0);
        }
    }

    /// `None` where there is none, and what it says where it still holds.
    fn find(&mut self, token: &str, now: UnixTime, keys: &[Option<usize>; 2]) -> Option<Option<(usize, usize)>> {
        let place = self.lines.iter().position(|line| line.token == token)?;
        let line = self.lines.remove(place);
        let holds = line.span.from <= now && now < line.span.until && keys[line.issuer] == Some(line.keys);
        let found = (line.issuer, line.value);
        if holds {
            self.lines.push(line);
        }
        Some(holds.then_some(found))
    }
}

fn play(seed: u64, limits: CacheLimits) -> [usize; 3] {
    let mut dice = Dice(seed);
    let mut cache = TokenCache::new(limits);
    let mut good = List { lines: Vec::new(), limits };
    let forged = CacheLimits { max_entries: limits.max_entries.min(128), max_bytes: limits.max_bytes.min(256 * 1024) };
    let mut forged = List { lines: Vec::new(), limits: forged };
    let ids = issuers();
    let mut sets: [Option<Rc<JwkSet>>; 2] = [Some(Rc::default()), Some(Rc::default())];
    let mut made = [0, 0];
    let mut seen = [0; 3];
    for step in 0..3000 {
        let now = UnixTime::from_seconds(1000 + dice.below(20) as u64);
        // One in ten is too short to be kept.
        let number = dice.below(40);
        let text = if number.is_multiple_of(10) { format!("short-{number}") } else { token(number) };
        let numbers = std::array::from_fn(|issuer| sets[issuer].as_ref().map(|_| made[issuer]));
        match dice.below(32) {
            0 => {
                let issuer = dice.below(2);
                made[issuer] += 1;
                // There may be none for a while.
                sets[issuer] = (dice.below(4) > 0).then(Rc::default);
            }
            1..=8 => {
                let issuer = dice.below(2);
                let Some(set) = &sets[issuer] else { continue };
                let span = Span {
                    from: UnixTime::from_seconds(990 + dice.below(20) as u64),
                    until: now.plus(std::time::Duration::from_secs(dice.below(20) as u64)),
                };
                let ground = Ground::new(ids[issuer], Some(KID), set, span);
                let line = |bytes| Line { token: text.clone(), issuer, keys: made[issuer], span, value: step, bytes };
                if dice.below(3) == 0 {
                    forged.put(line(text.len() + BAD));
                    cache.remember_forged(Secret::new(text.as_str()), ground);
                } else {
                    let bytes = dice.below(3000);
                    good.put(line(text.len() + GOOD + bytes));
                    cache.remember(Secret::new(text.as_str()), ground, Rc::new(Known { number: step, bytes }), now);
                }
            }
            _ => {
                let want = match good.find(&text, now, &numbers) {
                    Some(Some((_, value))) => format!("good {value}"),
                    Some(None) => "unknown".to_owned(),
                    None => match forged.find(&text, now, &numbers) {
                        Some(Some((issuer, _))) => format!("forged {issuer}"),
                        Some(None) | None => "unknown".to_owned(),
                    },
                };
                let keys = |ground: &Ground| sets[usize::from(ground.issuer == ids[1])].clone();
                let is = match cache.recall(&text, now, keys) {
                    Recall::Good(known) => format!("good {}", known.number),
                    Recall::Forged(issuer) => format!("forged {}", usize::from(issuer == ids[1])),
                    Recall::Unknown => "unknown".to_owned(),
                };
                assert_eq!(is, want, "seed {seed}, {limits:?}, step {step}: {text}");
                seen[["good", "forged", "unknown"].iter().position(|start| is.starts_with(start)).unwrap()] += 1;
            }
        }
        let want = (good.lines.len() + forged.lines.len(), good.bytes() + forged.bytes());
        assert_eq!((cache.entries(), cache.bytes()), want, "seed {seed}, {limits:?}, step {step}");
    }
    // All is forgotten once there are no keys, and nothing is left of its room.
    for number in 0..40 {
        for _ in 0..2 {
            assert_eq!(cache.recall(&token(number), NOW, |_| None), Recall::Unknown);
        }
    }
    assert_eq!((cache.entries(), cache.bytes()), (0, 0), "seed {seed}, {limits:?}");
    seen
}

#[test]
fn it_says_what_a_plain_list_would_say() {
    for (limits, least) in [
        (limits(1000, 1_000_000), [2000, 800, 2000]),
        (limits(3, 1_000_000), [200, 200, 2000]),
        (limits(1000, 7000), [200, 200, 2000]),
        (limits(1, 2000), [20, 50, 2000]),
        (limits(0, 0), [0, 0, 2000]),
    ] {
        let mut seen = [0; 3];
        for seed in 1..20 {
            seen.iter_mut().zip(play(seed, limits)).for_each(|(sum, more)| *sum += more);
        }
        assert!(seen.iter().zip(least).all(|(seen, least)| *seen >= least), "{limits:?}: {seen:?}");
    }
}
