//! The stream of requests, on many connections and one thread, until all is over.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::clients::{Http1, Http2};
use super::item::Item;
use super::resets;
use super::right::Moment;
use super::world::World;
use crate::support::dice::Dice;

/// Connections of HTTP/1.1, and those of HTTP/2 with the streams that each has open.
const HTTP1: u64 = 16;
const HTTP2: u64 = 3;
const STREAMS: u64 = 6;

/// One request in so many is broken off.
const BREAKS_OFF: usize = 50;

/// Longer than any answer takes; then something hangs. A machine that was halted for a minute hangs nowhere.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Sends until all is over.
pub fn run(world: &Arc<World>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = (0..HTTP1)
        .map(|seed| local.spawn_local(connection(Arc::clone(world), Dice(seed + 1))))
        .chain((0..HTTP2).flat_map(|number| {
            let shared = Rc::new(RefCell::new(None));
            let stream = |stream| streams(Arc::clone(world), Rc::clone(&shared), Dice(100 + number * 10 + stream));
            (0..STREAMS).map(stream).map(|task| local.spawn_local(task)).collect::<Vec<_>>()
        }))
        .collect();
    local.block_on(&runtime, async {
        for task in tasks {
            task.await.expect("a task that ends");
        }
    });
}

/// A connection, and the configuration that was in force when it was made.
struct Opened<C> {
    client: C,
    since: usize,
}

impl<C> Opened<C> {
    /// The configurations that may answer here: connections keep what they began with.
    fn configurations(&self, world: &World) -> RangeInclusive<usize> {
        self.since..=world.offered.load(Ordering::SeqCst)
    }

    /// Whether Envoy may close it for an update's sake.
    fn may_close(&self, world: &World) -> bool {
        self.since < world.offered.load(Ordering::SeqCst)
    }
}

async fn connection(world: Arc<World>, mut dice: Dice) {
    let address = world.envoy.address();
    let mut opened: Option<Opened<Http1>> = None;
    while !world.over.load(Ordering::SeqCst) {
        if dice.below(BREAKS_OFF) == 0 {
            resets::http1(&world, address, &mut dice).await;
            continue;
        }
        let mut open = match opened.take() {
            Some(open) => open,
            None => {
                let since = world.taken.load(Ordering::SeqCst);
                match Http1::open(address).await {
                    Ok(client) => Opened { client, since },
                    Err(error) => {
                        world.object(format!("no connection: {error}"));
                        continue;
                    }
                }
            }
        };
        let item = world.kinds.pick(&world, &mut dice);
        let before = Moment::of(&item, &world);
        let asked = async {
            open.client.send(&item.http1).await?;
            open.client.reply().await
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(reply)) => {
                world.judge(&item, &before, &open.configurations(&world), &reply);
                // Of a body that nobody wanted the rest may stand in the way.
                let unread = item.request.body.is_some() && reply.status != 200;
                if !reply.closes && !unread {
                    opened = Some(open);
                }
            }
            Ok(Err(error)) => lost(&world, &item, open.may_close(&world), &error.to_string()),
            Err(_) => lost(&world, &item, false, "silence"),
        }
    }
}

/// Books a request without an answer.
fn lost(world: &World, item: &Item, may_close: bool, why: &str) {
    world.unknown(item);
    if may_close {
        world.event("connections that ended with an old configuration, and a request in them");
    } else {
        world.object(format!("{}: no answer: {why}", item.kind));
    }
}

type Shared = Rc<RefCell<Option<Rc<Opened<Http2>>>>>;

async fn shared_connection(world: &World, address: SocketAddr, shared: &Shared) -> Option<Rc<Opened<Http2>>> {
    if let Some(open) = &*shared.borrow() {
        return Some(Rc::clone(open));
    }
    let since = world.taken.load(Ordering::SeqCst);
    match Http2::open(address).await {
        Ok(client) => {
            let open = Rc::new(Opened { client, since });
            Some(Rc::clone(shared.borrow_mut().insert(open)))
        }
        Err(error) => {
            world.object(format!("no connection over HTTP/2: {error}"));
            None
        }
    }
}

/// Forgets a connection that takes no more; another one may be in its place already.
fn forget(shared: &Shared, open: &Rc<Opened<Http2>>) {
    let mut slot = shared.borrow_mut();
    if slot.as_ref().is_some_and(|current| Rc::ptr_eq(current, open)) {
        *slot = None;
    }
}

async fn streams(world: Arc<World>, shared: Shared, mut dice: Dice) {
    let address = world.envoy.address();
    while !world.over.load(Ordering::SeqCst) {
        let Some(open) = shared_connection(&world, address, &shared).await else { continue };
        if dice.below(BREAKS_OFF) == 0 {
            if resets::http2(&world, &open.client, open.may_close(&world), &mut dice).await.is_err() {
                forget(&shared, &open);
            }
            continue;
        }
        let item = world.kinds.pick(&world, &mut dice);
        let before = Moment::of(&item, &world);
        let stream = match open.client.send(&item.request, true).await {
            Ok(stream) => stream,
            Err(error) => {
                if !open.may_close(&world) {
                    world.object(format!("{}: a connection over HTTP/2 that takes no request: {error}", item.kind));
                }
                forget(&shared, &open);
                continue;
            }
        };
        match timeout(PATIENCE, stream.reply()).await {
            Ok(Ok(reply)) => world.judge(&item, &before, &open.configurations(&world), &reply),
            // Where the connection's window is full, Envoy does not wait for it with the body of an answer to a request
            // that it has not read to its end, but resets the stream.
            Ok(Err(broken)) if item.is_refused_early(broken.status) => {
                world.unknown(&item);
                world.event("refusals that came without their body, HTTP/2");
            }
            Ok(Err(broken)) => {
                lost(&world, &item, open.may_close(&world), &broken.error);
                forget(&shared, &open);
            }
            Err(_) => {
                lost(&world, &item, false, "silence over HTTP/2");
                forget(&shared, &open);
            }
        }
    }
}
