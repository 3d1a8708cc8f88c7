//! Requests that wait for keys that nobody has yet: some clients stay, others hang up meanwhile.

use std::ops::RangeInclusive;

use super::clients::{Http1, Http2, Stream};
use super::director::{ask_all, on_this_thread, open_item};
use super::item::Item;
use super::right::{Moment, Right};
use super::world::{PARKER, World, lock, park_path};
use crate::support::mint::{Signer, Token};
use crate::wire::harness::request::Request;
use crate::wire::harness::wait::wait_until;

/// Of each sort, how many.
const EACH: usize = 5;

const BODY: usize = 4000;

enum Waiting {
    Http1(Http1),
    Http2(Stream),
}

/// How a client waits: over what, with which request, and whether half of a body is already under way.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    http2: bool,
    with_body: bool,
}

const WAYS: [Way; 4] = [
    Way { name: "waiting for keys, HTTP/1.1", http2: false, with_body: false },
    Way { name: "waiting for keys within the body, HTTP/1.1", http2: false, with_body: true },
    Way { name: "waiting for keys, HTTP/2", http2: true, with_body: false },
    Way { name: "waiting for keys within the body, HTTP/2", http2: true, with_body: true },
];

/// With the configuration of this number, whose issuer nobody has keys of; the gate to it is closed.
pub fn play(world: &World, number: usize, fails: bool) {
    wait_until("keys are fetched ahead", || world.parker.asked(&park_path(number)) > 0);
    let token = Token::new(&Signer::es256()).claim("iss", PARKER).claim("sub", "parked").mint();
    let configurations = number..=number;
    on_this_thread(async {
        let mut stay = Vec::new();
        let mut leave = Vec::new();
        let http2 = Http2::open(world.envoy.address()).await.expect("Envoy listens");
        for way in WAYS {
            for _ in 0..EACH {
                let (stays, leaves) = (item(way, "park", &token), item(way, "park-reset", &token));
                leave.push((way, begin(world, &http2, way, &leaves).await, leaves));
                let before = Moment::of(&stays, world);
                stay.push((way, begin(world, &http2, way, &stays).await, stays, before));
            }
        }
        // Both workers have answered others since, one of them on the same connection: what was sent before that has been
        // looked at.
        goes_through(world, &http2, &configurations).await;
        all_have_been_looked_at(world);
        for (way, waiting, item) in leave {
            match waiting {
                Waiting::Http1(client) => {
                    object_to_early_answer(world, &client);
                    client.reset();
                }
                Waiting::Http2(stream) => stream.reset(),
            }
            world.unknown(&item);
            lock(&world.ledger).reset(way.name);
        }
        goes_through(world, &http2, &configurations).await;
        all_have_been_looked_at(world);
        world.parker.open_gate();
        for (way, waiting, item, before) in stay {
            end(world, way, waiting, &item, &before, &configurations).await;
        }
    });
    // An answer that came too late, to a machine that was halted, is no answer.
    let answered = if fails { 503 } else { 200 };
    if world.parker.asked(&park_path(number)) == 1 {
        let expected = Item { right: Right::Parked, ..item(WAYS[0], "park", &token) };
        ask_all(world, &expected, |status| status == answered);
    }
}

fn item(way: Way, rule: &'static str, token: &str) -> Item {
    let method = if way.with_body { "POST" } else { "GET" };
    let mut request = Request::new(method, &format!("/{rule}?{}", way.name.replace(' ', "-"))).bearer(token);
    request.body = way.with_body.then(|| vec![b'p'; BODY]);
    Item::new(rule, request, Right::Parked).user("parked")
}

async fn begin(world: &World, http2: &Http2, way: Way, item: &Item) -> Waiting {
    let half = &[b'p'; BODY / 2];
    if way.http2 {
        let mut stream = http2.send(&item.request, false).await.expect("a connection that takes streams");
        if way.with_body {
            stream.send_data(half, false);
        }
        return Waiting::Http2(stream);
    }
    let client = Http1::open(world.envoy.address()).await.expect("Envoy listens");
    let mut bytes = item.http1.clone();
    if way.with_body {
        bytes.truncate(bytes.len() - BODY / 2);
    }
    client.send(&bytes).await.expect("a connection that takes a request");
    Waiting::Http1(client)
}

async fn end(
    world: &World,
    way: Way,
    waiting: Waiting,
    item: &Item,
    before: &Moment,
    configurations: &RangeInclusive<usize>,
) {
    let half = &[b'p'; BODY / 2];
    let reply = match waiting {
        Waiting::Http1(mut client) => {
            if way.with_body {
                // Who was refused meanwhile may find the connection closed.
                drop(client.send(half).await);
            }
            client.reply().await.map_err(|error| error.to_string())
        }
        Waiting::Http2(mut stream) => {
            if way.with_body {
                stream.send_data(half, true);
            }
            stream.reply().await.map_err(|broken| broken.error)
        }
    };
    match reply {
        Ok(reply) => world.judge(item, before, configurations, &reply),
        Err(error) => {
            world.unknown(item);
            world.object(format!("{}: no answer: {error}", way.name));
        }
    }
}

/// A request behind others on their connection is answered, though they wait.
async fn goes_through(world: &World, http2: &Http2, configurations: &RangeInclusive<usize>) {
    let item = open_item();
    let before = Moment::of(&item, world);
    let stream = http2.send(&item.request, true).await.expect("a connection that takes streams");
    let reply = stream.reply().await.expect("an answer");
    world.judge(&item, &before, configurations, &reply);
}

/// Nobody is answered before there are keys.
fn object_to_early_answer(world: &World, client: &Http1) {
    if !client.is_silent() {
        world.object("an answer before there were keys".to_owned());
    }
}

fn all_have_been_looked_at(world: &World) {
    // Not `ask_all`: inside of a runtime there is no other one.
    let item = open_item();
    let address = world.envoy.address();
    for _ in 0..super::director::CROWD {
        let answer = crate::wire::harness::http1::send(address, &item.request);
        let reply = super::answers::Reply::new(answer.status, &answer.fields, &answer.body);
        let now = Moment::of(&item, world);
        let number = world.taken.load(std::sync::atomic::Ordering::SeqCst);
        world.judge(&item, &now, &(number..=number), &reply);
    }
}
