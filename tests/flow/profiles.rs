//! What each kind of issuer writes into its tokens, and who the service is then told is calling.
//!
//! The tokens are whole ones, as the issuers document and send them. A row changes one thing of its issuer's usual token
//! or configuration, as a merge patch (null takes a member away), and says what comes of it.

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::{Signer, jwks};
use crate::world::{Request, World, also, document, patched};

/// An issuer, its usual token, and who that is.
pub struct Kind {
    pub name: &'static str,
    /// Its entry in the configuration, less the keys.
    pub issuer: Value,
    header: Value,
    pub claims: Value,
    identity: Value,
}

struct Row {
    name: &'static str,
    issuer: Value,
    header: Value,
    claims: Value,
    want: Want,
}

enum Want {
    /// Let on; the usual identity with these changes.
    As(Value),
    Refused(&'static str),
}

/// A row that only changes the token's claims.
fn row(name: &'static str, claims: Value) -> Row {
    Row { name, issuer: json!({}), header: json!({}), claims, want: Want::As(json!({})) }
}

impl Row {
    fn configured(mut self, issuer: Value) -> Self {
        self.issuer = issuer;
        self
    }

    fn headed(mut self, header: Value) -> Self {
        self.header = header;
        self
    }

    fn is(mut self, identity: Value) -> Self {
        self.want = Want::As(identity);
        self
    }

    fn fails(mut self, outcome: &'static str) -> Self {
        self.want = Want::Refused(outcome);
        self
    }
}

fn signer() -> Signer {
    Signer::es256()
}

pub fn configured(kind: &Kind, change: &Value, signer: &Signer) -> Value {
    let keys = json!({"algorithms": [signer.alg()], "jwks": {"inline": jwks(&[signer])}});
    patched(patched(kind.issuer.clone(), &keys), change)
}

fn world(issuer: Value) -> World {
    World::of(&document(&[issuer], &json!([{"name": "all", "match": {"prefix": "/"}}])))
}

pub fn minted(kind: &Kind, header: &Value, claims: &Value, signer: &Signer) -> String {
    let header = patched(patched(signer.header(), &kind.header), header);
    signer.sign(&header, &patched(kind.claims.clone(), claims))
}

impl Kind {
    fn check(&self, rows: Vec<Row>) {
        let signer = signer();
        let usual = row("as issued", json!({}));
        for Row { name, issuer, header, claims, want } in [usual].into_iter().chain(rows) {
            let mut world = world(configured(self, &issuer, &signer));
            let seen = world.send(&Request::get("/x").bearing(&minted(self, &header, &claims, &signer)));
            let name = format!("{}: {name}", self.name);
            match want {
                Want::As(changes) => {
                    assert_eq!(seen.in_short(), "ok", "{name}");
                    assert_eq!(seen.identity(), patched(self.identity.clone(), &changes), "{name}");
                    assert_eq!(seen.value("authorization"), None, "{name}");
                }
                Want::Refused(outcome) => assert_eq!(seen.in_short(), outcome, "{name}"),
            }
        }
    }

    /// Each of these, left out alone, is missed.
    fn needs(&self, claims: &[&str]) {
        let without =
            |name: &&str| row("a claim that is needed is left out", json!({*name: null})).fails("401 missing_claim");
        self.check(claims.iter().map(without).collect());
    }
}

fn generic() -> Kind {
    Kind {
        name: "generic",
        issuer: json!({"issuer": "https://issuer.test", "audiences": ["https://api.test"]}),
        header: json!({}),
        claims: json!({
            "iss": "https://issuer.test", "aud": "https://api.test", "sub": "alice", "iat": NOW, "exp": NOW + 600,
            "uidNumber": 1000, "email": "alice@example.org", "groups": ["staff"],
            "isMemberOf": [{"name": "lsst", "id": 70001}], "scope": "read:tap", "client_id": "portal",
        }),
        identity: json!({
            "user": "alice", "uid": "1000", "email": "alice@example.org", "groups": "staff,lsst",
            "token-capabilities": "read:tap",
        }),
    }
}

fn cilogon() -> Kind {
    Kind {
        name: "cilogon",
        issuer: json!({
            "issuer": "https://cilogon.org", "profile": "cilogon", "audiences": ["cilogon:/client_id/abcdef"],
        }),
        header: json!({}),
        claims: json!({
            "iss": "https://cilogon.org", "sub": "http://cilogon.org/serverA/users/12345",
            "aud": "cilogon:/client_id/abcdef", "exp": NOW + 900, "iat": NOW, "auth_time": NOW - 10, "nonce": "n-0S6_WzA2Mj",
            "jti": "https://cilogon.org/oauth2/idToken/1", "email": "user@ncsa.example", "name": "A B",
            "given_name": "A", "family_name": "B", "idp": "https://idp.ncsa.illinois.edu/idp/shibboleth",
            "idp_name": "NCSA", "eppn": "user@ncsa.illinois.edu", "affiliation": "staff@ncsa.illinois.edu",
            "acr": "https://refeds.org/profile/mfa", "cert_subject_dn": "/DC=org/DC=cilogon/C=US/O=NCSA/CN=A B T12345",
            "uid": "user", "uidNumber": "1000",
            "isMemberOf": [{"name": "lsst_int_lsp_int_tap_r", "id": 70001}, {"name": "user", "id": 1000}],
        }),
        identity: json!({
            "user": "user", "uid": "1000", "email": "user@ncsa.example", "groups": "lsst_int_lsp_int_tap_r,user",
        }),
    }
}

/// What DMTN-094's own issuer makes of a CILogon token (§4.5).
fn lsst() -> Kind {
    Kind {
        name: "lsst",
        issuer: json!({"issuer": "https://lsp.example/", "profile": "lsst", "audiences": ["https://lsp.example/api"]}),
        header: json!({}),
        claims: json!({
            "act": {
                "aud": "https://lsp.example/", "iss": "https://cilogon.org", "jti": "https://cilogon.org/oauth2/idToken/1",
            },
            "aud": "https://lsp.example/api", "iss": "https://lsp.example/", "iat": NOW, "exp": NOW + 86_400,
            "jti": "b8f1", "sub": "http://cilogon.org/serverA/users/12345", "email": "user@ncsa.example", "uid": "user",
            "uidNumber": "1000", "isMemberOf": [{"name": "lsst_int_lsp_int_tap_r", "id": 70001}, {"name": "user"}],
            "scope": "read:tap read:image",
        }),
        identity: json!({
            "user": "user", "uid": "1000", "email": "user@ncsa.example", "groups": "lsst_int_lsp_int_tap_r,user",
            "token-capabilities": "read:image read:tap",
        }),
    }
}

fn cognito() -> Kind {
    Kind {
        name: "cognito",
        issuer: json!({
            "issuer": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example", "profile": "cognito",
            "audiences": ["xxxxxxxxxxxxexample"],
        }),
        header: json!({"typ": null}),
        claims: json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testgroup"],
            "iss": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example", "version": 2,
            "client_id": "xxxxxxxxxxxxexample", "origin_jti": "aaaa-1", "event_id": "64f5-1", "token_use": "access",
            "scope": "phone openid profile resourceserver.1/appclient2 email", "auth_time": NOW - 1, "exp": NOW + 3600,
            "iat": NOW, "jti": "aaaa-2", "username": "my-test-user",
        }),
        identity: json!({
            "user": "my-test-user", "groups": "testgroup",
            "token-capabilities": "email openid phone profile resourceserver.1/appclient2",
        }),
    }
}

fn keycloak() -> Kind {
    Kind {
        name: "keycloak",
        issuer: json!({"issuer": "https://auth.example.org/realms/R", "profile": "keycloak", "audiences": ["jhub"]}),
        header: json!({}),
        claims: json!({
            "exp": NOW + 300, "iat": NOW, "jti": "0b8c", "iss": "https://auth.example.org/realms/R", "aud": "account",
            "sub": "f:41ae:ab", "typ": "Bearer", "azp": "jhub", "session_state": "9d2e", "sid": "9d2e", "acr": "1",
            "allowed-origins": ["https://hub.example.org"],
            "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
            "scope": "openid profile email", "email_verified": true, "name": "A B", "preferred_username": "ab",
            "given_name": "A", "family_name": "B", "email": "ab@example.org",
        }),
        identity: json!({
            "user": "ab", "email": "ab@example.org", "groups": "offline_access,uma_authorization",
            "token-capabilities": "email openid profile",
        }),
    }
}

fn auth0() -> Kind {
    Kind {
        name: "auth0",
        issuer: json!({
            "issuer": "https://my-domain.auth0.com/", "profile": "auth0", "audiences": ["https://my-api.example.com"],
        }),
        header: json!({}),
        claims: json!({
            "iss": "https://my-domain.auth0.com/", "sub": "auth0|123456",
            "aud": ["https://my-api.example.com", "https://my-domain.auth0.com/userinfo"], "azp": "my_client_id",
            "exp": NOW + 86_400, "iat": NOW, "scope": "openid profile email read:tap",
            "permissions": ["read:tap", "write:tap/user"], "https://mysite.example/roles": ["scientist"],
        }),
        identity: json!({
            "user": "auth0|123456", "token-capabilities": "email openid profile read:tap write:tap/user",
        }),
    }
}

fn scitokens() -> Kind {
    Kind {
        name: "scitokens",
        issuer: json!({
            "issuer": "https://demo.scitokens.org", "profile": "scitokens", "audiences": ["https://demo.scitokens.org"],
        }),
        header: json!({}),
        claims: json!({
            "ver": "scitoken:2.0", "iss": "https://demo.scitokens.org", "aud": "https://demo.scitokens.org",
            "sub": "bbockelm", "scope": "read:/store write:/store/user/bbockelm queue exec", "nbf": NOW, "iat": NOW,
            "exp": NOW + 600, "jti": "5a1b",
        }),
        identity: json!({"token-capabilities": "exec queue read:/store write:/store/user/bbockelm"}),
    }
}

fn wlcg() -> Kind {
    Kind {
        name: "wlcg",
        issuer: json!({
            "issuer": "https://demo.scitokens.org", "profile": "wlcg",
            "audiences": ["https://dteam-test-client.example.org"],
        }),
        header: json!({}),
        claims: json!({
            "wlcg.ver": "1.0", "sub": "e1eb758b-b73c-4761-bfff-adc793da409c",
            "aud": "https://dteam-test-client.example.org", "iss": "https://demo.scitokens.org", "nbf": NOW, "iat": NOW,
            "exp": NOW + 3600, "jti": "c1d2",
            "scope": "storage.read:/store storage.create:/store/mc/datasetA compute.create",
        }),
        identity: json!({
            "token-capabilities": "compute.create storage.create:/store/mc/datasetA storage.read:/store",
        }),
    }
}

/// RFC 9068 §2.2.
fn at_jwt() -> Kind {
    Kind {
        name: "at-jwt",
        issuer: json!({
            "issuer": "https://authorization-server.example.com/", "profile": "at-jwt",
            "audiences": ["https://rs.example.com/"],
        }),
        header: json!({"typ": "at+jwt"}),
        claims: json!({
            "iss": "https://authorization-server.example.com/", "sub": "5ba552d67", "aud": "https://rs.example.com/",
            "exp": NOW + 600, "iat": NOW, "jti": "dbe39bf3a3ba4238a513f51d6e1691c4", "client_id": "s6BhdRkqt3",
            "scope": "openid profile reademail", "auth_time": NOW - 5, "groups": ["staff"], "roles": ["operator"],
            "entitlements": ["tape"],
        }),
        identity: json!({
            "user": "5ba552d67", "groups": "staff,operator,tape", "token-capabilities": "openid profile reademail",
        }),
    }
}

pub fn every_kind() -> Vec<Kind> {
    vec![generic(), cilogon(), lsst(), cognito(), keycloak(), auth0(), scitokens(), wlcg(), at_jwt()]
}

#[test]
fn generic_tokens_are_read_as_the_rfcs_say() {
    generic().needs(&["aud", "exp", "iss"]);
    generic().check(vec![
        row("profile named", json!({})).configured(json!({"profile": "generic"})),
        row(
            "nothing but what must be",
            json!({
                "uidNumber": null, "email": null, "groups": null, "isMemberOf": null, "scope": null, "client_id": null,
            }),
        )
        .is(json!({"uid": null, "email": null, "groups": null, "token-capabilities": null})),
        row("no subject", json!({"sub": null})).is(json!({"user": null})),
        row("uid in digits", json!({"uidNumber": "4294967295"})).is(json!({"uid": "4294967295"})),
        row("uid too large", json!({"uidNumber": 4_294_967_296_u64})).is(json!({"uid": null})),
        row("uid with letters", json!({"uidNumber": "10x"})).is(json!({"uid": null})),
        row("scopes as a list", json!({"scope": ["b", "a"]})).is(json!({"token-capabilities": "a b"})),
        row("scp is not read", json!({"scope": null, "scp": "a"})).is(json!({"token-capabilities": null})),
        row("scopes are no text", json!({"scope": 7})).fails("401 invalid_claim"),
        row("several audiences", json!({"aud": ["https://x.test", "https://api.test"]})),
        row("another audience", json!({"aud": "https://api.test/"})).fails("401 wrong_audience"),
        row("the client is no audience", json!({"aud": "x", "client_id": "https://api.test"}))
            .fails("401 wrong_audience"),
        row("at+jwt", json!({})).headed(json!({"typ": "at+jwt"})),
        row("no typ", json!({})).headed(json!({"typ": null})),
    ]);
}

#[test]
fn cilogon_tokens_are_id_tokens_with_uid_and_is_member_of() {
    cilogon().needs(&["aud", "exp", "iss"]);
    cilogon().check(vec![
        row("by eppn where there is no uid", json!({"uid": null})).is(json!({"user": "user@ncsa.illinois.edu"})),
        row("nobody's name", json!({"uid": null, "eppn": null})).is(json!({"user": null})),
        row("a name with a line in it", json!({"uid": "a\nb"})).fails("401 invalid_claim"),
        // Some issuers write an empty claim where they have nothing to say.
        row("an empty name", json!({"uid": ""})).is(json!({"user": "user@ncsa.illinois.edu"})),
        row("uid as a number", json!({"uidNumber": 1000})),
        row("no groups", json!({"isMemberOf": null})).is(json!({"groups": null})),
        row("groups without ids", json!({"isMemberOf": [{"name": "a"}]})).is(json!({"groups": "a"})),
        row("names alone are no CILogon groups", json!({"isMemberOf": null, "groups": ["x"]}))
            .is(json!({"groups": null})),
        row("an access token", json!({"nonce": null, "auth_time": null, "scope": "read:tap"}))
            .is(json!({"token-capabilities": "read:tap"})),
        row("ID tokens only where asked for", json!({}))
            .configured(json!({"token_use": ["access"]}))
            .fails("401 token_kind"),
        row("ID tokens alone", json!({"nonce": null, "scope": "x"}))
            .configured(json!({"token_use": ["id"]}))
            .fails("401 token_kind"),
        row("several audiences", json!({"aud": ["cilogon:/client_id/abcdef", "x"]})),
        row("another client's", json!({"aud": "cilogon:/client_id/abcdeg"})).fails("401 wrong_audience"),
        row("azp is no audience", json!({"aud": "x", "azp": "cilogon:/client_id/abcdef"})).fails("401 wrong_audience"),
        row(
            "somebody who logged in under a client's name",
            json!({"client_id": "http://cilogon.org/serverA/users/12345"}),
        )
        .is(json!({"user": null, "uid": null, "email": null})),
        row("a service", json!({"client_id": "http://cilogon.org/serverA/users/12345", "nonce": null, "scope": "x"}))
            .is(json!({
                "user": null, "service": "http://cilogon.org/serverA/users/12345", "token-capabilities": "x",
                "uid": null, "email": null,
            })),
        row("refresh token", json!({"typ": "Refresh"})).fails("401 token_kind"),
        row("logout token", json!({})).headed(json!({"typ": "logout+jwt"})).fails("401 token_kind"),
    ]);
}

#[test]
fn lsst_tokens_have_capabilities_and_a_user_or_a_uid() {
    lsst().needs(&["aud", "exp", "iss"]);
    lsst().check(vec![
        row("uid alone", json!({"uidNumber": null})).is(json!({"uid": null})),
        row("uidNumber alone", json!({"uid": null})).is(json!({"user": null})),
        row("neither", json!({"uid": null, "uidNumber": null})).fails("401 missing_claim"),
        row("an empty name and no number", json!({"uid": "", "uidNumber": null})).fails("401 missing_claim"),
        row("no name and a number that is none", json!({"uid": null, "uidNumber": "10x"})).fails("401 missing_claim"),
        row("a subject is no user", json!({"uid": null, "uidNumber": null, "sub": "user"})).fails("401 missing_claim"),
        row("a user that is no text", json!({"uid": 7})).fails("401 invalid_claim"),
        row("uid as a number", json!({"uidNumber": 1000})),
        row("an ID token", json!({"nonce": "n"})),
        row(
            "as jwt_authorizer's first ones",
            json!({
                "act": null, "email": null, "isMemberOf": null, "sub": "some-user", "uid": "some-user",
                "preferred_username": "some-user", "name": "Some User", "uidNumber": 1000, "scope": "openid",
            }),
        )
        .is(json!({"user": "some-user", "email": null, "groups": null, "token-capabilities": "openid"})),
        row("lives too long", json!({"exp": NOW + 86_401})).fails("401 lifetime_too_long"),
        row("another audience", json!({"aud": "https://lsp.example/"})).fails("401 wrong_audience"),
        row("a service", json!({"sub": "poller", "client_id": "poller"}))
            .is(json!({"user": null, "uid": null, "email": null, "service": "poller"})),
        row("refresh token", json!({"token_use": "refresh"})).fails("401 token_kind"),
    ]);
}

#[test]
fn cognito_tokens_have_no_audience_but_a_client_and_say_their_use() {
    cognito().needs(&["exp", "iss"]);
    let id = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["test-group-a"], "email_verified": true,
        "cognito:preferred_role": "arn:aws:iam::111122223333:role/my-test-role",
        "cognito:roles": ["arn:aws:iam::111122223333:role/my-test-role"], "cognito:username": "my-test-user",
        "nonce": "abcdefg", "aud": "xxxxxxxxxxxxexample", "identities": [{"userId": "1", "providerName": "Google"}],
        "token_use": "id", "email": "my-test-user@example.com", "client_id": null, "username": null, "scope": null,
        "version": null,
    });
    let service = json!({"sub": "xxxxxxxxxxxxexample", "username": null, "cognito:groups": null, "auth_time": null});
    cognito().check(vec![
        row("neither audience nor client", json!({"client_id": null})).fails("401 missing_claim"),
        row("another client's", json!({"client_id": "other"})).fails("401 wrong_audience"),
        row("the client of a list", json!({"client_id": "b"})).configured(json!({"audiences": ["a", "b"]})),
        row("an audience goes first", json!({"aud": "xxxxxxxxxxxxexample", "client_id": "other"})),
        row("a wrong audience too", json!({"aud": "other"})).fails("401 wrong_audience"),
        row("several audiences", json!({"aud": ["x", "xxxxxxxxxxxxexample"], "client_id": "other"})),
        row("no use", json!({"token_use": null})).fails("401 token_kind"),
        row("unknown use", json!({"token_use": "other"})).fails("401 token_kind"),
        row("refresh token", json!({"token_use": "refresh"})).fails("401 token_kind"),
        row("ID token", id.clone()).fails("401 token_kind"),
        row("ID token where asked for", id).configured(json!({"token_use": ["id"]})).is(json!({
            "groups": "test-group-a", "email": "my-test-user@example.com", "token-capabilities": null,
        })),
        row("access token where ID tokens are asked for", json!({}))
            .configured(json!({"token_use": ["id"]}))
            .fails("401 token_kind"),
        row("federated user", json!({"username": "Google_1234"})).is(json!({"user": "Google_1234"})),
        row("no user name", json!({"username": null})).is(json!({"user": null})),
        row("uid", json!({"custom:uidNumber": "1000"})).is(json!({"uid": "1000"})),
        row("uidNumber is not read", json!({"uidNumber": 1000})),
        row("groups is not read", json!({"groups": ["x"], "cognito:groups": null})).is(json!({"groups": null})),
        row("azp is no client", json!({"azp": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": null}))
            .configured(json!({"claims": {"audience": "azp"}, "audiences": ["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]})),
        row("client credentials", service).is(json!({
            "user": null, "groups": null, "service": "xxxxxxxxxxxxexample",
        })),
        row("scopes with other names", json!({"scope": "resourceserver.1/read.tap openid"}))
            .configured(json!({"scope_map": {"resourceserver.1/read.tap": "read:tap"}}))
            .is(json!({"token-capabilities": "openid read:tap"})),
    ]);
}

#[test]
fn keycloak_tokens_say_their_kind_and_their_client_in_azp() {
    keycloak().needs(&["exp", "iss"]);
    let roles = |client: &str| json!({"resource_access": {client: {"roles": ["user", "admin"]}}});
    let both = "offline_access,uma_authorization,user,admin";
    let service = json!({
        "azp": "firecrest-poller", "clientId": "firecrest-poller", "client_id": "firecrest-poller",
        "clientHost": "10.0.0.7", "clientAddress": "10.0.0.7", "preferred_username": "service-account-firecrest-poller",
        "realm_access": {"roles": ["firecrest-sa"]}, "scope": "profile email", "session_state": null, "sid": null,
        "email": null,
    });
    let poller = json!({"audiences": ["firecrest-poller"]});
    let is_poller = json!({
        "user": null, "service": "firecrest-poller", "groups": "firecrest-sa", "token-capabilities": "email profile",
        "email": null,
    });
    let marked = |client: &'static str, name: &'static str, mark: Value| {
        row(name, mark).is(json!({"user": null, "email": null, "service": client}))
    };
    let mark = |name: &'static str, mark: Value| marked("jhub", name, mark);
    let neither = |name: &'static str, mark: Value| row(name, mark).is(json!({"user": null, "email": null}));
    keycloak().check(vec![
        row("audience instead of azp", json!({"aud": ["account", "jhub"], "azp": "other"})),
        row("one audience", json!({"aud": "jhub", "azp": null})),
        row("azp alone", json!({"aud": null})),
        row("neither is ours", json!({"azp": "other"})).fails("401 wrong_audience"),
        row("neither is there", json!({"azp": null, "aud": null})).fails("401 missing_claim"),
        row("client_id is no audience", json!({"azp": "other", "client_id": "jhub"})).fails("401 wrong_audience"),
        row("our client's roles", roles("jhub")).is(json!({"groups": both})),
        row("other clients' roles", roles("jhub2")),
        row("groups in one place alone", roles("jhub"))
            .configured(json!({"claims": {"groups": "realm_access.roles"}})),
        row("our client's roles beside another claim for the user", roles("jhub"))
            .configured(json!({"claims": {"user": "email"}}))
            .is(json!({"user": "ab@example.org", "groups": both})),
        row("of audiences that are configured the first counts", json!({}))
            .configured(json!({"claims": {"audience": ["aud", "azp"]}}))
            .fails("401 wrong_audience"),
        row("and the second where the first is not", json!({"aud": null}))
            .configured(json!({"claims": {"audience": ["aud", "azp"]}})),
        row("roles of every audience", json!({
            "resource_access": {"jhub": {"roles": ["a"]}, "api": {"roles": ["b"]}, "x": {"roles": ["c"]}},
        }))
        .configured(json!({"audiences": ["jhub", "api"]}))
        .is(json!({"groups": "offline_access,uma_authorization,a,b"})),
        row("a client's name with dots", json!({
            "azp": "https://api.example.org/v1.2", "resource_access": {"https://api.example.org/v1.2": {"roles": ["a"]}},
        }))
        .configured(json!({"audiences": ["https://api.example.org/v1.2"]}))
        .is(json!({"groups": "offline_access,uma_authorization,a"})),
        row("roles are groups by default only", also(roles("jhub"), json!({"g": ["x"]})))
            .configured(json!({"claims": {"groups": "g"}}))
            .is(json!({"groups": "x"})),
        row("no roles at all", json!({"realm_access": null, "resource_access": null})).is(json!({"groups": null})),
        row("groups of a mapper", json!({"groups": ["staff", "/staff/telescope"]}))
            .is(json!({"groups": "staff,offline_access,uma_authorization"})),
        row("uid of a mapper", json!({"uidNumber": "1000"})).is(json!({"uid": "1000"})),
        row("no kind", json!({"typ": null})).fails("401 token_kind"),
        row("ID token", json!({"typ": "ID"})).fails("401 token_kind"),
        row("ID token where asked for", json!({"typ": "ID"})).configured(json!({"token_use": ["access", "id"]})),
        row("refresh token", json!({"typ": "Refresh"})).fails("401 token_kind"),
        row("offline token", json!({"typ": "Offline"})).fails("401 token_kind"),
        row("logout token", json!({"typ": "Logout"})).fails("401 token_kind"),
        row("JWT, which is no kind", json!({"typ": "JWT"})).fails("401 token_kind"),
        row("bound token", json!({"typ": "DPoP", "cnf": {"jkt": "x"}})).fails("401 token_kind"),
        row("bound token that hides its key", json!({"typ": "DPoP"})).fails("401 token_kind"),
        row("kind of another type", json!({"typ": ["Bearer"]})).fails("401 token_kind"),
        row("older path", json!({"iss": "https://auth.example.org/auth/realms/R"}))
            .configured(json!({"issuer": "https://auth.example.org/auth/realms/R"})),
        row("another realm", json!({"iss": "https://auth.example.org/realms/S"})).fails("401 unknown_issuer"),
        row("no user name", json!({"preferred_username": null})).is(json!({"user": null})),
        row("service account", service).configured(poller).is(is_poller),
        mark("service account by its user name", json!({"preferred_username": "service-account-jhub"})),
        mark("service account by its host", json!({"clientHost": "10.0.0.7"})),
        mark("service account by its address", json!({"clientAddress": "10.0.0.7"})),
        row("a user with a host that is no text", json!({"clientHost": ["10.0.0.7"]})),
        mark("service account whose other client is not who asked", json!({"clientHost": "x", "client_id": "other"})),
        mark("service account by its subject", json!({"sub": "jhub"})),
        mark("service account by its client", json!({"clientId": "jhub"})),
        // Keycloak writes user names in small letters.
        marked("RoBot", "service account of a client in capitals", json!({
            "client_id": "RoBot", "preferred_username": "service-account-robot",
        })),
        mark("service account in capitals", json!({"preferred_username": "service-account-JHub"})),
        marked("robot", "service account of its second client", json!({
            "client_id": "robot", "preferred_username": "service-account-robot",
        })),
        marked("robot", "service account by the subject of its second client", json!({
            "client_id": "robot", "sub": "robot",
        })),
        mark("service account with a login that never was", json!({
            "preferred_username": "service-account-jhub", "auth_time": 0,
        })),
        neither("somebody of such a name who logged in", json!({
            "preferred_username": "service-account-jhub", "auth_time": 1,
        })),
        row("marks that say nothing", json!({"clientId": null, "clientHost": "", "clientAddress": false})),
        // A user may choose his name, and clients that go by such a name are known by more than it.
        neither("service account of another client", json!({"preferred_username": "service-account-robot"})),
        neither("service account of no client", json!({"preferred_username": "service-account-"})),
        neither("service account of a longer name", json!({"preferred_username": "service-account-jhub2"})),
        neither("service account where no client is named", json!({
            "azp": null, "aud": "jhub", "preferred_username": "service-account-jhub",
        })),
        row("a user whose name only resembles", json!({"preferred_username": "my-service-account-x"}))
            .is(json!({"user": "my-service-account-x"})),
    ]);
}

#[test]
fn auth0_tokens_unite_scope_and_permissions() {
    auth0().needs(&["aud", "exp", "iss"]);
    let machine = json!({
        "sub": "ID@clients", "azp": "ID", "gty": "client-credentials", "permissions": null, "scope": "read:tap",
    });
    auth0().check(vec![
        row("scope alone", json!({"permissions": null})).is(json!({"token-capabilities": "email openid profile read:tap"})),
        row("permissions alone", json!({"scope": null})).is(json!({"token-capabilities": "read:tap write:tap/user"})),
        row("RFC 9068 dialect", json!({"client_id": "my_client_id", "jti": "x"})).headed(json!({"typ": "at+jwt"})),
        row("one audience", json!({"aud": "https://my-api.example.com"})),
        row("another audience", json!({"aud": ["https://my-domain.auth0.com/userinfo"]})).fails("401 wrong_audience"),
        row("issuer without its slash", json!({"iss": "https://my-domain.auth0.com"})).fails("401 unknown_issuer"),
        row("no groups, no uid", json!({"groups": ["x"], "uidNumber": 7, "isMemberOf": [{"name": "y"}]})),
        row("groups under a URL", json!({}))
            .configured(json!({"claims": {"groups": "[\"https://mysite.example/roles\"]"}}))
            .is(json!({"groups": "scientist"})),
        row("groups under a URL, as a list of names", json!({}))
            .configured(json!({"claims": {"groups": [["https://mysite.example/roles"]]}}))
            .is(json!({"groups": "scientist"})),
        row("machine to machine", machine)
            .is(json!({"user": null, "service": "ID", "token-capabilities": "read:tap"})),
        row("machine by its grant", json!({"gty": "client-credentials"}))
            .is(json!({"user": null, "service": "my_client_id"})),
        row("machine by its grant in a list", json!({"gty": ["client-credentials"]}))
            .is(json!({"user": null, "service": "my_client_id"})),
        row("machine by one of several grants", json!({"gty": ["x", "client-credentials"]}))
            .is(json!({"user": null, "service": "my_client_id"})),
        row("other grants in a list", json!({"gty": ["password", "mfa-otp"]})),
        row("machine by its subject", json!({"sub": "my_client_id@clients"}))
            .is(json!({"user": null, "service": "my_client_id"})),
        row("machine by the subject of its second client", json!({"client_id": "ID", "sub": "ID@clients"}))
            .is(json!({"user": null, "service": "ID"})),
        row("another machine", json!({"sub": "ID@clients"})).is(json!({"user": null})),
        row("a machine, and no client is named", json!({"azp": null, "sub": "ID@clients"})).is(json!({"user": null})),
        row("a machine has no address", json!({"gty": "client-credentials", "email": "ab@example.org"}))
            .is(json!({"user": null, "service": "my_client_id"})),
        row("a user has", json!({"email": "ab@example.org"})).is(json!({"email": "ab@example.org"})),
        row("another machine beside a second client", json!({"sub": "ID@clients", "client_id": "other"}))
            .is(json!({"user": null})),
        row("another grant", json!({"gty": "password"})),
        row("ID token", json!({
            "nonce": "n", "aud": "https://my-api.example.com", "scope": null, "permissions": null,
        }))
        .fails("401 token_kind"),
        row("ID token without nonce", json!({
            "aud": "https://my-api.example.com", "azp": "https://my-api.example.com", "scope": null, "permissions": null,
        }))
        .fails("401 token_kind"),
        row("logout token", json!({})).headed(json!({"typ": "logout+jwt"})).fails("401 token_kind"),
    ]);
}

#[test]
fn scitokens_have_a_version_and_scopes_and_name_nobody() {
    scitokens().needs(&["aud", "exp", "iss", "iat", "nbf", "ver", "scope"]);
    scitokens().check(vec![
        row("the other spelling", json!({"ver": "scitokens:2.0"})),
        row("a later 2", json!({"ver": "scitoken:2.1"})),
        row("version 1", json!({"ver": "scitoken:1.0"})).fails("401 invalid_claim"),
        row("version 3", json!({"ver": "scitoken:3.0"})).fails("401 invalid_claim"),
        row("version 20", json!({"ver": "scitoken:20.0"})).fails("401 invalid_claim"),
        row("a much later 2", json!({"ver": "scitokens:2.10"})),
        row("a 2 without more", json!({"ver": "scitoken:2"})).fails("401 invalid_claim"),
        row("a 2 and a point", json!({"ver": "scitoken:2."})).fails("401 invalid_claim"),
        row("a 2 and a letter", json!({"ver": "scitoken:2.x"})).fails("401 invalid_claim"),
        row("a 2 and more", json!({"ver": "scitoken:2.0.1"})).fails("401 invalid_claim"),
        row("a 2 and a space", json!({"ver": "scitoken:2.0 "})).fails("401 invalid_claim"),
        row("a 2 below zero", json!({"ver": "scitoken:2.-1"})).fails("401 invalid_claim"),
        row("a 2 with more", json!({"ver": "scitoken:2.+1"})).fails("401 invalid_claim"),
        row("capitals", json!({"ver": "SciToken:2.0"})).fails("401 invalid_claim"),
        row("a number alone", json!({"ver": "2.0"})).fails("401 invalid_claim"),
        row("a number", json!({"ver": 2.0})).fails("401 invalid_claim"),
        row("another profile", json!({"ver": "wlcg:2.0"})).fails("401 invalid_claim"),
        row("for any audience", json!({"aud": "ANY"})),
        row("for any audience, in a list", json!({"aud": ["x", "ANY"]})),
        row("any is in capitals", json!({"aud": "any"})).fails("401 wrong_audience"),
        row("WLCG's any", json!({"aud": "https://wlcg.cern.ch/jwt/v1/any"})).fails("401 wrong_audience"),
        row("one of several", json!({"aud": ["x", "https://demo.scitokens.org"]})),
        row("another audience", json!({"aud": "https://other.test"})).fails("401 wrong_audience"),
        row("scopes are no text", json!({"scope": 7})).fails("401 invalid_claim"),
        row("no subject", json!({"sub": null, "jti": null})),
        row("groups are not read", json!({"groups": ["x"], "wlcg.groups": ["y"]})),
        row("groups beside what is a capability elsewhere", json!({"groups": ["x"], "scope": "storage.read:/x"}))
            .configured(json!({"claims": {"groups": "groups"}}))
            .is(json!({"groups": "x", "token-capabilities": "storage.read:/x"})),
        row("uidNumber is not read", json!({"uidNumber": 1000})),
        row("uid", json!({"posix": {"uid": 1000}})).is(json!({"uid": "1000"})),
        row("a user where one is configured", json!({}))
            .configured(json!({"claims": {"user": "sub"}}))
            .is(json!({"user": "bbockelm"})),
        row("a service", json!({"client_id": "bbockelm"})).is(json!({"service": "bbockelm"})),
        row("a client of a user", json!({"client_id": "other"})),
        row("ID token", json!({"nonce": "n"})).fails("401 token_kind"),
        row("refresh token", json!({"typ": "Refresh"})).fails("401 token_kind"),
        row("at+jwt", json!({})).headed(json!({"typ": "at+jwt"})),
    ]);
}

#[test]
fn wlcg_tokens_have_groups_or_capabilities() {
    wlcg().needs(&["aud", "exp", "iss", "wlcg.ver", "sub", "iat", "jti"]);
    let groups = json!({
        "scope": null, "wlcg.groups": ["/dteam/VO-Admin", "/dteam", "dteam"],
        "eduperson_assurance": ["https://refeds.org/assurance/profile/espresso"], "acr": "https://refeds.org/profile/mfa",
    });
    let with_scope = |scope: &str| also(groups.clone(), json!({"scope": scope}));
    wlcg().check(vec![
        row("no nbf", json!({"nbf": null})),
        row("an nbf to come", json!({"nbf": NOW + 600})).fails("401 not_yet_valid"),
        row("version 1.1", json!({"wlcg.ver": "1.1"})),
        row("version 1.20", json!({"wlcg.ver": "1.20"})),
        row("version 1.x", json!({"wlcg.ver": "1.x"})).fails("401 invalid_claim"),
        row("version 1.", json!({"wlcg.ver": "1."})).fails("401 invalid_claim"),
        row("version 1.0.0", json!({"wlcg.ver": "1.0.0"})).fails("401 invalid_claim"),
        row("version 1.0 and a space", json!({"wlcg.ver": "1.0 "})).fails("401 invalid_claim"),
        row("version 1.+1", json!({"wlcg.ver": "1.+1"})).fails("401 invalid_claim"),
        row("version 01.0", json!({"wlcg.ver": "01.0"})).fails("401 invalid_claim"),
        row("version 2", json!({"wlcg.ver": "2.0"})).fails("401 invalid_claim"),
        row("version 10", json!({"wlcg.ver": "10.0"})).fails("401 invalid_claim"),
        row("version without a point", json!({"wlcg.ver": "1"})).fails("401 invalid_claim"),
        row("version as a number", json!({"wlcg.ver": 1.0})).fails("401 invalid_claim"),
        row("an empty subject", json!({"sub": ""})).fails("401 invalid_claim"),
        row("an empty token id", json!({"jti": ""})).fails("401 invalid_claim"),
        row("version in an object", json!({"wlcg.ver": null, "wlcg": {"ver": "1.0"}})).fails("401 missing_claim"),
        row("for any audience", json!({"aud": "https://wlcg.cern.ch/jwt/v1/any"})),
        row("SciTokens' any", json!({"aud": "ANY"})).fails("401 wrong_audience"),
        row("another audience", json!({"aud": "https://dteam-test-client.example.org/"})).fails("401 wrong_audience"),
        row("lives for six hours", json!({"exp": NOW + 21_600})),
        row("lives longer", json!({"exp": NOW + 21_601})).fails("401 lifetime_too_long"),
        row("lives longer where it may", json!({"exp": NOW + 86_400})).configured(json!({"max_lifetime": "24h"})),
        row("groups; a name with a slash is in no header", groups.clone())
            .is(json!({"groups": "dteam", "token-capabilities": null})),
        row("groups beside a scope that is no capability", with_scope("openid"))
            .is(json!({"groups": "dteam", "token-capabilities": "openid"})),
        row("no groups beside storage", with_scope("storage.read:/x"))
            .is(json!({"token-capabilities": "storage.read:/x"})),
        row("no groups beside a tape", with_scope("openid storage.stage:/x"))
            .is(json!({"token-capabilities": "openid storage.stage:/x"})),
        row("storage without a path", with_scope("openid storage.stage")).fails("401 invalid_claim"),
        row("storage that is no path", with_scope("storage.read:x")).fails("401 invalid_claim"),
        row("no groups beside jobs", with_scope("compute.read")).is(json!({"token-capabilities": "compute.read"})),
        row("groups in an object", json!({"wlcg": {"groups": ["x"]}, "scope": "openid"}))
            .is(json!({"token-capabilities": "openid"})),
        row("groups of others", json!({"groups": ["x"], "scope": "openid"}))
            .is(json!({"token-capabilities": "openid"})),
        row("a user where one is configured", json!({}))
            .configured(json!({"claims": {"user": "sub"}}))
            .is(json!({"user": "e1eb758b-b73c-4761-bfff-adc793da409c"})),
        row("a service", json!({"client_id": "e1eb758b-b73c-4761-bfff-adc793da409c"}))
            .is(json!({"service": "e1eb758b-b73c-4761-bfff-adc793da409c"})),
        row("ID token", json!({"nonce": "n"})).fails("401 token_kind"),
        row("refresh token", json!({"token_use": "refresh"})).fails("401 token_kind"),
    ]);
}

/// The profile wants the key named, though one key alone would fit.
#[test]
fn a_wlcg_token_names_its_key() {
    let signer = signer();
    let mut world = world(configured(&wlcg(), &json!({}), &signer));
    let unnamed = minted(&wlcg(), &json!({"kid": null}), &json!({}), &signer);
    let seen = world.send(&Request::get("/x").bearing(&unnamed));
    assert_eq!(seen.in_short(), "401 token_header");
    assert_eq!(seen.detail(), "The token is not accepted: its header names no key.");
}

#[test]
fn at_jwt_tokens_say_so_and_have_all_that_rfc_9068_asks() {
    at_jwt().needs(&["aud", "exp", "iss", "sub", "client_id", "iat", "jti"]);
    at_jwt().check(vec![
        row("the long name", json!({})).headed(json!({"typ": "application/at+jwt"})),
        row("in capitals", json!({})).headed(json!({"typ": "AT+JWT"})),
        row("JWT", json!({})).headed(json!({"typ": "JWT"})).fails("401 token_kind"),
        row("no typ", json!({})).headed(json!({"typ": null})).fails("401 token_kind"),
        row("typ in the payload", json!({"typ": "at+jwt"})).headed(json!({"typ": null})).fails("401 token_kind"),
        row("ID token", json!({"nonce": "n"})).headed(json!({"typ": "JWT"})).fails("401 token_kind"),
        row("several audiences", json!({"aud": ["x", "https://rs.example.com/"]})),
        row("another audience", json!({"aud": "s6BhdRkqt3"})).fails("401 wrong_audience"),
        row("groups alone", json!({"roles": null, "entitlements": null})).is(json!({"groups": "staff"})),
        row("roles alone", json!({"groups": null, "entitlements": null})).is(json!({"groups": "operator"})),
        row("entitlements alone", json!({"groups": null, "roles": null})).is(json!({"groups": "tape"})),
        row("isMemberOf is not read", json!({"isMemberOf": [{"name": "x"}]})),
        row("uid", json!({"uidNumber": 1000})).is(json!({"uid": "1000"})),
        row("a service", json!({"sub": "s6BhdRkqt3"})).is(json!({"user": null, "service": "s6BhdRkqt3"})),
        row("azp is no client", json!({"azp": "5ba552d67"})),
        row("an empty subject", json!({"sub": ""})).fails("401 invalid_claim"),
        row("an empty client", json!({"client_id": ""})).fails("401 invalid_claim"),
        row("refresh token", json!({"token_use": "refresh"})).fails("401 token_kind"),
    ]);
}

/// The same changes on every profile: what an issuer's entry says itself goes before its profile.
#[test]
fn every_field_of_a_profile_gives_way_to_the_issuers_own() {
    for kind in every_kind() {
        let long = 2 * 86_400;
        // Nothing that is read by default, so that only the changed field can be where it comes from.
        let other = |field: &str, path: Value, claims: Value, identity: Value| {
            row("a claim elsewhere", claims).configured(json!({"claims": {field: path}})).is(identity)
        };
        let both = json!({"x": {"user": "zoe", "id": "77", "mail": "zoe@example.org"}, "x.y": "zora"});
        kind.check(vec![
            other("user", json!("x.user"), both.clone(), json!({"user": "zoe"})),
            other("user", json!(["none", "[\"x.y\"]"]), both.clone(), json!({"user": "zora"})),
            other("uid", json!("x.id"), both.clone(), json!({"uid": "77"})),
            other("email", json!(["x.mail"]), both, json!({"email": "zoe@example.org"})),
            row("scopes elsewhere", json!({"scp": ["b", "a"]}))
                .configured(json!({"claims": {"scopes": ["scp"]}}))
                .is(json!({"token-capabilities": "a b"})),
            row("for another audience", json!({"x_aud": ["x", "y"]}))
                .configured(json!({"claims": {"audience": "x_aud"}, "audiences": ["y"]})),
            row("not for the usual one then", json!({}))
                .configured(json!({"claims": {"audience": "x_aud"}}))
                .fails("401 missing_claim"),
            row("lives longer", json!({"exp": NOW + long})).configured(json!({"max_lifetime": "48h"})),
            row("lives shorter", json!({"exp": NOW + 121}))
                .configured(json!({"max_lifetime": "2m"}))
                .fails("401 lifetime_too_long"),
            row("no skew", json!({"nbf": NOW + 1})).configured(json!({"clock_skew": "0s"})).fails("401 not_yet_valid"),
            row("another algorithm", json!({})).configured(json!({"algorithms": ["EdDSA"]})).fails("401 algorithm"),
        ]);
    }
}

#[test]
fn groups_and_clients_are_read_where_the_issuer_says() {
    for kind in every_kind() {
        let capabilities = kind.identity["token-capabilities"].clone();
        // A WLCG token with capabilities has no groups.
        let scope = if kind.name == "wlcg" { json!("openid") } else { Value::Null };
        let claims = |claims: Value| if scope.is_null() { claims } else { also(claims, json!({"scope": scope})) };
        let seen = if scope.is_null() { capabilities } else { scope.clone() };
        kind.check(vec![
            row("groups elsewhere", claims(json!({"a": [{"b": "g"}, {"c": "x"}, {"b": "h"}]})))
                .configured(json!({"claims": {"groups": "a[].b"}}))
                .is(json!({"groups": "g,h", "token-capabilities": seen})),
            row("groups in two places", claims(json!({"a": ["g"], "https://ns.test/b": {"c": ["h"]}})))
                .configured(json!({"claims": {"groups": ["a", ["https://ns.test/b", "c"]]}}))
                .is(json!({"groups": "g,h", "token-capabilities": seen})),
            row("a client elsewhere", json!({"sub": "poller", "x_client": "poller", "nonce": null}))
                .configured(json!({"claims": {"client": "x_client"}}))
                .is(json!({"user": null, "uid": null, "email": null, "service": "poller"})),
        ]);
    }
}

/// Issuers write null, or nothing in quotes, where they have nothing to say of somebody.
#[test]
fn a_claim_that_is_null_or_empty_gives_way_to_the_next() {
    let signer = signer();
    let email = "ab@example.org";
    let rows = |nothing: Value| -> Vec<(&'static str, Kind, Value, Value, Value)> {
        vec![
            ("user", cilogon(), json!({}), json!({"uid": nothing}), json!({"user": "user@ncsa.illinois.edu"})),
            ("the last user", cilogon(), json!({}), json!({"uid": nothing, "eppn": nothing}), json!({"user": null})),
            (
                "the only user",
                generic(),
                json!({"claims": {"user": "x"}}),
                json!({"x": nothing}),
                json!({"user": null}),
            ),
            (
                "client",
                keycloak(),
                json!({}),
                json!({"azp": nothing, "client_id": "robot", "sub": "robot", "aud": "jhub"}),
                json!({"user": null, "email": null, "service": "robot"}),
            ),
            (
                "uid",
                generic(),
                json!({"claims": {"uid": ["uidNumber", "x"]}}),
                json!({"uidNumber": nothing, "x": 7}),
                json!({"uid": "7"}),
            ),
            ("the only uid", generic(), json!({}), json!({"uidNumber": nothing}), json!({"uid": null})),
            (
                "email",
                generic(),
                json!({"claims": {"email": ["email", "mail"]}}),
                json!({"email": nothing, "mail": email}),
                json!({"email": email}),
            ),
        ]
    };
    for nothing in [Value::Null, json!("")] {
        for (name, kind, change, claims, changes) in rows(nothing.clone()) {
            // Not as a patch, which would take the claim away.
            let header = patched(signer.header(), &kind.header);
            let raw = signer.sign(&header, &also(kind.claims.clone(), claims));
            let seen = world(configured(&kind, &change, &signer)).send(&Request::get("/x").bearing(&raw));
            let name = format!("{}: {name} is {nothing}", kind.name);
            assert_eq!(seen.in_short(), "ok", "{name}");
            assert_eq!(seen.identity(), patched(kind.identity.clone(), &changes), "{name}");
        }
    }
}

#[test]
fn an_audience_may_be_in_any_claim_as_a_string_or_a_list() {
    let ours = "https://api.test";
    let rows = |field: &'static str| {
        let audience = json!({"claims": {"audience": field}});
        [
            ("a string", json!(ours), None),
            ("a list", json!(["x", ours]), None),
            ("another string", json!("x"), Some("401 wrong_audience")),
            ("another list", json!(["x"]), Some("401 wrong_audience")),
            ("an empty list", json!([]), Some("401 wrong_audience")),
            ("a number", json!(1), Some("401 wrong_audience")),
            ("nothing", Value::Null, Some("401 missing_claim")),
        ]
        .map(|(name, value, refused)| {
            // A client that is a list is nobody's name; the user stays who it is.
            let row = row(name, also(json!({"aud": "elsewhere"}), json!({field: value}))).configured(audience.clone());
            if let Some(outcome) = refused { row.fails(outcome) } else { row }
        })
    };
    for field in ["aud", "client_id", "azp"] {
        generic().check(rows(field).into());
    }
    generic().check(vec![
        row("the first that is there", json!({"aud": "elsewhere", "azp": ours}))
            .configured(json!({"claims": {"audience": ["aud", "azp"]}}))
            .fails("401 wrong_audience"),
        row("the second where the first is not", json!({"aud": null, "azp": ours}))
            .configured(json!({"claims": {"audience": ["aud", "azp"]}})),
    ]);
}

#[test]
fn scopes_may_be_in_any_claim_as_a_string_or_a_list() {
    for field in ["scope", "scp", "permissions"] {
        let from = json!({"claims": {"scopes": field}});
        let of = |name, value: Value| row(name, also(json!({"scope": "hidden"}), json!({field: value})));
        generic().check(vec![
            of("a string", json!("b a")).configured(from.clone()).is(json!({"token-capabilities": "a b"})),
            of("a list", json!(["b", "a"])).configured(from.clone()).is(json!({"token-capabilities": "a b"})),
            of("nothing", Value::Null).configured(from.clone()).is(json!({"token-capabilities": null})),
            of("a number", json!(1)).configured(from.clone()).fails("401 invalid_claim"),
            of("a list of numbers", json!([1])).configured(from).fails("401 invalid_claim"),
        ]);
    }
    generic().check(vec![
        row("all of them", json!({"scope": "a", "scp": ["b"], "permissions": ["c", "a"]}))
            .configured(json!({"claims": {"scopes": ["scope", "scp", "permissions"]}}))
            .is(json!({"token-capabilities": "a b c"})),
    ]);
}

#[test]
fn a_header_holds_only_groups_that_could_be_roles() {
    let longest = "g".repeat(32);
    let longer = "g".repeat(33);
    let groups = |name: &'static str, groups: Value, header: Value| {
        row(name, json!({"groups": groups, "isMemberOf": null})).is(json!({"groups": header}))
    };
    generic().check(vec![
        groups("32 characters", json!([longest]), json!(longest)),
        groups("33 characters", json!([longer, "a"]), json!("a")),
        groups("all kinds of letters", json!(["a.b-c_D9"]), json!("a.b-c_D9")),
        groups("odd names", json!(["a b", "a,b", "é", "a/b", "/a", "a:b", "a\nb", "", "a"]), json!("a")),
        groups("none is left", json!(["a b"]), Value::Null),
        groups("none at all", json!([]), Value::Null),
        groups("one as text", json!("a"), json!("a")),
        groups("no names", json!([{"id": 1}, 7, null, "a"]), json!("a")),
        groups("what is no list", json!(7), Value::Null).fails("401 invalid_claim"),
        // A user's own group (DMTN-094 §2.2) is a group like any other here.
        groups("the user's own", json!(["alice", "staff"]), json!("alice,staff")),
    ]);
}

/// Rules see the names that no header could hold.
#[test]
fn rules_see_every_group() {
    let signer = signer();
    let names = ["g".repeat(33), "a b".to_owned(), "/dteam".to_owned(), "a,b".to_owned()];
    for name in &names {
        let rules = json!([{"name": "all", "match": {"prefix": "/"}, "require": {"groups": {"any_of": [name]}}}]);
        let mut world = World::of(&document(&[configured(&generic(), &json!({}), &signer)], &rules));
        for (groups, want) in [(json!([name]), "ok"), (json!(["staff", "a"]), "403 not_in_group")] {
            let token = minted(&generic(), &json!({}), &json!({"groups": groups}), &signer);
            assert_eq!(world.send(&Request::get("/x").bearing(&token)).in_short(), want, "{name}");
        }
    }
}

#[test]
fn id_tokens_are_known_by_any_of_their_marks() {
    let bare = |claims: Value| also(json!({"scope": null, "client_id": null}), claims);
    let api = "https://api.test";
    let client = json!({"azp": api});
    let rows: Vec<(&'static str, Value, Value, bool)> = vec![
        ("token_use", json!({"token_use": "id"}), json!({}), true),
        ("typ in the payload", json!({"typ": "ID"}), json!({}), true),
        ("nonce", json!({"nonce": "n"}), json!({}), true),
        ("at_hash", json!({"at_hash": "h"}), json!({}), true),
        ("c_hash", json!({"c_hash": "h"}), json!({}), true),
        ("for its own client and without scope", bare(client.clone()), json!({}), true),
        ("the same in a list", bare(json!({"azp": api, "aud": [api]})), json!({}), true),
        ("two audiences", bare(json!({"azp": api, "aud": [api, "x"]})), json!({}), false),
        ("another client", bare(json!({"azp": "x"})), json!({}), false),
        ("with scope", client.clone(), json!({}), false),
        ("with scp", bare(json!({"azp": api, "scp": ["a"]})), json!({}), false),
        ("with permissions", bare(json!({"azp": api, "permissions": ["a"]})), json!({}), false),
        ("says that it is for access", bare(json!({"azp": api, "token_use": "access"})), json!({}), false),
        ("says that it is a bearer token", bare(json!({"azp": api, "typ": "Bearer"})), json!({}), false),
        ("says so in its header", bare(client.clone()), json!({"typ": "at+jwt"}), false),
        ("says that it is a JWT, which says nothing", bare(also(client, json!({"typ": "JWT"}))), json!({}), true),
        ("the same with nonce", json!({"nonce": "n", "typ": "JWT"}), json!({}), true),
        ("the same without any mark", json!({"typ": "JWT"}), json!({}), false),
        // Each is one half of an answer that is a JWT.
        ("a code alone", json!({"code": "x"}), json!({}), false),
        ("a state alone", json!({"state": "x"}), json!({}), false),
    ];
    for (name, claims, header, is_id) in rows {
        let signer = signer();
        for (token_use, wanted) in
            [(json!(["access"]), !is_id), (json!(["id"]), is_id), (json!(["access", "id"]), true)]
        {
            let mut world = world(configured(&generic(), &json!({"token_use": token_use}), &signer));
            let token = minted(&generic(), &header, &claims, &signer);
            let seen = world.send(&Request::get("/x").bearing(&token));
            assert_eq!(seen.in_short(), if wanted { "ok" } else { "401 token_kind" }, "{name}, {token_use}");
        }
    }
}

/// What an issuer, or a user by way of a mapper, writes about the type does not make an access token of an ID token.
#[test]
fn an_id_token_that_calls_itself_an_access_token_is_not_taken_for_one() {
    let signer = signer();
    let mut world = world(configured(&generic(), &json!({}), &signer));
    for mark in ["nonce", "at_hash", "c_hash"] {
        for (name, value) in [
            ("token_type", "Bearer"),
            ("token_type", "access_token"),
            ("token_type", "access"),
            ("type", "access"),
            ("type", "access_token"),
            ("type", "Bearer"),
        ] {
            let raw = minted(&generic(), &json!({}), &json!({mark: "x", name: value}), &signer);
            let seen = world.send(&Request::get("/x").bearing(&raw));
            assert_eq!(seen.in_short(), "401 token_kind", "{mark} and {name} {value}");
        }
    }
}

/// An issuer that keeps its scopes elsewhere gives some all the same.
#[test]
fn a_scope_in_a_claim_of_the_issuers_own_tells_an_access_token() {
    let client = json!({"scope": null, "client_id": null, "azp": "https://api.test"});
    let scoped = also(client.clone(), json!({"x_rights": "a"}));
    let elsewhere = json!({"claims": {"scopes": "x_rights"}});
    generic().check(vec![
        row("none", client).configured(elsewhere.clone()).fails("401 token_kind"),
        row("one, where scopes are sought", scoped.clone())
            .configured(elsewhere)
            .is(json!({"token-capabilities": "a"})),
        row("one, where none are sought", scoped).fails("401 token_kind"),
    ]);
}

#[test]
fn other_kinds_are_refused_everywhere_and_called_by_their_names() {
    let signer = signer();
    let logout = "This is a logout token, which is not accepted here.";
    for kind in every_kind() {
        // An RFC 9068 token is for access by its very name.
        let issuer = if kind.name == "at-jwt" { json!({}) } else { json!({"token_use": ["access", "id"]}) };
        let mut world = world(configured(&kind, &issuer, &signer));
        for (header, claims, detail) in [
            (json!({"typ": "logout+jwt"}), json!({}), Some(logout)),
            (json!({}), json!({"typ": "Logout"}), Some(logout)),
            (json!({}), json!({"typ": "Refresh"}), Some("This is a refresh token, which is not accepted here.")),
            (json!({}), json!({"typ": "Offline"}), None),
            (json!({}), json!({"token_use": "refresh"}), None),
            (json!({}), json!({"typ": "Bearer", "cnf": {"jkt": "x"}}), None),
            (json!({"typ": "secevent+jwt"}), json!({}), None),
            // A security event or a logout, whatever else it says (RFC 8417, OpenID Connect Back-Channel Logout).
            (json!({}), json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}), None),
            (json!({}), json!({"events": {}}), None),
            (json!({}), json!({"events": {"https://e.test": {}}, "token_use": "access", "scope": "x"}), None),
            // The answer to a login as a JWT (JARM).
            (json!({}), json!({"code": "x", "state": "y"}), None),
            (json!({}), json!({"code": "x", "state": "y", "token_use": "access"}), None),
            (json!({"typ": "dpop+jwt"}), json!({}), None),
            (json!({"typ": "kb+jwt"}), json!({}), None),
        ] {
            let token = minted(&kind, &header, &claims, &signer);
            let seen = world.send(&Request::get("/x").bearing(&token));
            assert_eq!(seen.in_short(), "401 token_kind", "{}: {header} {claims}", kind.name);
            if let Some(detail) = detail {
                assert_eq!(seen.detail(), detail, "{}: {header} {claims}", kind.name);
            }
        }
    }
}

#[test]
fn opaque_tokens_are_called_so_and_cut_off_ones_are_not() {
    let signer = signer();
    for kind in every_kind() {
        let mut world = world(configured(&kind, &json!({}), &signer));
        let whole = minted(&kind, &json!({}), &json!({}), &signer);
        let (head, rest) = whole.split_once('.').unwrap();
        let encrypted = format!("{}.a.b.c.d", crate::support::mint::base64url(br#"{"alg":"dir","enc":"A256GCM"}"#));
        for (name, token, want) in [
            ("Gafaelfawr's", "gt-WNzqZqeHTu7cOqxLhEcwmg.Z7vXQkmdJ6W6gWdsD8Bq0Q".to_owned(), "401 token_opaque"),
            ("a random string", "YXBpLXRva2Vu0123456789".to_owned(), "401 token_opaque"),
            ("encrypted, as Auth0's", encrypted, "401 token_opaque"),
            ("encrypted without a key", format!("{head}..b.c.d"), "401 token_opaque"),
            ("cut off in its payload", format!("{head}.{}", &rest[..20]), "401 token_not_jwt"),
            ("cut off behind its header", head.to_owned(), "401 token_not_jwt"),
        ] {
            let seen = world.send(&Request::get("/x").bearing(&token));
            assert_eq!(seen.in_short(), want, "{}: {name}", kind.name);
            if want == "401 token_opaque" {
                assert!(seen.detail().starts_with("The token is opaque"), "{}: {}", kind.name, seen.detail());
            }
            assert!(!seen.told.contains(&token), "{}: {name} is told", kind.name);
        }
    }
}

#[test]
fn scitokens_and_wlcg_take_two_algorithms_by_default_and_others_one() {
    let (rs, es, ps) = (Signer::rs256(), Signer::es256(), Signer::ps256());
    for kind in every_kind() {
        let keys = json!({"jwks": {"inline": jwks(&[&rs, &es, &ps])}, "algorithms": null});
        let mut world = world(patched(configured(&kind, &json!({}), &es), &keys));
        let two = matches!(kind.name, "scitokens" | "wlcg");
        for (signer, taken) in [(&rs, true), (&es, two), (&ps, false)] {
            let token = minted(&kind, &json!({}), &json!({}), signer);
            let want = if taken { "ok" } else { "401 algorithm" };
            assert_eq!(
                world.send(&Request::get("/x").bearing(&token)).in_short(),
                want,
                "{} {}",
                kind.name,
                signer.alg()
            );
        }
    }
}

#[test]
fn keys_are_sought_where_the_profile_knows_them_to_be() {
    let discovery = "/.well-known/openid-configuration";
    for (kind, at) in every_kind().into_iter().zip([
        discovery,
        "/oauth2/certs",
        discovery,
        "/.well-known/jwks.json",
        "/protocol/openid-connect/certs",
        "/.well-known/jwks.json",
        discovery,
        discovery,
        discovery,
    ]) {
        let name = kind.issuer["issuer"].as_str().unwrap().trim_end_matches('/');
        for (keys, want) in [
            (json!({"cluster": "c"}), format!("{name}{at}")),
            (json!({"cluster": "c", "uri": "https://keys.test/k"}), "https://keys.test/k".to_owned()),
        ] {
            let issuer = patched(kind.issuer.clone(), &json!({"jwks": keys}));
            assert_eq!(world(issuer).first_fetches(), [(want, "c".to_owned())], "{}", kind.name);
        }
    }
}

#[test]
fn an_auth0_issuer_is_written_with_its_slash() {
    let signer = signer();
    let issuer = configured(&auth0(), &json!({"issuer": "https://my-domain.auth0.com"}), &signer);
    let Err(problems) = World::parse(&document(&[issuer], &json!([]))) else { panic!("it is accepted") };
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("issuers[0].issuer: "), "{problems:?}");
}

#[test]
fn an_unknown_profile_is_refused() {
    for profile in ["Keycloak", "okta", "", "at+jwt"] {
        let issuer = configured(&generic(), &json!({"profile": profile}), &signer());
        let Err(problems) = World::parse(&document(&[issuer], &json!([]))) else { panic!("{profile} is accepted") };
        assert!(problems.iter().any(|problem| problem.starts_with("issuers[0].profile: ")), "{problems:?}");
    }
}
