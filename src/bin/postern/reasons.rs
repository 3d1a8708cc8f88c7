//! What each reason of a refusal means and what to do about it, for whoever is woken by it.
//!
//! A test holds the names to `tests/denials.txt`, which has every refusal, and to the list in `envoy/OPERATING.md`.

#[derive(Debug)]
pub struct Reason {
    pub name: &'static str,
    pub means: &'static str,
    pub then: &'static str,
}

const fn reason(name: &'static str, means: &'static str, then: &'static str) -> Reason {
    Reason { name, means, then }
}

pub fn find(name: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.name == name)
}

/// Longest line that such a text is broken into.
const LINE: usize = 110;

/// A text in lines that fit on a terminal.
pub fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// For a reason that a newer filter may have.
pub const UNKNOWN: &str = "This version of the command does not know the reason; use that of the filter.";

pub const REASONS: [Reason; 49] = [
    reason(
        "missing_credential",
        "The request has no token.",
        "Clients that ask first and then send a token come here once each: no harm. One that keeps coming sends its token elsewhere (a cookie, the query) or loses it on a redirect; wget, git and TOPCAT send nothing before they see Basic: `challenge: [bearer, basic]`.",
    ),
    reason(
        "foreign_authorization",
        "The Authorization is of a scheme that is not taken here, such as Negotiate or JupyterHub's `token`.",
        "Have the client say Bearer. Where the service checks that scheme itself, the rule needs `foreign_authorization: pass`; for Bearer or Basic look at `credentials`.",
    ),
    reason(
        "not_a_token",
        "Basic with a user name and a password, neither of which is a token that stands alone.",
        "The token is the user name or the password; the other one is empty or x-oauth-basic, and not the user's own name.",
    ),
    reason(
        "malformed_credential",
        "Authorization names Bearer or Basic, and what follows cannot be read.",
        "Look at how the client writes the header: an empty variable behind `Bearer`, quotes or a line end around the token, Basic that is not base64.",
    ),
    reason(
        "several_credentials",
        "The request has more than one credential.",
        "Leave one out: Authorization twice, or beside it `access_token` in the query. Often a proxy or a library adds one of its own.",
    ),
    reason(
        "insecure_transport",
        "`require_tls` is on, and by its scheme or x-forwarded-proto the request came without TLS.",
        "Have the client use https from the first request on; that token has been in the open. If it did use https, the proxy before Envoy does not say so: x-forwarded-proto, use_remote_address, xff_num_trusted_hops.",
    ),
    reason(
        "ambiguous_method",
        "The method is not in capitals, and some servers take it for the one that is.",
        "Have the client write it in capitals; none of the usual clients comes like this.",
    ),
    reason(
        "ambiguous_path",
        "The path can be read in more than one way: %2f, %2e, %5c, %00, \\, ;, //, /./ or /../.",
        "From strangers it is a scanner. From your own clients: set normalize_path and merge_slashes in Envoy, and have names with such characters changed.",
    ),
    reason(
        "ambiguous_host",
        "The host cannot be read, or has a port where the rule's `hosts` name none.",
        "Clients that come by another port need `:*` behind the name in `match.hosts`, and Envoy ignore_port_in_host_matching.",
    ),
    reason(
        "user_in_host",
        "The Host field holds a user part, which may be a token.",
        "Have the client send it in Authorization; curl and browsers do so with https://TOKEN:x-oauth-basic@host/ by themselves.",
    ),
    reason(
        "ambiguous_destination",
        "The Destination of a COPY or MOVE cannot be read, is on another host, or no rule by path says who may write there.",
        "Destination is one path on the request's own host. Where rules are picked by route, one that matches that path is needed too; see COPY and MOVE in the README.",
    ),
    reason(
        "no_rule",
        "No rule matches the request.",
        "If one should, add it, or look why it does not match: a prefix is for whole segments, HEAD is not GET, a rule without `match` is reached by name only. Otherwise it is somebody looking around.",
    ),
    reason(
        "unknown_rule",
        "The metadata of Envoy's route names a rule that there is not, or cannot be read.",
        "Compare filter_metadata `postern` of the route with the names in `rules`, letter for letter; perhaps only one of the two was updated.",
    ),
    reason(
        "keys_unavailable",
        "The issuer's key set cannot be fetched, so nobody can say what its tokens are worth; clients get 503 and come back.",
        "Look at postern_jwks_fetch_total by issuer and outcome and at Envoy's log (`keys of issuer`), then at the cluster that `jwks.cluster` names: its hosts, TLS and name.",
    ),
    reason(
        "overloaded",
        "More requests wait for keys, or for forms, than are kept.",
        "Where keys_unavailable is there too, the issuer is slow or down: begin there. Alone it is a flood: limit rates before the filter.",
    ),
    reason(
        "reissue_reading",
        "The service's token would be read as another user's, or as a stronger one, where it comes back; none was made.",
        "Give the entry of the `issuer` of `reissue` in `issuers` the `profile` and `claims` of the user's issuer.",
    ),
    reason(
        "internal",
        "The request could not be checked, by a fault that is not the client's.",
        "%RESPONSE_CODE_DETAILS% says what failed, behind postern_internal. Look at Envoy's log, and report it.",
    ),
    reason(
        "exchange_method",
        "The token endpoint was asked with another method than POST.",
        "Have the client use POST; a browser that follows a link there is no client of it.",
    ),
    reason(
        "exchange_grant_type",
        "The token endpoint was asked for something that is no exchange of tokens.",
        "grant_type has to be urn:ietf:params:oauth:grant-type:token-exchange; there is no login and no client_credentials here.",
    ),
    reason(
        "exchange_no_form",
        "The form with the parameters did not come, or Envoy gives the filter no bodies.",
        "Put the parameters into the query, or set allow_on_headers_stop_iteration: true (Envoy 1.39 or newer).",
    ),
    reason(
        "exchange_reading",
        "The new token would be read as another user's, or as a stronger one, where it comes back; none was made.",
        "Give the entry of the `issuer` of `reissue` in `issuers` the `profile` and `claims` of the user's issuer.",
    ),
    reason(
        "exchange_issuer",
        "The token is good, and its issuer's tokens are not exchanged.",
        "Add the issuer to `reissue.exchange.issuers` where its users are the same people as those named there.",
    ),
    reason(
        "exchange_request",
        "A parameter is missing, malformed or given twice, or the shortest token is longer than `max_length`.",
        "The client's answer says which. For short tokens: fewer scopes, a short audience, kid and issuer, and a key for ES256 or EdDSA.",
    ),
    reason(
        "exchange_scope",
        "A scope was asked for that the token does not have, or that is for logins only.",
        "Ask for scopes of the token at hand; an exchange never adds any.",
    ),
    reason(
        "exchange_target",
        "An audience was asked for that is not given here, or `resource`.",
        "Compare `audience` with `reissue.exchange.audiences`, letter for letter; of a token made here there are only more for its own audience.",
    ),
    reason(
        "token_too_long",
        "The token is longer than 16 KiB.",
        "Have the issuer leave out what nobody needs, most often hundreds of groups.",
    ),
    reason(
        "token_not_jwt",
        "The token is no well-formed JWT.",
        "It may be cut off: cadaver and davfs2 send 255 characters (`max_length` at the token endpoint makes one that fits). Or it is another thing, such as a key of another system.",
    ),
    reason(
        "token_opaque",
        "The token can be read by its issuer only.",
        "Have the client ask its issuer for a JWT, with Auth0 by naming an audience. A JupyterHub token has to come as `token`, not as Bearer.",
    ),
    reason(
        "token_unreadable",
        "The token looks like a JWT, and its parts cannot be read.",
        "It was damaged on its way or made by hand: have the client get a new one.",
    ),
    reason(
        "token_header",
        "The token's header says something that is not accepted: it is encrypted, compressed, brings its own key, or names none.",
        "Set the issuer to plain signed tokens. Coming from strangers it is an attack, which fails.",
    ),
    reason(
        "unknown_issuer",
        "The token's `iss` is not in `issuers`.",
        "Compare them letter for letter; a slash at the end counts. A name that is none of yours, which nobody has verified, is of other people's tokens, or an attempt.",
    ),
    reason(
        "algorithm",
        "The token is signed with an algorithm that `algorithms` does not name.",
        "Add it only where the issuer really signs with it; the default is RS256 alone. `none` and HS256 are attacks.",
    ),
    reason(
        "unknown_key",
        "The token names a key that its issuer does not publish.",
        "After a change of keys it ends within 30 seconds. If it lasts: `jwks.uri` leads to another realm or environment, or the key was withdrawn and its tokens are over.",
    ),
    reason(
        "bad_signature",
        "The token's signature is wrong.",
        "The token was changed, or the issuer gave a key's name to another key. From one client look at what it does to its token; from many strangers it is an attack, which fails.",
    ),
    reason(
        "expired",
        "The token's `exp` has passed.",
        "Single ones are normal: the client gets a new one. One client for hours does not renew its token; all at once is a clock, here or at the issuer.",
    ),
    reason(
        "not_yet_valid",
        "The token's `nbf` or `iat` is in the future by more than `clock_skew`.",
        "Compare the clocks of the issuer and of Envoy's machine.",
    ),
    reason(
        "lifetime_too_long",
        "The token lives longer than `max_lifetime`, from `iat` to `exp`.",
        "Have the issuer make shorter ones, or raise `max_lifetime` if that is meant: nobody can take such a token back.",
    ),
    reason(
        "wrong_audience",
        "The token is meant for somebody else.",
        "Decode one and compare its `aud` (with Keycloak `azp`, with Cognito `client_id`) with `audiences`, letter for letter. Where the clients ask for none, their issuer has to be told the audience.",
    ),
    reason(
        "missing_claim",
        "The token lacks a claim that is needed, such as `exp` or what its profile asks for.",
        "The client's answer names it. Have the issuer put it in, or look whether `profile` is the right one.",
    ),
    reason(
        "invalid_claim",
        "A claim of the token cannot be used, such as an `exp` that is no number.",
        "The client's answer names it. Have the issuer write it as its standard says, or look whether `profile` is the right one.",
    ),
    reason(
        "token_kind",
        "It is another kind of token: an ID token, a refresh token, or one that is bound to a key.",
        "Have the client send its access token. ID tokens are taken where `token_use` says so, which is for cilogon and lsst by default.",
    ),
    reason(
        "issuer_not_listed",
        "The token is good, and the rule is for tokens of other issuers.",
        "Look at `require.issuers` of the rule; each name there is letter for letter one of `issuers`.",
    ),
    reason(
        "wrong_principal",
        "The rule is for users and a service came, or the other way round, or the token names neither.",
        "Look at `require.principals` of the rule, and at the claim by which `claims.user` finds the user's name.",
    ),
    reason(
        "client_not_listed",
        "The token is good, and its client is not in the rule's `clients`.",
        "If it may, add the client to `require.clients`, by the name that the token says.",
    ),
    reason(
        "user_not_listed",
        "The token is good, and its user is not in the rule's `users`.",
        "If they may, add the user to `require.users`, by the name that the token says.",
    ),
    reason(
        "not_in_group",
        "The token is good, and its user lacks a group that the rule asks for; `missing` names it.",
        "Put the user into the group, and have them log in anew. If all are refused, look whether groups are in the token at all, and at `claims.groups`.",
    ),
    reason(
        "not_interactive",
        "The rule is for users who logged in, and the token was made for a program.",
        "Have the user come by a login. If users who did log in are refused, their issuer leaves out `auth_time`.",
    ),
    reason(
        "insufficient_scope",
        "The token is good, and lacks a capability that the rule or the route asks for, or a scope for this path; `missing` names it.",
        "Have the client ask its issuer for that scope, or put the user into a group that stands for it (`capabilities`). If all are refused, look at `claims.scopes` and `scope_map`.",
    ),
    reason(
        "insufficient_user_authentication",
        "The login is longer ago than `max_auth_age`, or of another class than `acr`; `missing` says which.",
        "The client has to send its user to log in anew, with what the challenge says (RFC 9470). If every login is refused, the issuer leaves out `auth_time` or `acr`.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn known() -> BTreeSet<&'static str> {
        REASONS.iter().map(|reason| reason.name).collect()
    }

    #[test]
    fn every_refusal_is_explained_once() {
        let denials = include_str!("../../../tests/denials.txt");
        let names: BTreeSet<&str> = denials.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(known(), names);
        assert_eq!(REASONS.len(), names.len(), "none twice");
        for Reason { name, means, then } in &REASONS {
            for text in [means, then] {
                assert!(text.len() > 20 && text.ends_with('.') && text.is_ascii(), "{name}: {text}");
            }
        }
    }

    #[test]
    fn the_page_for_operators_lists_the_same_reasons() {
        let page = include_str!("../../../envoy/OPERATING.md");
        let (_, list) = page.split_once("The reasons are\n\n").unwrap();
        let (list, _) = list.split_once("\n\n").unwrap();
        let (_, refusals) = list.split_once("\n- 400:").unwrap();
        let quoted = refusals.split('`').skip(1).step_by(2).filter(|word| *word != "reissue");
        assert_eq!(known(), quoted.collect());
    }
}
