//! The only addresses a server for development may listen on.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// An address that other machines cannot reach. The development issuer gives a token for anyone to
/// anyone who asks, and the echo shows credentials: neither may ever be open to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopbackAddr(SocketAddr);

impl LoopbackAddr {
    pub fn get(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for LoopbackAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LoopbackAddr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: SocketAddr =
            text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:9010 or [::1]:9010")?;
        if address.ip().is_loopback() {
            Ok(Self(address))
        } else {
            Err("this server is for development and listens on loopback only: 127.0.0.1 or [::1]")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LoopbackAddr;

    #[test]
    fn only_loopback_is_taken() {
        for (text, taken) in [
            ("127.0.0.1:9010", true),
            ("127.8.8.8:0", true),
            ("[::1]:9010", true),
            ("0.0.0.0:9010", false),
            ("[::]:9010", false),
            ("192.168.1.4:9010", false),
            // Not loopback for the standard library, and not needed.
            ("[::ffff:127.0.0.1]:9010", false),
            ("127.0.0.1", false),
            ("localhost:9010", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<LoopbackAddr>().is_ok(), taken, "{text}");
        }
    }
}
