//! The machine → its processor, memory, network and descriptors.
//!
//! Network octets are those of all interfaces together, loopback too: a test on one machine
//! shows its traffic there.

use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, Networks, System};

/// What the whole machine used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct HostSample {
    /// The share of all cores that was busy.
    pub cpu: f64,
    /// Octets in use.
    pub memory_used: u64,
    /// Octets there are.
    pub memory_total: u64,
    /// Octets received on all interfaces since the sample before.
    pub network_received: u64,
    /// Octets sent on all interfaces since the sample before.
    pub network_sent: u64,
    /// Open descriptors of the whole machine; 0 where the system does not say it.
    #[serde(default)]
    pub descriptors: u64,
}

#[derive(Debug)]
pub(super) struct HostWatch {
    system: System,
    networks: Networks,
}

impl HostWatch {
    pub(super) fn new() -> Result<Self, sysinfo::Error> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        Ok(Self { system, networks: Networks::new_with_refreshed_list()? })
    }

    pub(super) fn sample(&mut self) -> HostSample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        self.networks.refresh(true);
        let sum =
            |octets: fn(&sysinfo::NetworkData) -> u64| self.networks.values().map(octets).sum();
        HostSample {
            cpu: f64::from(self.system.global_cpu_usage()) / 100.0,
            memory_used: self.system.used_memory(),
            memory_total: self.system.total_memory(),
            network_received: sum(sysinfo::NetworkData::received),
            network_sent: sum(sysinfo::NetworkData::transmitted),
            descriptors: descriptors().unwrap_or(0),
        }
    }
}

/// The first number of `file-nr` is that of the descriptors in use (proc(5)).
fn descriptors() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_processor_is_a_fraction() {
        let sample = HostWatch::new().unwrap().sample();

        assert!((0.0..=1.0).contains(&sample.cpu), "{sample:?}");
        assert!(sample.memory_used < sample.memory_total, "{sample:?}");
        assert!(sample.descriptors > 3, "the test's own at least: {sample:?}");
    }
}
