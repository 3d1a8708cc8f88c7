//! A compact JWS as it comes: read, checked, verified. Only what was signed here may be good.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postern_fuzz::mint::Token;
use postern_fuzz::signed::{NOW, World};

thread_local! {
    static WORLD: World = World::new();
}

/// Those in the corpus, which anybody could have seen. They are signed anew here but for PSS, whose signatures are another
/// one each time.
static GOOD: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let signed = WORLD.with(|world| {
        let mint = |signer| Token::at(signer, NOW).claim("scope", "read:tap").mint();
        world.signers.iter().map(mint).collect::<Vec<_>>()
    });
    let kept = include_str!("../signed-with-pss.txt").lines().map(str::to_owned);
    signed.into_iter().chain(kept).collect()
});

fuzz_target!(|raw: &str| {
    let verdict = WORLD.with(|world| world.judge(raw));
    match verdict {
        Ok(_) => assert!(GOOD.contains(raw), "nobody signed this"),
        Err(error) => {
            assert!(!GOOD.contains(raw), "a good token is refused: {error:?}");
            let told = format!("{error:?}");
            assert!(raw.len() < 24 || !told.contains(raw), "the token is told");
        }
    }
});
