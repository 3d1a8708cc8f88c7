//! What a token that is made here is worth where it comes back.
//!
//! Its claims are the former's, but they are read as the entry of this issuer says, which may be otherwise: what is nobody's
//! name there may be a user's here, and what counts for nothing there a group or a scope. Nobody gets more by an exchange
//! than he had.

use std::collections::BTreeSet;

use crate::issuer::{Issuer, Principal};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::token::UnverifiedToken;

/// Whether this token, read by `entry`, is of the same caller, who may do with it what is in this list of scopes, and has
/// logged in for nothing.
pub fn is_no_more(token: &Secret, entry: &Issuer, (former, scope): (&Principal, &str), now: UnixTime) -> bool {
    let scopes: BTreeSet<&str> = scope.split(' ').collect();
    let asked = |name: &str| scopes.contains(name);
    // What cannot be read is refused there.
    let read = UnverifiedToken::parse(token.clone()).and_then(|token| token.read_as(entry, now));
    read.map_or(true, |new| holds_no_more(&new, former, asked) && has_no_login(&new))
}

/// The same of the token of a service, which has what the caller had. It was not made to come back; but where it is taken
/// back its service may send it, or give it to the user, whose issuer has chosen what stands in it.
pub fn of_service_is_no_more(token: &Secret, entry: &Issuer, former: &Principal, now: UnixTime) -> bool {
    let held = |name: &str| former.capabilities.contains(name);
    let Ok(token) = UnverifiedToken::parse(token.clone()) else { return true };
    let read = token.is_for(entry).then(|| token.read_as(entry, now).ok()).flatten();
    read.is_none_or(|new| holds_no_more(&new, former, held) && has_no_other_login(&new, former))
}

fn alike<T: PartialEq>(new: &Option<T>, former: &Option<T>) -> bool {
    new.is_none() || new == former
}

fn has_no_login(new: &Principal) -> bool {
    !new.interactive && new.acr.is_none() && new.withheld.is_empty()
}

fn has_no_other_login(new: &Principal, former: &Principal) -> bool {
    (!new.interactive || former.interactive) && alike(&new.acr, &former.acr) && alike(&new.auth_time, &former.auth_time)
}

fn holds_no_more(new: &Principal, former: &Principal, may: impl Fn(&str) -> bool) -> bool {
    alike(&new.user, &former.user)
        && alike(&new.kind, &former.kind)
        && alike(&new.uid, &former.uid)
        && alike(&new.email, &former.email)
        && alike(&new.client, &former.client)
        && alike(&new.paths, &former.paths)
        && new.groups.iter().all(|group| former.groups.contains(group))
        && new.capabilities.iter().all(|name| may(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::{PathDialect, PrincipalKind};

    #[test]
    fn the_same_caller_may_have_less_and_nothing_else() {
        let text = |text: &str| Some(text.to_owned());
        let former = Principal {
            kind: Some(PrincipalKind::User),
            user: text("alice"),
            uid: Some(7),
            email: text("a@b.test"),
            client: text("web"),
            groups: vec!["g".to_owned()],
            capabilities: ["read:/a".to_owned(), "x".to_owned()].into(),
            paths: Some(PathDialect::SciTokens),
            ..Principal::default()
        };
        let of = |change: fn(&mut Principal)| {
            let mut principal = former.clone();
            change(&mut principal);
            principal
        };
        for (name, read, want) in [
            ("the same", of(|_| {}), true),
            ("a scope less", of(|p| _ = p.capabilities.remove("x")), true),
            ("a path that was asked for", of(|p| p.capabilities = ["read:/a/b".to_owned()].into()), true),
            ("no groups", of(|p| p.groups.clear()), true),
            ("no uid, email, client", of(|p| (p.uid, p.email, p.client) = (None, None, None)), true),
            ("no paths", of(|p| p.paths = None), true),
            ("another user", of(|p| p.user = Some("bob".to_owned())), false),
            ("no user", of(|p| p.user = None), true),
            ("a service", of(|p| p.kind = Some(PrincipalKind::Service)), false),
            ("of no kind", of(|p| p.kind = None), true),
            ("another uid", of(|p| p.uid = Some(0)), false),
            ("another email", of(|p| p.email = Some("x@b.test".to_owned())), false),
            ("another client", of(|p| p.client = Some("portal".to_owned())), false),
            ("another group", of(|p| p.groups.push("admin".to_owned())), false),
            ("a scope that was not asked for", of(|p| _ = p.capabilities.insert("was:held".to_owned())), false),
            ("another scope", of(|p| _ = p.capabilities.insert("y".to_owned())), false),
            ("a path above", of(|p| _ = p.capabilities.insert("read:/".to_owned())), false),
            ("paths of another kind", of(|p| p.paths = Some(PathDialect::Wlcg)), false),
            ("a login", of(|p| p.interactive = true), false),
            ("a class of login", of(|p| p.acr = Some("mfa".to_owned())), false),
            ("something withheld", of(|p| _ = p.withheld.insert("exec:nb".to_owned())), false),
        ] {
            let asked = |name: &str| ["read:/a", "read:/a/b", "x", "z"].contains(&name);
            assert_eq!(holds_no_more(&read, &former, asked) && has_no_login(&read), want, "{name}");
        }
        let day = |day: u64| Some(UnixTime::from_seconds(day * 86_400));
        let logged_in = Principal { interactive: true, acr: text("pwd"), auth_time: day(7), ..former.clone() };
        for (name, read, former, want) in [
            ("the same login", &logged_in, &logged_in, true),
            ("none of it", &former, &logged_in, true),
            ("a login where there was none", &logged_in, &former, false),
            ("a class where there was none", &Principal { acr: text("mfa"), ..former.clone() }, &former, false),
            ("another class", &Principal { acr: text("mfa"), ..logged_in.clone() }, &logged_in, false),
            ("another time", &Principal { auth_time: day(8), ..logged_in.clone() }, &logged_in, false),
        ] {
            assert_eq!(has_no_other_login(read, former), want, "{name}, in the token of a service");
        }
    }
}
