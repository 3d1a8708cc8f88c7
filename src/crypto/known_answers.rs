//! Signatures of which it is known whether they are good, for a back end to show what it can do.
//!
//! They were made for this with keys that exist nowhere any more. All are over [`TEXT`]; key material and signatures are
//! in base64url, as in a key set and a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, PublicKey};

pub(super) const TEXT: &str = "a postern is the small guarded door in a castle wall";

/// Signatures over [`TEXT`] of one algorithm.
pub(super) struct KnownAnswers {
    pub(super) algorithm: Algorithm,
    pub(super) key: PublicKey,
    pub(super) good: Vec<u8>,
    /// Of the right form and with that key, and not good.
    pub(super) bad: Vec<Vec<u8>>,
}

/// Those of the algorithms that Envoy may check for us.
pub(super) fn known_answers() -> impl Iterator<Item = KnownAnswers> {
    let rsa = || PublicKey::rsa(&bytes(RSA_MODULUS)?, &[1, 0, 1]);
    let p256 = || PublicKey::p256(&bytes(P256_POINT)?);
    let p384 = || PublicKey::p384(&bytes(P384_POINT)?);
    [
        of(Algorithm::Rs256, rsa(), RS256, &[RS384, RS512]),
        of(Algorithm::Rs384, rsa(), RS384, &[RS256, RS512]),
        of(Algorithm::Rs512, rsa(), RS512, &[RS256, RS384]),
        of(Algorithm::Es256, p256(), ES256, &[P256_WITH_SHA384]),
        of(Algorithm::Es384, p384(), ES384, &[P384_WITH_SHA256]),
    ]
    .into_iter()
    .flatten()
}

fn of(algorithm: Algorithm, key: Option<PublicKey>, good: &str, others: &[&str]) -> Option<KnownAnswers> {
    let good = bytes(good)?;
    let changed = |at: usize| {
        let mut signature = good.clone();
        *signature.get_mut(at)? ^= 1;
        Some(signature)
    };
    let middle = good.len() / 2;
    let mut bad: Vec<Vec<u8>> = [0, middle, good.len().checked_sub(1)?].into_iter().filter_map(changed).collect();
    bad.extend(others.iter().filter_map(|other| bytes(other)));
    Some(KnownAnswers { algorithm, key: key?, good, bad })
}

fn bytes(encoded: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(encoded).ok()
}

const RSA_MODULUS: &str = "\
    q3RdKA52FvwIL47x1HihNQrAhCJwtQF8ANJ4295f6gPCaQCfat8FZaqcuhyDVW2rL93eyyygceFLLqjZnpRR9LkWIVK2JSWAJOcV\
    qA0aELV5CtlNaqRY1Y-qPJA4Ar6twKLzPHHmkPOcJulOuv5jpyTx_ISXKy7B1jcSI48t5b6arfuaL0DJyHS-X9MusPHvtDSL02_S\
    YLoaEi5T3yLfTQX7IxrRK09-Z1jwsVQPRafZzeqvgrv9v7_gKwIwrb-2opB5S3N4qVG9Yy2yFNMMc5UCvKz9SygMGp_ZDyy9xVWF\
    1Ik_jIad7c06macYOUstpFSRFH5cP8eKtlPUM2zttw";

const RS256: &str = "\
    MIykxez9OOqUbqmlKjBMT_Wk4Y2UXVlswZBMuLwvo8VO1A4ptr0lxkyGP_UygCaFTaRM6OLYMW2vMD96QGTgVZSbeJXLczV01s7M\
    8Jsruhz8FoP50w0S-bDnedhzUXefuYKQ65s86QvQAOlDQQzUp30dX3rcUPv6j4akIfseI2jl-MlmXa9DeHoC5WtWq__iTF5_p2m3\
    s0FVME_MZBpAFebJinc07vYGMdwZGkS3rtCSPzz9I8KqaugRNx4VFx-hRP1k_okJAT-P0Yw75AFz-0AauwXxHCS95ZrlBFRuxzN0\
    azQCdG2A4jUOiuV1NHQrs7jVWjQ0v5CziWSY-CQU1g";
const RS384: &str = "\
    cPkhmv3p36vzNe8YqJyrXPjaL3CkNS2LGqQY2BFQfdxnr3QJAwx8u_Q0S19G2ZiEyZw0iWqhreIjiME9WliZGPGn12ZQQLFDbEV1\
    FfvPgEBe6z6rGjiJzh0RwGE5JvH-l0ySWXGvit_KaXXb_zxTv6F2WqnuPUfQ7P0QLhv8FVuBw0KDX3NzXWVFn2gArlsY0kGLIiDf\
    z0_1L7_w3m2XJXdS-X4fosFX34-Zwh3GGaf2h-mZd9I9Bai57EVXJ4Yrrfar3STapu2svcSCrtV_I4ai7kwkoJ7NuoS6HfUotewQ\
    KD8uOpeF_TYlexIPOHJtan8vpUgZ0kNP-oDQV70kDg";
const RS512: &str = "\
    hmjn8cZWbQntHzVpgSn_8VkBEue42OBGM1qnK-IGPlBGFmQkf0bZc8nvwUkImshNP9vFREQAU1KtYeTqnmHYZaIMTzcSJSU8dPrE\
    R--9V19Kb4rkkFo9sXERvDaUVGOGdSCnW9jHDbn_-alPjFmP7iYWNG9Hl1Uqx9Kovx6-cJikSOjeeCimGeaPrWtbA27Czq40w8a8\
    dhuKl8X500R5TPKRm4dLP-Btrf_Ca4zqR1zKjn854ricH-6epjiN2ifY0l74GGLGjX_cu9zssjqdcibWuUs2-zfZGgE33mZ3uHHJ\
    njNOjnHSH_Gq2EwnY2KE_ZSGQAq_zhaadlGqK3oaXA";

const P256_POINT: &str = "\
    BJ5FzEewjQOQvYMre9HQHo9RKtA3Yw2G36KGjiN7TaLnw8nICLxVj6kELUftGuJIzKQEh5RZDnTL57xSqh67MYQ";
const ES256: &str = "\
    zPSxbc-Di-V_noVLWi7XPsplrjLgcq8_umIPue5OnRfaNv2E7vvCrvjshXaaJfBHh9xfnG2jqCbDgmxTx6HbsA";
/// With the hash of ES384.
const P256_WITH_SHA384: &str = "\
    c3EQP8Su7_g4IILqTbrZf7WJFtb8shJ6XoKFmhVrxt-izUR4vMvq3Tb0aqNcFilO-W4U_3CrzpfcUIN4jHwdfw";

const P384_POINT: &str = "\
    BEQVH1QY4xxFWPStLD91CDmHGC5pGRKaAbuzRG8fnQOACxrzpjxbMxRE3MJAbS8wsH5Lt7ixV4mhG4KtfoJI-HnaLWzB19ouJkMn\
    gQJtmBFQL4Ju66hu0AHTivP6Ke7K9w";
const ES384: &str = "\
    JXDlnIIlqkEYbfYQ6LSJ2eRLovG59dzDBv_6lUsxW9bA4he31ZxC5CmLlLtXO-RrHkAPo4_YG-xC3h1M3p7DDrtpzdRFEncoUy1A\
    ZFGeTpI4IljV6FcdZkEEGPed2VIu";
/// With the hash of ES256.
const P384_WITH_SHA256: &str = "\
    63Q77fMZb5wE1-KIlgzthVpRkYtaTeYNA4vTPakWsFmBtXeBW5TxmO-wZf-HWTQAmQvQX0dfYJJyBv3LDVeZlmegAFAT6fK4QApe\
    ZFAz0BgYvWdZxte3VU1VozTukHP3";
