//! Counting under names that others choose, in memory that has a bound.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

/// So many names are counted at once.
pub const MOST_NAMES: usize = 4096;

/// Different callers are told apart up to here.
pub const MOST_CALLERS: usize = 10_000;

/// Counts by name. When there are too many, the rarer half goes: who comes often stays, however many others there are.
#[derive(Debug, Default)]
pub struct Counts {
    of: HashMap<String, Count>,
    /// What was counted under names that went.
    rare: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Count {
    pub count: u64,
    /// The newest of them, where times are known.
    pub last: Option<i64>,
    /// What the newest of them was about.
    pub about: String,
}

impl Counts {
    pub fn add(&mut self, name: &str, time: Option<i64>, about: &str) {
        if !self.of.contains_key(name) && self.of.len() >= MOST_NAMES {
            self.forget_half();
        }
        let count = match self.of.get_mut(name) {
            Some(count) => count,
            None => self.of.entry(name.to_owned()).or_default(),
        };
        if count.count == 0 || time >= count.last {
            about.clone_into(&mut count.about);
        }
        count.count = count.count.saturating_add(1);
        count.last = count.last.max(time);
    }

    fn forget_half(&mut self) {
        let mut counts: Vec<u64> = self.of.values().map(|count| count.count).collect();
        counts.sort_unstable();
        let middle = counts.get(counts.len() / 2).copied().unwrap_or_default();
        // Where most are equally rare, half of those go too.
        let mut to_go = counts.len() / 2;
        let mut gone = 0;
        self.of.retain(|_, count| {
            let goes = to_go > 0 && count.count <= middle;
            if goes {
                to_go -= 1;
                gone += count.count;
            }
            !goes
        });
        self.rare = self.rare.saturating_add(gone);
    }

    /// The most frequent first.
    pub fn sorted(&self) -> Vec<(&str, &Count)> {
        let mut all: Vec<(&str, &Count)> = self.of.iter().map(|(name, count)| (name.as_str(), count)).collect();
        all.sort_by(|(a, one), (b, other)| other.count.cmp(&one.count).then_with(|| a.cmp(b)));
        all
    }

    /// How many are counted under no name any more; then every count is the least that it can be.
    pub fn rare(&self) -> u64 {
        self.rare
    }
}

/// How many different callers there were.
#[derive(Debug, Default)]
pub struct Distinct {
    seen: HashSet<u64>,
    more: bool,
}

impl Distinct {
    pub fn add(&mut self, name: &str) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = hasher.finish();
        if self.seen.len() < MOST_CALLERS {
            self.seen.insert(hash);
        } else if !self.seen.contains(&hash) {
            self.more = true;
        }
    }

    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// Whether there were more than were counted.
    pub fn more(&self) -> bool {
        self.more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_often_is_counted_whatever_number_of_others_comes() {
        let mut counts = Counts::default();
        for i in 0..100_000u32 {
            counts.add(&format!("noise-{i}"), None, "");
            if i % 100 == 0 {
                counts.add("alice", Some(i64::from(i)), "");
            }
        }
        let sorted = counts.sorted();
        assert_eq!(sorted[0].0, "alice");
        assert_eq!((sorted[0].1.count, sorted[0].1.last), (1000, Some(99_900)));
        assert!(sorted.len() <= MOST_NAMES, "{}", sorted.len());
        let kept: u64 = sorted.iter().map(|(_, count)| count.count).sum();
        assert_eq!(kept + counts.rare(), 101_000, "nothing is lost");
    }

    #[test]
    fn the_newest_is_the_last_one_of_its_second() {
        let mut counts = Counts::default();
        for (time, about) in [(7, "first"), (9, "second"), (9, "third"), (8, "older")] {
            counts.add("alice", Some(time), about);
        }
        let (_, count) = counts.sorted()[0];
        assert_eq!((count.count, count.last, count.about.as_str()), (4, Some(9), "third"));
    }

    #[test]
    fn different_callers_are_counted_up_to_a_bound() {
        let mut distinct = Distinct::default();
        for i in 0..2 * MOST_CALLERS {
            distinct.add(&(i % 3).to_string());
        }
        assert_eq!((distinct.count(), distinct.more()), (3, false));
        (0..2 * MOST_CALLERS).for_each(|i| distinct.add(&(i % MOST_CALLERS).to_string()));
        assert_eq!((distinct.count(), distinct.more()), (MOST_CALLERS, false), "as many as are told apart, each twice");
        (0..2 * MOST_CALLERS).for_each(|i| distinct.add(&i.to_string()));
        assert_eq!((distinct.count(), distinct.more()), (MOST_CALLERS, true));
    }
}
