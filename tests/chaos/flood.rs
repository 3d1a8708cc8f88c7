//! Many clients at once: a crowd with tokens of a key that was published this moment, a flood of invented key ids.

use super::case::Case;
use super::expect::Expect;
use super::lane::Lane;
use super::tokens::{Kind, invented};
use super::world::World;
use crate::wire::harness::arguments::Form;

/// Tokens of the new key on every connection at once.
pub fn herd(world: &World, case: &Case, lanes: &mut [Lane]) {
    const EACH: usize = 5;
    let line = case.line(Kind::New);
    std::thread::scope(|scope| {
        for lane in lanes {
            scope.spawn(move || (0..EACH).for_each(|_| _ = world.ask(lane, case, line)));
        }
    });
}

/// As many different key ids as fast as they are answered.
pub fn flood(world: &World, case: &Case, lanes: &mut [Lane]) {
    const REFUSED: Expect = Expect::only(&[401]);
    let all = match world.form {
        Form::Short => 2_000,
        Form::Long => 10_000,
    };
    let each = all / lanes.len();
    std::thread::scope(|scope| {
        for (number, lane) in lanes.iter_mut().enumerate() {
            scope.spawn(move || {
                for index in 0..each {
                    let reply = lane.ask(&invented(&case.issuer, &format!("invented-{number}-{index}")));
                    world.judge(case, Kind::Invented, [REFUSED; 2], &reply);
                }
            });
        }
    });
}
