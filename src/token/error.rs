//! Why a token is refused.

/// Nothing of the token itself is in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    TooLong,
    /// Not three base64url parts.
    NotJwt,
    /// Nothing that anyone but its issuer can read.
    Opaque,
    /// Header or payload is not a JSON object that can be read in one way only.
    Unreadable,
    /// The header asks for something that we do not do.
    Header(&'static str),
    /// The issuer is none of the whitelist.
    UnknownIssuer,
    /// The algorithm is not allowed for this issuer, or none that we know.
    Algorithm,
    /// No key, or not exactly one, that could have signed this.
    UnknownKey,
    Signature,
    Expired,
    NotYetValid,
    LifetimeTooLong,
    Audience,
    MissingClaim(&'static str),
    /// A claim has another type or holds what may not be passed on.
    InvalidClaim(&'static str),
    /// A good token of a kind that is not accepted; the text says which came.
    Kind(&'static str),
}
