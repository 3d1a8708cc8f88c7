//! Whatever the order of events: good keys stay, new ones are found, and nobody waits for ever.

use super::*;

const WORKERS: usize = 3;

struct Dice(u64);

impl Dice {
    /// Once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33).is_multiple_of(times)
    }
}

struct World {
    story: Story,
    dice: Dice,
    now: f64,
    /// Whether records are lost and workers come and go.
    rough: bool,
    /// The newest of what is published besides `a`, and since when.
    newest: (char, f64),
    /// The one before, which is still published, and all that caches have.
    before: char,
    /// Since when every worker has had time to hear of keys.
    heard: Option<f64>,
    /// When the issuer itself was last asked for a key.
    sought: Option<f64>,
    begun: [f64; WORKERS],
    /// The last fetch failed: then what is sought is asked for again.
    failing: bool,
}

impl World {
    fn new(seed: u64, rough: bool) -> Self {
        Self {
            story: Story::new(WORKERS as u64),
            dice: Dice(seed),
            now: 0.0,
            rough,
            newest: ('b', 0.0),
            before: 'b',
            heard: None,
            sought: None,
            begun: [0.0; WORKERS],
            failing: false,
        }
    }

    fn happen(&mut self, worker: usize, event: &Event<'_>) -> String {
        self.story.happen(worker, event, at(self.now))
    }

    fn step(&mut self) {
        self.now += if self.dice.once_in(6) { 20.0 } else { 0.3 };
        if self.dice.once_in(30) && self.newest.0 < 'z' && self.now - self.newest.1 > 60.0 {
            self.before = self.newest.0;
            self.newest = (char::from(self.newest.0 as u8 + 1), self.now);
        }
        for worker in 0..WORKERS {
            self.beat(worker);
            if self.story.workers[worker].fetch.is_some()
                && (self.dice.once_in(3) || self.now - self.begun[worker] > 5.0)
            {
                self.answer(worker);
            }
            self.ask(worker);
            self.wake(worker);
            if self.rough && self.dice.once_in(100) {
                self.happen(worker, &Leaves);
                self.story.worker_comes();
                self.story.workers.swap_remove(worker);
                self.heard = None;
            }
        }
        if self.rough && self.dice.once_in(50) {
            let board = &self.story.board;
            board.values.borrow_mut().values_mut().for_each(|value| *value = (b"garbage".to_vec(), value.1 + 1000));
            board.writes.set(board.writes.get() + 5000);
        }
    }

    fn beat(&mut self, worker: usize) {
        let told = self.happen(worker, &Beat);
        self.failing |= told.contains("no_answer");
        if told.contains("GET") {
            self.begun[worker] = self.now;
            if self.story.workers[worker].fetch.as_ref().unwrap().no_cache {
                let early = self.sought.is_some_and(|last| self.now - last < 29.9);
                assert!(!early || self.rough || self.failing, "sought again too soon, at {}", self.now);
                self.sought = Some(self.now);
            }
        }
        let under_way = self.story.workers.iter().filter(|worker| worker.fetch.is_some()).count();
        assert!(under_way <= 1 || self.rough, "{under_way} fetches at {}", self.now);
    }

    fn answer(&mut self, worker: usize) {
        let no_cache = self.story.workers[worker].fetch.as_ref().unwrap().no_cache;
        let cached = !no_cache && self.dice.once_in(2);
        let (before, newest) = (self.before, self.newest.0);
        let keys = if cached || before == newest { format!("a{before}") } else { format!("a{before}{newest}") };
        let fails = self.dice.once_in(5);
        let event = if fails { Status(500) } else { Keys(&keys) };
        let told = self.happen(worker, &event);
        // One that comes too late says nothing.
        self.failing = if told.is_empty() { self.failing } else { fails };
        if told.starts_with("ok") && self.heard.is_none() {
            self.heard = Some(self.now + 0.5);
        }
    }

    fn ask(&mut self, worker: usize) {
        let told = self.happen(worker, &Ask("a"));
        let heard = self.heard.is_some_and(|since| since < self.now);
        assert!(told == "good" || !heard, "the key that is always there: {told} at {}", self.now);
        if self.dice.once_in(100) {
            let told = self.happen(worker, &Ask("-"));
            assert_ne!(told, "good", "a key that nobody has");
        }
        if self.dice.once_in(3) {
            let told = self.happen(worker, &Ask(&self.newest.0.to_string()));
            self.judge(worker, &told);
        }
    }

    fn wake(&mut self, worker: usize) {
        let invented = self.story.workers[worker].waiting.iter().filter(|(_, kid)| kid == "-").count();
        let told = self.happen(worker, &Wake);
        // Whose key there is not may be among them: that is no answer to judge by.
        if told.matches("unknown").count() > invented {
            self.judge(worker, "unknown");
        }
    }

    /// From now on every fetch is answered well at once, and nobody comes any more.
    fn rest(&mut self) {
        for _ in 0..100 {
            self.now += 1.0;
            for worker in 0..WORKERS {
                self.beat(worker);
                if self.story.workers[worker].fetch.is_some() {
                    let keys = format!("a{}", self.newest.0);
                    self.happen(worker, &Keys(&keys));
                }
                self.happen(worker, &Wake);
            }
        }
        for worker in 0..WORKERS {
            assert_eq!(self.story.workers[worker].waiting.len(), 0, "worker {worker} has somebody wait");
            assert_eq!(self.happen(worker, &Ask("a")), "good");
        }
    }

    /// A key that is published is unknown only where it came too soon after another one was sought.
    fn judge(&self, worker: usize, told: &str) {
        let too_soon = self.sought.is_some_and(|at| at < self.newest.1 && self.now - at < 40.0);
        assert!(told != "unknown" || too_soon || self.rough, "unknown at {}, worker {worker}", self.now);
    }
}

#[test]
fn good_keys_stay_new_ones_are_found_and_nobody_waits_for_ever() {
    for rough in [false, true] {
        for seed in 0..60 {
            let mut world = World::new(seed, rough);
            (0..400).for_each(|_| world.step());
            world.rest();
        }
    }
}
