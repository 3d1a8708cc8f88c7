//! A client of HTTP/2 without TLS, by prior knowledge.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::message::Field;
use super::request::Request;
use super::wait::PATIENCE;

/// Sends one request on a connection of its own.
pub fn send(address: SocketAddr, request: &Request) -> Answer {
    try_send(address, request).expect("an answer over HTTP/2, not a broken stream")
}

/// The same where the peer may end the stream or the connection without an answer.
pub fn try_send(address: SocketAddr, request: &Request) -> Result<Answer, h2::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let patience: Duration = PATIENCE;
    runtime
        .block_on(async { tokio::time::timeout(patience, exchange(address, request)).await })
        .expect("an answer over HTTP/2, not silence")
}

async fn exchange(address: SocketAddr, request: &Request) -> Result<Answer, h2::Error> {
    let stream = TcpStream::connect(address).await.expect("Envoy listens");
    let (sender, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let mut sender = sender.ready().await?;

    let whole = request.body.is_none() && request.trailers.is_empty();
    let (response, mut body) = sender.send_request(head(request), whole)?;
    if !whole {
        let bytes = Bytes::from(request.body.clone().unwrap_or_default());
        // A filter may answer before it has the body; then the stream takes no more of it.
        let last = request.trailers.is_empty();
        if body.send_data(bytes, last).is_ok() && !last {
            drop(body.send_trailers(map(&request.trailers)));
        }
    }

    let response = response.await?;
    let mut answer =
        Answer { status: response.status().as_u16(), fields: fields(response.headers()), ..Answer::default() };
    let mut body = response.into_body();
    while let Some(bytes) = body.data().await {
        let bytes = bytes?;
        body.flow_control().release_capacity(bytes.len())?;
        answer.body.extend_from_slice(&bytes);
    }
    if let Some(trailers) = poll_fn(|context| body.poll_trailers(context)).await? {
        answer.trailers = fields(&trailers);
    }
    Ok(answer)
}

pub fn head(request: &Request) -> http::Request<()> {
    let host = String::from_utf8(request.host.clone()).expect("an authority is text");
    // A whole URL says the scheme as well.
    let uri = if request.target.starts_with("http") {
        request.target.clone()
    } else {
        format!("http://{host}{}", request.target)
    };
    let mut head = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .version(http::Version::HTTP_2)
        .body(())
        .expect("a request that HTTP/2 can carry");
    *head.headers_mut() = map(&request.fields);
    head
}

fn map(fields: &[(Vec<u8>, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name).expect("a header name");
        map.append(name, HeaderValue::from_bytes(value).expect("a header value"));
    }
    map
}

fn fields(map: &HeaderMap) -> Vec<Field> {
    map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}
