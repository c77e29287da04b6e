//! The checks of the tester, explained: a title for each, and the words that the page has too.

use super::Words;
use crate::verdict::FitnessCheck;

/// What is said of a check.
pub(super) const fn words(check: FitnessCheck) -> Words {
    Words { title: title(check), meaning: check.meaning(), advice: check.advice() }
}

const fn title(check: FitnessCheck) -> &'static str {
    match check {
        FitnessCheck::LagP99 => "how late the tester began, at the 99th percentile",
        FitnessCheck::LagP95 => "the same at the 95th, of fewer than 1,000 starts",
        FitnessCheck::LagP90 => "the same at the 90th, of fewer than 200 starts",
        FitnessCheck::LagP50 => "the same at the median, of fewer than 100 starts",
        FitnessCheck::LateStarts => "the share of starts that were more than 10 ms late",
        FitnessCheck::LateRendering => "composing that had to wait for the session",
        FitnessCheck::LocalFailures => "messages that the tester could not send",
        FitnessCheck::Achieved => "the starts that were made, of those that were planned",
        FitnessCheck::WorkerBusy => "the share of seconds in which a worker was over `cpu`",
        FitnessCheck::WorkerCpu => "the processor of the busiest worker over the phase",
        FitnessCheck::HostCpu => "the processor of the whole machine",
        FitnessCheck::Stalls => "how often the machine did not run what was due",
        FitnessCheck::LongestStall => "the longest time for which it did not",
        FitnessCheck::Descriptors => "open files that the plan may need",
        FitnessCheck::LocalPorts => "local ports that the plan needs",
        FitnessCheck::Conservation => "whether all counts add up",
    }
}
