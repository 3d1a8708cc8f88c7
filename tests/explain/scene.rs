//! A configuration in a file, and what the command makes of requests under it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

pub const NOW: u64 = 1_800_000_000;

/// The issuer that the filter itself is.
pub const OWN: &str = "https://api.test/postern";

pub struct Scene {
    folder: TempDir,
    config: PathBuf,
}

/// What the command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Scene {
    /// With a plugin configuration by itself.
    pub fn of(config: &Value) -> Self {
        Self::written("config.yaml", &format!("{config:#}"))
    }

    pub fn written(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join(name);
        std::fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    /// A file beside the configuration.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command at [`NOW`], in the configuration's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.current_dir(self.folder.path()).arg("explain").arg(self.config.file_name().unwrap());
        command.args(arguments).args(["--at", &NOW.to_string()]);
        command.env_remove("CLICOLOR_FORCE").env_remove("POSTERN_EXPLAIN_TEST_KEY");
        command
    }

    pub fn explain(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }
}

pub fn token(claims: Value) -> String {
    Token::at(&Signer::es256(), NOW).claims(claims).mint()
}

/// A rule on this path with these members.
pub fn rule(name: &str, members: Value) -> Value {
    let mut rule = json!({"name": name, "match": {"prefix": format!("/{name}")}});
    rule.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    rule
}

fn issuer(name: &str, members: Value) -> Value {
    let mut issuer = json!({
        "issuer": name, "audiences": [AUDIENCE], "algorithms": ["ES256"],
        "jwks": {"inline": jwks(&[&Signer::es256()])},
    });
    issuer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    issuer
}

/// Rules by which one request after the other can be refused for everything.
pub fn everything() -> Value {
    json!({
        "realm": "test",
        "issuers": [
            issuer(ISSUER, json!({})),
            issuer("https://scitokens.test", json!({"profile": "scitokens"})),
            issuer("https://remote.test", json!({"jwks": {"cluster": "remote"}})),
            {"issuer": OWN, "audiences": [AUDIENCE, "https://job.test"], "claims": {"user": "email"}},
        ],
        "reissue": {
            "issuer": OWN, "keys": [{"env": "POSTERN_EXPLAIN_TEST_KEY"}],
            "exchange": {"audiences": [AUDIENCE], "issuers": ["https://remote.test"]},
        },
        "capabilities": {"preset": "lsst", "group_prefix": "g_"},
        "rules": [
            rule("public", json!({"access": "anonymous"})),
            rule("optional", json!({"access": "optional"})),
            rule("tap", json!({"require": {"capabilities": {"all_of": ["read:tap"]}}, "challenge": ["bearer", "basic"]})),
            rule("hosted", json!({"match": {"prefix": "/hosted", "hosts": ["api.test"]}})),
            rule("put", json!({"match": {"prefix": "/put", "methods": ["PUT"]}})),
            rule("deep", json!({"require": {"capabilities": {"all_of": ["a/b"]}}})),
            rule("groups", json!({"require": {"groups": {"any_of": ["g", "h"]}}})),
            rule("users", json!({"require": {"users": ["bob"]}})),
            rule("clients", json!({"require": {"clients": ["portal"]}})),
            rule("services", json!({"require": {"principals": ["service"]}})),
            rule("login", json!({"require": {"interactive": true}})),
            rule("notebook", json!({"require": {"capabilities": {"any_of": ["exec:notebook"]}}})),
            rule("recent", json!({"require": {"max_auth_age": "15m"}})),
            rule("foreigners", json!({"require": {"issuers": ["https://remote.test"]}})),
            rule("dav", json!({"require": {"path": {"base": "/dav"}}})),
            rule("shadow", json!({"shadow": true, "require": {"users": ["bob"]}})),
            rule("pass", json!({"foreign_authorization": "pass"})),
            rule("job", json!({"reissue": {"audience": "https://job.test", "lifetime": "5m"}})),
            rule("anybody", json!({})),
        ],
    })
}
