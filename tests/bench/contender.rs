//! Who is measured, and what each of them has to answer.

use std::fmt;

use super::tokens::Alg;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// Envoy without any filter before the router: what all others stand on.
    None,
    /// What calling into a virtual machine costs at the least.
    WasmEmpty,
    JwtAuthn,
    JwtAuthnCache,
    /// The nearest to the work of Postern: a remembered token, and a capability that it has to have.
    JwtAuthnCacheRbac,
    ExtAuthz,
    Postern,
    /// The service gets a token of its own, which is at hand. This is what it is signed with.
    PosternReused(Alg),
    /// The service gets a new token with each request.
    PosternSigned(Alg),
}

impl Contender {
    pub const IN_THE_PROXY: [Self; 6] =
        [Self::None, Self::WasmEmpty, Self::JwtAuthn, Self::JwtAuthnCache, Self::JwtAuthnCacheRbac, Self::Postern];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WasmEmpty => "wasm-empty",
            Self::JwtAuthn => "jwt_authn",
            Self::JwtAuthnCache => "jwt_authn+cache",
            Self::JwtAuthnCacheRbac => "jwt_authn+cache+rbac",
            Self::ExtAuthz => "ext_authz",
            Self::Postern => "postern",
            Self::PosternReused(Alg::Rs256) => "postern, RS256 reused",
            Self::PosternReused(Alg::Es256) => "postern, ES256 reused",
            Self::PosternReused(Alg::EdDsa) => "postern, EdDSA reused",
            Self::PosternSigned(Alg::Rs256) => "postern, RS256 signed",
            Self::PosternSigned(Alg::Es256) => "postern, ES256 signed",
            Self::PosternSigned(Alg::EdDsa) => "postern, EdDSA signed",
        }
    }

    /// What it signs the service's tokens with, where it makes some.
    pub fn signs(self) -> Option<Alg> {
        match self {
            Self::PosternReused(alg) | Self::PosternSigned(alg) => Some(alg),
            Self::None
            | Self::WasmEmpty
            | Self::JwtAuthn
            | Self::JwtAuthnCache
            | Self::JwtAuthnCacheRbac
            | Self::ExtAuthz
            | Self::Postern => None,
        }
    }

    /// The status of its answer.
    pub fn answers(self, credential: Credential) -> u16 {
        match (self, credential) {
            (Self::None | Self::WasmEmpty, _) | (_, Credential::Good) => 200,
            (_, Credential::Absent | Credential::Forged) => 401,
            (Self::JwtAuthn | Self::JwtAuthnCache, Credential::WithoutCapability) => 200,
            (
                Self::JwtAuthnCacheRbac
                | Self::ExtAuthz
                | Self::Postern
                | Self::PosternReused(_)
                | Self::PosternSigned(_),
                Credential::WithoutCapability,
            ) => 403,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Good,
    Absent,
    /// Signed by no one.
    Forged,
    WithoutCapability,
}
