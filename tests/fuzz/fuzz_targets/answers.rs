//! What an issuer answers when its discovery document and its keys are fetched.
//!
//! Answers stand one behind another, with a line `--` between them. The first line of each is
//! `status|cache-control|age|etag|seconds`, the rest its body.

#![no_main]

use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use postern::config::Config;
use postern::issuer::IssuerId;
use postern::jwks::{Answer, Fetch, FetchError, HttpUri, JwkSet, KeyStore, Lookup, Notice};
use postern::time::UnixTime;
use postern_fuzz::mint::ISSUER;
use postern_fuzz::shared::{Shared, config, worker};
use serde_json::json;

thread_local! {
    static CONFIGS: [Config; 3] = [
        json!({"cluster": "issuer"}),
        json!({"cluster": "issuer", "uri": "https://issuer.test/keys", "cache": "10m"}),
        json!({"cluster": "issuer", "uri": "https://other.test:8443/keys?a=b", "timeout": "30s"}),
    ].map(|jwks| config(&jwks, &json!(["ES256"])));
}

/// A day past the hour that keys may be used, and the pause before.
const LONGEST: Duration = Duration::from_secs(26 * 3600);

fuzz_target!(|text: &[u8]| {
    let Some((kind, text)) = text.split_first() else { return };
    CONFIGS.with(|configs| play(&configs[usize::from(*kind) % configs.len()], text));
});

struct Play {
    id: IssuerId,
    keys: KeyStore,
    now: UnixTime,
    under_way: Vec<Fetch>,
    /// The last set that the issuer sent, and when it last said that it holds.
    known: Option<(JwkSet, UnixTime)>,
}

fn play(config: &Config, text: &[u8]) {
    let (id, _) = config.issuers.find(ISSUER).expect("the issuer");
    let keys = worker(config, &Rc::new(Shared::new(None)), 1);
    let mut play = Play { id, keys, now: UnixTime::from_seconds(1_800_000_000), under_way: Vec::new(), known: None };
    for part in split(text) {
        play.step(part);
    }
}

fn split(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.windows(4).position(|four| four == b"\n--\n").filter(|_| parts.len() < 31) {
        parts.push(&rest[..end]);
        rest = &rest[end + 4..];
    }
    parts.push(rest);
    parts
}

impl Play {
    fn step(&mut self, part: &[u8]) {
        let mut lines = part.splitn(2, |byte| *byte == b'\n');
        let mut values = lines.next().unwrap_or_default().split(|byte| *byte == b'|');
        let body = lines.next().unwrap_or_default();
        let mut next = || values.next().filter(|value| !value.is_empty()).map(<[u8]>::to_vec);
        let number = |text: Option<Vec<u8>>| String::from_utf8(text?).ok()?.parse::<u32>().ok();
        let status = number(next()).and_then(|status| u16::try_from(status).ok());
        let (cache_control, age, etag) = (next(), next(), next());
        let seconds = number(next()).unwrap_or(60);

        self.now = self.now.plus(Duration::from_secs(seconds.into()));
        let due = self.keys.due(self.now);
        due.notices.iter().for_each(told);
        self.under_way.extend(due.fetches);
        if self.under_way.is_empty() {
            return;
        }
        let fetch = self.under_way.remove(0);
        check(&fetch);
        let answer = match FetchError::of_answer(&fetch, status, body.len()) {
            Some(error) => Err(error),
            None => Ok(Answer { status: status.unwrap_or_default(), body: body.to_vec(), cache_control, age, etag }),
        };
        let finished = self.keys.finish(&fetch, answer.clone(), self.now);
        finished.notice.iter().for_each(told);
        let used = finished.notice.as_ref().map(|notice| outcome(&notice.counter).to_owned());
        match (used.as_deref(), &answer) {
            (Some("ok"), Ok(answer)) => {
                self.known = Some((JwkSet::parse(&answer.body).expect("bad keys are taken"), self.now));
            }
            (Some("not_modified"), Ok(answer)) => {
                assert_eq!(answer.status, 304);
                assert!(fetch.if_none_match.is_some(), "nobody asked whether it has changed");
                self.known.as_mut().expect("nothing was there before").1 = self.now;
            }
            _ => {}
        }
        self.under_way.extend(finished.next);
        self.look();
    }

    fn look(&mut self) {
        match (self.keys.lookup(self.id, None, self.now), &self.known) {
            (Lookup::Ready(keys), Some((known, at))) => {
                assert!(keys.is_same(known), "other keys than the issuer's");
                assert!(self.now.since(*at) < LONGEST, "keys are used for ever");
            }
            (Lookup::Ready(_), None) => panic!("keys from nowhere"),
            (Lookup::Unavailable { retry_after }, _) => assert!(retry_after <= Duration::from_secs(60)),
            (Lookup::Pending(_), _) => {}
        }
        let _ = self.keys.lookup(self.id, Some("nobody"), self.now);
        for (name, _) in self.keys.gauges(self.now) {
            assert!(name.ends_with(ISSUER));
        }
    }
}

fn check(fetch: &Fetch) {
    let (scheme, authority) = (fetch.uri.scheme, fetch.uri.authority.as_str());
    assert!(scheme == "https" && ["issuer.test", "other.test:8443"].contains(&authority), "sent elsewhere: {fetch}");
    assert!(fetch.uri.path.starts_with('/') && fetch.uri.path.bytes().all(|b| b.is_ascii_graphic()), "{fetch:?}");
    let written = fetch.uri.to_string();
    // One that was as long as may be, and had no path, has one more by now.
    assert!(written.len() > 2048 || HttpUri::parse(&written) == Some(fetch.uri.clone()), "{written}");
    if let Some(mark) = &fetch.if_none_match {
        assert!(mark.len() <= 256 && mark.bytes().all(|b| b.is_ascii_graphic()) && mark.ends_with('"'), "{mark:?}");
        assert!(!fetch.no_cache, "it asks for all and for news alone");
    }
}

fn outcome(counter: &str) -> &str {
    let rest = counter.strip_prefix("postern_jwks_fetch_total.outcome.").expect("the counter of fetches");
    rest.split('.').next().unwrap_or_default()
}

fn told(notice: &Notice) {
    const OUTCOMES: [&str; 8] =
        ["ok", "not_modified", "not_sent", "no_answer", "status", "too_large", "bad_jwks", "bad_discovery"];
    assert!(OUTCOMES.contains(&outcome(&notice.counter)), "{}", notice.counter);
    if let Some((_, line)) = &notice.log {
        assert!(line.len() < 2048 && line.bytes().all(|b| matches!(b, b' '..=b'~')), "not for a log: {line:?}");
    }
}
