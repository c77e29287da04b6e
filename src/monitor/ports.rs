//! The kernel's settings → how many local ports there are, and how long each is kept.

use std::time::Duration;

use crate::timeline::TIME_WAIT;

/// How soon Linux gives a port that is in `TIME_WAIT` away again where it may (tcp(7),
/// `tcp_tw_reuse`).
const REUSED_AFTER: Duration = Duration::from_secs(1);

/// The local ports of this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalPorts {
    /// How many there are from one address to another.
    pub count: u64,
    reuse: Reuse,
}

/// When a port in `TIME_WAIT` is given away again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reuse {
    Never,
    OnLoopback,
    Always,
}

impl LocalPorts {
    /// What the kernel says; none where it does not say it.
    pub fn of_this_machine() -> Option<Self> {
        let setting =
            |name: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok();
        let range = setting("ip_local_port_range")?;
        Self::read(&range, setting("tcp_tw_reuse").as_deref().unwrap_or_default())
    }

    fn read(range: &str, reuse: &str) -> Option<Self> {
        let mut ends = range.split_ascii_whitespace().map(|end| end.parse::<u64>().ok());
        let (first, last) = (ends.next()??, ends.next()??);
        let reuse = match reuse.trim() {
            "1" => Reuse::Always,
            "2" => Reuse::OnLoopback,
            _ => Reuse::Never,
        };
        Some(Self { count: (last + 1).saturating_sub(first), reuse })
    }

    /// How long a connection keeps its port after this side has closed it.
    pub fn kept(&self, way: Way) -> Duration {
        match (self.reuse, way) {
            (Reuse::Always, Way::Loopback | Way::Network) | (Reuse::OnLoopback, Way::Loopback) => {
                REUSED_AFTER
            }
            (Reuse::Never, Way::Loopback | Way::Network)
            | (Reuse::OnLoopback, Way::Network)
            | (_, Way::Bound) => TIME_WAIT,
        }
    }
}

/// How a connection goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Within this machine.
    Loopback,
    /// Beyond it.
    Network,
    /// From an address that the plan names: binding to it takes a port that nothing else has, so
    /// it must be wholly free.
    Bound,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_has_both_of_its_ends() {
        let ports = LocalPorts::read("32768\t60999\n", "2\n");

        assert_eq!(ports.map(|ports| ports.count), Some(28_232));
        assert_eq!(LocalPorts::read("32768", "2"), None);
        assert_eq!(LocalPorts::read("", ""), None);
    }

    #[test]
    fn a_port_is_reused_early_only_where_the_kernel_may() {
        let kept = |reuse, way| LocalPorts::read("1 2", reuse).unwrap().kept(way).as_secs();

        let loopback = ["0", "1", "2", ""].map(|reuse| kept(reuse, Way::Loopback));
        let network = ["0", "1", "2", ""].map(|reuse| kept(reuse, Way::Network));
        let bound = ["0", "1", "2", ""].map(|reuse| kept(reuse, Way::Bound));

        assert_eq!((loopback, network, bound), ([60, 1, 1, 60], [60, 1, 60, 60], [60; 4]));
    }
}
