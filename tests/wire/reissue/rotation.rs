//! Another key to sign with, while requests come: no service that keeps a key set for a while may be surprised.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::keys::{Key, in_new_vm, of_host, renews_vms};
use super::scene::{Came, HOST, KEYS, Scene, config};
use crate::support::mint::{Signer, Token};
use crate::wire::harness::answer::Answer;
use crate::wire::harness::dynamic::Drain;
use crate::wire::harness::kept::KeptConnection;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Protocol;
use crate::wire::harness::variables::Variables;
use crate::wire::harness::wait::wait_until;
use crate::wire::harness::{http1, http2};

/// Clients that keep their connection, and others, by both protocols.
const CLIENTS: usize = 4;

/// How many answers each has in each state of the rotation, at the least.
const ANSWERS: usize = 20;

/// Requests without end, each of which has to be let on by the filter and by the service.
struct Load<'a> {
    scene: &'a Scene,
    stop: AtomicBool,
    answered: [AtomicUsize; CLIENTS],
}

impl<'a> Load<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self { scene, stop: AtomicBool::new(false), answered: [const { AtomicUsize::new(0) }; CLIENTS] }
    }

    /// The failures of this client, when it is stopped.
    fn run(&self, client: usize) -> Vec<String> {
        let address = self.scene.envoy.address();
        let mut kept = KeptConnection::new(address);
        let mut failed = Vec::new();
        while !self.stop.load(Ordering::SeqCst) {
            let count = self.answered[client].load(Ordering::SeqCst);
            // One token for many requests, and now and then another; one that is kept by the filter, or made each time.
            let user = Token::new(&Signer::rs256()).claim("jti", format!("{client}-{}", count / 10)).mint();
            let request = Request::new("POST", if count.is_multiple_of(3) { "/fresh" } else { "/job" }).bearer(&user);
            let answer = match client {
                0 | 1 => kept.send(&request),
                2 => http1::send(address, &request),
                _ => http2::send(address, &request),
            };
            if answer.status != 200 {
                failed.push(format!("{answer:?}"));
            }
            self.answered[client].fetch_add(1, Ordering::SeqCst);
        }
        failed
    }

    /// Every client has had answers since.
    fn goes_on(&self) {
        let counts = || self.answered.each_ref().map(|count| count.load(Ordering::SeqCst));
        let before = counts();
        wait_until("every client has more answers", || {
            counts().iter().zip(before).all(|(count, before)| *count >= before + ANSWERS)
        });
    }

    /// Nothing is left of what was before: every client has left the connections that have the old configuration, and the
    /// service has the new keys.
    fn settles(&self) {
        self.goes_on();
        // One fetch may have been under way.
        let (_, _, fetches) = self.scene.service.counts();
        wait_until("the service has the key set of now", || self.scene.service.counts().2 >= fetches + 2);
        self.goes_on();
    }
}

/// Its clients end with the test, also where that fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Goes from one set-up to the next under load. Not one request may fail, neither here nor there.
fn rotate(scene: &Scene, states: &[(Setup, &str, BTreeSet<String>)]) {
    let load = Load::new(scene);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let load = &load;
                scope.spawn(move || load.run(client))
            })
            .collect();
        let stops = Stops(&load.stop);
        for (number, (setup, signs, published)) in states.iter().enumerate() {
            // The first one is there.
            if number > 0 {
                scene.envoy.update(setup);
            }
            load.settles();
            assert_eq!(&signer(scene), signs, "state {number}");
            assert_eq!(&kids(scene), published, "state {number}");
        }
        drop(stops);
        for client in clients {
            let failed = client.join().expect("a client that was always answered");
            assert!(failed.is_empty(), "{failed:?}");
        }
    });
    let (good, bad, _) = scene.service.counts();
    assert_eq!(bad, 0, "beside {good} good ones");
    println!("{good} requests, all verified");
}

/// The key that a token is signed with now.
fn signer(scene: &Scene) -> String {
    let user = Token::new(&Signer::rs256()).mint();
    let came = scene.send(Protocol::Http1, &Request::new("POST", "/fresh").bearer(&user));
    came.verified("the key that signs");
    came.header()["kid"].as_str().expect("kid").to_owned()
}

/// The keys that are published now.
fn kids(scene: &Scene) -> BTreeSet<String> {
    let answer: Answer = http1::send(scene.envoy.address(), &Request::get(KEYS).host(HOST));
    let keys: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let keys = keys["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
}

#[test]
fn no_request_fails_while_the_configuration_goes_from_one_key_to_the_next() {
    let (a, b) = (Key::rs256(), Key::es256());
    let setup = |keys: &[&Key]| {
        // Envoy's process has both from the beginning; the configuration says which count.
        Setup::new(&config(keys)).dynamic(Drain::Asking).concurrency(2).variables(of_host(&[&a, &b]))
    };
    let state = |keys: &[&Key]| {
        let kids: BTreeSet<String> = keys.iter().map(|key| key.kid().to_owned()).collect();
        (setup(keys), keys[0].kid().to_owned(), kids)
    };
    let states = [state(&[&a]), state(&[&a, &b]), state(&[&b, &a]), state(&[&b])];
    let scene = Scene::start(&setup(&[&a]));
    rotate(&scene, &states.each_ref().map(|(setup, signs, kids)| (setup.clone(), signs.as_str(), kids.clone())));
    assert_eq!(scene.envoy.reloads(), 0);
}

/// The set-up of an operator whose keys change and whose configuration does not: keys go by what they are.
fn by_environment(first: &Key, second: &Key) -> Setup {
    let mut config = config(&[]);
    config["reissue"]["keys"] = json!([{ "env": "FIRST" }, { "env": "SECOND" }]);
    let variables = Variables::default().written("FIRST", first.pem).written("SECOND", second.pem);
    Setup::new(&config).dynamic(Drain::Asking).concurrency(2).variables(variables)
}

/// The first characters of the thumbprint (RFC 7638) of a key.
fn thumb(key: &Key) -> String {
    use sha2_10::Digest as _;
    let jwk = key.signer.jwk();
    let names: &[&str] = match key.alg() {
        "RS256" => &["e", "kty", "n"],
        "ES256" => &["crv", "kty", "x", "y"],
        "EdDSA" => &["crv", "kty", "x"],
        other => panic!("nothing signs {other}"),
    };
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":{}", jwk[*name])).collect();
    let hash = sha2_10::Sha256::digest(format!("{{{}}}", members.join(",")));
    crate::support::mint::base64url(hash)[..8].to_owned()
}

#[test]
fn no_request_fails_while_the_environment_goes_from_one_key_to_the_next() {
    let (a, b, c) = (Key::rs256(), Key::other_rs256(), Key::eddsa());
    let thumbs = [&a, &b, &c].map(thumb);
    let [of_a, of_b, of_c] = thumbs.each_ref().map(String::as_str);
    let kids = |two: [&str; 2]| two.map(str::to_owned).into();
    let states = [
        (by_environment(&a, &b), of_a, kids([of_a, of_b])),
        (in_new_vm(by_environment(&b, &a), "2"), of_b, kids([of_a, of_b])),
        (in_new_vm(by_environment(&b, &c), "3"), of_b, kids([of_b, of_c])),
        (in_new_vm(by_environment(&c, &b), "4"), of_c, kids([of_b, of_c])),
    ];
    let scene = Scene::start(&states[0].0);
    rotate(&scene, &states);
    assert_eq!(scene.envoy.reloads(), 0);
}

/// An operator who changes only the environment has to know this.
#[test]
fn a_vm_is_made_anew_where_only_its_environment_changes_from_envoy_1_39_on() {
    let (a, b) = (Key::es256(), Key::other_es256());
    let scene = Scene::start(&by_environment(&a, &b));
    scene.envoy.update(&by_environment(&b, &a));
    assert_eq!(signer(&scene), thumb(if renews_vms() { &b } else { &a }));
    // By another name it is a new one everywhere.
    scene.envoy.update(&by_environment(&b, &a).vm_id("another"));
    assert_eq!(signer(&scene), thumb(&b));
    assert_eq!(kids(&scene), [&a, &b].map(thumb).into());
}

/// What the way of the tests above is for.
#[test]
fn a_key_that_signs_before_it_is_published_is_not_known_to_a_service_that_keeps_its_keys() {
    let (a, b) = (Key::es256(), Key::other_es256());
    let setup = |keys: &[&Key]| Setup::new(&config(keys)).dynamic(Drain::AtOnce).variables(of_host(&[&a, &b]));
    let scene = Scene::start(&setup(&[&a]));
    let mut trusted = super::scene::trusted(&scene.envoy);
    trusted["lifespan"] = json!(3600);
    scene.service.trust(&[trusted]);
    let send = || {
        let user = Token::new(&Signer::rs256()).mint();
        http1::send(scene.envoy.address(), &Request::new("POST", "/job").bearer(&user))
    };
    Came::of(&send()).verified("by the first key");
    scene.envoy.update(&setup(&[&b]));
    let came = Came::of(&send());
    assert_eq!(came.status, 401, "{came:?}");
}
