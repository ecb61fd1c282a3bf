//! What one person has of the address space.

use std::net::{IpAddr, Ipv4Addr};

/// What one person has of the address space: an IPv4 address, or an IPv6 /64, whose 2^64 addresses
/// are anybody's who has one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address, also when it is written as an IPv6 one.
    V4(Ipv4Addr),
    /// The first half of an IPv6 address.
    V6([u16; 4]),
    /// No address is known (a Unix socket): all of them together.
    Unknown,
}

impl Network {
    /// The network of an address.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => Self::V4(v4),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
            None => Self::Unknown,
        }
    }

    /// Bytes that no other network has.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::V4(v4) => [&[4][..], &v4.octets()].concat(),
            Self::V6(half) => std::iter::once(6).chain(half.into_iter().flat_map(u16::to_be_bytes)).collect(),
            Self::Unknown => vec![0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn weakness_25_one_persons_addresses_are_one_network() {
        for (left, right, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:DB8:1:2:0::2", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            assert_eq!(network(left) == network(right), same, "{left} {right}");
            assert_eq!(network(left).bytes() == network(right).bytes(), same, "{left} {right}");
        }
        assert_eq!(Network::of(None), Network::Unknown);
        assert_ne!(Network::Unknown.bytes(), network("0.0.0.0").bytes());
    }
}
