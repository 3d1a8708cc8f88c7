//! A small HTTP/1.1 server: what the development servers share.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::loopback::LoopbackAddr;
use crate::stop::Stop;

pub type Reply = Response<Full<Bytes>>;

/// Runs one server to its end on a runtime of its own.
pub fn block_on<F: Future<Output = io::Result<()>>>(server: F) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server)
}

/// A server that has its address, and has not answered yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    stop: Stop,
}

impl Server {
    pub async fn bind(listen: LoopbackAddr) -> io::Result<Self> {
        let explain = |error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
                _ => error.to_string(),
            };
            io::Error::new(error.kind(), format!("cannot listen on {listen}: {why}"))
        };
        let listener = TcpListener::bind(listen.get()).await.map_err(explain)?;
        let address = listener.local_addr().map_err(explain)?;
        // Before the server is announced: whoever reads that may stop it at once.
        let stop = Stop::new()?;
        Ok(Self { listener, address, stop })
    }

    /// Where it really listens: the port that was asked for may be 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what this is and where, then answers until it is told to stop.
    pub async fn run<H, F>(mut self, what: &str, handler: H) -> io::Result<()>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        writeln!(io::stdout(), "{what}\nlistening on http://{}", self.address)?;
        loop {
            tokio::select! {
                () = self.stop.asked() => return Ok(()),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        tokio::spawn(answer(stream, handler.clone()));
                    }
                    // The client left before its turn.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => return Err(error),
                },
            }
        }
    }
}

async fn answer<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Reply>,
{
    let service = service_fn(|request| {
        let reply = handler(request);
        async { Ok::<_, Infallible>(reply.await) }
    });
    // An error here is a client that left or did not speak HTTP: it has had its answer.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    typed(status, "text/plain; charset=utf-8", body)
}

pub fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
