//! A small authorizer as people run it beside Envoy: it checks a token, remembers by the whole token that it was good, and
//! asks for the capability.
//!
//! It is a process of its own, so that what it costs can be told from what Envoy costs: this program, started anew.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jwt_simple::prelude::{RS256PublicKey, RSAPublicKeyLike as _, VerificationOptions};
use serde_json::Value;
use tokio::net::TcpListener;

use super::process::Process;
use super::tokens::CAPABILITY;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, wall_clock};

pub const ARGUMENT: &str = "--authorizer";

pub struct Authorizer {
    process: Process,
    address: SocketAddr,
}

impl Authorizer {
    /// Starts one that remembers so many tokens.
    pub fn start(cache: usize) -> Result<Self, String> {
        let (port_reader, port_writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args([ARGUMENT, &cache.to_string()]).stdin(Stdio::null()).stdout(port_writer);
        let process = Process::start(&mut command)?;
        drop(command);
        let mut line = String::new();
        BufReader::new(port_reader).read_line(&mut line).map_err(|error| error.to_string())?;
        let port = line.trim().parse().map_err(|_| format!("the authorizer did not start: {line:?}"))?;
        Ok(Self { process, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// The child's side of it.
pub fn serve(cache: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let checker = Rc::new(RefCell::new(Checker::new(cache)));
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address").port());
        drop(std::io::stdout().flush());
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream.set_nodelay(true));
            let checker = Rc::clone(&checker);
            let service = service_fn(move |request: Request<Incoming>| {
                let mut answer = Response::new(Empty::<Bytes>::new());
                *answer.status_mut() = checker.borrow_mut().check(&request);
                std::future::ready(Ok::<_, std::convert::Infallible>(answer))
            });
            tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

struct Checker {
    key: RS256PublicKey,
    /// Whether the token has the capability, and when it ends.
    known: HashMap<String, (bool, u64)>,
    in_order: VecDeque<String>,
    most: usize,
}

impl Checker {
    fn new(most: usize) -> Self {
        let jwk = Signer::rs256().jwk();
        let number = |name: &str| {
            use base64::Engine as _;
            let text = jwk[name].as_str().expect("a number in base64url");
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let key = RS256PublicKey::from_components(&number("n"), &number("e")).expect("a key");
        Self { key, known: HashMap::new(), in_order: VecDeque::new(), most }
    }

    fn check(&mut self, request: &Request<Incoming>) -> StatusCode {
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        let token = authorization.and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
        match token.and_then(|token| self.has_capability(token)) {
            Some(true) => StatusCode::OK,
            Some(false) => StatusCode::FORBIDDEN,
            None => StatusCode::UNAUTHORIZED,
        }
    }

    /// Nothing where the token is not good.
    fn has_capability(&mut self, token: &str) -> Option<bool> {
        let now = wall_clock();
        if let Some((allowed, end)) = self.known.get(token) {
            return (*end > now).then_some(*allowed);
        }
        let options = VerificationOptions {
            allowed_issuers: Some([ISSUER.to_owned()].into()),
            allowed_audiences: Some([AUDIENCE.to_owned()].into()),
            ..VerificationOptions::default()
        };
        let claims = self.key.verify_token::<Value>(token, Some(options)).ok()?;
        let allowed = claims.custom["scope"].as_str()?.split(' ').any(|scope| scope == CAPABILITY);
        if self.in_order.len() == self.most
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.in_order.push_back(token.to_owned());
        self.known.insert(token.to_owned(), (allowed, claims.expires_at?.as_secs()));
        Some(allowed)
    }
}
