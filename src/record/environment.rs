//! `environment` of the summary: the tester's machine, and what it, this program and the watched
//! process used.
//!
//! A share of a machine is a fraction of all its cores; the processor of a process is in cores,
//! so 1.5 is one and a half of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tester's machine and what was used of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EnvironmentFigures {
    /// The kernel's name and version.
    pub kernel: Option<String>,
    /// How many threads can run at a time.
    pub cores: usize,
    /// How many worker threads the run had.
    pub workers: u32,
    /// How many descriptors this program may have; null: no limit.
    pub nofile: Option<u64>,
    /// How many local ports there are from one address to another; absent where the system does
    /// not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_ports: Option<u64>,
    /// The whole machine; absent where nothing was watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostFigures>,
    /// This program, the embedded server included; absent where nothing was watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessFigures>,
    /// The watched process with its descendants; absent where the plan names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<WatchedFigures>,
}

/// What the whole machine used.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct HostFigures {
    /// The share of all cores that was busy, over the run.
    pub cpu_mean: f64,
    /// The same in the busiest interval of the monitor.
    pub cpu_max: f64,
    /// The most memory in use, in octets.
    pub memory_max_octets: u64,
    /// The memory that there is, in octets.
    #[serde(default)]
    pub memory_total_octets: u64,
    /// Octets received on all interfaces, loopback too, over the run.
    #[serde(default)]
    pub network_received_octets: u64,
    /// Octets sent on them.
    #[serde(default)]
    pub network_sent_octets: u64,
    /// The most descriptors that were open; 0 where the system does not say it.
    #[serde(default)]
    pub descriptors_max: u64,
    /// How often the machine did not run for 20 ms or more what was due, over the run.
    #[serde(default)]
    pub stalls: u64,
    /// The longest of these times, in milliseconds; 0 where there were none.
    #[serde(default)]
    pub longest_stall_ms: f64,
}

/// What this program used.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ProcessFigures {
    /// Processor time by time passed, over the run: 1.0 is one core.
    pub cpu_mean: f64,
    /// The same in the busiest interval of the monitor.
    pub cpu_max: f64,
    /// The most resident memory, in octets.
    pub memory_max_octets: u64,
    /// The most descriptors that were open.
    pub descriptors_max: u64,
    /// The most threads.
    pub threads_max: u64,
}

/// What the watched process and its descendants used while it was there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct WatchedFigures {
    /// The process as the plan names it: a number or the name of a program.
    pub process: String,
    /// Its number; after a restart the last one.
    pub pid: u32,
    /// The most processes at a time, itself among them.
    pub processes_max: u64,
    /// Processor time by time passed, over the time that it was there: 1.0 is one core.
    pub cpu_mean: f64,
    /// The same in the busiest interval of the monitor.
    pub cpu_max: f64,
    /// The most resident memory, in octets; what several processes share counts for each.
    pub memory_max_octets: u64,
    /// The most descriptors that were open; absent where the system does not show them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors_max: Option<u64>,
    /// The most threads.
    pub threads_max: u64,
    /// How often it was found again under another number.
    pub restarts: u64,
    /// Whether it had ended when it was looked at last.
    pub gone: bool,
}
