//! How a client's sessions reach their server: its address, the local addresses they come from,
//! and whom they say they stand for (PROXY protocol).

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::smtp::ProxyVersion;

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// A host name or IP address with a port.
    Host {
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        host: String,
        /// The TCP port, not 0.
        port: u16,
    },
    /// A socket of the file system.
    Unix(PathBuf),
}

impl Address {
    /// The name or IP address of the host; none at a socket of the file system.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Host { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }
}

/// A kind of IP address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Ranges of addresses, taken as one list: each address once, in the order of the plan.
///
/// A range of several IPv4 addresses counts without its first and last, which are no hosts'.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressPool {
    ranges: Vec<IpNet>,
}

impl AddressPool {
    /// The addresses of these ranges.
    pub const fn new(ranges: Vec<IpNet>) -> Self {
        Self { ranges }
    }

    /// The ranges.
    pub fn ranges(&self) -> &[IpNet] {
        &self.ranges
    }

    /// How many addresses of a family there are.
    pub fn count(&self, family: Family) -> u128 {
        self.of(family).map(hosts).fold(0, u128::saturating_add)
    }

    /// The n-th address of a family, counted round and round; none where there is no such address.
    pub fn nth(&self, family: Family, n: u64) -> Option<IpAddr> {
        let mut left = u128::from(n).checked_rem(self.count(family))?;
        for range in self.of(family) {
            let hosts = hosts(range);
            if left < hosts {
                return Some(host(range, left));
            }
            left -= hosts;
        }
        None
    }

    fn of(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        self.ranges.iter().filter(move |range| Family::of(range.network()) == family)
    }
}

/// How a client announces whom its connection stands for (PROXY protocol).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxy {
    /// The form of the header.
    pub version: ProxyVersion,
    /// Where the announced addresses are taken from.
    pub clients: AddressPool,
}

/// How many hosts a range holds.
fn hosts(range: &IpNet) -> u128 {
    let free = u32::from(range.max_prefix_len() - range.prefix_len());
    let all = 1_u128.checked_shl(free).unwrap_or(u128::MAX);
    match range {
        IpNet::V4(_) if free > 1 => all - 2,
        IpNet::V4(_) | IpNet::V6(_) => all,
    }
}

/// The n-th host of a range that holds more than that.
fn host(range: &IpNet, n: u128) -> IpAddr {
    match range {
        IpNet::V4(range) => {
            let first = u32::from(range.network()) + u32::from(range.prefix_len() < 31);
            IpAddr::V4(first.wrapping_add(u32::try_from(n).unwrap_or_default()).into())
        }
        IpNet::V6(range) => IpAddr::V6(u128::from(range.network()).wrapping_add(n).into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool(ranges: &[&str]) -> AddressPool {
        AddressPool::new(ranges.iter().map(|range| range.parse().unwrap()).collect())
    }

    fn nth(pool: &AddressPool, family: Family, n: u64) -> String {
        pool.nth(family, n).map_or_else(|| "none".to_owned(), |ip| ip.to_string())
    }

    #[test]
    fn addresses_are_counted_through_all_ranges_and_round_again() {
        let pool = pool(&["127.0.0.9/32", "127.0.1.0/30", "::1/128", "127.0.2.4/31"]);

        let v4: Vec<String> = (0..6).map(|n| nth(&pool, Family::V4, n)).collect();

        let round = ["127.0.0.9", "127.0.1.1", "127.0.1.2", "127.0.2.4", "127.0.2.5", "127.0.0.9"];
        assert_eq!(v4, round);
        assert_eq!(nth(&pool, Family::V6, 7), "::1");
    }

    #[test]
    fn a_family_without_addresses_has_none() {
        assert_eq!(nth(&pool(&["127.0.0.0/8"]), Family::V6, 0), "none");
        assert_eq!(nth(&AddressPool::default(), Family::V4, 0), "none");
    }

    #[test]
    fn the_widest_ranges_do_not_overflow() {
        assert_eq!(
            nth(&pool(&["0.0.0.0/0"]), Family::V4, u64::from(u32::MAX) - 2),
            "255.255.255.254"
        );
        assert_eq!(nth(&pool(&["::/0", "::1/128"]), Family::V6, u64::MAX), "::ffff:ffff:ffff:ffff");
    }

    proptest! {
        #[test]
        fn every_address_lies_in_its_range(bits: u32, prefix in 0_u8..=32, n: u64) {
            let range = ipnet::Ipv4Net::new(bits.into(), prefix).unwrap().trunc();
            let pool = AddressPool::new(vec![range.into()]);
            let Some(IpAddr::V4(ip)) = pool.nth(Family::V4, n) else { panic!("none") };
            prop_assert!(range.contains(&ip), "{} in {}", ip, range);
        }
    }
}
