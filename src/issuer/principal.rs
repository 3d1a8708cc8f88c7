//! Who is calling, as far as a verified token says it.

use std::collections::BTreeSet;

use super::claims::{auth_time, is_printable, present, printable, uid};
use super::service::Mark;
use super::{Issuer, PathDialect};
use crate::json::Json;
use crate::time::UnixTime;
use crate::token::{TokenError, TokenKind};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// Who says all this.
    pub issuer: String,
    /// Absent where the token names neither a user nor a client on its own behalf.
    pub kind: Option<PrincipalKind>,
    /// A service has none: its client id might be somebody's user name (RFC 9068 §5).
    pub user: Option<String>,
    pub uid: Option<u32>,
    pub email: Option<String>,
    /// The client that the token was given to, a user's as well as a service's own.
    pub client: Option<String>,
    pub token_id: Option<String>,
    pub groups: Vec<String>,
    /// The token's scopes, and what its groups stand for.
    pub capabilities: BTreeSet<String>,
    /// Capabilities that the token lists and that count for interactive tokens only, which it is not.
    pub withheld: BTreeSet<String>,
    /// Whether a user logged in for this token, as opposed to a token made for programs.
    pub interactive: bool,
    /// When the user logged in (OpenID Connect Core §2).
    pub auth_time: Option<UnixTime>,
    /// How the user logged in (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// How capabilities with paths are to be read, where they mean anything.
    pub paths: Option<PathDialect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalKind {
    User,
    /// A client on its own behalf (RFC 6749 §4.4).
    Service,
}

impl Principal {
    /// About how much memory all its texts take.
    pub fn bytes(&self) -> usize {
        /// Of a text, or of its place in a set: its own fields, and what the allocator adds.
        const EACH: usize = 64;
        let texts = [&self.user, &self.email, &self.client, &self.token_id, &self.acr];
        let lists = self.groups.iter().chain(&self.capabilities).chain(&self.withheld);
        let texts = texts.into_iter().flatten().chain(lists).chain([&self.issuer]);
        texts.map(|text| text.len().saturating_add(EACH)).sum::<usize>().saturating_add(size_of::<Self>())
    }
}

impl PrincipalKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
        }
    }
}

impl Issuer {
    /// Who calls with this token, which has been verified.
    pub fn principal(&self, payload: &Json, token_kind: TokenKind, now: UnixTime) -> Result<Principal, TokenError> {
        let claims = &self.claims;
        // Rules decide by the user, so one that is there and cannot be used is not the same as none.
        let user = match present(&claims.user, payload) {
            None => None,
            Some(user) => Some(printable(user).ok_or(TokenError::InvalidClaim("user"))?),
        };
        let mark = self.mark_of_service(payload, token_kind);
        let kind = match mark {
            Mark::Service(_) => Some(PrincipalKind::Service),
            Mark::Unclear => None,
            Mark::None => user.is_some().then_some(PrincipalKind::User),
        };
        let client = match mark {
            Mark::Service(client) => client.filter(|client| is_printable(client)).map(str::to_owned),
            Mark::Unclear | Mark::None => present(&claims.client, payload).and_then(printable),
        };
        let is_user = kind == Some(PrincipalKind::User);
        // One that is to come is none of a login.
        let counts = self.login_counts_from(payload).is_some_and(|from| from <= now);
        let auth_time = payload.get("auth_time").and_then(auth_time).filter(|_| counts);
        let interactive = is_user && (auth_time.is_some() || token_kind.is_login());

        let scopes = claims.scopes(payload)?;
        let groups = self.groups_beside(&scopes, claims.groups(payload)?)?;
        let mut capabilities = self.capabilities(payload, scopes, &groups);
        let is_withheld = |name: &&String| !interactive && self.capability_groups.is_interactive(name);
        let withheld: BTreeSet<String> = capabilities.iter().filter(is_withheld).cloned().collect();
        for name in &withheld {
            capabilities.remove(name);
        }

        Ok(Principal {
            issuer: self.issuer.clone(),
            kind,
            user: user.filter(|_| is_user),
            uid: present(&claims.uid, payload).and_then(uid).filter(|_| mark == Mark::None),
            email: present(&claims.email, payload).and_then(printable).filter(|_| mark == Mark::None),
            client,
            token_id: payload.get("jti").and_then(Json::as_str).map(str::to_owned),
            groups,
            capabilities,
            withheld,
            interactive,
            auth_time,
            acr: payload.get("acr").and_then(printable),
            paths: self.profile.paths,
        })
    }

    /// The moment from which on the token's `auth_time` is believed, by a clock that may be off.
    pub fn login_counts_from(&self, payload: &Json) -> Option<UnixTime> {
        Some(payload.get("auth_time").and_then(auth_time)?.minus(self.clock_skew))
    }

    /// The groups that count beside these scopes.
    fn groups_beside(&self, scopes: &BTreeSet<String>, groups: Vec<String>) -> Result<Vec<String>, TokenError> {
        if self.profile.paths != Some(PathDialect::Wlcg) {
            return Ok(groups);
        }
        // The WLCG profile: a token that does not say where is to be refused whole, and where there are capabilities,
        // groups beside them say nothing.
        let storage = |scope: &String| scope.starts_with("storage.");
        if scopes.iter().any(|scope| storage(scope) && !scope.contains(":/")) {
            return Err(TokenError::InvalidClaim("scope"));
        }
        let capability = |scope: &String| storage(scope) || scope.starts_with("compute.");
        Ok(if scopes.iter().any(capability) { Vec::new() } else { groups })
    }

    fn capabilities(&self, payload: &Json, scopes: BTreeSet<String>, groups: &[String]) -> BTreeSet<String> {
        let renamed = |scope: String| self.claims.scope_map.get(&scope).cloned().unwrap_or(scope);
        let mut capabilities =
            if self.claims.scope_map.is_empty() { scopes } else { scopes.into_iter().map(renamed).collect() };
        if self.capability_groups.is_empty() {
            return capabilities;
        }
        capabilities.extend(self.granted(payload, groups).flat_map(|(_, granted)| granted).cloned());
        capabilities
    }

    /// What each of these groups stands for.
    pub fn granted<'a>(
        &'a self,
        payload: &'a Json,
        groups: &'a [String],
    ) -> impl Iterator<Item = (&'a str, &'a [String])> {
        // DMTN-094 §2.2: everybody is in a group of their own name, which no table of groups can mean.
        let own = self.claims.own_names(payload);
        let is_own = move |group: &str| own.iter().any(|name| name.eq_ignore_ascii_case(group));
        let others = groups.iter().filter(move |group| !is_own(group));
        others.map(|group| (group.as_str(), self.capability_groups.of(group)))
    }
}
