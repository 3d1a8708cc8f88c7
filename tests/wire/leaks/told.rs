//! Everything that was written down or told to somebody, by where.

use std::collections::BTreeSet;

use serde_json::Value;

use super::carriers::Row;
use super::secrets::Secrets;
use crate::wire::harness::answer::Answer;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::issuer::Issuer;
use crate::wire::harness::stage::Stage;
use crate::wire::harness::upstream::Upstream;
use crate::wire::harness::wait::wait_until;

/// Every page of the admin endpoint that says anything about what came.
pub const PAGES: [&str; 14] = [
    "/config_dump?include_eds",
    "/stats",
    "/stats?format=json&histogram_buckets=detailed",
    "/stats/prometheus",
    "/clusters",
    "/clusters?format=json",
    "/certs",
    "/server_info",
    "/init_dump",
    "/memory",
    "/contention",
    "/listeners?format=json",
    "/runtime",
    "/hot_restart_version",
];

#[derive(Default)]
pub struct Told {
    pub log: String,
    texts: Vec<(&'static str, String, String)>,
}

impl Told {
    fn add(&mut self, place: &'static str, name: &str, text: String) {
        self.texts.push((place, name.to_owned(), text));
    }

    pub fn answer(&mut self, name: &str, answer: &Answer) {
        self.add("the client", name, format!("{answer:?}"));
    }

    /// Has a WebSocket opened and used.
    pub fn switched(&mut self, stage: &Stage, row: &Row) {
        let mut connection = Connection::open(stage.envoy.address());
        connection.send(&row.request.http1());
        let answer = connection.switched();
        assert_eq!(answer.status, row.status, "{}", row.name);
        connection.send(b"over the socket");
        self.answer(&row.name, &answer);
        assert_eq!(connection.bytes(15), b"over the socket", "{}", row.name);
    }

    pub fn collect(&mut self, stage: &Stage, issuer: &Issuer, spans: &Upstream, requests: usize, traced: usize) {
        let lines = stage.envoy.access_log(requests);
        self.add("the access log", "", lines.join("\n"));
        for (index, seen) in stage.upstream.all().into_iter().enumerate() {
            let body = String::from_utf8_lossy(&seen.body).into_owned();
            let head = String::from_utf8_lossy(&seen.head.raw).into_owned();
            self.add("the service", &index.to_string(), format!("{head}{body}{:?}", seen.trailers));
        }
        for head in issuer.requests("/keys") {
            self.add("the issuer", "", String::from_utf8_lossy(&head.raw).into_owned());
        }
        // A body that is still on its way is no JSON.
        let sent = || -> Vec<Value> {
            let lists = spans.all().into_iter().filter_map(|seen| serde_json::from_slice(&seen.body).ok());
            lists.flat_map(|list: Vec<Value>| list).collect()
        };
        wait_until("a span of each request is sent", || {
            sent().iter().filter(|span| span["kind"] == "SERVER").count() >= traced
        });
        for span in sent() {
            let members = span.as_object().into_iter().flatten().filter(|(name, _)| *name != "tags");
            let tags = span["tags"].as_object().into_iter().flatten();
            for (name, value) in members.chain(tags) {
                self.add("a span", &format!("{}: {name}", span["kind"]), value.to_string());
            }
        }
        for page in PAGES {
            self.add("the admin endpoint", page, stage.envoy.admin(page));
        }
        self.log = stage.envoy.log();
    }

    pub fn text(&self, place: &str) -> &str {
        let found = self.texts.iter().find(|(other, ..)| *other == place);
        &found.unwrap_or_else(|| panic!("nothing is known of {place}")).2
    }

    /// No secret is anywhere but in these places, given by how their names begin; and there it is.
    pub fn holds_none(&self, secrets: &Secrets, but: &[&str]) {
        let mut found = BTreeSet::new();
        for (place, name, text) in &self.texts {
            assert!(!text.is_empty(), "{place} {name}: nothing was told, so nothing is proved");
            let Some(piece) = secrets.first_in(text) else { continue };
            let place = format!("{place} {name}");
            let known = but.iter().find(|known| place.starts_with(**known));
            let lines: Vec<&str> = text.lines().filter(|line| secrets.are_in(line)).take(3).collect();
            found.insert(*known.unwrap_or_else(|| panic!("{place} holds {piece:?}: {lines:?}")));
        }
        assert_eq!(found, but.iter().copied().collect(), "places that hold a secret");
    }
}
