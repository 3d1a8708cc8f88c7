//! What the samples allow the filter to call, and Envoy to call of it: it is enough for everything, and each is needed.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::config::{make_test_config, named_issuer};
use super::harness::dynamic::Drain;
use super::harness::envoy::Envoy;
use super::harness::http1::Connection;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::wait::{PATIENCE, soon};
use super::reissue::keys::{Key, of_host};
use super::samples::allowed_calls;
use crate::support::mint::{Signer, Token, jwks};

const OTHER: &str = "https://other-issuer.test";

/// Something that the filter does, and whether it does.
type Fact = fn(&mut Scene) -> bool;

/// How long something is given that should not come about.
const BRIEF: Duration = Duration::from_secs(2);

/// What cannot be had any more.
#[derive(Clone, Copy)]
enum Loss {
    /// Envoy refuses to start.
    Start,
    /// Something that the filter does.
    Fact(Fact),
}

const ROWS: [(&str, Loss); 32] = [
    ("proxy_on_context_create", Loss::Start),
    ("proxy_on_configure", Loss::Fact(decides)),
    ("proxy_on_tick", Loss::Fact(fetches)),
    ("proxy_on_http_call_response", Loss::Fact(fetches)),
    ("proxy_on_request_headers", Loss::Fact(refuses)),
    ("proxy_on_request_body", Loss::Fact(holds_a_body)),
    ("proxy_on_request_trailers", Loss::Fact(cleans_trailers)),
    ("proxy_on_delete", Loss::Fact(gives_back)),
    ("proxy_log", Loss::Start),
    ("proxy_get_buffer_bytes", Loss::Start),
    ("proxy_get_header_map_pairs", Loss::Fact(decides)),
    ("proxy_get_header_map_value", Loss::Fact(fetches)),
    ("proxy_add_header_map_value", Loss::Fact(decides)),
    ("proxy_remove_header_map_value", Loss::Fact(decides)),
    ("proxy_replace_header_map_value", Loss::Fact(forwards)),
    ("proxy_get_property", Loss::Fact(decides)),
    ("proxy_set_property", Loss::Fact(records)),
    ("proxy_send_local_response", Loss::Fact(refuses)),
    ("proxy_continue_stream", Loss::Fact(fetches)),
    ("proxy_set_effective_context", Loss::Fact(fetches)),
    ("proxy_set_tick_period_milliseconds", Loss::Fact(fetches)),
    ("proxy_get_current_time_nanoseconds", Loss::Fact(decides)),
    ("proxy_http_call", Loss::Fact(fetches)),
    ("proxy_get_shared_data", Loss::Fact(fetches_once)),
    ("proxy_set_shared_data", Loss::Fact(fetches_once)),
    ("proxy_call_foreign_function", Loss::Fact(has_signatures_checked)),
    ("proxy_define_metric", Loss::Fact(counts)),
    ("proxy_increment_metric", Loss::Fact(counts)),
    ("proxy_record_metric", Loss::Fact(measures)),
    ("random_get", Loss::Start),
    ("environ_get", Loss::Start),
    ("environ_sizes_get", Loss::Start),
];

/// An Envoy whose filter may call these.
struct Scene {
    stage: Stage,
    issuer: Issuer,
    setup: Setup,
    config: Value,
    /// For how long something may take that may never come about.
    patience: Duration,
}

impl Scene {
    fn start(allowed: &[String], holds: Fact, patience: Duration) -> Self {
        let journal = Journal::default();
        let issuer = Issuer::start(&journal);
        issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
        issuer.close_gate();
        let (mut setup, config) = setup(&issuer, allowed);
        // An update has to be possible where it is needed.
        if std::ptr::fn_addr_eq(holds, gives_back as Fact) {
            setup = setup.dynamic(Drain::AtOnce);
        }
        let stage = Stage::with_journal(&setup, journal);
        Self { stage, issuer, setup, config, patience }
    }

    fn status(&self, request: &Request) -> u16 {
        self.stage.send(Protocol::Http1, request).answer.status
    }
}

fn setup(issuer: &Issuer, allowed: &[String]) -> (Setup, Value) {
    let mut config = make_test_config();
    config["headers"] = json!({ "forward_token": true });
    config["issuers"].as_array_mut().expect("issuers").push(named_issuer(OTHER, &issuer.url("/keys")));
    let key = Key::es256();
    config["reissue"] = json!({ "issuer": "https://lsp.test", "keys": [key.in_config()] });
    // The mode in which a filter that does not hold a body lets its request on.
    let setup = Setup::new(&config)
        .variables(of_host(&[&key]))
        .allow_on_headers_stop_iteration(true)
        .concurrency(2)
        .stream_idle_timeout("3s")
        .allowed_calls(allowed.to_vec())
        .issuer(issuer.address())
        .may_trap();
    (setup, config)
}

fn good() -> Request {
    Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint())
}

/// A good request whose keys are not there yet.
fn waiting() -> Request {
    let token = Token::new(&Signer::rs256()).claim("iss", json!(OTHER)).mint();
    Request::new("POST", "/me").bearer(&token).body(b"a body")
}

fn decides(scene: &mut Scene) -> bool {
    let exchange = scene.stage.send(Protocol::Http1, &good().field("x-auth-request-email", "root@test"));
    exchange.seen.is_some_and(|seen| {
        seen.values("x-auth-request-user") == ["alice"] && seen.values("x-auth-request-email").is_empty()
    })
}

fn forwards(scene: &mut Scene) -> bool {
    let exchange = scene.stage.send(Protocol::Http1, &good());
    exchange.seen.is_some_and(|seen| seen.values("authorization").len() == 1)
}

fn refuses(scene: &mut Scene) -> bool {
    scene.status(&Request::get("/me")) == 401
}

/// The request comes before the keys.
fn holds_a_body(scene: &mut Scene) -> bool {
    let before = scene.stage.upstream.count();
    let mut client = Connection::open(scene.stage.envoy.address());
    client.send(&waiting().http1());
    scene.stage.envoy.wait_for_stat("http.ingress.downstream_rq_total", |requests| requests > 0);
    // It is wrong where it arrives meanwhile; whatever follows it through a worker gives it the time.
    let let_on = soon(scene.patience, || scene.stage.upstream.count() > before);
    drop(client);
    !let_on
}

fn fetches(scene: &mut Scene) -> bool {
    let mut client = Connection::open(scene.stage.envoy.address());
    client.send(&waiting().http1());
    scene.stage.envoy.wait_for_stat("http.ingress.downstream_rq_total", |requests| requests > 0);
    scene.issuer.open_gate();
    client.answer("POST").status == 200
}

fn fetches_once(scene: &mut Scene) -> bool {
    fetches(scene) && !soon(scene.patience, || scene.issuer.asked("/keys") > 1)
}

fn cleans_trailers(scene: &mut Scene) -> bool {
    let request = good().body(b"a body").trailer("x-auth-request-user", "root").trailer("x-sum", "1");
    let exchange = scene.stage.send(Protocol::Http1, &request);
    exchange.seen.is_some_and(|seen| seen.trailers == [("x-sum".to_owned(), b"1".to_vec())])
}

fn has_signatures_checked(scene: &mut Scene) -> bool {
    scene.stage.envoy.log().contains("signatures: the host checks RS256, RS384, RS512, ES256, ES384;")
}

fn records(scene: &mut Scene) -> bool {
    scene.status(&good());
    scene.stage.envoy.access_log(1)[0].contains("\"decision\":\"allow\"")
}

fn counts(scene: &mut Scene) -> bool {
    scene.status(&good());
    scene.stage.envoy.stat("wasmcustom.postern_requests_total.decision.allow.reason.ok.rule.me") == 1
}

fn measures(scene: &mut Scene) -> bool {
    fetches(scene);
    let gauge = format!("wasmcustom.postern_jwks_keys.issuer.{OTHER}");
    soon(scene.patience, || scene.stage.envoy.stat(&gauge) == 1)
}

/// What an old configuration held is given back.
fn gives_back(scene: &mut Scene) -> bool {
    const ENTRIES: &str = "wasmcustom.postern_token_cache_entries";
    scene.issuer.open_gate();
    scene.status(&good());
    let told = soon(scene.patience, || scene.stage.envoy.stat(ENTRIES) == 1);
    scene.config["realm"] = json!("another");
    let plugin = Setup::new(&scene.config).plugin;
    scene.stage.envoy.update(&Setup { plugin, ..scene.setup.clone() });
    told && soon(scene.patience, || scene.stage.envoy.stat(ENTRIES) == 0)
}

#[test]
fn what_the_samples_allow_is_enough_for_all_that_is_lost_without_a_part_of_it() {
    // Each as it is tried without a call, so that it can be believed there.
    let facts: [(&str, Fact, Duration); 12] = [
        ("decides", decides, PATIENCE),
        ("forwards", forwards, PATIENCE),
        ("refuses", refuses, PATIENCE),
        ("holds a body", holds_a_body, BRIEF),
        ("fetches", fetches, PATIENCE),
        ("fetches once", fetches_once, BRIEF),
        ("cleans trailers", cleans_trailers, PATIENCE),
        ("has signatures checked", has_signatures_checked, PATIENCE),
        ("records", records, PATIENCE),
        ("counts", counts, PATIENCE),
        ("measures", measures, PATIENCE),
        ("gives back", gives_back, PATIENCE),
    ];
    let allowed = allowed_calls();
    for (name, holds, patience) in facts {
        let mut scene = Scene::start(&allowed, holds, patience);
        assert!(holds(&mut scene), "it {name}");
        assert_eq!(scene.stage.envoy.reloads(), 0, "{name}");
        assert!(!scene.stage.envoy.log().contains("restricted"), "{}", scene.stage.envoy.log());
    }
}

#[test]
fn each_call_that_the_samples_allow_is_needed_and_no_other_is_allowed() {
    let allowed = allowed_calls();
    let mut named: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(allowed, named, "what the samples allow has a row here");
    let mut needless = Vec::new();
    for (name, loss) in ROWS {
        let rest: Vec<String> = allowed.iter().filter(|other| *other != name).cloned().collect();
        match loss {
            Loss::Start => {
                let issuer = Issuer::start(&Journal::default());
                drop(Envoy::refusal(&setup(&issuer, &rest).0, issuer.address()));
            }
            Loss::Fact(holds) => {
                // What should come about may take longer where the machine has much else to do.
                let is_lost = |patience| !holds(&mut Scene::start(&rest, holds, patience));
                if !is_lost(BRIEF) && !is_lost(PATIENCE) {
                    needless.push(name);
                }
            }
        }
    }
    assert_eq!(needless, [""; 0], "nothing is lost without these");
}
