//! A path: its one normal form, and what is below a base.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::policy::{Base, ReadPath, read_path};

fuzz_target!(|text: &str| {
    let ReadPath::Plain(plain) = read_path(text) else { return };
    assert!(plain.starts_with('/'), "{plain:?}");
    assert!(!plain.contains("//") && !plain.contains(['\\', '#', ';', '?']), "{plain:?}");
    assert!(!plain.chars().any(char::is_control), "{plain:?}");
    assert!(!plain.split('/').any(|segment| matches!(segment, "." | "..")), "{plain:?}");
    // The query is for nobody here, and one more byte of it changes nothing.
    let (path, _) = text.split_once('?').unwrap_or((text, ""));
    assert_eq!(read_path(path), ReadPath::Plain(plain.clone()));
    assert_eq!(read_path(&format!("{path}?/../x")), ReadPath::Plain(plain.clone()));
    // Envoy and the services write it in one of these ways, and all read alike.
    assert_eq!(read_path(&encoded(&plain)), ReadPath::Plain(plain.clone()), "fully encoded");
    if plain.bytes().all(|b| b.is_ascii_graphic() && b != b'%') {
        assert_eq!(read_path(&plain), ReadPath::Plain(plain.clone()), "normalized twice");
    }
    below_a_base(&plain);
});

/// Every byte but slashes and dots as an escape, which are refused as such.
fn encoded(plain: &str) -> String {
    let escape =
        |byte: u8| if matches!(byte, b'/' | b'.') { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    plain.bytes().map(escape).collect()
}

fn below_a_base(plain: &str) {
    assert_eq!(Base::new("/").resource(plain).as_deref(), Some(plain));
    for (end, _) in plain.match_indices('/') {
        let base = Base::new(&plain[..end.max(1)]);
        let rest = base.resource(plain).expect("it is below its own beginning");
        assert!(rest.starts_with('/') && plain.ends_with(&rest), "{plain:?} below {base:?} is {rest:?}");
        assert!(base.holds(&base));
    }
    let beside = Base::new(&format!("{}x", plain.trim_end_matches('/')));
    assert_eq!(beside.resource(plain), None, "another name is no base");
}
