//! Measures contenders side by side.
//!
//! All of them run, and one after the other has a short window, again and again: what else the machine is busy with for a
//! second or two is then borne by all of them, and not by one.

use super::book::{Book, Table};
use super::contender::Contender;
use super::form::Form;
use super::load::Order;
use super::session::{Sample, Session, Window};

/// Into so many parts a window is cut.
const LAPS: usize = 5;

pub struct Runner<'a> {
    pub table: Table,
    pub contender: Contender,
    pub session: &'a mut Result<Session, String>,
    /// Sent before, and not counted: these, so many.
    pub before: (&'a [Vec<u8>], usize),
    pub requests: &'a [Vec<u8>],
    pub count: usize,
    pub expected: u16,
}

/// Adds a sample of each of them to the book.
pub fn race(book: &mut Book, form: &Form, mut runners: Vec<Runner<'_>>) {
    let mut windows: Vec<Result<Vec<Window>, String>> = runners.iter_mut().map(Runner::warm_up).collect();
    for lap in 0..LAPS {
        for place in 0..runners.len() {
            let at = (place + lap) % runners.len();
            if let Ok(so_far) = &mut windows[at] {
                match runners[at].lap(lap, form) {
                    Ok(window) => so_far.push(window),
                    Err(error) => windows[at] = Err(error),
                }
            }
        }
    }
    for (runner, windows) in runners.iter().zip(windows) {
        book.note(&runner.table, runner.contender, windows.map(|windows| Sample::of(&windows)));
    }
}

impl Runner<'_> {
    fn warm_up(&mut self) -> Result<Vec<Window>, String> {
        let session = self.session.as_mut().map_err(|error| error.clone())?;
        let (requests, count) = self.before;
        if count > 0 {
            session.play(requests, count, self.expected)?;
        }
        Ok(Vec::new())
    }

    fn lap(&mut self, lap: usize, form: &Form) -> Result<Window, String> {
        let session = self.session.as_mut().map_err(|error| error.clone())?;
        let count = self.count / LAPS;
        let limit = form.limit / u32::try_from(LAPS).unwrap_or(1);
        let from = lap * count;
        session.measure(Order { requests: self.requests, from, count, limit, expected: self.expected })
    }
}
