//! The workers of one process: one call serves them all, and none depends on what another one wrote, or failed to.

use serde_json::{Value, json};

use super::bench::{
    CACHE, ISSUER, Issuer, OK, SOON, WAITING, WATCH, assert_let_on_as, assert_tells_no_token, assert_unavailable,
    assert_waits, config, crowd, get, host, pass, reply, seconds_to_the_call, sent, started, the_call, with_keys,
};
use crate::host::{
    Action, BAD_ARGUMENT, CAS_MISMATCH, EMPTY, Host, INTERNAL_FAILURE, LogLevel, NOT_FOUND, Root, Stream, UNIMPLEMENTED,
};

const GET: &str = "proxy_get_shared_data";
const SET: &str = "proxy_set_shared_data";
/// What is shared is kept in so many places.
const PLACES: usize = 256;
/// Most requests that are decided in one callback.
const BATCH: usize = 16;

fn place(number: usize) -> String {
    format!("postern.keys.{number}")
}

fn workers<const N: usize>(host: &Host) -> [Root; N] {
    std::array::from_fn(|_| started(host))
}

/// One request at each.
fn one_each(roots: &[Root], bearer: &str) -> Vec<Stream> {
    roots.iter().map(|root| get(root, bearer)).collect()
}

/// What a worker writes: when it begins a call, and when it has got these keys.
fn written(keys: Option<&Issuer>) -> (String, Vec<u8>) {
    let keys = keys.map(|issuer| issuer.keys().to_string());
    // A thread has one host, and the one that is in use must not be lost for this.
    let other_process = std::thread::spawn(move || {
        let host = host(&config());
        let root = started(&host);
        let call = the_call(&host, &root);
        keys.iter().for_each(|keys| root.answer_call(call, &[OK], keys.as_bytes()));
        host.all_shared().remove(0)
    });
    other_process.join().unwrap()
}

#[test]
fn one_call_brings_the_keys_to_all_and_each_ends_its_own_waits_when_its_timer_beats() {
    let issuer = Issuer::new();
    let host = host(&config());
    let roots: [Root; 3] = workers(&host);
    let streams = one_each(&roots, &issuer.bearer("alice"));
    roots.iter().for_each(Root::tick);
    for root in &roots {
        assert_eq!(host.tick_of(root), WAITING);
    }
    let [call] = host.calls_under_way()[..] else { panic!("one call for all") };
    issuer.answer(&roots[0], call);
    assert_let_on_as(&host, &streams[0], "alice");
    assert_waits(&host, &streams[1]);
    // A request of this one need not even wait for the beat.
    assert_let_on_as(&host, &get(&roots[1], &issuer.bearer("bob")), "bob");
    for (root, stream) in roots.iter().zip(&streams).skip(1) {
        root.tick();
        assert_let_on_as(&host, stream, "alice");
        assert_eq!(host.tick_of(root), WATCH);
    }
    assert_eq!(host.calls_of("proxy_http_call"), 1);
    assert_tells_no_token(&host, &[&issuer.bearer("alice")]);
}

#[test]
fn a_crowd_whose_keys_another_worker_fetched_is_decided_in_batches_too() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second] = workers(&host);
    let crowd = crowd(&second, &issuer.bearer("alice"), BATCH * 2);
    first.tick();
    second.tick();
    issuer.answer(&first, the_call(&host, &first));
    host.forget_effects();
    second.tick();
    assert_eq!(host.acts().len(), BATCH);
    assert_eq!(host.tick_of(&second), SOON);
    second.tick();
    crowd.iter().for_each(|stream| assert_let_on_as(&host, stream, "alice"));
    assert_eq!(host.tick_of(&second), WATCH);
}

#[test]
fn a_call_that_fails_fails_for_all_and_one_of_them_makes_the_next() {
    let issuer = Issuer::new();
    let host = host(&config());
    let roots: [Root; 3] = workers(&host);
    let all: Vec<&Root> = roots.iter().collect();
    // The second pause is too long to wait for.
    for _ in 0..2 {
        pass(&host, &all, 1100);
        let [call] = host.calls_under_way()[..] else { panic!("one call: {:?}", host.acts()) };
        let streams = one_each(&roots, &issuer.bearer("alice"));
        let root = all.iter().find(|root| host.calls_under_way_of(root) == [call]).unwrap();
        root.fail_call(call);
        pass(&host, &all, 20);
        streams.iter().for_each(|stream| assert_unavailable(&host, stream, "the call failed"));
    }
    for stream in one_each(&roots, &issuer.bearer("alice")) {
        assert_unavailable(&host, &stream, "the next one is too far away");
    }
    assert_eq!(host.calls_of("proxy_http_call"), 2);
    pass(&host, &all, 2000);
    assert_eq!(host.calls_of("proxy_http_call"), 3);
    assert_eq!(host.logged(LogLevel::Warn).len(), 1, "told once: {:?}", host.logged(LogLevel::Warn));
}

#[test]
fn a_worker_that_goes_away_leaves_its_call_to_the_others_at_once() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second] = workers(&host);
    let waits = get(&second, &issuer.bearer("alice"));
    first.tick();
    second.tick();
    assert_eq!(host.calls_under_way_of(&second), [0; 0]);
    first.close();
    assert_eq!(host.calls_under_way(), [0; 0], "its answer will never come");
    second.tick();
    let [call] = host.calls_under_way_of(&second)[..] else { panic!("the other begins anew") };
    assert_waits(&host, &waits);
    issuer.answer(&second, call);
    assert_let_on_as(&host, &waits, "alice");
    assert_eq!(host.logged(LogLevel::Warn), [""; 0], "nothing is wrong");
}

#[test]
fn a_worker_that_went_before_its_call_ended_or_after_takes_nothing_with_it() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second, third] = workers(&host);
    first.tick();
    issuer.answer(&first, the_call(&host, &first));
    first.close();
    second.tick();
    // This one has made no call, and has no other's to give back.
    host.advance(CACHE);
    third.tick();
    second.close();
    assert_eq!(host.calls_under_way_of(&third).len(), 1);
    let fourth = started(&host);
    fourth.tick();
    assert_eq!(host.calls_under_way_of(&fourth), [0; 0]);
    assert_let_on_as(&host, &get(&fourth, &issuer.bearer("alice")), "alice");
}

#[test]
fn a_worker_that_is_lost_holds_the_others_up_no_longer_than_its_call_may_take() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let [lost, other] = workers(&host);
    lost.tick();
    let [late] = host.calls_under_way()[..] else { panic!("one call") };
    let waits = get(&other, &issuer.bearer("alice"));
    pass(&host, &[&other], 7000);
    assert_waits(&host, &waits);
    pass(&host, &[&other], 20);
    assert_unavailable(&host, &waits, "the answer is given up on");
    pass(&host, &[&other], 2000);
    let [call] = host.calls_under_way_of(&other)[..] else { panic!("the other makes its own") };

    stranger.answer(&lost, late);
    issuer.answer(&other, call);
    for root in [&lost, &other] {
        assert_let_on_as(&host, &get(root, &issuer.bearer("alice")), "alice");
        assert_eq!(reply(&host, &get(root, &stranger.bearer("alice"))).status, 401);
    }
}

#[test]
fn a_key_that_one_worker_knows_to_be_withdrawn_is_out_of_use_everywhere_after_a_beat() {
    let (issuer, successor) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let [first, second] = workers(&host);
    issuer.answer(&first, the_call(&host, &first));
    second.tick();
    host.advance(CACHE);
    let stale = get(&second, &issuer.bearer("alice"));
    assert_let_on_as(&host, &stale, "alice");
    successor.answer(&first, the_call(&host, &first));
    second.tick();
    assert_eq!(reply(&host, &get(&second, &issuer.bearer("alice"))).status, 401);
    assert_let_on_as(&host, &get(&second, &successor.bearer("bob")), "bob");
}

#[test]
fn an_unknown_key_id_is_worth_one_call_however_many_workers_meet_it() {
    let (issuer, successor) = (Issuer::new(), Issuer::new().renamed("key-2"));
    let host = host(&config());
    let roots: [Root; 3] = workers(&host);
    issuer.answer(&roots[0], the_call(&host, &roots[0]));
    roots.iter().for_each(Root::tick);
    for (of, status) in [(&issuer, Some(401)), (&successor, None)] {
        host.advance(31);
        host.forget_effects();
        let streams = one_each(&roots, &successor.bearer("alice"));
        streams.iter().for_each(|stream| assert_waits(&host, stream));
        roots.iter().for_each(Root::tick);
        let [call] = host.calls_under_way()[..] else { panic!("one call: {:?}", host.acts()) };
        of.answer(&roots[0], call);
        roots.iter().for_each(Root::tick);
        for (stream, root) in streams.iter().zip(&roots) {
            assert_eq!(host.reply_of(stream).map(|reply| reply.status), status, "{}", stream.who());
            assert_eq!(host.tick_of(root), WATCH);
        }
        assert_eq!(host.calls_under_way(), [0; 0]);
    }
}

#[test]
fn a_new_configuration_begins_with_the_keys_that_are_there() {
    let issuer = Issuer::new();
    let host = host(&config());
    let old = with_keys(&host, &issuer);
    let mut config = config();
    config["realm"] = json!("other.example.org");
    host.set_config(config.to_string());
    let new = started(&host);
    old.close();
    let stream = get(&new, &issuer.bearer("alice"));
    assert_eq!(stream.action, Action::Continue, "nobody waits");
    assert_let_on_as(&host, &stream, "alice");
    pass(&host, &[&new], 3000);
    assert_eq!(host.calls_of("proxy_http_call"), 1);
}

#[test]
fn the_largest_key_set_that_is_read_is_shared_too() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second] = workers(&host);
    let mut keys = issuer.keys().to_string().into_bytes();
    keys.resize(256 << 10, b' ');
    let call = the_call(&host, &first);
    first.answer_call(call, &[OK], &keys);
    assert_let_on_as(&host, &get(&second, &issuer.bearer("alice")), "alice");
}

#[test]
fn the_mark_of_the_keys_comes_with_them() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second] = workers(&host);
    let call = the_call(&host, &first);
    first.answer_call(call, &[OK, ("etag", "\"v1\"")], issuer.keys().to_string().as_bytes());
    first.close();
    host.advance(CACHE);
    host.forget_effects();
    let call = the_call(&host, &second);
    assert_eq!(sent(&host, "if-none-match").as_deref(), Some("\"v1\""));
    second.answer_call(call, &[(":status", "304")], b"");
    assert_let_on_as(&host, &get(&second, &issuer.bearer("alice")), "alice");
}

#[test]
fn keys_that_come_by_another_way_are_not_shared() {
    fn changed(change: fn(&mut Value)) -> Value {
        let mut config = config();
        change(&mut config);
        config
    }
    let others = [
        (
            "another place",
            changed(|config| config["issuers"][0]["jwks"]["uri"] = json!("https://issuer.example.org/k")),
        ),
        ("another cluster", changed(|config| config["issuers"][0]["jwks"]["cluster"] = json!("other"))),
        ("by discovery", changed(|config| config["issuers"][0]["jwks"] = json!({"cluster": "issuer"}))),
        ("another issuer", changed(|config| config["issuers"][0]["issuer"] = json!("https://other.example.org"))),
    ];
    let issuer = Issuer::new();
    for (name, other) in others {
        let host = host(&config()).cluster("other");
        let first = with_keys(&host, &issuer);
        host.set_config(other.to_string());
        let second = started(&host);
        second.tick();
        assert_eq!(host.calls_under_way_of(&second).len(), 1, "{name}");
        assert_let_on_as(&host, &get(&first, &issuer.bearer("alice")), "alice");
    }
}

#[test]
fn who_is_outrun_by_another_worker_makes_no_call_and_takes_what_that_one_brings() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let waits = get(&root, &issuer.bearer("alice"));
    let (key, value) = written(None);
    host.share_first(&key, &value);
    root.tick();
    assert!(host.refusals().contains(&(SET, CAS_MISMATCH)));
    assert_eq!(host.calls_of("proxy_http_call"), 0);
    assert_waits(&host, &waits);
    assert_eq!(host.tick_of(&root), WAITING);

    let before = host.all_shared();
    assert_eq!(before, [(key.clone(), value)]);
    host.share(&key, &written(Some(&issuer)).1);
    root.tick();
    assert_let_on_as(&host, &waits, "alice");
}

#[test]
fn who_is_outrun_with_his_answer_by_keys_of_another_worker_takes_those() {
    let (late, issuer) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let root = started(&host);
    let call = the_call(&host, &root);
    let (key, value) = written(Some(&issuer));
    host.share_first(&key, &value);
    late.answer(&root, call);
    assert!(host.refusals().contains(&(SET, CAS_MISMATCH)));
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
    assert_eq!(reply(&host, &get(&root, &late.bearer("alice"))).status, 401);
    assert_eq!(host.all_shared(), [(key, value)]);
}

#[test]
fn what_somebody_else_wrote_in_our_place_is_as_good_as_nothing() {
    let issuer = Issuer::new();
    let good = written(Some(&issuer)).1;
    let end = good.iter().position(|byte| *byte == b'\n').unwrap();
    let (head, body) = (String::from_utf8(good[..end].to_vec()).unwrap(), good[end + 1..].to_vec());
    let changed = |from: &str, to: &str| {
        assert!(head.contains(from), "{from} in {head}");
        [head.replace(from, to).as_bytes(), b"\n", &body].concat()
    };
    let with_body = |body: &[u8]| [head.as_bytes(), b"\n", body].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("a line break", b"\n".to_vec()),
        ("bytes", b"\xff\x00\xfe\n\xff".to_vec()),
        ("text of another plugin", b"counter=7".to_vec()),
        ("JSON of another plugin", b"{\"postern\": true}\n{}".to_vec()),
        ("lists without end", "[".repeat(1 << 20).into_bytes()),
        ("much", vec![b' '; 1 << 20]),
        ("half of the head", good[..end / 2].to_vec()),
        ("the head alone", good[..end].to_vec()),
        ("another form", changed("\"postern\":1", "\"postern\":2")),
        ("a form that is none", changed("\"postern\":1", "\"postern\":-1")),
        ("another issuer", changed("issuer.example.org\\n", "other.example.org\\n")),
        ("another cluster", changed("\\nissuer\"", "\\nother\"")),
        ("no issuer", changed("\"of\":", "\"off\":")),
        ("one field more", changed("\"ended\":", "\"more\":1,\"ended\":")),
        ("no keys", with_body(b"")),
        ("keys that are none", with_body(b"{\"keys\": []}")),
        ("keys that are bytes", with_body(b"\xff\xfe")),
        ("half of the keys", with_body(&body[..body.len() / 2])),
        ("keys with something behind", [&good[..], b"x"].concat()),
    ];
    for (name, value) in cases {
        let host = host(&config());
        (0..PLACES).for_each(|number| host.share(&place(number), &value));
        let [first, second] = workers(&host);
        let streams = [get(&first, &issuer.bearer("alice")), get(&second, &issuer.bearer("alice"))];
        first.tick();
        second.tick();
        assert_eq!(host.calls_under_way_of(&first).len(), 1, "{name}");
        assert_eq!(host.calls_under_way_of(&second), [0; 0], "{name}: the place is ours by now");
        issuer.answer(&first, host.calls_under_way()[0]);
        second.tick();
        streams.iter().for_each(|stream| assert_let_on_as(&host, stream, "alice"));
        let taken = host.all_shared().iter().filter(|(_, now)| *now != value).count();
        assert_eq!(taken, 1, "{name}: and only one place was taken");
    }
    // All this is nothing but for what was changed in it.
    let host = host(&config());
    (0..PLACES).for_each(|number| host.share(&place(number), &good));
    let root = started(&host);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
}

#[test]
fn a_foreign_value_that_comes_at_any_time_costs_a_worker_nothing_that_it_has() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let spoil = || host.all_shared().iter().for_each(|(key, _)| host.share(key, b"\xff"));
    let waits = get(&root, &issuer.bearer("alice"));
    let call = the_call(&host, &root);
    spoil();
    root.tick();
    assert_eq!(host.calls_under_way(), [call], "its call is under way");
    spoil();
    issuer.answer(&root, call);
    assert_let_on_as(&host, &waits, "alice");
    spoil();
    pass(&host, &[&root], 3000);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
    assert_eq!(host.calls_of("proxy_http_call"), 1);
}

#[test]
fn times_that_cannot_be_hold_nobody_up_for_long() {
    struct Case {
        name: &'static str,
        from: &'static str,
        to: &'static str,
        within: u64,
    }
    let case = |name, from, to, within| Case { name, from, to, within };
    let cases = [
        case("a call without end", "\"idle\"", r#"{"in_flight":{"holder":1,"deadline":18446744073709551615}}"#, 122),
        case("a pause without end", "\"idle\"", r#"{"backing_off":{"until":18446744073709551615}}"#, 61),
        case("keys of the far future", "{\"at\":1760000000000", "{\"at\":18446744073709551615", 571),
        case("keys for ever", "\"told\":null", "\"told\":18446744073709551615", 3421),
        case("a spread that is none", "\"spread\":", "\"spread\":6", 571),
        case("a long pause", "\"pause\":null", "\"pause\":18446744073709551615", 571),
        case("as many attempts as can be", "\"ended\":1", "\"ended\":18446744073709551615", 571),
        case("an unknown key sought in the future", "_key_at\":null", "_key_at\":18446744073709551615", 571),
    ];
    let issuer = Issuer::new();
    let good = written(Some(&issuer)).1;
    let end = good.iter().position(|byte| *byte == b'\n').unwrap();
    let (head, body) = (String::from_utf8(good[..end].to_vec()).unwrap(), &good[end..]);
    let key = written(None).0;
    for Case { name, from, to, within } in cases {
        assert!(head.contains(from), "{name}: {from} in {head}");
        let host = host(&config()).shared(&key, &[head.replace(from, to).as_bytes(), body].concat());
        let root = started(&host);
        let mut seconds = seconds_to_the_call(&host, &root);
        assert!(seconds <= within, "{name}: no call in {seconds} s");
        root.fail_call(the_call(&host, &root));
        seconds += seconds_to_the_call(&host, &root);
        assert!(seconds <= within + 61, "{name}: no other call in {seconds} s");
        issuer.answer(&root, the_call(&host, &root));
        let stream = get(&root, &issuer.bearer_later("alice", seconds));
        assert_let_on_as(&host, &stream, "alice");
    }
}

#[test]
fn where_nothing_can_be_shared_each_worker_fetches_for_itself_and_all_are_served() {
    let issuer = Issuer::new();
    for status in [BAD_ARGUMENT, EMPTY, CAS_MISMATCH, INTERNAL_FAILURE, UNIMPLEMENTED] {
        for functions in [&[GET, SET][..], &[GET], &[SET]] {
            let name = format!("{functions:?} answer {status}");
            let host = host(&config());
            functions.iter().for_each(|function| host.fail(function, status));
            let roots: [Root; 2] = workers(&host);
            let all: Vec<&Root> = roots.iter().collect();
            let mut now = 0;
            for round in 0..3 {
                let streams = one_each(&roots, &issuer.bearer_later("alice", now));
                pass(&host, &all, 100);
                for root in &roots {
                    let [call] = host.calls_under_way_of(root)[..] else {
                        panic!("{name}, round {round}: one call of each: {:?}", host.acts())
                    };
                    issuer.answer(root, call);
                }
                pass(&host, &all, 20);
                streams.iter().for_each(|stream| assert_let_on_as(&host, stream, "alice"));
                pass(&host, &all, 20_000);
                assert_eq!(host.calls_under_way(), [0; 0], "{name}, round {round}: the keys are fresh");
                host.advance(580);
                now += 600;
                pass(&host, &all, 1000);
            }
            let reads_and_writes = host.calls_of(GET) + host.calls_of(SET);
            assert!(reads_and_writes < 10_000, "{name}: {reads_and_writes}");
        }
    }
}

#[test]
fn where_what_was_shared_can_be_read_and_no_longer_written_each_worker_goes_on_by_itself() {
    let (issuer, successor) = (Issuer::new(), Issuer::new());
    for status in [CAS_MISMATCH, INTERNAL_FAILURE, UNIMPLEMENTED] {
        let host = host(&config());
        let [first, second] = workers(&host);
        issuer.answer(&first, the_call(&host, &first));
        second.tick();
        host.fail(SET, status);
        host.advance(CACHE);
        for root in [&first, &second] {
            let call = || host.calls_under_way_of(root);
            pass(&host, &[root], 4500);
            let made = call();
            assert_eq!(made.len(), 1, "{status}: one call is under way, and not one for each beat");
            successor.answer(root, made[0]);
            assert_let_on_as(&host, &get(root, &successor.bearer("bob")), "bob");
            pass(&host, &[root], 20_000);
            assert_eq!(call(), [0; 0], "{status}: the keys are fresh");
            assert_let_on_as(&host, &get(root, &successor.bearer("bob")), "bob");
        }
        // When it can be written again it is shared again, from the keys on that come next.
        host.mend(SET);
        host.advance(CACHE);
        for root in [&first, &second] {
            root.tick();
            host.calls_under_way_of(root).into_iter().for_each(|call| successor.answer(root, call));
        }
        host.advance(CACHE);
        pass(&host, &[&first, &second], 2000);
        assert_eq!(host.calls_under_way().len(), 1, "{status}");
    }
}

#[test]
fn who_cannot_read_what_is_shared_fetches_for_itself() {
    let issuer = Issuer::new();
    let host = host(&config());
    let [first, second] = workers(&host);
    issuer.answer(&first, the_call(&host, &first));
    second.tick();
    host.fail(GET, NOT_FOUND);
    for root in [&first, &second] {
        assert_let_on_as(&host, &get(root, &issuer.bearer("alice")), "alice");
    }
    host.advance(CACHE);
    first.tick();
    issuer.answer(&first, host.calls_under_way_of(&first)[0]);
    host.mend(GET);
    let keys = format!("postern_jwks_fetch_total.outcome.ok.issuer.{ISSUER}");
    assert_eq!(host.metric(&keys), 2);
}
