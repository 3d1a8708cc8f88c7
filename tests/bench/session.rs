//! One Envoy of one contender for one round, and the windows that are measured on it.

use std::time::Duration;

use super::contender::Credential;
use super::envoy::Envoy;
use super::filters::{Scene, prefix};
use super::form::CONNECTIONS;
use super::load::{Client, Order, Played, now};
use super::request;
use super::tokens::{Alg, spoil, without_capability};
use super::usage::cpu;

/// The filter tells what it has counted now and then.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

pub struct Session {
    envoy: Envoy,
    client: Client,
    /// The process of the authorizer, if one is asked.
    authorizer: Option<u32>,
    /// How many requests were let on.
    let_on: usize,
}

/// What was used in a window, in nanoseconds.
pub struct Window {
    cpu: u64,
    authorizer_cpu: Option<u64>,
    played: Played,
}

/// What the windows of a round showed.
#[derive(Clone, Debug)]
pub struct Sample {
    pub cpu_us: f64,
    pub authorizer_cpu_us: Option<f64>,
    pub p50_us: f64,
    pub p99_us: f64,
    pub requests: usize,
    pub not_2xx: usize,
}

/// A request of each kind, to see that a contender is what it is taken for.
pub struct Probes(Vec<(Credential, String)>);

impl Probes {
    pub fn new(alg: Alg, good: &str) -> Self {
        let forged = spoil(alg, &[good.to_owned()]).remove(0);
        Self(vec![
            (Credential::Good, good.to_owned()),
            (Credential::Absent, String::new()),
            (Credential::Forged, forged),
            (Credential::WithoutCapability, without_capability(alg)),
        ])
    }
}

impl Session {
    /// Starts an Envoy, and checks that it answers as the contender has to.
    pub fn start(scene: &Scene, probes: &Probes, authorizer: Option<u32>) -> Result<Self, String> {
        let envoy = Envoy::start(scene)?;
        let client = Client::connect(envoy.address(), CONNECTIONS * scene.workers)?;
        let mut session = Self { envoy, client, authorizer, let_on: 0 };
        let path = scene.rules.map_or_else(|| request::PATH.to_owned(), |_| format!("{}/sync", prefix(0)));
        for (credential, token) in &probes.0 {
            let token = Some(token.as_str()).filter(|token| !token.is_empty());
            let requests = [request::bytes(&path, token)];
            let expected = scene.contender.answers(*credential);
            session.play(&requests, 1, expected).map_err(|error| format!("{credential:?} credential: {error}"))?;
        }
        Ok(session)
    }

    pub fn id(&self) -> u32 {
        self.envoy.id()
    }

    /// Sends requests that do not count, all of them however long that takes.
    pub fn play(&mut self, requests: &[Vec<u8>], count: usize, expected: u16) -> Result<(), String> {
        self.send(Order { requests, from: 0, count, limit: Duration::MAX, expected }).map(|_| ())
    }

    pub fn measure(&mut self, order: Order<'_>) -> Result<Window, String> {
        let before = self.used()?;
        let played = self.send(order)?;
        let after = self.used()?;
        let authorizer_cpu = after.1.zip(before.1).map(|(after, before)| after - before);
        Ok(Window { cpu: after.0 - before.0, authorizer_cpu, played })
    }

    /// CPU time of Envoy, and of the authorizer.
    fn used(&self) -> Result<(u64, Option<u64>), String> {
        Ok((cpu(self.id())?, self.authorizer.map(cpu).transpose()?))
    }

    pub fn let_on(&self) -> usize {
        self.let_on
    }

    /// How many tokens were signed for the service, once it is known what each request that was let on came with.
    pub fn signed(&self) -> Result<usize, String> {
        let count = |outcome: &str| self.envoy.counter(&format!("postern_reissue_total.outcome.{outcome}"));
        let start = now();
        loop {
            let (signed, reused) = (count("signed"), count("reused"));
            if signed + reused == self.let_on {
                return Ok(signed);
            }
            if now() - start > PATIENCE {
                return Err(format!("{signed} tokens signed and {reused} reused for {} requests", self.let_on));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn send(&mut self, order: Order<'_>) -> Result<Played, String> {
        let played = self.client.play(order).map_err(|error| format!("{error} {}", self.envoy.last_words()))?;
        self.let_on += played.statuses.get(&200).copied().unwrap_or_default();
        match played.wrong {
            Some(wrong) => Err(wrong),
            None if played.latencies.is_empty() => Err("nothing was asked".to_owned()),
            None => Ok(played),
        }
    }
}

impl Sample {
    pub fn of(windows: &[Window]) -> Self {
        let mut latencies: Vec<u64> =
            windows.iter().flat_map(|window| window.played.latencies.iter().copied()).collect();
        latencies.sort_unstable();
        let requests = latencies.len();
        let each = |nanoseconds: u64| nanoseconds as f64 / 1e3 / requests as f64;
        Self {
            cpu_us: each(windows.iter().map(|window| window.cpu).sum()),
            authorizer_cpu_us: windows.iter().map(|window| window.authorizer_cpu).sum::<Option<u64>>().map(each),
            p50_us: quantile(&latencies, 50),
            p99_us: quantile(&latencies, 99),
            requests,
            not_2xx: windows.iter().map(|window| window.played.not_2xx()).sum(),
        }
    }
}

/// The smallest latency that this share of all was not above, in microseconds.
fn quantile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1] as f64 / 1e3
}
