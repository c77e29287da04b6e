//! The checks on the tester: their names, what each means, and what to do where it is not met.
//!
//! The words stand here and nowhere else: the page shows what to do, `explain` both.

use crate::format;
use crate::record::FitnessRow;

/// A check on the tester itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FitnessCheck {
    /// The lag's 99th percentile.
    LagP99,
    /// Its 95th, where fewer than 1,000 messages began.
    LagP95,
    /// Its 90th, where fewer than 200 did.
    LagP90,
    /// Its median, where fewer than 100 did.
    LagP50,
    /// The share of starts that were more than 10 ms late.
    LateStarts,
    /// What composing messages for their session took.
    LateRendering,
    /// Messages that failed on the tester's side.
    LocalFailures,
    /// Started by planned.
    Achieved,
    /// The share of seconds in which a worker was over its limit.
    WorkerBusy,
    /// The processor of the busiest worker.
    WorkerCpu,
    /// The processor of the whole machine.
    HostCpu,
    /// How often the tester stood still.
    Stalls,
    /// For how long at most.
    LongestStall,
    /// Open files that the plan may need.
    Descriptors,
    /// Local ports that the plan needs.
    LocalPorts,
    /// Whether the sums hold.
    Conservation,
}

impl FitnessCheck {
    /// Every check.
    pub const ALL: [Self; 16] = [
        Self::LagP99,
        Self::LagP95,
        Self::LagP90,
        Self::LagP50,
        Self::LateStarts,
        Self::LateRendering,
        Self::LocalFailures,
        Self::Achieved,
        Self::WorkerBusy,
        Self::WorkerCpu,
        Self::HostCpu,
        Self::Stalls,
        Self::LongestStall,
        Self::Descriptors,
        Self::LocalPorts,
        Self::Conservation,
    ];

    /// Its name in `summary.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LagP99 => "lag_p99",
            Self::LagP95 => "lag_p95",
            Self::LagP90 => "lag_p90",
            Self::LagP50 => "lag_p50",
            Self::LateStarts => "late_starts",
            Self::LateRendering => "late_rendering",
            Self::LocalFailures => "local_failures",
            Self::Achieved => "achieved",
            Self::WorkerBusy => "worker_busy",
            Self::WorkerCpu => "worker_cpu",
            Self::HostCpu => "host_cpu",
            Self::Stalls => "stalls",
            Self::LongestStall => "longest_stall",
            Self::Descriptors => "descriptors",
            Self::LocalPorts => "local_ports",
            Self::Conservation => "conservation",
        }
    }

    /// The check of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// What it looks at and when it speaks, in one or two sentences.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::LagP99 => {
                "How late messages began by the tester's own doing: from the planned start to the \
                 first act for it. Above 2 ms and a tenth of the response time it is a warning, \
                 above `[generator].limits.lag_p99` too the run is INVALID."
            }
            Self::LagP95 | Self::LagP90 | Self::LagP50 => {
                "Stands for `lag_p99` where too few messages began to know a 99th percentile; the \
                 limits are the same."
            }
            Self::LateStarts => {
                "The share of messages that began more than 10 ms after they were due; above 5 % \
                 it is a warning."
            }
            Self::LateRendering => {
                "How long messages that name their session or user took to compose, on average: \
                 they can't be built ahead, so each delays all others of its worker."
            }
            Self::LocalFailures => {
                "Messages that failed on the tester's side: no descriptor (EMFILE), no local port \
                 (EADDRNOTAVAIL), no memory. They say nothing about the server."
            }
            Self::Achieved => {
                "Messages that began, as a share of those that came due; the others were dropped \
                 because as many as `max_in_flight` allows were under way."
            }
            Self::WorkerBusy => {
                "The share of a phase's seconds in which a worker thread used more of its core \
                 than `[generator].limits.cpu`. Above 5 % a phase with a rate is INVALID; one \
                 with connections is meant to saturate something, so there it is a warning."
            }
            Self::WorkerCpu => {
                "The share of its core that the busiest worker thread used over the phase; above \
                 80 % its own work begins to delay what it measures."
            }
            Self::HostCpu => {
                "The share of all cores of the tester's machine that was busy over the phase, \
                 whoever was. What others use is taken from the tester; a server under test on \
                 the same machine is one of them, the embedded one too."
            }
            Self::Stalls => {
                "How often a thread that sleeps for 10 ms at a time woke 20 ms late or later: for \
                 so long this machine did not run what was due, the tester's work as little."
            }
            Self::LongestStall => {
                "The longest of these stalls. From 100 ms on the tester as a whole stood still, \
                 and what was measured then describes its machine and not the server."
            }
            Self::Descriptors => {
                "The open files that the plan may need at most, against the limit of this \
                 process; known before the start. Where there are too few, sessions fail by \
                 EMFILE."
            }
            Self::LocalPorts => {
                "The local ports that the plan needs from one source address to one address of a \
                 target, against those there are; known before the start. A client that closes \
                 first keeps its port for 60 s, so 28,232 ports are 470 new connections a second."
            }
            Self::Conservation => {
                "By how many messages the sums are off: each that was planned was started or \
                 dropped, and each that started ended one way."
            }
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::LagP99 | Self::LagP95 | Self::LagP90 | Self::LagP50 | Self::LateStarts => {
                "lower the rate, or give the tester more processor"
            }
            Self::LateRendering => {
                "take `session` and `user` out of large messages, or make these smaller"
            }
            Self::LocalFailures => {
                "see the errors' examples: raise `ulimit -n`, send more messages over each \
                 connection, or add `source` addresses"
            }
            Self::Achieved => {
                "where lag and processor are in order the server was too slow for the rate; else \
                 raise `max_in_flight`"
            }
            Self::WorkerBusy | Self::WorkerCpu => {
                "throughput may be the tester's limit: add workers, or lower the level"
            }
            Self::HostCpu => {
                "whatever else ran there, a server under test too, took from the tester: give the \
                 tester a machine of its own"
            }
            Self::Stalls => {
                "single times may be too long by as much: let less run beside the tester"
            }
            Self::LongestStall => {
                "the whole tester stood still, so the times of that moment are its machine's and \
                 not the server's: run it again where it is left alone"
            }
            Self::Descriptors => {
                "raise `ulimit -n`, or lower `connections`, `max_connections` or `max_in_flight`"
            }
            Self::LocalPorts => {
                "send more messages over each connection, end sessions by `quit`, or use several \
                 `source` or target addresses"
            }
            Self::Conservation => "this is a bug of mailquake: please report it",
        }
    }
}

/// What came out, beside its limit.
pub fn measured(row: &FitnessRow) -> String {
    let value = format::value_beside(row.value, row.limit, &row.unit);
    let limit = format::value(row.limit, &row.unit);
    format!("{} {value} (limit {limit})", row.check.replace('_', " "))
}

/// What came out and what to do about it.
pub fn advised(row: &FitnessRow) -> String {
    match FitnessCheck::named(&row.check) {
        Some(check) => format!("{}: {}", measured(row), check.advice()),
        None => measured(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_found_by_its_name_and_has_its_words() {
        for check in FitnessCheck::ALL {
            assert_eq!(FitnessCheck::named(check.name()), Some(check), "{check:?}");
            let (meaning, advice) = (check.meaning(), check.advice());
            assert!(meaning.ends_with('.') && meaning.len() > 60, "{check:?}: {meaning}");
            assert!(!advice.ends_with('.') && advice.len() > 20, "{check:?}: {advice}");
            let sentences = meaning.matches(". ").count() + 1;
            assert!(sentences <= 2, "{check:?} has {sentences} sentences");
        }
        assert_eq!(FitnessCheck::named("lag"), None);
    }
}
