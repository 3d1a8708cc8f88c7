//! Each failure policy, as `envoy/DEPLOYMENT.md` tells of it.

use super::super::harness::http1::Connection;
use super::super::harness::issuer::Issuer;
use super::super::harness::journal::Journal;
use super::super::harness::plugin::{Failure, PLUGIN};
use super::super::harness::setup::Setup;
use super::super::harness::stage::Stage;
use super::super::harness::wait::wait_until;
use super::{
    HEADER, ask, config, connection_to, good, log_names_the_place_only, stranger, wait_until_decided, waiting,
};

/// What the worker does with requests from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Refuses,
    /// After a pause, in a new VM.
    Decides,
    LetsAllOn,
}

struct Row {
    name: &'static str,
    failure: Failure,
    /// The status of the request that the VM died of.
    trapped: u16,
    after: After,
}

const ROWS: [Row; 6] = [
    Row { name: "unset", failure: Failure::Unset, trapped: 503, after: After::Refuses },
    Row { name: "FAIL_CLOSED", failure: Failure::Closed, trapped: 503, after: After::Refuses },
    Row { name: "FAIL_RELOAD", failure: Failure::Reload { backoff: "1s" }, trapped: 503, after: After::Decides },
    Row {
        name: "FAIL_RELOAD before its pause is over",
        failure: Failure::Reload { backoff: "3600s" },
        trapped: 503,
        after: After::Refuses,
    },
    Row { name: "FAIL_OPEN", failure: Failure::Open, trapped: 503, after: After::LetsAllOn },
    Row { name: "fail_open: true", failure: Failure::OldOpen, trapped: 200, after: After::LetsAllOn },
];

#[test]
fn a_vm_that_dies_costs_each_request_what_the_failure_policy_says() {
    // Each waits for a timeout, so two at a time.
    for pair in ROWS.chunks(2) {
        std::thread::scope(|scope| pair.iter().for_each(|row| _ = scope.spawn(|| play(row))));
    }
}

fn play(row: &Row) {
    let name = row.name;
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let config = config(&issuer);
    issuer.close_gate();
    let setup = Setup::new(&config).trapping(row.failure).concurrency(2).stream_idle_timeout("5s");
    let stage = Stage::with_issuer(&journal, &issuer, setup);
    let [mut held, mut ours, mut theirs] = [0, 0, 1].map(|worker| connection_to(&stage, worker));
    issuer.wait_until_asked("/keys");
    held.send(&waiting().http1());
    assert_eq!(ask(&mut ours, &good()).status, 200, "{name}");
    let before = stage.upstream.count();

    let trapped = ask(&mut ours, &stranger().field(HEADER, "headers"));
    assert_eq!(trapped.status, row.trapped, "{name}: the request that it died of");
    let mut passed = 0;
    if row.trapped == 200 {
        passed += 1;
        assert_eq!(
            stage.upstream.whole(before).values("x-auth-request-user"),
            ["root"],
            "{name}: as the client sent it"
        );
    }
    match row.after {
        After::Refuses => refuses(name, &mut ours),
        After::LetsAllOn => {
            assert_eq!(ask(&mut ours, &stranger()).status, 200, "{name}");
            let seen = stage.upstream.whole(before + passed);
            assert_eq!(seen.values("x-auth-request-user"), ["root"], "{name}: as the client sent it");
            passed += 1;
        }
        After::Decides => {
            wait_until_decided(name, &mut ours);
            passed += 1;
        }
    }
    // The other worker has noticed nothing.
    assert_eq!(ask(&mut theirs, &good()).status, 200, "{name}: the other worker");
    assert_eq!(ask(&mut theirs, &stranger()).status, 401, "{name}: the other worker");
    passed += 1;

    // Nobody calls back whoever waited in it: only the timeout ends that, whatever becomes of the keys.
    issuer.open_gate();
    let end = held.answer("GET").status;
    assert!([503, 504].contains(&end), "{name}: a request that waited: {end}");
    assert_eq!(stage.upstream.count(), before + passed, "{name}: somebody was let on");

    let stat = |outcome: &str| stage.envoy.stat(&format!("wasm.{PLUGIN}.vm_reload_{outcome}"));
    let reloads = u64::from(row.after == After::Decides);
    assert_eq!([stat("success"), stat("failure")], [reloads, 0], "{name}");
    if row.after != After::Decides {
        let told = matches!(row.failure, Failure::Reload { .. });
        assert_eq!(stat("backoff") > 0, told, "{name}");
    }
    log_names_the_place_only(&stage);
    // What nobody decided has no record, by which an operator tells it from the rest.
    let undecided =
        if row.trapped == 200 { "/me | 200 | via_upstream | -" } else { "/me | 503 | wasm_fail_stream | -" };
    wait_until(&format!("{name}: the access log has {undecided}"), || {
        stage.envoy.access_log(1).iter().any(|line| line == undecided)
    });
}

fn refuses(name: &str, connection: &mut Connection) {
    for _ in 0..5 {
        let answer = ask(connection, &good());
        assert_eq!((answer.status, answer.body.len()), (503, 0), "{name}");
        assert_eq!(ask(connection, &stranger()).status, 503, "{name}");
    }
}
