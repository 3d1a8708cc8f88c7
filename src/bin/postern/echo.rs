//! `postern echo`: an upstream that shows what reached it.

use std::io;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};

use crate::loopback::LoopbackAddr;
use crate::serve::{self, Reply, Server};

/// Longer bodies are counted, not shown.
const SHOWN_BODY: usize = 1024;

/// Start an upstream for development that answers every request with the request itself
///
/// The answer is plain text: the request line; the headers, one a line, names in lower case, a
/// header that came twice twice; an empty line; the size of the body, and the body itself where it
/// is text of at most 1 KiB.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  postern echo --listen 127.0.0.1:8081
  curl http://127.0.0.1:8081/anything")]
pub struct Args {
    /// Address to listen on, loopback only; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8081")]
    listen: LoopbackAddr,
}

pub async fn run(args: Args) -> io::Result<()> {
    let server = Server::bind(args.listen).await?;
    server.run("echo upstream, for development only", echo).await
}

async fn echo<B: Body<Data = Bytes>>(request: Request<B>) -> Reply {
    let (head, body) = request.into_parts();
    let mut answer = show_head(&head);
    match Content::read(body).await {
        Some(content) => content.show(&mut answer),
        None => answer.extend_from_slice(b"body: broken off\n"),
    }
    serve::text(StatusCode::OK, answer)
}

/// Bytes, not text: a header's value is shown as it came, UTF-8 or not.
fn show_head(head: &Parts) -> Vec<u8> {
    let mut answer = format!("{} {} {:?}\n", head.method, head.uri, head.version).into_bytes();
    for (name, value) in &head.headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.push(b'\n');
    }
    answer.push(b'\n');
    answer
}

/// What is kept of a body: its start and its size, so that an upload of any size is answered.
#[derive(Default)]
struct Content {
    start: Vec<u8>,
    size: usize,
}

impl Content {
    async fn read<B: Body<Data = Bytes>>(body: B) -> Option<Self> {
        let mut body = std::pin::pin!(body);
        let mut content = Self::default();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.ok()?.data_ref() {
                content.size = content.size.saturating_add(data.len());
                let room = SHOWN_BODY.saturating_sub(content.start.len());
                content.start.extend(data.iter().take(room));
            }
        }
        Some(content)
    }

    fn show(&self, answer: &mut Vec<u8>) {
        answer.extend_from_slice(format!("body: {} bytes\n", self.size).as_bytes());
        if let Some(text) = self.text() {
            answer.extend_from_slice(text.as_bytes());
            if !text.ends_with('\n') {
                answer.push(b'\n');
            }
        }
    }

    /// The whole body, where it is short and safe to print on a terminal.
    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.start).ok()?;
        let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        (self.size != 0 && self.size == self.start.len() && text.chars().all(printable)).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use hyper::Request;
    use hyper::body::Bytes;

    use super::echo;

    async fn echoed(request: Request<Full<Bytes>>) -> Vec<u8> {
        let body = echo(request).await.into_body();
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn the_head_comes_back_as_it_came() {
        let request = Request::get("/a%20b?c=d")
            .header("X-One", "1")
            .header("x-one", "2")
            .header("x-latin", &b"caf\xe9"[..])
            .body(Full::default())
            .unwrap();
        let expected = b"GET /a%20b?c=d HTTP/1.1\nx-one: 1\nx-one: 2\nx-latin: caf\xe9\n\nbody: 0 bytes\n";
        assert_eq!(echoed(request).await, expected);
    }

    #[tokio::test]
    async fn a_body_is_shown_where_it_is_short_text() {
        let longest = "a".repeat(1024);
        for (body, shown) in [
            ("", "body: 0 bytes\n".to_owned()),
            ("hello", "body: 5 bytes\nhello\n".to_owned()),
            ("hello\n", "body: 6 bytes\nhello\n".to_owned()),
            ("\x1b[2J", "body: 4 bytes\n".to_owned()),
            (&longest, format!("body: 1024 bytes\n{longest}\n")),
            (&format!("{longest}a"), "body: 1025 bytes\n".to_owned()),
        ] {
            let request = Request::post("/").body(Full::from(body.to_owned())).unwrap();
            let expected = format!("POST / HTTP/1.1\n\n{shown}");
            assert_eq!(echoed(request).await, expected.as_bytes());
        }
    }
}
