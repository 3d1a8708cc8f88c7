//! The steady stream: good tokens of every row in turn, with bad ones among them, from the first moment to the last.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::case::{Case, Line};
use super::lane::Lane;
use super::world::World;

/// Between two requests on one connection, so that eight of them leave a shared machine room for others.
const PACE: Duration = Duration::from_millis(20);

/// Sends on this connection, in turns that begin with the row of this number, until all is over.
pub fn run(world: &World, cases: &[&Case], mut lane: Lane, first: usize) {
    for round in 0.. {
        for turn in 0..cases.len() {
            let case = cases[(first + turn) % cases.len()];
            for line in chosen(case, round + turn) {
                if world.over.load(Ordering::SeqCst) {
                    return;
                }
                world.ask(&mut lane, case, line);
                std::thread::sleep(PACE);
            }
        }
        if world.over.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Every honest token, and one of the others.
fn chosen(case: &Case, turn: usize) -> impl Iterator<Item = &Line> {
    let steady = || case.lines.iter().filter(|line| line.is_steady());
    let others = steady().filter(|line| !line.kind.is_honest()).count().max(1);
    let other = steady().filter(|line| !line.kind.is_honest()).nth(turn % others);
    steady().filter(|line| line.kind.is_honest()).chain(other)
}
