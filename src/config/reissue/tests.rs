use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Config, ConfigError};
use crate::crypto::Algorithm;
use crate::jwks::KeySource;
use crate::reissue::{Reissue, Scopes};
use crate::request::{RequestHead, Route};
use crate::secret::Secret;

const PEM: &str = include_str!("../../../tests/support/keys/test-p256-a.pem");

fn environment(name: &str) -> Option<Secret> {
    Some(Secret::new(match name {
        "P256" => PEM,
        "SAME" => PEM,
        "OTHER" => include_str!("../../../tests/support/keys/test-p256-b.pem"),
        "ED25519" => include_str!("../../../tests/support/keys/test-ed25519.pem"),
        "P384" => include_str!("../../../tests/support/keys/test-p384.pem"),
        "EMPTY" => "",
        "SECRET" => "hunter2",
        _ => return None,
    }))
}

/// A good configuration.
fn good() -> Value {
    json!({
        "reissue": {
            "issuer": "https://a.test/own", "keys": [{"env": "P256"}], "hosts": ["a.test"], "key_cache": "1m",
            "exchange": {"audiences": ["x"], "path": "/t", "lifetime": "24h"},
        },
        "issuers": [
            {"issuer": "https://i.test", "audiences": ["x"], "jwks": {"cluster": "i"}},
            {"issuer": "https://a.test/own", "audiences": ["x"]},
        ],
        "rules": [{"name": "r", "match": {"prefix": "/r"}, "reissue": {"audience": "api"}}],
    })
}

/// With one thing changed: `at` is a JSON pointer, and null takes away.
fn with(at: &str, value: Value) -> Value {
    let mut document = good();
    let (parent, name) = at.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) if value.is_null() => _ = members.remove(name),
        Value::Object(members) => _ = members.insert(name.to_owned(), value),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{at} leads to {other}"),
    }
    document
}

fn read(document: &Value) -> Result<Config, Vec<String>> {
    let lines = |errors: Vec<ConfigError>| errors.iter().map(ConfigError::to_string).collect();
    Config::parse_in(document.to_string().as_bytes(), &environment).map_err(lines)
}

#[test]
fn one_mistake_gives_one_error_that_names_the_field() {
    const HOST: &str =
        "write a host name in lower case, or *.name for all below it, with :* behind it where a port may follow";
    const NO_NAME: &str = "is no name of an environment variable; the key stands in the variable, not here";
    const NO_URI: &str = "has to be an https URI, without user part and fragment: services look for the keys there";
    const PATH: &str = "has to be one path, such as /postern/token, that is read in one way, without a query";
    const SLASH: &str = "has a query, or ends with /: readers of tokens would not agree on where the keys are";
    const TWO_WAYS: &str = "has a path that can be read in more than one way";
    const KID: &str = "may hold printable ASCII without spaces, at most 64 characters";
    let key = |env: &str| json!({"env": env});
    let named = |env: &str, kid: &str| json!({"env": env, "kid": kid});
    for (at, value, field, problem) in [
        ("/reissue", json!("x"), "reissue", "expected an object, found \"x\""),
        (
            "/reissue/isuer",
            json!("x"),
            "reissue.isuer",
            "unknown field; known here: issuer, hosts, keys, key_cache, exchange",
        ),
        ("/reissue/issuer", json!(null), "reissue.issuer", "is missing"),
        ("/reissue/issuer", json!("http://a.test/own"), "reissue.issuer", NO_URI),
        ("/reissue/issuer", json!("own"), "reissue.issuer", NO_URI),
        ("/reissue/issuer", json!("https://u:p@a.test/own"), "reissue.issuer", NO_URI),
        ("/reissue/issuer", json!("https://a.test/own#x"), "reissue.issuer", NO_URI),
        ("/reissue/issuer", json!("https://a.test/own/"), "reissue.issuer", SLASH),
        ("/reissue/issuer", json!("https://a.test/"), "reissue.issuer", SLASH),
        ("/reissue/issuer", json!("https://a.test/own?x"), "reissue.issuer", SLASH),
        ("/reissue/issuer", json!("https://a.test/a//b"), "reissue.issuer", TWO_WAYS),
        ("/reissue/issuer", json!("https://a.test/a/../b"), "reissue.issuer", TWO_WAYS),
        ("/reissue/issuer", json!("https://a.test/%6fwn"), "reissue.issuer", TWO_WAYS),
        ("/reissue/issuer", json!("https://a.test/a;b"), "reissue.issuer", TWO_WAYS),
        ("/reissue/hosts", json!([]), "reissue.hosts", "needs at least one item"),
        ("/reissue/hosts", json!(["A.test"]), "reissue.hosts[0]", HOST),
        ("/reissue/hosts", json!(["a.test", "a.test:80"]), "reissue.hosts[1]", HOST),
        ("/reissue/hosts", json!(["*"]), "reissue.hosts[0]", HOST),
        ("/reissue/keys", json!(null), "reissue.keys", "is missing"),
        ("/reissue/keys", json!([]), "reissue.keys", "needs at least one item"),
        ("/reissue/keys", json!(vec![key("P256"); 5]), "reissue.keys", "more than 4 keys"),
        (
            "/reissue/keys",
            json!([named("P256", "a"), named("OTHER", "a")]),
            "reissue.keys",
            "two keys have the kid \"a\"",
        ),
        (
            "/reissue/keys",
            json!([named("P256", "a"), named("SAME", "b")]),
            "reissue.keys",
            "two entries have the same key",
        ),
        ("/reissue/keys/0", json!("P256"), "reissue.keys[0]", "expected an object, found \"P256\""),
        ("/reissue/keys/0", json!({"kid": "a"}), "reissue.keys[0].env", "is missing"),
        (
            "/reissue/keys/0",
            json!({"env": "P256", "use": "x"}),
            "reissue.keys[0].use",
            "unknown field; known here: env, kid",
        ),
        ("/reissue/keys/0", named("P256", "a b"), "reissue.keys[0].kid", KID),
        ("/reissue/keys/0", named("P256", "é"), "reissue.keys[0].kid", KID),
        ("/reissue/keys/0", named("P256", &"k".repeat(65)), "reissue.keys[0].kid", KID),
        ("/reissue/keys/0", named("P256", ""), "reissue.keys[0].kid", "is empty"),
        (
            "/reissue/keys/0",
            key("UNSET"),
            "reissue.keys[0].env",
            "UNSET is not set; Envoy has to be started with it, and the VM has to be given it \
             (vm_config.environment_variables, in Istio vmConfig.env)",
        ),
        ("/reissue/keys/0", key(PEM), "reissue.keys[0].env", NO_NAME),
        ("/reissue/keys/0", key("MC4CAQAwBQYDK2VwBCIEIJ/x"), "reissue.keys[0].env", NO_NAME),
        ("/reissue/keys/0", key(&"A".repeat(65)), "reissue.keys[0].env", NO_NAME),
        ("/reissue/keys/0", key("1A"), "reissue.keys[0].env", NO_NAME),
        ("/reissue/keys/0", key("A-B"), "reissue.keys[0].env", NO_NAME),
        (
            "/reissue/keys/0",
            key("EMPTY"),
            "reissue.keys[0].env",
            "EMPTY is empty; it has to be a private key, PKCS#8 as PEM",
        ),
        (
            "/reissue/keys/0",
            key("SECRET"),
            "reissue.keys[0].env",
            "SECRET is no private key, PKCS#8 as PEM: that begins with -----BEGIN PRIVATE KEY-----",
        ),
        (
            "/reissue/keys/0",
            key("P384"),
            "reissue.keys[0].env",
            "P384 is a key on a curve that is not supported; for EC it is P-256, named and not written out: `openssl genpkey \
             -algorithm EC -pkeyopt ec_paramgen_curve:P-256`",
        ),
        ("/reissue/key_cache", json!("59s"), "reissue.key_cache", "must be between 1m and 1h"),
        ("/reissue/key_cache", json!("61m"), "reissue.key_cache", "must be between 1m and 1h"),
        ("/reissue/exchange", json!(true), "reissue.exchange", "expected an object, found a boolean"),
        ("/reissue/exchange", json!({}), "reissue.exchange.audiences", "is missing"),
        (
            "/reissue/exchange/audience",
            json!("x"),
            "reissue.exchange.audience",
            "unknown field; known here: path, audiences, lifetime, issuers",
        ),
        ("/reissue/exchange/audiences", json!([]), "reissue.exchange.audiences", "needs at least one item"),
        ("/reissue/exchange/path", json!("token"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/t?x"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/a//t"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/%74"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/.well-known/token"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/path", json!("/own/.well-known/jwks.json"), "reissue.exchange.path", PATH),
        ("/reissue/exchange/lifetime", json!("25h"), "reissue.exchange.lifetime", "must be between 1m and 24h"),
        ("/reissue/exchange/lifetime", json!("59s"), "reissue.exchange.lifetime", "must be between 1m and 24h"),
        ("/reissue/exchange/issuers", json!([]), "reissue.exchange.issuers", "needs at least one item"),
        (
            "/reissue/exchange/issuers",
            json!(["https://i.test", "https://i.test/"]),
            "reissue.exchange.issuers[1]",
            "is none of `issuers`",
        ),
        ("/rules/0/reissue", json!({}), "rules[0].reissue.audience", "is missing"),
        ("/rules/0/reissue/audience", json!(["a"]), "rules[0].reissue.audience", "expected a string, found an array"),
        ("/rules/0/reissue/audience", json!(""), "rules[0].reissue.audience", "is empty"),
        ("/rules/0/reissue/lifetime", json!("25h"), "rules[0].reissue.lifetime", "must be between 1m and 24h"),
        ("/rules/0/reissue/lifetime", json!("59s"), "rules[0].reissue.lifetime", "must be between 1m and 24h"),
        (
            "/rules/0/reissue/scopes",
            json!("all"),
            "rules[0].reissue.scopes",
            "expected one of keep, needed, found \"all\"",
        ),
        ("/rules/0/reissue/outlive", json!(1), "rules[0].reissue.outlive", "expected true or false, found a number"),
        ("/rules/0/reissue/reuse", json!("no"), "rules[0].reissue.reuse", "expected true or false, found \"no\""),
        (
            "/rules/0/reissue/safe_methods",
            json!(["GET"]),
            "rules[0].reissue.safe_methods",
            "expected true or false, found an array",
        ),
        (
            "/rules/0/reissue/audiences",
            json!(["a"]),
            "rules[0].reissue.audiences",
            "unknown field; known here: audience, lifetime, safe_methods, outlive, reuse, scopes",
        ),
        (
            "/rules/0/access",
            json!("anonymous"),
            "rules[0].reissue",
            "has no token to make one of: `access` is anonymous",
        ),
    ] {
        let errors = read(&with(at, value.clone())).expect_err(at);
        assert_eq!(errors, [format!("{field}: {problem}")], "{at} = {value}");
    }
}

/// Nothing is said twice, and nothing of what hangs on what is wrong.
#[test]
fn what_is_missing_is_said_where_it_is_missing() {
    let mut document = with("/reissue", json!(null));
    document["issuers"].as_array_mut().unwrap().truncate(1);
    let needs = "rules[0].reissue: needs `reissue` of the whole configuration beside `rules`, with `issuer` and `keys`";
    assert_eq!(read(&document).unwrap_err(), [needs]);
    document["rules"][0]["access"] = "anonymous".into();
    assert_eq!(read(&document).unwrap_err().len(), 2, "two mistakes");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    for (at, value) in [
        ("/reissue/keys/0", json!({"env": PEM})),
        ("/reissue/keys/0", json!({"env": body})),
        ("/reissue/keys/0", json!({"env": "SECRET"})),
        ("/reissue/keys/0", json!({"env": "P256", "kid": PEM})),
    ] {
        let told = read(&with(at, value.clone())).unwrap_err().join("\n");
        assert!(!told.contains(&body[..16]) && !told.contains("hunter2"), "{value}: {told}");
    }
    let config = format!("{:?}", read(&good()).unwrap());
    assert!(!config.contains(&body[..16]), "a configuration is shown without its keys");
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let least = json!({
        "reissue": {"issuer": "https://a.test:8443/own", "keys": [{"env": "P256"}, {"env": "ED25519"}], "exchange": {"audiences": ["x"]}},
        "issuers": good()["issuers"].as_array().unwrap()[..1],
        "rules": good()["rules"],
    });
    let config = read(&least).unwrap();
    let own = config.reissue.as_ref().unwrap();
    assert_eq!(own.hosts, [crate::policy::HostPattern::parse("a.test:*").unwrap()]);
    let exchange = own.exchange.as_ref().unwrap();
    assert_eq!((exchange.path.as_str(), exchange.lifetime), ("/own/token", Duration::from_secs(3600)));
    for key in &own.keys {
        assert_eq!(key.kid, key.key.thumbprint()[..8], "the beginning of the thumbprint");
    }
    let rule = Reissue {
        audience: "api".to_owned(),
        lifetime: Duration::from_secs(3600),
        safe_methods: false,
        scopes: Scopes::Keep,
        outlive: false,
        reuse: true,
    };
    let fields = [(":method", "POST"), (":path", "/r"), (":authority", "a.test")];
    let head = RequestHead::new(fields.map(|(name, value)| (name.into(), value.into())).to_vec());
    let selected = config.policy.select(&head, &Route::default()).unwrap();
    assert_eq!(selected.reissuing().unwrap().1, &rule);
    assert!(read(&with("/reissue/exchange", json!(null))).unwrap().reissue.unwrap().exchange.is_none());
    assert!(
        read(&with("/reissue/issuer", json!("https://a.test"))).is_err(),
        "the entry of the other name has no keys"
    );
}

#[test]
fn the_entry_of_the_own_issuer_has_its_keys_and_algorithms() {
    let keys = json!([{"env": "P256"}, {"env": "OTHER"}, {"env": "ED25519"}]);
    let config = read(&with("/reissue/keys", keys)).unwrap();
    let (_, entry) = config.issuers.find("https://a.test/own").unwrap();
    assert_eq!(entry.algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    let KeySource::Inline(set) = &entry.keys else { panic!("they are at hand") };
    assert_eq!(set.iter().count(), 3);
    // Another entry needs its own.
    let other = json!({"issuer": "https://a.test/other", "audiences": ["x"]});
    assert_eq!(
        read(&with("/issuers/1", other)).unwrap_err(),
        ["issuers[1].jwks: is missing; only the entry of the `issuer` of `reissue`, in the same letters, needs none"]
    );
}

#[test]
fn a_token_endpoint_whose_tokens_are_refused_here_is_worth_a_word() {
    let notices = |document: &Value| read(document).unwrap().notices();
    assert_eq!(notices(&good()), [""; 0]);
    // One audience of several is enough: the others are for other readers.
    assert_eq!(notices(&with("/reissue/exchange/audiences", json!(["y", "x"]))), [""; 0]);
    let other = notices(&with("/reissue/exchange/audiences", json!(["y", "z"])));
    assert!(other.len() == 1 && other[0].contains("has none of its `audiences`"), "{other:?}");
    let none = json!([{"issuer": "https://i.test", "audiences": ["x"], "jwks": {"cluster": "i"}}]);
    let none = notices(&with("/issuers", none));
    assert!(none.len() == 1 && none[0].contains("no entry of the `issuer`"), "{none:?}");
    assert_eq!(notices(&with("/reissue/exchange", json!(null))), [""; 0]);
}
