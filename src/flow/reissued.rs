//! Which token the service gets under a rule that has one made.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Caller, Env};
use crate::config::Config;
use crate::denial::Denial;
use crate::identity::Carrying;
use crate::policy::Rule;
use crate::reissue::{Former, Minted, Order, OwnIssuer, Reissue, mint, of_service_is_no_more};
use crate::time::UnixTime;

/// What the tokens of services are made of, and those that were.
#[derive(Debug)]
pub struct Origin {
    pub former: Former,
    made: RefCell<Vec<Reissued>>,
}

impl Origin {
    pub fn new(former: Former) -> Self {
        Self { former, made: RefCell::default() }
    }
}

/// One that was made before.
#[derive(Debug)]
pub struct Reissued {
    rule: Rc<Rule>,
    scope: Option<String>,
    fresh_until: UnixTime,
    carrying: Carrying,
}

/// Most that are kept of one caller: two services, or two scopes of one.
pub(super) const MOST_KEPT: usize = 2;

/// How a service came by its token, for a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    Signed,
    Reused,
    /// It was made before it came here.
    PassedOn,
    /// It was made for somebody else.
    Withheld,
}

/// The token for the service behind this rule. `scope` is what it may have in it, where that is not all.
pub(super) fn for_service(
    caller: &Caller,
    rule: &Rc<Rule>,
    (reissue, scope): (&Reissue, Option<String>),
    (own, config): (&OwnIssuer, &Config),
    env: &Env<'_>,
) -> Result<(Passage, Option<Carrying>), Denial> {
    let headers = &config.headers;
    let origin = caller.origin.as_ref().ok_or(Denial::Internal("there is no token to make one of"))?;
    let former = &origin.former;
    if let Some(audiences) = &former.made_for {
        let fits = audiences.contains(&reissue.audience);
        return Ok(if fits {
            (Passage::PassedOn, Some(headers.carrying(&former.token)))
        } else {
            (Passage::Withheld, None)
        });
    }
    let mut kept = origin.made.borrow_mut();
    kept.retain(|kept| env.now < kept.fresh_until);
    if let Some(kept) = kept.iter().find(|kept| Rc::ptr_eq(&kept.rule, rule) && kept.scope == scope) {
        return Ok((Passage::Reused, Some(kept.carrying.clone())));
    }
    let order = Order {
        audience: &reissue.audience,
        lifetime: reissue.lifetime,
        outlive: reissue.outlive,
        scope: scope.as_deref(),
        leave_out: &|name| scope.is_some() && former.grants(name),
    };
    let minted = mint(own, former, &order, env.signer, env.now)?;
    let is_no_more = |entry| of_service_is_no_more(&minted.token, entry, &caller.principal, env.now);
    if !config.own_entry().is_none_or(is_no_more) {
        return Err(Denial::ReissueReading);
    }
    let carrying = headers.carrying(&minted.token);
    if reissue.reuse {
        if kept.len() >= MOST_KEPT {
            kept.remove(0);
        }
        let fresh_until = fresh_until(&minted);
        kept.push(Reissued { rule: Rc::clone(rule), scope, fresh_until, carrying: carrying.clone() });
    }
    Ok((Passage::Signed, Some(carrying)))
}

/// A quarter of its life is left for the request to be done in.
fn fresh_until(minted: &Minted) -> UnixTime {
    minted.expires.minus(minted.expires.since(minted.issued) / 4)
}
