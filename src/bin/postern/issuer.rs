//! `postern issuer`: a token issuer for development. It asks nobody who they are.

mod keys;
mod lifetime;
mod mint;
mod parameters;
mod url;

use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::clock;
use crate::loopback::LoopbackAddr;
use crate::serve::{self, Reply, Server};
use keys::Keys;
use mint::Mint;
use url::IssuerUrl;

/// A body larger than this is no set of claims: the token would not fit in a request's headers.
const LARGEST_BODY: usize = 64 * 1024;

/// Start a token issuer for development: it gives any token to anyone who asks
///
/// Keys are made at the start and kept in memory, one for each algorithm that Postern knows, so
/// tokens end with the process. It listens on loopback only. Never rely on it in a deployment.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It serves /.well-known/openid-configuration, /jwks.json and /mint.

Parameters of /mint, all optional:
  user=alice        claims `sub` and `uid` (default: dev)
  scope=a+b         claim `scope`, space separated
  aud=URL           claim `aud` (default: https://postern.dev); several make a list
  lifetime=1h       seconds, or a number with s, m, h or d (default: 1h); less than 0: expired
  alg=RS256         RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA
  uid=1000          claim `uidNumber`
  email=a@b.org     claim `email`
  group=lsst        claim `isMemberOf`; repeat it for several
  client=web        claim `client_id`; with user= the same, a service's own token
  login=5m          claim `auth_time`: the user logged in so long ago
  acr=mfa           claim `acr`
  typ=at+jwt        the header's `typ` (default: JWT)
A JSON object sent as a body adds claims or replaces them; a member that is null removes one.

Examples:
  postern issuer --listen 127.0.0.1:9010
  curl 'http://127.0.0.1:9010/mint?user=alice&scope=read:tap+read:image'
  curl 'http://127.0.0.1:9010/mint?user=alice&lifetime=-1h'
  curl 'http://127.0.0.1:9010/mint?user=bob' -d '{\"amr\": [\"mfa\"]}'")]
pub struct Args {
    /// Address to listen on, loopback only; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9010")]
    listen: LoopbackAddr,
    /// The `iss` of the tokens [default: http:// and the address it listens on]
    #[arg(long, value_name = "URL")]
    issuer: Option<IssuerUrl>,
}

pub async fn run(args: Args) -> io::Result<()> {
    let server = Server::bind(args.listen).await?;
    let url = args.issuer.unwrap_or_else(|| IssuerUrl::of(server.address()));
    let keys = Keys::generate().map_err(io::Error::other)?;
    let what = format!("issuer {url}, for development only: it gives any token to anyone who asks");
    let issuer = Arc::new(Issuer { url, keys });
    let handler = move |request| {
        let issuer = Arc::clone(&issuer);
        async move { issuer.answer(request).await }
    };
    server.run(&what, handler).await
}

struct Issuer {
    url: IssuerUrl,
    keys: Keys,
}

impl Issuer {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let path = self.url.without_base(request.uri().path()).to_owned();
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        match path.as_str() {
            "/mint" if read || request.method() == Method::POST => self.mint(request).await,
            "/mint" => not_allowed("GET, HEAD, POST"),
            "/.well-known/openid-configuration" if read => json_reply(&self.discovery()),
            "/jwks.json" if read => json_reply(&self.keys.jwks()),
            "/.well-known/openid-configuration" | "/jwks.json" => not_allowed("GET, HEAD"),
            "/authorize" => {
                line(StatusCode::NOT_IMPLEMENTED, "this development issuer has no login; /mint gives tokens")
            }
            _ => line(StatusCode::NOT_FOUND, "there are /mint, /jwks.json and /.well-known/openid-configuration here"),
        }
    }

    /// OpenID Connect Discovery 1.0 section 3: the members it requires, and no others. With no
    /// flow but the implicit one a token endpoint is not among them.
    fn discovery(&self) -> Value {
        json!({
            "issuer": self.url.as_str(),
            "authorization_endpoint": self.url.join("/authorize"),
            "jwks_uri": self.url.join("/jwks.json"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": self.keys.algorithms(),
        })
    }

    async fn mint(&self, request: Request<Incoming>) -> Reply {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let Ok(body) = Limited::new(request.into_body(), LARGEST_BODY).collect().await else {
            return line(StatusCode::PAYLOAD_TOO_LARGE, "the body is broken off, or larger than 64 KiB");
        };
        let mint = match Mint::parse(&query, &body.to_bytes(), self.keys.algorithms()) {
            Ok(mint) => mint,
            Err(problem) => return line(StatusCode::BAD_REQUEST, &problem),
        };
        let claims = mint.claims(self.url.as_str(), clock::now(), keys::random_id());
        match self.keys.sign(&mint.algorithm, mint.typ.as_deref(), claims) {
            Ok(token) => {
                let mut reply = line(StatusCode::OK, &token);
                let no_store = HeaderValue::from_static("no-store");
                reply.headers_mut().insert(header::CACHE_CONTROL, no_store);
                reply
            }
            Err(error) => line(StatusCode::INTERNAL_SERVER_ERROR, &format!("the token could not be signed: {error}")),
        }
    }
}

fn line(status: StatusCode, text: &str) -> Reply {
    serve::text(status, format!("{text}\n"))
}

fn json_reply(document: &Value) -> Reply {
    serve::typed(StatusCode::OK, "application/json", format!("{document:#}\n"))
}

fn not_allowed(methods: &'static str) -> Reply {
    let mut reply = line(StatusCode::METHOD_NOT_ALLOWED, &format!("this takes {methods}"));
    let allow = HeaderValue::from_static(methods);
    reply.headers_mut().insert(header::ALLOW, allow);
    reply
}
