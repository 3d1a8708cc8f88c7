//! An Envoy with the filter, the upstream behind it, and the issuer beside it.

use super::answer::Answer;
use super::envoy::Envoy;
use super::issuer::Issuer;
use super::journal::Journal;
use super::request::Request;
use super::setup::Setup;
use super::upstream::{SEEN, Seen, Upstream};
use super::{http1, http2};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

pub const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

// The order of the fields is the order of their end: Envoy hangs up first.
pub struct Stage {
    pub envoy: Envoy,
    pub upstream: Upstream,
    pub journal: Journal,
}

impl Stage {
    pub fn start(setup: &Setup) -> Self {
        Self::with_journal(setup, Journal::default())
    }

    /// With the journal an issuer already writes to.
    pub fn with_journal(setup: &Setup, journal: Journal) -> Self {
        let upstream = Upstream::start(&journal);
        let envoy = Envoy::start(setup, upstream.address());
        Self { envoy, upstream, journal }
    }

    /// Starts beside an issuer, which the configuration may name.
    pub fn with_issuer(journal: &Journal, issuer: &Issuer, setup: Setup) -> Self {
        Self::with_journal(&setup.issuer(issuer.address()), journal.clone())
    }

    pub fn send(&self, protocol: Protocol, request: &Request) -> Exchange {
        let before = self.upstream.count();
        let answer = match protocol {
            Protocol::Http1 => http1::send(self.envoy.address(), request),
            Protocol::Http2 => http2::send(self.envoy.address(), request),
        };
        self.exchange(before, answer)
    }

    /// Pairs an answer with what the upstream saw of its request.
    pub fn exchange(&self, before: usize, answer: Answer) -> Exchange {
        let index = answer.value(SEEN).and_then(|index| index.parse().ok());
        if index.is_none() {
            assert_eq!(self.upstream.count(), before, "the upstream saw a request that it did not answer: {answer:?}");
        }
        let seen = index.map(|index| self.upstream.whole(index));
        Exchange { answer, seen }
    }

    /// Proves that the filter still lives: a good request on each worker's listener is answered.
    pub fn still_serves(&self, token: &str) {
        let exchange = self.send(Protocol::Http1, &Request::get("/me").bearer(token));
        assert_eq!(exchange.answer.status, 200, "a good request after this: {:?}", exchange.answer);
        assert_eq!(self.envoy.reloads(), 0, "no virtual machine was replaced");
    }
}

/// An answer, and the request as the upstream saw it, if it did.
#[derive(Debug)]
pub struct Exchange {
    pub answer: Answer,
    pub seen: Option<Seen>,
}

impl Exchange {
    /// What the upstream saw of a request that had to get there.
    pub fn allowed(self, name: &str) -> Seen {
        assert_eq!(self.answer.status, 200, "{name}: {:?} {}", self.answer, self.answer.text());
        self.seen.unwrap_or_else(|| panic!("{name}: 200, but not from the upstream"))
    }

    /// The answer to a request that had to be stopped.
    pub fn refused(self, name: &str, status: u16) -> Answer {
        assert!(self.seen.is_none(), "{name}: reached the upstream: {:?}", self.seen);
        assert_eq!(self.answer.status, status, "{name}: {:?} {}", self.answer, self.answer.text());
        self.answer
    }
}
