//! Tokens in the shapes of issuers that cannot be run here, one of each profile, at one filter in one Envoy.

use serde_json::{Value, json};

use super::{Row, Wanted, hold, let_on, unauthorized};
use crate::support::mint::{Signer, Token, jwks};
use crate::wire::harness::config::REALM;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Stage;

const API: &str = "https://lsp.example.org";

/// Profile, `iss`, and the audience that is asked for.
const ISSUERS: [(&str, &str, &str); 9] = [
    ("generic", "https://issuer.example.org", API),
    ("cilogon", "https://cilogon.org", "cilogon:/client_id/abcdef"),
    ("lsst", "https://lsp.example/", API),
    ("cognito", "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example", "appclient"),
    ("keycloak", "https://auth.example.org/realms/R", "jhub"),
    ("auth0", "https://my-domain.auth0.com/", "https://my-api.example.com"),
    ("scitokens", "https://demo.scitokens.org", API),
    ("wlcg", "https://wlcg.example.org", API),
    ("at-jwt", "https://as.example.org", API),
];

fn stage(signer: &Signer) -> Stage {
    let issuer = |(profile, name, audience): (&str, &str, &str)| {
        json!({
            "issuer": name, "profile": profile, "audiences": [audience], "jwks": { "inline": jwks(&[signer]) },
        })
    };
    let mut issuers: Vec<Value> = ISSUERS.map(issuer).to_vec();
    issuers[5]["claims"] = json!({ "groups": "[\"https://mysite.example/roles\"]" });
    let config = json!({
        "realm": REALM,
        "issuers": issuers,
        "capabilities": { "preset": "lsst", "group_prefix": "lsst_int_lsp_int_" },
        "rules": [{ "name": "all", "match": { "prefix": "/" } }],
    });
    Stage::start(&Setup::new(&config))
}

/// A token that says this and the times.
fn shape(signer: &Signer, claims: Value) -> Token {
    Token::new(signer).without("sub").without("aud").without("scope").claims(claims)
}

#[test]
fn each_profile_reads_its_issuers_tokens_and_refuses_the_other_kinds() {
    let signer = &Signer::rs256();
    let stage = stage(signer);
    let cilogon = json!({
        "iss": "https://cilogon.org", "sub": "http://cilogon.org/serverA/users/12345", "aud": "cilogon:/client_id/abcdef",
        "nonce": "n", "email": "user@ncsa.example", "eppn": "user@ncsa.illinois.edu", "uid": "user", "uidNumber": "1000",
        "isMemberOf": [{ "name": "lsst_int_lsp_int_tap", "id": 70001 }, { "name": "user", "id": 1000 }],
    });
    let lsst = json!({
        "iss": "https://lsp.example/", "aud": API, "sub": "x", "uid": "user", "uidNumber": 1000, "scope": "read:image",
        "act": { "iss": "https://cilogon.org" }, "isMemberOf": [{ "name": "lsst_int_lsp_int_tap" }],
    });
    let cognito = json!({
        "iss": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example", "sub": "aaaaaaaa-bbbb",
        "cognito:groups": ["testgroup"], "client_id": "appclient", "token_use": "access", "version": 2,
        "scope": "openid resourceserver.1/appclient2", "username": "my-test-user",
    });
    let keycloak = json!({
        "iss": "https://auth.example.org/realms/R", "aud": "account", "sub": "f:uuid", "typ": "Bearer", "azp": "jhub",
        "realm_access": { "roles": ["staff"] }, "scope": "openid email", "preferred_username": "ab",
        "resource_access": { "jhub": { "roles": ["notebook-user"] }, "other": { "roles": ["admin"] } },
    });
    let auth0 = json!({
        "iss": "https://my-domain.auth0.com/", "sub": "auth0|123456", "azp": "my_client_id",
        "aud": ["https://my-api.example.com", "https://my-domain.auth0.com/userinfo"], "scope": "openid read:tap",
        "permissions": ["read:tap", "write:tap/user"], "https://mysite.example/roles": ["scientist"],
    });
    let scitoken = json!({
        "ver": "scitoken:2.0", "iss": "https://demo.scitokens.org", "aud": API, "sub": "bbockelm",
        "scope": "read:/store queue",
    });
    let wlcg = json!({
        "wlcg.ver": "1.0", "iss": "https://wlcg.example.org", "aud": API, "sub": "e1eb758b", "jti": "1",
        "wlcg.groups": ["/dteam/VO-Admin", "dteam"],
    });
    let at_jwt = json!({
        "iss": "https://as.example.org", "aud": API, "sub": "5ba552d67", "client_id": "s6BhdRkqt3", "jti": "1",
        "scope": "openid read:tap", "entitlements": ["staff"],
    });
    let told = |names: &[(&str, &str)]| {
        let named: Vec<(String, &str)> =
            names.iter().map(|(name, value)| (format!("x-auth-request-{name}"), *value)).collect();
        let_on(&named.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>())
    };
    let row = |name: &'static str, claims: Value, wanted: Wanted| -> Row<'static> {
        // A recent `nbf` stands in no token that says nothing of it.
        let token = shape(signer, claims).claim("nbf", crate::support::mint::wall_clock() - 5);
        (name, Request::get("/").bearer(&token.mint()), wanted)
    };
    let with = |claims: &Value, more: Value| {
        let mut all = claims.clone();
        let members = more.as_object().expect("claims").clone();
        all.as_object_mut().expect("claims").extend(members);
        all
    };
    let rfc_9068 = shape(signer, at_jwt.clone()).header("typ", "at+jwt").mint();
    let rows = [
        row(
            "CILogon's identity",
            cilogon.clone(),
            told(&[
                ("user", "user"),
                ("uid", "1000"),
                ("email", "user@ncsa.example"),
                ("groups", "lsst_int_lsp_int_tap,user"),
                ("token-capabilities", "read:tap"),
            ]),
        ),
        row(
            "LSST's, issued again",
            lsst.clone(),
            told(&[
                ("user", "user"),
                ("uid", "1000"),
                ("groups", "lsst_int_lsp_int_tap"),
                ("token-capabilities", "read:image read:tap"),
            ]),
        ),
        row("LSST's of nobody", with(&lsst, json!({ "uid": null, "uidNumber": null })), unauthorized("missing_claim")),
        row(
            "Cognito's access token",
            cognito.clone(),
            told(&[
                ("user", "my-test-user"),
                ("groups", "testgroup"),
                ("token-capabilities", "openid resourceserver.1/appclient2"),
            ]),
        ),
        row(
            "Cognito's of a client",
            with(&cognito, json!({ "username": null, "cognito:groups": null, "sub": "appclient" })),
            told(&[("service", "appclient"), ("token-capabilities", "openid resourceserver.1/appclient2")]),
        ),
        row("Cognito's ID token", with(&cognito, json!({ "token_use": "id" })), unauthorized("token_kind")),
        row(
            "Keycloak's access token",
            keycloak.clone(),
            told(&[("user", "ab"), ("groups", "notebook-user,staff"), ("token-capabilities", "email openid")]),
        ),
        row("Keycloak's ID token", with(&keycloak, json!({ "typ": "ID" })), unauthorized("token_kind")),
        row("Keycloak's refresh token", with(&keycloak, json!({ "typ": "Refresh" })), unauthorized("token_kind")),
        row("Keycloak's of another client", with(&keycloak, json!({ "azp": "other" })), unauthorized("wrong_audience")),
        row(
            "Auth0's access token",
            auth0.clone(),
            told(&[
                ("user", "auth0|123456"),
                ("groups", "scientist"),
                ("token-capabilities", "openid read:tap write:tap/user"),
            ]),
        ),
        row(
            "Auth0's of a client",
            with(&auth0, json!({ "gty": "client-credentials", "sub": "my_client_id@clients" })),
            told(&[
                ("service", "my_client_id"),
                ("groups", "scientist"),
                ("token-capabilities", "openid read:tap write:tap/user"),
            ]),
        ),
        row("Auth0's ID token", with(&auth0, json!({ "nonce": "n" })), unauthorized("token_kind")),
        row("a SciToken", scitoken.clone(), told(&[("token-capabilities", "queue read:/store")])),
        row(
            "a SciToken for anyone",
            with(&scitoken, json!({ "aud": "ANY" })),
            told(&[("token-capabilities", "queue read:/store")]),
        ),
        row("a SciToken without version", with(&scitoken, json!({ "ver": null })), unauthorized("invalid_claim")),
        row("WLCG's with groups", wlcg.clone(), told(&[("groups", "dteam")])),
        row(
            "WLCG's with capabilities",
            with(&wlcg, json!({ "scope": "compute.read" })),
            told(&[("token-capabilities", "compute.read")]),
        ),
        (
            "RFC 9068's",
            Request::get("/").bearer(&rfc_9068),
            told(&[("user", "5ba552d67"), ("groups", "staff"), ("token-capabilities", "openid read:tap")]),
        ),
        row("RFC 9068's that does not say so", at_jwt, unauthorized("token_kind")),
        (
            "Auth0's where no audience was asked for",
            Request::get("/").bearer("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aaaa.bbbb.cccc"),
            unauthorized("token_opaque"),
        ),
        (
            "Gafaelfawr's",
            Request::get("/").bearer("gt-0123456789abcdefghijkl.0123456789abcdefghijkl"),
            unauthorized("token_opaque"),
        ),
    ];
    hold(&stage, &rows);
}
