//! What the filter itself makes of the request.

use postern::crypto::{RustCrypto, SignatureCheck};
use postern::denial::Denial;
use postern::flow::{self, Env, Memory, Next, Step};
use postern::jwks::KeyStore;
use postern::reply::Reply;
use postern::request::Mutation;
use serde_json::Value;

use super::keys::{Keys, Unchecked};
use super::trace::Scene;

pub struct Decision {
    /// As in metrics and records: `allow`, `deny` or `shadow_deny`.
    pub verdict: String,
    pub reason: String,
    /// What the access log says of it.
    pub record: Value,
    pub mutations: Vec<Mutation>,
    /// Where the filter answers itself.
    pub reply: Option<Reply>,
}

/// Has the filter's core decide. `keys` are those of the token's issuer, if it came to that.
pub fn decide(scene: &Scene<'_>, keys: Option<&Keys>) -> Decision {
    let store = KeyStore::of(keys.map(|keys| (keys.issuer, std::rc::Rc::clone(&keys.set))));
    let mut memory = Memory::new(store, scene.config.token_cache);
    let env = Env { now: scene.now, signatures: signatures(keys), signer: &RustCrypto };
    let step = flow::begin(scene.config, scene.head, scene.route, &mut memory, &env);
    of_step(step, scene, &mut memory, &env)
}

/// How the signature is checked with these keys.
pub fn signatures(keys: Option<&Keys>) -> &'static dyn SignatureCheck {
    match keys {
        Some(Keys { from: None, .. }) => &Unchecked,
        Some(Keys { from: Some(_), .. }) | None => &RustCrypto,
    }
}

fn of_step(Step { mutations, next }: Step, scene: &Scene<'_>, memory: &mut Memory, env: &Env<'_>) -> Decision {
    let (report, reply) = match next {
        Next::Forward(report) => (report, None),
        Next::Reply(reply, report) => (report, Some(reply)),
        // All keys that could be asked for are at hand.
        Next::AwaitKeys(waiting) => {
            let step = waiting.refuse(Denial::Internal("the keys of another issuer are waited for"));
            return of_step(step, scene, memory, env);
        }
        Next::AwaitForm(waiting) => {
            let form = scene.form.unwrap_or_default().as_bytes();
            let step = match waiting.takes(form.len()) {
                Ok(()) => waiting.resume(form, memory, env),
                Err(denial) => waiting.refuse(denial),
            };
            return of_step(step, scene, memory, env);
        }
    };
    let record: Value = serde_json::from_str(&report.record).unwrap_or_default();
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Decision { verdict: text("decision"), reason: text("reason"), record, mutations, reply }
}

impl Decision {
    pub fn is_let_on(&self) -> bool {
        self.verdict != "deny"
    }

    pub fn is_shadow(&self) -> bool {
        self.verdict == "shadow_deny"
    }

    /// The token that goes on to the service.
    pub fn token_for_service(&self) -> Option<String> {
        self.mutations.iter().find_map(|change| match change {
            Mutation::Set(name, value) if &**name == "authorization" => {
                Some(std::str::from_utf8(value).ok()?.strip_prefix("Bearer ")?.to_owned())
            }
            Mutation::Remove(_) | Mutation::Set(..) | Mutation::Add(..) => None,
        })
    }

    /// The token that the filter gives for another.
    pub fn token_for_client(&self) -> Option<String> {
        let answer: Value = serde_json::from_str(&self.reply.as_ref()?.body).ok()?;
        Some(answer.get("access_token")?.as_str()?.to_owned())
    }

    /// Whether the filter answers, though nothing is refused.
    pub fn is_answered(&self) -> bool {
        self.is_let_on() && self.reply.is_some()
    }
}
