//! Which answers to a token are right at a moment.

/// Statuses that will do.
pub type Statuses = &'static [u16];

/// What may be answered now, and what else once the issuer was asked more often than this.
///
/// Between an issuer's answer and its effect in every worker nobody outside can say which keys are in use; until the
/// issuer was asked, and after the effect was seen, there is one right answer.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    now: Statuses,
    once_asked: Option<(usize, Statuses)>,
}

impl Expect {
    pub const fn only(now: Statuses) -> Self {
        Self { now, once_asked: None }
    }

    pub const fn or_once_asked(self, more_than: usize, also: Statuses) -> Self {
        Self { once_asked: Some((more_than, also)), ..self }
    }

    /// What is right now, before anything else.
    pub fn first(self) -> u16 {
        self.now.first().copied().unwrap_or_default()
    }

    pub fn allows(self, status: u16, asked: &dyn Fn() -> usize) -> bool {
        let also = |(more_than, also): (usize, Statuses)| also.contains(&status) && asked() > more_than;
        self.now.contains(&status) || self.once_asked.is_some_and(also)
    }
}
