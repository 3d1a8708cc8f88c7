//! Clients that hang up: before the head is whole, behind it, within the body, when the answer has begun.
//!
//! Those that hang up while they wait for keys are in `parking.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use super::clients::{Http1, Http2, half_a_head};
use super::item::Item;
use super::kinds::LET_ON;
use super::world::{World, lock};
use crate::support::dice::Dice;
use crate::wire::harness::request::Request;

/// A request with the token of a kind, to the rule of this phase. A query tells the phases apart in the access log.
fn with_token_of(world: &World, kind: &str, rule: &'static str, method: &str, dice: &mut Dice) -> Item {
    let other: &Arc<Item> = dice.one_of(world.kinds.of(kind));
    let mut request = Request::new(method, &format!("/{rule}"));
    request.fields.extend(other.request.fields.iter().filter(|(name, _)| name == b"authorization").cloned());
    let item = Item::new(rule, request, LET_ON);
    Item { user: other.user.clone(), ..item }
}

pub async fn http1(world: &World, address: SocketAddr, dice: &mut Dice) {
    let kind = *dice.one_of(&["warm", "cold"]);
    let Ok(mut client) = Http1::open(address).await else {
        return world.object("no connection, to break off on".to_owned());
    };
    match dice.below(5) {
        0 => {
            let item = with_token_of(world, kind, "reset-head", "GET", dice);
            let half = &item.http1[..item.http1.len() / 2];
            drop(client.send(half).await);
            tokio::task::yield_now().await;
            client.reset();
            lock(&world.ledger).reset("within the head, HTTP/1.1");
        }
        1 => {
            drop(client.send(&half_a_head()).await);
            tokio::task::yield_now().await;
            client.reset();
            lock(&world.ledger).reset("within the head, HTTP/2");
        }
        2 => {
            let item = with_token_of(world, kind, "reset-sent", "GET", dice);
            drop(client.send(&item.http1).await);
            client.reset();
            world.unknown(&item);
            lock(&world.ledger).reset("behind the head, HTTP/1.1");
        }
        3 => {
            let item = with_token_of(world, kind, "reset-body", "POST", dice);
            let mut bytes = item.request.http1_head(&[("content-length", "5000")]);
            bytes.extend([b'b'; 2000]);
            drop(client.send(&bytes).await);
            for _ in 0..dice.below(20) {
                tokio::task::yield_now().await;
            }
            client.reset();
            world.unknown(&item);
            lock(&world.ledger).reset("within the body, HTTP/1.1");
        }
        _ => {
            let item = with_token_of(world, kind, "reset-answer", "GET", dice);
            let head = match client.send(&item.http1).await {
                Ok(()) => client.head().await,
                Err(error) => Err(error),
            };
            client.reset();
            began(world, &item, head.map(|(status, _)| status).map_err(|error| error.to_string()), false);
            lock(&world.ledger).reset("when the answer has begun, HTTP/1.1");
        }
    }
}

/// An answer that began says what was decided.
fn began(world: &World, item: &Item, status: Result<u16, String>, may_close: bool) {
    match status {
        Ok(status) => {
            let (user, rule) = (item.user.clone(), item.rule);
            let label = (rule.to_owned(), "allow".to_owned(), "ok".to_owned());
            let mut ledger = lock(&world.ledger);
            ledger.answered(item.kind, label, status, true);
            if status != 200 {
                ledger.wrong(item.kind, format!("{rule}: {status} for {user:?}"));
            }
            drop(ledger);
            world.requests.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        Err(error) => {
            world.unknown(item);
            if !may_close {
                world.object(format!("{}: no answer: {error}", item.rule));
            }
        }
    }
}

/// An error means that the connection takes no more.
pub async fn http2(world: &World, client: &Http2, may_close: bool, dice: &mut Dice) -> Result<(), h2::Error> {
    let kind = *dice.one_of(&["warm", "cold"]);
    match dice.below(3) {
        0 => {
            let item = with_token_of(world, kind, "reset-sent", "GET", dice);
            let stream = client.send(&item.request, true).await?;
            world.unknown(&item);
            // What is reset before it is on the wire was never there.
            for _ in 0..dice.below(8) {
                tokio::task::yield_now().await;
            }
            stream.reset();
            lock(&world.ledger).reset("behind the head, HTTP/2");
        }
        1 => {
            let mut item = with_token_of(world, kind, "reset-body", "POST", dice);
            item.request.body = Some(Vec::new());
            let mut stream = client.send(&item.request, false).await?;
            world.unknown(&item);
            stream.send_data(&[b'b'; 2000], false);
            for _ in 0..dice.below(20) {
                tokio::task::yield_now().await;
            }
            stream.reset();
            lock(&world.ledger).reset("within the body, HTTP/2");
        }
        _ => {
            let item = with_token_of(world, kind, "reset-answer", "GET", dice);
            let head = client.send(&item.request, true).await?.head().await;
            // The rest of the answer is larger than the window: letting go of it resets the stream.
            let status = head.map(|(status, ..)| status).map_err(|error| error.to_string());
            began(world, &item, status, may_close);
            lock(&world.ledger).reset("when the answer has begun, HTTP/2");
        }
    }
    Ok(())
}
