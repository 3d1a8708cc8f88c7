//! Everything that can be written down is, and no secret is in it.
//!
//! Envoy logs at trace level, its access log prints what a careless operator might, spans are sent, and every page of the
//! admin endpoint is read. Credentials come in every carrier, good and bad. Then all of it is searched for any sixteen
//! bytes of any secret: of a token, of what Basic makes of it, of its escaped forms, of a password.

mod carriers;
mod logged;
mod reissued;
pub mod secrets;
pub mod told;

use serde_json::{Value, json};

use super::harness::config::{make_test_config, remote_issuer};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::upstream::Upstream;
use super::harness::variables::Variables;
use crate::support::mint::{Signer, Token, jwks};
use carriers::{Row, rows, web_sockets};
use logged::{AFTER, BEFORE, lines_with};
use secrets::Secrets;
use told::Told;

/// What a careless operator might log.
const ACCESS_LOG: &str = concat!(
    "%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %REQ(:AUTHORITY)% %REQ(AUTHORIZATION)% ",
    "%REQ(PROXY-AUTHORIZATION)% %REQ(DESTINATION)% %REQ(SOURCE)% %REQ(X-AUTH-REQUEST-TOKEN)% %REQ(X-AUTH-REQUEST-USER)% ",
    "%REQ(X-FORWARDED-FOR)% %REQ(X-REQUEST-ID)% %RESP(WWW-AUTHENTICATE)% %RESP(LOCATION)% %RESP(SET-COOKIE)% ",
    "%RESP(CONTENT-TYPE)% %TRAILER(GRPC-MESSAGE)% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON% ",
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %RESPONSE_FLAGS% %LOCAL_REPLY_BODY% ",
    "%ROUTE_NAME% %REQUESTED_SERVER_NAME% %PATH(WQ:ORIG_OR_PATH)% %FILTER_STATE(wasm.postern:PLAIN)% ",
    "%DYNAMIC_METADATA(postern)% %DYNAMIC_METADATA(envoy.filters.http.wasm)%\n"
);

/// Every request is a span, with tags that a careless operator might add.
fn tracing() -> Value {
    let tag = |name: &str| json!({ "tag": name, "request_header": { "name": name, "default_value": "-" } });
    let tags = [":path", ":authority", "authorization", "destination", "x-auth-request-token", "x-auth-request-user"];
    json!({
        "provider": {
            "name": "envoy.tracers.zipkin",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
                "collector_cluster": "spans",
                "collector_endpoint": "/api/v2/spans",
                "collector_endpoint_version": "HTTP_JSON",
            },
        },
        "custom_tags": tags.map(tag),
        "max_path_tag_length": 8192,
        "spawn_upstream_span": true,
    })
}

/// All that a test of leaks needs beside Envoy.
struct Scene {
    stage: Stage,
    issuer: Issuer,
    spans: Upstream,
    told: Told,
    requests: usize,
    /// Those that Envoy makes a span of.
    traced: usize,
}

impl Scene {
    fn start(change: impl FnOnce(&mut Value)) -> Self {
        Self::with_variables(change, Variables::default())
    }

    fn with_variables(change: impl FnOnce(&mut Value), variables: Variables) -> Self {
        let journal = Journal::default();
        let issuer = Issuer::start(&journal);
        issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256(), &Signer::es256()])));
        let spans = Upstream::start(&Journal::default());
        let mut config = make_test_config();
        config["issuers"] = json!([remote_issuer(&issuer.url("/keys"))]);
        config["credentials"] = json!({ "query": true });
        change(&mut config);
        let setup = Setup::new(&config)
            .variables(variables)
            .log_everything()
            .access_log_format(ACCESS_LOG)
            .tracing(tracing())
            .web_sockets()
            .cluster("spans", spans.address());
        let stage = Stage::with_issuer(&journal, &issuer, setup);
        Self { stage, issuer, spans, told: Told::default(), requests: 0, traced: 0 }
    }

    fn send(&mut self, protocol: Protocol, row: &Row) {
        let exchange = self.stage.send(protocol, &row.request);
        assert_eq!(exchange.answer.status, row.status, "{} over {protocol:?}: {:?}", row.name, exchange.answer);
        self.told.answer(&row.name, &exchange.answer);
        self.requests += 1;
        self.traced += 1;
    }

    /// Everything that was written down, once it is.
    fn end(mut self) -> Told {
        self.told.collect(&self.stage, &self.issuer, &self.spans, self.requests, self.traced);
        self.told
    }
}

#[test]
fn no_secret_is_written_down_anywhere_but_where_envoy_itself_prints_what_came() {
    let mut scene = Scene::start(|_| ());
    let mut secrets = Secrets::default();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for row in rows(protocol, &mut secrets) {
            scene.send(protocol, &row);
        }
    }
    for row in web_sockets(&mut secrets) {
        scene.requests += 1;
        scene.traced += 1;
        scene.told.switched(&scene.stage, &row);
    }
    let told = scene.end();
    // A span is named after the host as it came, here with a user part.
    told.holds_none(&secrets, &["a span \"SERVER\": name"]);
    let lines: Vec<String> = lines_with(&told.log, &secrets).into_iter().collect();
    assert_eq!(lines, BEFORE, "the lines of Envoy's own that hold what came");
}

#[test]
fn a_token_that_is_forwarded_is_the_services_and_nobody_elses() {
    let mut scene = Scene::start(|config| config["headers"] = json!({ "forward_token": true }));
    let mut secrets = Secrets::default();
    let token = Token::new(&Signer::rs256()).mint();
    secrets.add_token(&token);
    let row = Row::new("forwarded", Request::get("/me").bearer(&token), 200);
    scene.send(Protocol::Http1, &row);
    let seen = scene.stage.upstream.whole(0);
    assert_eq!(seen.values("authorization"), [format!("Bearer {token}")]);
    assert_eq!(seen.values("x-auth-request-token"), [token]);
    let told = scene.end();
    // What goes on in the request is what is logged of its fields, by whoever prints these.
    let tags = |kind: &str, name: &str| format!("a span \"{kind}\": {name}");
    let tags = ["CLIENT", "SERVER"].map(|kind| ["authorization", "x-auth-request-token"].map(|name| tags(kind, name)));
    let mut places = vec!["the service", "the access log"];
    places.extend(tags.iter().flatten().map(String::as_str));
    told.holds_none(&secrets, &places);
    for line in lines_with(&told.log, &secrets) {
        assert!(BEFORE.contains(&line.as_str()) || line == AFTER, "{line}");
    }
}

#[test]
fn what_envoy_refuses_before_the_filter_is_envoys_to_log() {
    let mut scene = Scene::start(|_| ());
    let mut secrets = Secrets::default();
    let token = Token::new(&Signer::rs256()).mint();
    secrets.add_token(&token);
    // The path cannot be made normal: Envoy answers, and the filter never sees the request.
    let row = Row::new("not for the filter", Request::get(&format!("/me/%00?access_token={token}")), 400);
    scene.send(Protocol::Http1, &row);
    // Nor is it a span.
    scene.traced = 0;
    let told = scene.end();
    assert!(secrets.are_in(told.text("the access log")), "the deployment guide warns of this");
    told.holds_none(&secrets, &["the access log"]);
}
