use super::source::tests::to_struct;
use super::*;
use crate::json::Json;

const MINIMAL: &str =
    r#"{"issuers":[{"issuer":"https://a.test","audiences":["x"],"jwks":{"uri":"https://a.test/k","cluster":"a"}}]}"#;

/// A good configuration with one thing changed: `at` is a JSON pointer, `value` what is put there.
fn with(at: &str, value: &str) -> String {
    let mut document: serde_json::Value = serde_json::from_str(
        r#"{
        "issuers":[{"issuer":"https://a.test","audiences":["x"],"jwks":{"uri":"https://a.test/k","cluster":"a"}}],
        "credentials":{},"headers":{},"capabilities":{},
        "rules":[{"name":"r","match":{"path":"/a"},"require":{}},{"name":"s","match":{"prefix":"/b"}}]}"#,
    )
    .unwrap();
    let (parent, name) = at.rsplit_once('/').unwrap();
    let value = serde_json::from_str(value).unwrap();
    match document.pointer_mut(parent).unwrap() {
        serde_json::Value::Object(members) => _ = members.insert(name.to_owned(), value),
        serde_json::Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{at} leads to {other}"),
    }
    document.to_string()
}

/// The variables that the reference names.
fn test_keys(name: &str) -> Option<Secret> {
    match name {
        "POSTERN_SIGNING_KEY" => Some(Secret::new(include_str!("../../tests/support/keys/test-rsa2048-a.pem"))),
        "POSTERN_NEXT_KEY" => Some(Secret::new(include_str!("../../tests/support/keys/test-p256-a.pem"))),
        _ => None,
    }
}

/// The errors of a text, and of the same as a `Struct`.
fn errors(text: &str) -> Vec<String> {
    let lines = |bytes: &[u8]| match Config::parse_in(bytes, &test_keys) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ConfigError::to_string).collect::<Vec<_>>(),
    };
    let from_text = lines(text.as_bytes());
    if let Ok(json @ Json::Object(_)) = Json::parse(text.as_bytes())
        && json.first_duplicate().is_none()
    {
        let mut from_struct = lines(&to_struct(&json));
        let mut sorted = from_text.clone();
        // A Struct's fields have no order.
        from_struct.sort();
        sorted.sort();
        assert_eq!(from_struct, sorted, "both forms have the same errors: {text}");
    }
    from_text
}

/// Where a rule on paths says that their space begins.
#[test]
fn a_base_is_a_path_that_reads_in_one_way() {
    let with_base = |path: &str| {
        let document = format!(
            r#"{{"issuers":[{{"issuer":"https://a.test","profile":"scitokens","audiences":["x"],"jwks":{{"cluster":"a"}}}}],
            "rules":[{{"name":"r","match":{{"prefix":"/dav"}},"require":{{"path":{path}}}}}]}}"#
        );
        errors(&document)
    };
    for good in ["{}", r#"{"base":"/"}"#, r#"{"base":"/dav"}"#, r#"{"base":"/dav/"}"#, r#"{"base":"/dav/a/b"}"#] {
        assert_eq!(with_base(good), Vec::<String>::new(), "{good}");
    }
    for (bad, problem) in [
        (r#""/dav""#, "rules[0].require.path: expected an object, found \"/dav\""),
        (r#"{"base":"dav"}"#, "rules[0].require.path.base: has to begin with /"),
        (
            r#"{"base":"/a//b"}"#,
            "rules[0].require.path.base: can be read in more than one way: leave out empty and dot segments, \\, ; and encoded / and .",
        ),
        (
            r#"{"base":"/davx"}"#,
            "rules[0].require: `path.base` is neither above nor below the path that the rule matches",
        ),
        (r#"{"bass":"/dav"}"#, "rules[0].require.path.bass: unknown field; known here: base"),
    ] {
        assert_eq!(with_base(bad), [problem], "{bad}");
    }
}

/// Where the keys of an issuer are looked for, for each profile.
#[test]
fn a_profile_knows_where_its_issuers_keys_are() {
    const DISCOVERY: &str = "/.well-known/openid-configuration";
    let below = |path: &str| format!("https://a.test/x{path}");
    for (profile, issuer, want) in [
        ("generic", "https://a.test/x", format!("discovery {}", below(DISCOVERY))),
        ("lsst", "https://a.test/x", format!("discovery {}", below(DISCOVERY))),
        ("at-jwt", "https://a.test/x", format!("discovery {}", below(DISCOVERY))),
        ("cilogon", "https://a.test/x", format!("jwks {}", below("/oauth2/certs"))),
        ("cognito", "https://a.test/x", format!("jwks {}", below("/.well-known/jwks.json"))),
        ("keycloak", "https://a.test/x", format!("jwks {}", below("/protocol/openid-connect/certs"))),
        ("auth0", "https://a.test/x/", format!("jwks {}", below("/.well-known/jwks.json"))),
        (
            "scitokens",
            "https://a.test/x",
            format!("discovery {} else {}", below(DISCOVERY), below("/.well-known/oauth-authorization-server")),
        ),
        (
            "wlcg",
            "https://a.test/x",
            format!("discovery {} else {}", below(DISCOVERY), below("/.well-known/oauth-authorization-server")),
        ),
    ] {
        let issuer = format!(
            r#"{{"issuers":[{{"issuer":"{issuer}","profile":"{profile}","audiences":["x"],"jwks":{{"cluster":"a"}}}}]}}"#
        );
        let config = Config::parse(issuer.as_bytes()).unwrap();
        let (_, issuer) = config.issuers.iter().next().unwrap();
        let crate::jwks::KeySource::Remote(keys) = &issuer.keys else { panic!("keys are remote") };
        assert_eq!(keys.identity(&issuer.issuer).lines().next(), Some(want.as_str()), "{profile}");
    }
}

#[test]
fn a_minimal_configuration_has_the_documented_defaults() {
    let config = Config::parse(MINIMAL.as_bytes()).unwrap();
    assert_eq!(config.realm, "postern");
    assert_eq!(config.credentials, Places { bearer: true, basic: true, query: false });
    assert_eq!(config.headers, IdentityHeaders::default());
    assert!(!config.headers.forward_token && !config.require_tls);
    let (_, issuer) = config.issuers.iter().next().unwrap();
    assert_eq!(issuer.algorithms, [crate::crypto::Algorithm::Rs256]);
    assert_eq!((issuer.clock_skew.as_secs(), issuer.max_lifetime.as_secs()), (60, 86_400));
    let crate::jwks::KeySource::Remote(keys) = &issuer.keys else { panic!("keys are remote") };
    assert_eq!((keys.timeout.as_secs(), keys.cache), (5, None));
}

#[test]
fn one_mistake_gives_one_error_that_names_the_field() {
    let keys = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let private = r#"{"kty":"OKP","crv":"Ed25519","d":"AA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let inline = |keys: &str| format!(r#"{{"inline":{{"keys":[{keys}]}}}}"#);
    for (at, value, want) in [
        ("/realm", "\"\"", "realm: is empty"),
        ("/realm", "\"a\\\"b\"", "realm: may hold printable ASCII only, without quotes and backslashes"),
        ("/realm", "7", "realm: expected a string, found a number"),
        (
            "/relm",
            "\"x\"",
            "relm: unknown field; known here: realm, capabilities, reissue, issuers, credentials, headers, rules, require_tls, token_cache",
        ),
        ("/require_tls", "\"yes\"", "require_tls: expected true or false, found \"yes\""),
        ("/token_cache", "7", "token_cache: expected an object, found a number"),
        ("/token_cache", "null", "token_cache: expected an object, found null"),
        ("/token_cache", r#"{"entries":7}"#, "token_cache.entries: unknown field; known here: max_entries, max_bytes"),
        (
            "/token_cache",
            r#"{"max_entries":-1}"#,
            "token_cache.max_entries: has to be a whole number from 0 to 1000000",
        ),
        (
            "/token_cache",
            r#"{"max_entries":1000001}"#,
            "token_cache.max_entries: has to be a whole number from 0 to 1000000",
        ),
        (
            "/token_cache",
            r#"{"max_entries":1.5}"#,
            "token_cache.max_entries: has to be a whole number from 0 to 1000000",
        ),
        (
            "/token_cache",
            r#"{"max_entries":"100"}"#,
            "token_cache.max_entries: has to be a whole number from 0 to 1000000",
        ),
        (
            "/token_cache",
            r#"{"max_entries":null}"#,
            "token_cache.max_entries: has to be a whole number from 0 to 1000000",
        ),
        ("/token_cache", r#"{"max_bytes":-1}"#, "token_cache.max_bytes: has to be a whole number from 0 to 67108864"),
        (
            "/token_cache",
            r#"{"max_bytes":67108865}"#,
            "token_cache.max_bytes: has to be a whole number from 0 to 67108864",
        ),
        (
            "/token_cache",
            r#"{"max_bytes":99999999999999999999}"#,
            "token_cache.max_bytes: has to be a whole number from 0 to 67108864",
        ),
        (
            "/token_cache",
            r#"{"max_bytes":"16MiB"}"#,
            "token_cache.max_bytes: has to be a whole number from 0 to 67108864",
        ),
        ("/token_cache", r#"{"max_bytes":true}"#, "token_cache.max_bytes: has to be a whole number from 0 to 67108864"),
        ("/issuers", "[]", "issuers: needs at least one item"),
        (
            "/issuers",
            r#"[{"issuer":"a","audiences":["x"],"jwks":{"uri":"https://a","cluster":"a"}},{"issuer":"a","audiences":["y"],"jwks":{"uri":"https://a","cluster":"a"}}]"#,
            "issuers[1]: another entry has the same issuer",
        ),
        ("/issuers", "{}", "issuers: expected a list, found an object"),
        (
            "/issuers/0/issuer",
            "\"https://a.test \"",
            "issuers[0].issuer: begins or ends with white space, or holds a control character",
        ),
        (
            "/issuers/0/profile",
            "\"okta\"",
            "issuers[0].profile: expected one of generic, cilogon, lsst, cognito, keycloak, auth0, scitokens, wlcg, at-jwt, found \"okta\"",
        ),
        ("/issuers/0/profile", "\"auth0\"", "issuers[0].issuer: an issuer of profile auth0 ends with /"),
        ("/issuers/0/audiences", "[]", "issuers[0].audiences: needs at least one item"),
        ("/issuers/0/audiences", "[\"x\",1]", "issuers[0].audiences[1]: expected a string, found a number"),
        (
            "/issuers/0/algorithms",
            "[\"HS256\"]",
            "issuers[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, found \"HS256\"",
        ),
        (
            "/issuers/0/algorithms",
            "[\"none\"]",
            "issuers[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, found \"none\"",
        ),
        ("/issuers/0/clock_skew", "\"6m\"", "issuers[0].clock_skew: must be between 0s and 5m"),
        (
            "/issuers/0/clock_skew",
            "60",
            "issuers[0].clock_skew: expected a duration such as \"300s\", \"10m\" or \"1h\", with s, m or h",
        ),
        ("/issuers/0/max_lifetime", "\"59s\"", "issuers[0].max_lifetime: must be between 1m and 744h"),
        (
            "/issuers/0/token_use",
            "[\"refresh\"]",
            "issuers[0].token_use[0]: expected one of access, id, found \"refresh\"",
        ),
        ("/issuers/0/jwks/cache", "\"4m\"", "issuers[0].jwks.cache: must be between 5m and 1h"),
        ("/issuers/0/jwks/cache", "\"61m\"", "issuers[0].jwks.cache: must be between 5m and 1h"),
        ("/issuers/0/jwks/timeout", "\"0s\"", "issuers[0].jwks.timeout: must be between 1s and 30s"),
        (
            "/issuers/0/jwks/uri",
            "\"http://a.test/k\"",
            "issuers[0].jwks.uri: keys would be fetched by plain http; give `uri` with https:// and let the cluster say how it is reached",
        ),
        (
            "/issuers/0/jwks/uri",
            "\"/k\"",
            "issuers[0].jwks.uri: is not an https URI; it may have no user part and no fragment",
        ),
        (
            "/issuers/0/jwks",
            r#"{"uri":"https://a.test/k"}"#,
            "issuers[0].jwks: needs `cluster`, the Envoy cluster that reaches the issuer, or `inline` keys",
        ),
        ("/issuers/0/jwks", &inline("").replace("[]", "[],\"x\":1"), "issuers[0].jwks.inline: has no key"),
        (
            "/issuers/0/jwks",
            &inline(private),
            "issuers[0].jwks.inline: keys[0]: a private key, which does not belong here",
        ),
        (
            "/issuers/0/jwks",
            &inline(keys).replace("]}}", "]},\"cluster\":\"a\"}"),
            "issuers[0].jwks.cluster: has no meaning beside `inline`",
        ),
        ("/issuers/0/jwks", r#"{"inline":{}}"#, "issuers[0].jwks.inline: is no key set: no list of keys"),
        (
            "/issuers/0/claims",
            r#"{"user":"a..b"}"#,
            "issuers[0].claims.user: is no claim path; write a.b, a[].b, or [\"https://ns/x\"] for a name with dots",
        ),
        (
            "/issuers/0/key",
            "{}",
            "issuers[0].key: unknown field; known here: issuer, profile, audiences, algorithms, jwks, clock_skew, max_lifetime, token_use, scope_map, claims",
        ),
        (
            "/issuers/0/claims",
            r#"{"users":"a"}"#,
            "issuers[0].claims.users: unknown field; known here: user, uid, email, groups, scopes, audience, client",
        ),
        (
            "/issuers/0/scope_map",
            r#"{"a b":"c"}"#,
            "issuers[0].scope_map[\"a b\"]: a scope holds printable ASCII without spaces, quotes and backslashes",
        ),
        ("/credentials/bearer", "1", "credentials.bearer: expected true or false, found a number"),
        (
            "/credentials",
            r#"{"bearer":false,"basic":false}"#,
            "credentials: nothing is switched on: no request could carry a token",
        ),
        ("/capabilities/preset", "\"x\"", "capabilities.preset: expected one of none, lsst, found \"x\""),
        (
            "/capabilities/group_prefix",
            "\"a_\"",
            "capabilities.group_prefix: has no meaning without `groups` or a preset",
        ),
        ("/capabilities/groups", "[]", "capabilities.groups: expected an object, found an array"),
        ("/capabilities/groups", "{\"g\":[]}", "capabilities.groups.g: needs at least one item"),
        (
            "/capabilities/groups",
            "{\"g\":[\"a b\"]}",
            "capabilities.groups.g[0]: is no capability: it may hold no space, quote or backslash",
        ),
        ("/headers/user", "\"a b\"", "headers.user: \"a b\" is not a header name"),
        ("/headers/user", "\":path\"", "headers.user: \":path\" is not a header name"),
        (
            "/headers/user",
            "\"Authorization\"",
            "headers.user: \"Authorization\" means something else and cannot carry an identity",
        ),
        ("/headers/user", "\"x-auth-request-uid\"", "headers: x-auth-request-uid is the name of two headers"),
        (
            "/headers/user",
            "\"content_length\"",
            "headers.user: \"content_length\" means something else and cannot carry an identity",
        ),
        (
            "/headers/user",
            "\"X_Envoy_User\"",
            "headers.user: \"X_Envoy_User\" means something else and cannot carry an identity",
        ),
        (
            "/headers/user",
            "\"x-forwarded-user\"",
            "headers.user: \"x-forwarded-user\" means something else and cannot carry an identity",
        ),
        ("/headers/user", "\"x_auth.request-uid\"", "headers: x-auth-request-uid is the name of two headers"),
        ("/headers/claims", r#"{"x a":"b"}"#, "headers.claims[\"x a\"]: \"x a\" is not a header name"),
        ("/rules/0", "{}", "rules[0].name: is missing"),
        ("/rules/0/name", "\"a b\"", "rules[0].name: may hold letters, digits, - and _, at most 64"),
        (
            "/rules/0/name",
            "\"metadata\"",
            "rules[0].name: is taken: metrics call so what no rule, or a route's metadata alone, decided",
        ),
        (
            "/rules/0/name",
            "\"none\"",
            "rules[0].name: is taken: metrics call so what no rule, or a route's metadata alone, decided",
        ),
        ("/rules/1/name", "\"r\"", "rules[1]: rules[0] has the same name"),
        ("/rules/1/match", r#"{"path":"/a"}"#, "rules[1]: never reached: rules[0] matches all of it first"),
        (
            "/rules",
            r#"[{"name":"a","match":{"methods":["GET"]}},{"name":"b","match":{"methods":["PUT"]}},{"name":"c","match":{"prefix":"/c","methods":["GET","PUT"]}}]"#,
            "rules[2]: never reached: rules[0] and others match all of it first",
        ),
        (
            "/rules/0/match",
            "{}",
            "rules[0].match: has no criterion; write `prefix: /` for every path, or leave `match` out",
        ),
        ("/rules/0/match", r#"{"path":"a"}"#, "rules[0].match.path: has to begin with /"),
        (
            "/rules/0/match",
            r#"{"prefix":"/a/*"}"#,
            "rules[0].match.prefix: * has no meaning here: `path` is one path, and `prefix` stands for all below it",
        ),
        ("/rules/0/match", r#"{"path":"/a","prefix":"/b"}"#, "rules[0].match.prefix: give either `path` or `prefix`"),
        (
            "/rules/0/match",
            r#"{"prefix":"/a/"}"#,
            "rules[0].match.prefix: a prefix stands for whole segments; leave out the / at its end",
        ),
        ("/rules/0/match", r#"{"path":"/a?b"}"#, "rules[0].match.path: a query is never matched; write the path alone"),
        (
            "/rules/0/match",
            r#"{"path":"/a/../b"}"#,
            "rules[0].match.path: can be read in more than one way: leave out empty and dot segments, \\, ; and encoded / and .",
        ),
        (
            "/rules/0/match",
            r#"{"hosts":["a:80"]}"#,
            "rules[0].match.hosts[0]: write a host name in lower case, or *.name for all below it, with :* behind it where a port may follow",
        ),
        (
            "/rules/0/match",
            r#"{"methods":["get"]}"#,
            "rules[0].match.methods[0]: methods are case-sensitive; write it in capitals, such as GET",
        ),
        (
            "/rules/0/access",
            "\"open\"",
            "rules[0].access: expected one of required, optional, anonymous, found \"open\"",
        ),
        (
            "/rules/0/access",
            "\"anonymous\"",
            "rules[0].require: asks for something, though `access` lets requests on without a token",
        ),
        ("/rules/0/require/capabilities", "{}", "rules[0].require.capabilities: needs `all_of` or `any_of`"),
        (
            "/rules/0/require/capabilities",
            r#"{"all_of":["a b"]}"#,
            "rules[0].require.capabilities.all_of[0]: is no capability: it may hold no space, quote or backslash",
        ),
        (
            "/rules/0/require/capabilities",
            r#"{"all_of":["a"],"none_of":["a"]}"#,
            "rules[0].require.capabilities.none_of: unknown field; known here: all_of, any_of",
        ),
        ("/rules/0/require/clients", "[]", "rules[0].require.clients: needs at least one item"),
        (
            "/rules/0/require/principals",
            "[\"robot\"]",
            "rules[0].require.principals[0]: expected one of user, service, found \"robot\"",
        ),
        (
            "/rules/0/require/interactive",
            "\"yes\"",
            "rules[0].require.interactive: expected true or false, found \"yes\"",
        ),
        (
            "/rules/0/require",
            "{\"path\":{\"base\":\"/b\"}}",
            "rules[0].require: `path.base` is neither above nor below the path that the rule matches",
        ),
        ("/rules/0/require/issuers", "[]", "rules[0].require.issuers: needs at least one item"),
        ("/rules/0/require/issuers", "[\"https://a.test/\"]", "rules[0].require.issuers[0]: is none of `issuers`"),
        ("/rules/0/require/max_auth_age", "\"59s\"", "rules[0].require.max_auth_age: must be between 1m and 744h"),
        ("/rules/0/require/acr", "[\"a b\"]", "rules[0].require.acr[0]: may hold no space, quote or backslash"),
        (
            "/rules/0/challenge",
            "[\"digest\"]",
            "rules[0].challenge[0]: expected one of bearer, basic, found \"digest\"",
        ),
        (
            "/rules/0/reissue",
            "{\"audience\":\"api\"}",
            "rules[0].reissue: needs `reissue` of the whole configuration beside `rules`, with `issuer` and `keys`",
        ),
        ("/rules/0/shadow", "1", "rules[0].shadow: expected true or false, found a number"),
        (
            "/rules/0/foreign_authorization",
            "\"pass\"",
            "rules[0].require: asks for something, though `foreign_authorization` lets requests on without a token",
        ),
    ] {
        let got = errors(&with(at, value));
        assert_eq!(got, [want], "{at} = {value}");
    }
}

#[test]
fn how_much_is_remembered_of_tokens_can_be_said() {
    for (value, max_entries, max_bytes) in [
        ("{}", 4096, 16 * 1024 * 1024),
        (r#"{"max_entries":0}"#, 0, 16 * 1024 * 1024),
        (r#"{"max_entries":1000000}"#, 1_000_000, 16 * 1024 * 1024),
        (r#"{"max_bytes":0}"#, 4096, 0),
        (r#"{"max_bytes":67108864}"#, 4096, 67_108_864),
        (r#"{"max_entries":7,"max_bytes":70000}"#, 7, 70_000),
    ] {
        let text = with("/token_cache", value);
        assert_eq!(errors(&text), [""; 0], "{value}");
        let want = crate::token::CacheLimits { max_entries, max_bytes };
        assert_eq!(Config::parse(text.as_bytes()).unwrap().token_cache, want, "{value}");
        // A `Struct` has no whole numbers, only such as are.
        let of_struct = to_struct(&Json::parse(text.as_bytes()).unwrap());
        assert_eq!(Config::parse(&of_struct).unwrap().token_cache, want, "{value} as a Struct");
    }
    let nothing = Config::parse(MINIMAL.as_bytes()).unwrap().token_cache;
    assert_eq!(nothing, crate::token::CacheLimits { max_entries: 4096, max_bytes: 16 * 1024 * 1024 });
    let both = errors(&with("/token_cache", r#"{"max_entries":-1,"max_bytes":-1}"#));
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = r#"{"realm":7,"issuers":[{"issuer":"https://a.test","audience":["x"],"jwks":{"cache":"1m"}}],
        "rules":[{"name":"r","match":{"path":"a"}},{"name":"r","access":"open"}],"extra":1}"#;
    let errors = errors(text);
    for path in [
        "realm: ",
        "issuers[0].audiences: is missing",
        "issuers[0].audience: unknown field",
        "issuers[0].jwks: needs `cluster`",
        "issuers[0].jwks.cache: ",
        "rules[0].match.path: ",
        "rules[1].access: ",
        "rules[1]: rules[0] has the same name",
        "extra: unknown field",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(path)), "{path} is missing in {errors:#?}");
    }
    assert_eq!(errors.len(), 9, "{errors:#?}");
}

#[test]
fn a_field_that_stands_twice_is_refused_wherever_it_is() {
    for (text, want) in [
        (MINIMAL.replace("{\"issuers\"", "{\"realm\":\"a\",\"realm\":\"a\",\"issuers\""), "realm: stands twice"),
        (
            MINIMAL.replace("\"cluster\":\"a\"", "\"cluster\":\"a\",\"cluster\":\"b\""),
            "issuers[0].jwks.cluster: stands twice",
        ),
        (
            MINIMAL.replace("\"audiences\"", "\"scope_map\":{\"a\":\"b\",\"a\":\"c\"},\"audiences\""),
            "issuers[0].scope_map.a: stands twice",
        ),
    ] {
        assert_eq!(errors(&text), [want], "{text}");
    }
}

#[test]
fn what_is_no_configuration_at_all_says_so() {
    for (bytes, want) in [
        (&b""[..], "is empty"),
        (b"realm: x", "is neither"),
        (b"[]", "expected an object, found an array"),
        (b"{}", "issuers: is missing"),
        (b"null", "expected an object, found null"),
    ] {
        let errors = Config::parse(bytes).unwrap_err();
        assert!(errors[0].to_string().contains(want), "{bytes:?}: {errors:?}");
    }
}

/// The reference shows every option: it is read without an error in both forms, and holds every name that a reader
/// knows, which an unknown field makes each of them list.
#[test]
fn the_reference_configuration_is_accepted_and_complete() {
    let reference = include_str!("../../envoy/config.reference.yaml");
    let document: serde_json::Value = serde_yaml_ng::from_str(reference).unwrap();
    assert_eq!(errors(&document.to_string()), [""; 0]);
    assert_eq!(defaults_of_own_issuer(&document), (3, 2), "issuers, and keys of our own");
    let mut known = 0;
    for at in [
        "",
        "/credentials",
        "/headers",
        "/capabilities",
        "/issuers/0",
        "/issuers/0/jwks",
        "/issuers/0/claims",
        "/rules/0",
        "/rules/0/match",
        "/rules/0/require",
        "/rules/0/require/capabilities",
        "/reissue",
        "/reissue/keys/0",
        "/reissue/exchange",
        "/rules/0/reissue",
    ] {
        let mut document = document.clone();
        let object = document.pointer_mut(at).and_then(|value| value.as_object_mut()).expect(at);
        object.insert("no_such_field".to_owned(), 1.into());
        let errors = errors(&document.to_string());
        let [error] = errors.as_slice() else { panic!("{at}: {errors:?}") };
        let (_, names) = error.split_once("unknown field; known here: ").unwrap();
        for name in names.split(", ") {
            let shown = [format!("{name}:"), format!(" {name},"), format!(" {name}.")]
                .iter()
                .any(|form| reference.contains(form));
            assert!(shown, "{at}/{name} is not in the reference");
            known += 1;
        }
    }
    assert!(known > 70, "only {known} names were compared");
}

/// How many issuers there are, and how many keys has the one whose are not given.
fn defaults_of_own_issuer(document: &serde_json::Value) -> (usize, usize) {
    let config = Config::parse_in(document.to_string().as_bytes(), &test_keys).unwrap();
    let own = config.reissue.as_ref().unwrap();
    let (_, entry) = config.issuers.find(&own.issuer).unwrap();
    let crate::jwks::KeySource::Inline(keys) = &entry.keys else { panic!("our own keys are fetched") };
    (config.issuers.iter().count(), keys.iter().count())
}
