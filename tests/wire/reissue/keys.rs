//! Keys that the filter signs with, as an operator has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::mint::{Signer, base64url};
use crate::wire::harness::envoy::version;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::variables::Variables;
use crate::wire::leaks::secrets::Secrets;

#[derive(Clone, Debug)]
pub struct Key {
    /// The variable that holds it.
    pub variable: &'static str,
    pub pem: &'static str,
    /// The same key in other hands: what is published of it, and its algorithm.
    pub signer: Signer,
}

impl Key {
    pub fn rs256() -> Self {
        Self::new("KEY_RS256", include_str!("../../support/keys/test-rsa2048-a.pem"), Signer::rs256())
    }

    pub fn other_rs256() -> Self {
        Self::new("OTHER_RS256", include_str!("../../support/keys/test-rsa2048-b.pem"), Signer::other_rs256())
    }

    pub fn rs256_4096() -> Self {
        Self::new("KEY_4096", include_str!("../../support/keys/test-rsa4096.pem"), Signer::rs256_4096())
    }

    pub fn es256() -> Self {
        Self::new("KEY_ES256", include_str!("../../support/keys/test-p256-a.pem"), Signer::es256())
    }

    pub fn other_es256() -> Self {
        Self::new("OTHER_ES256", include_str!("../../support/keys/test-p256-b.pem"), Signer::other_es256())
    }

    pub fn eddsa() -> Self {
        Self::new("KEY_EDDSA", include_str!("../../support/keys/test-ed25519.pem"), Signer::eddsa())
    }

    fn new(variable: &'static str, pem: &'static str, signer: Signer) -> Self {
        // By another name than where users' tokens are signed with the same key.
        let kid = format!("ours-{}", signer.kid());
        Self { variable, pem, signer: signer.with_kid(&kid) }
    }

    pub fn alg(&self) -> &'static str {
        self.signer.alg()
    }

    pub fn kid(&self) -> &str {
        self.signer.kid()
    }

    pub fn in_config(&self) -> Value {
        json!({ "env": self.variable, "kid": self.kid() })
    }
}

/// What nobody may see of it, in every form: what the variable holds but for what is published, and the number itself.
pub fn add_secrets(key: &Key, secrets: &mut Secrets) {
    let text: String = key.pem.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = STANDARD.decode(&text).expect("base64");
    // PKCS#8 of these begins with what is the same for all keys, and of P-256 ends with the public key.
    let number = match key.alg() {
        "ES256" => 36..68_usize,
        "EdDSA" => 16..48,
        other => panic!("what is private of {other}?"),
    };
    // Characters of base64 that are of the number alone.
    secrets.add(&text[number.start.div_ceil(3) * 4..number.end / 3 * 4]);
    let number = &bytes[number];
    secrets.add(&base64url(number));
    secrets.add(&STANDARD.encode(number));
    secrets.add(&number.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
}

/// Envoy's process has these keys, and the VM gets them.
pub fn of_host(keys: &[&Key]) -> Variables {
    keys.iter().fold(Variables::default(), |variables, key| variables.host(key.variable, key.pem))
}

/// Envoy's configuration has these keys.
pub fn written(keys: &[&Key]) -> Variables {
    keys.iter().fold(Variables::default(), |variables, key| variables.written(key.variable, key.pem))
}

/// Before 1.39 Envoy keeps a VM of which only the environment has changed.
pub fn renews_vms() -> bool {
    version() >= [1, 39, 0]
}

/// For an update that changes the environment: under another name, where it takes that.
pub fn in_new_vm(setup: Setup, name: &str) -> Setup {
    if renews_vms() { setup } else { setup.vm_id(name) }
}
