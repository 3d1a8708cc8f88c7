//! JupyterHub that starts notebooks as jobs by FirecREST, with tokens as Keycloak makes them.
//!
//! Users start and stop their jobs. Their tokens end after minutes, so whether the jobs still run is asked by a service
//! account, which must not be able to do anything else.

use serde_json::{Value, json};

use super::{Wanted, forbidden, hold, let_on, unauthorized};
use crate::support::challenge::{Challenge, Scheme};
use crate::support::mint::{Signer, Token, jwks};
use crate::wire::harness::config::REALM;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Stage;

const REALM_URL: &str = "https://auth.example.org/realms/kcrealm";

/// What Keycloak puts into an access token of a person who logged in at this client.
fn user(signer: &Signer, client: &str) -> Token {
    Token::new(signer).claims(json!({
        "iss": REALM_URL,
        "aud": "account",
        "sub": "f:6f1e:ab",
        "typ": "Bearer",
        "azp": client,
        "jti": "0f4e",
        "session_state": "b2c9",
        "sid": "b2c9",
        "acr": "1",
        "allowed-origins": ["https://hub.example.org"],
        "realm_access": { "roles": ["offline_access", "uma_authorization"] },
        "resource_access": {
            "account": { "roles": ["manage-account"] },
            "jhub": { "roles": ["notebook-user"] },
        },
        "scope": "openid profile email firecrest",
        "email_verified": true,
        "name": "A B",
        "preferred_username": "ab",
        "email": "ab@example.org",
    }))
}

/// What it puts into one of a client that has only its own secret.
fn service(signer: &Signer, client: &str) -> Token {
    Token::new(signer).claims(json!({
        "iss": REALM_URL,
        "aud": "account",
        "sub": "5d3a",
        "typ": "Bearer",
        "azp": client,
        "client_id": client,
        "clientHost": "10.0.0.7",
        "clientAddress": "10.0.0.7",
        "jti": "77aa",
        "acr": "1",
        "realm_access": { "roles": ["firecrest-sa"] },
        "scope": "profile email",
        "email_verified": false,
        "preferred_username": format!("service-account-{client}"),
    }))
}

fn stage(signer: &Signer) -> Stage {
    let config = json!({
        "realm": REALM,
        "issuers": [{
            "issuer": REALM_URL,
            "profile": "keycloak",
            // Keycloak says `account` in `aud` where nobody told it otherwise, and the client in `azp`.
            "audiences": ["jhub", "firecrest-poller", "other-robot"],
            "jwks": { "inline": jwks(&[signer]) },
        }],
        "rules": [
            {
                "name": "job-status",
                "match": { "prefix": "/compute/cluster/jobs", "methods": ["GET", "HEAD"] },
                "require": { "principals": ["user", "service"], "clients": ["jhub", "firecrest-poller"] },
            },
            { "name": "firecrest", "match": { "prefix": "/" }, "require": { "principals": ["user"] } },
        ],
    });
    Stage::start(&Setup::new(&config))
}

#[test]
fn the_poller_asks_how_jobs_are_and_only_users_start_and_stop_them() {
    let signer = &Signer::rs256();
    let stage = stage(signer);
    let of_user = || {
        let_on(&[
            ("x-auth-request-user", "ab"),
            ("x-auth-request-email", "ab@example.org"),
            ("x-auth-request-groups", "offline_access,uma_authorization,notebook-user"),
            ("x-auth-request-token-capabilities", "email firecrest openid profile"),
        ])
    };
    let of_poller = || {
        let_on(&[
            ("x-auth-request-service", "firecrest-poller"),
            ("x-auth-request-groups", "firecrest-sa"),
            ("x-auth-request-token-capabilities", "email profile"),
        ])
    };
    let jobs = "/compute/cluster/jobs";
    let job = "/compute/cluster/jobs/42";
    let user_token = user(signer, "jhub").mint();
    let poller = service(signer, "firecrest-poller").mint();
    let robot = service(signer, "other-robot").mint();
    let by = |method: &str, path: &str, token: &str| Request::new(method, path).bearer(token);
    let start = |token: &str| by("POST", jobs, token).body(b"{\"job\":{}}");
    let rows = [
        ("a user starts a job", start(&user_token), of_user()),
        ("a user looks at it", by("GET", job, &user_token), of_user()),
        ("a user stops it", by("DELETE", job, &user_token), of_user()),
        ("a user looks at files", by("GET", "/filesystem/cluster/ops/ls?path=/home", &user_token), of_user()),
        ("the poller looks at jobs", by("GET", jobs, &poller), of_poller()),
        ("the poller looks at one", by("GET", job, &poller), of_poller()),
        ("the poller looks at its head", by("HEAD", job, &poller), of_poller()),
        ("the poller starts a job", start(&poller), forbidden("wrong_principal")),
        ("the poller stops one", by("DELETE", job, &poller), forbidden("wrong_principal")),
        ("the poller changes one", by("PUT", job, &poller), forbidden("wrong_principal")),
        ("the poller looks at files", by("GET", "/filesystem/cluster/ops/ls", &poller), forbidden("wrong_principal")),
        ("the poller in another spelling", by("GET", "/compute/cluster/jobsx", &poller), forbidden("wrong_principal")),
        ("another robot looks at jobs", by("GET", jobs, &robot), forbidden("client_not_listed")),
        ("another robot starts one", start(&robot), forbidden("wrong_principal")),
    ];
    hold(&stage, &rows);

    let nobody = Wanted::Refused(401, "missing_credential", Some(Challenge::bare(Scheme::Bearer, REALM)));
    let with = |name: &str, value: Value| user(signer, "jhub").claim(name, value).mint();
    let refused = |name, token: String, reason| (name, by("GET", job, &token), unauthorized(reason));
    let rows = [
        ("nobody", Request::get(job), nobody),
        refused("a user whose token is over", user(signer, "jhub").expires_in(-300).issued_in(-600).mint(), "expired"),
        ("the poller, meanwhile", by("GET", job, &poller), of_poller()),
        refused("an ID token", with("typ", json!("ID")), "token_kind"),
        refused("a refresh token", with("typ", json!("Refresh")), "token_kind"),
        refused("an offline token", with("typ", json!("Offline")), "token_kind"),
        refused("a logout token", with("typ", json!("Logout")), "token_kind"),
        refused("no kind at all", user(signer, "jhub").without("typ").mint(), "token_kind"),
        refused("a user at another client", user(signer, "wiki").mint(), "wrong_audience"),
        refused(
            "a user of another realm",
            with("iss", json!("https://auth.example.org/realms/other")),
            "unknown_issuer",
        ),
    ];
    hold(&stage, &rows);
}

#[test]
fn a_service_account_is_one_by_its_name_or_by_the_host_that_it_came_from() {
    let signer = &Signer::rs256();
    let stage = stage(signer);
    let named = service(signer, "firecrest-poller").without("clientHost").without("clientAddress");
    let from_a_host = service(signer, "firecrest-poller").without("preferred_username").without("clientAddress");
    let from_an_address = service(signer, "firecrest-poller").without("preferred_username").without("clientHost");
    let older = named.clone().without("preferred_username").without("client_id").claim("clientId", "firecrest-poller");
    let addressed = from_a_host.clone().claim("email", "poller@example.org").claim("uidNumber", 1000);
    for (name, token) in [
        ("by name", named),
        ("by host", from_a_host),
        ("by address", from_an_address),
        ("by the older name of its client", older),
        ("by host, and neither by address nor number", addressed),
    ] {
        let of_poller = let_on(&[
            ("x-auth-request-service", "firecrest-poller"),
            ("x-auth-request-groups", "firecrest-sa"),
            ("x-auth-request-token-capabilities", "email profile"),
        ]);
        let token = token.mint();
        let job = "/compute/cluster/jobs/42";
        let rows = [
            (name, Request::get(job).bearer(&token), of_poller),
            (name, Request::new("DELETE", job).bearer(&token), forbidden("wrong_principal")),
        ];
        hold(&stage, &rows);
    }
    // Somebody may choose such a name, and somebody else's robot is not this one.
    for (name, username) in [
        ("named after another client", "service-account-other-robot"),
        ("named after no client", "service-account-nobody"),
    ] {
        let token = user(signer, "jhub").claim("preferred_username", username).mint();
        let rows = ["GET", "DELETE"].map(|method| {
            (name, Request::new(method, "/compute/cluster/jobs/42").bearer(&token), forbidden("wrong_principal"))
        });
        hold(&stage, &rows);
    }
}
