//! The module that is shipped cannot be told to die.

use std::fs;

use super::super::harness::config::make_test_config;
use super::super::harness::module::Module;
use super::super::harness::setup::Setup;
use super::super::harness::stage::{Protocol, Stage};
use super::{HEADER, SAID, good};

fn holds(module: Module, text: &str) -> bool {
    let bytes = fs::read(module.path()).expect("a module");
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_module_that_is_shipped_has_no_way_to_trap_on_demand() {
    for text in [HEADER, SAID] {
        assert!(holds(Module::TrapForTests, text), "{text} is not what to look for");
        assert!(!holds(Module::Shipped, text), "{text}");
    }
    let stage = Stage::start(&Setup::new(&make_test_config()));
    for callback in ["headers", "body", "answer", "tick"] {
        let request = good().field(HEADER, callback).body(b"a body");
        stage.send(Protocol::Http1, &request).allowed(callback);
        stage.send(Protocol::Http1, &good()).allowed(callback);
    }
    assert_eq!(stage.envoy.reloads(), 0);
}
