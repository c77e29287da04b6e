//! The shape of `summary.json`: names are fixed, things are added but never renamed.
//!
//! Latencies are in milliseconds, shares are fractions of one; what was never taken is absent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuthFigures, CaseFigures, EnvironmentFigures, SearchResult, Throttled, TlsFigures};
use crate::plan::PhaseKind;

/// The whole result of a run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// The version of this format.
    pub schema_version: u32,
    /// What made it.
    pub tool: ToolIdentity,
    /// Whether the run was cut off and only a part of it is here.
    pub partial: bool,
    /// The plan's labels.
    pub labels: BTreeMap<String, String>,
    /// Which part of a divided run this is.
    pub segment: Option<String>,
    /// What was run.
    pub plan: PlanIdentity,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// The verdict.
    pub verdict: VerdictName,
    /// The exit code of the command.
    pub exit_code: u8,
    /// Why, in one sentence.
    pub reason: String,
    /// What went wrong beside the figures, such as a journal that could not be written to its end;
    /// absent where nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Every threshold with its value.
    pub thresholds: Vec<ThresholdRow>,
    /// Whether the tester itself was fit.
    pub fitness: Vec<FitnessRow>,
    /// Everything but warm-ups and the probes of searches.
    pub totals: Figures,
    /// Everything: equal to the server's ledger.
    pub all: Figures,
    /// The totals by class of message, where messages have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, ClassFigures>,
    /// Phase by phase.
    pub phases: Vec<PhaseResult>,
    /// The machine and what it did, as in [`EnvironmentFigures`]; `sink` beside it where the
    /// embedded server ran: what it counted itself, and its `role`.
    #[schemars(with = "EnvironmentFigures")]
    pub environment: serde_json::Map<String, serde_json::Value>,
}

impl Summary {
    /// The machine and what it did; none where the results say something else.
    pub fn machine(&self) -> Option<EnvironmentFigures> {
        serde_json::from_value(serde_json::Value::Object(self.environment.clone())).ok()
    }
}

/// The program that made a result.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ToolIdentity {
    /// Always `mailquake`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The plan that a result belongs to.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PlanIdentity {
    /// Its name.
    pub name: String,
    /// `sha256:` and the hash of the settled plan without targets, sink, monitor, generator, seed
    /// and segment: equal plans have equal hashes.
    pub hash: String,
    /// The seed in force.
    pub seed: u64,
    /// The file it was read from, where there is one.
    pub file: Option<String>,
}

/// The verdict on a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    /// Every threshold holds and the tester was fit.
    Pass,
    /// A threshold does not hold.
    Fail,
    /// The tester missed one of its limits: the figures describe the tester.
    Invalid,
    /// Interrupted, or nothing was measured.
    None,
}

/// A threshold and what came out.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the results' format, with a meaning of its own"
)]
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ThresholdRow {
    /// The check as the plan writes it.
    pub check: String,
    /// The phase it was judged in; none: the whole run.
    pub phase: Option<String>,
    /// The value; none where it was never taken, or falls among messages without an answer. With
    /// a window the worst of all that were judged; where it counts as broken, the worst of the times
    /// that it did.
    pub value: Option<f64>,
    /// What it is compared with, in the same unit.
    pub limit: f64,
    /// `ms`, `share`, `per_s` or `count`.
    pub unit: String,
    /// Whether it holds.
    pub holds: bool,
    /// `fail`, `warn` or `abort`.
    pub action: String,
    /// Whether a percentile rests on fewer than 10 samples above it.
    pub few_samples: bool,
    /// The length of the window, in seconds; absent: it was judged over all that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u64>,
    /// For how many seconds it must be broken without a pause; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<u64>,
    /// When it first counted as broken, in seconds of the run's clock; of a check that is judged
    /// while the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at_s: Option<f64>,
    /// For how many seconds it was broken without a pause at the longest, also where that was too
    /// short to count; absent where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_broken_s: Option<f64>,
    /// Whether it ended the run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub aborted: bool,
}

impl ThresholdRow {
    /// Whether it decides about the verdict where it does not hold.
    pub fn decides(&self) -> bool {
        self.action != "warn"
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A check on the tester itself.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FitnessRow {
    /// What was checked; of the lag the percentile that was taken, `lag_p99` from 1,000 starts on,
    /// else `lag_p95`, `lag_p90` or `lag_p50`. Of each phase `late_starts`, `late_rendering`,
    /// `achieved`, `local_failures`, `worker_busy`, `worker_cpu`, `host_cpu`, `stalls` and
    /// `longest_stall` as far as they were taken; of the run `descriptors`, `local_ports` and
    /// `conservation`.
    pub check: String,
    /// The phase; none: the whole run.
    pub phase: Option<String>,
    /// What came out.
    pub status: FitnessStatus,
    /// The value.
    pub value: f64,
    /// The limit.
    pub limit: f64,
    /// `ms`, `share` or `count`.
    pub unit: String,
}

/// Whether the tester was fit.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum FitnessStatus {
    /// In order.
    Ok,
    /// Worth knowing.
    Warn,
    /// A limit was missed.
    Invalid,
}

/// One phase's result.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PhaseResult {
    /// Its name.
    pub name: String,
    /// Its kind, as the plan says it.
    pub kind: String,
    /// `open`, `closed` or `pause`.
    pub model: String,
    /// Whether it is a warm-up, left out of totals; probes are so too, by their kind.
    pub warmup: bool,
    /// Of a probe: the level that its search tried, in messages per second or connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// When it began, in seconds of the run.
    pub start_s: f64,
    /// How long it was in force, in seconds, without its drain.
    pub duration_s: f64,
    /// All of it.
    pub figures: Figures,
    /// By client.
    pub clients: BTreeMap<String, Figures>,
    /// The clients that hold back what they send: their times stand under `clients` alone, and are
    /// in no latency of the phase, of its targets or of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paced: Vec<String>,
    /// By class of message, where messages have one: a message counts here when it has ended, or
    /// was dropped. What belongs to sessions and their steps stands in no class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, ClassFigures>,
    /// By target, then by address.
    pub targets: BTreeMap<String, BTreeMap<String, Figures>>,
    /// Malformed starts by case; only those that were played.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, CaseFigures>,
    /// How the server throttled; null where it gave no sign of that.
    #[serde(default)]
    pub throttled: Option<Throttled>,
    /// What a search found, on the row of its first probe; null on all others.
    #[serde(default)]
    pub search: Option<SearchResult>,
}

impl PhaseResult {
    /// Whether it is a probe of a search.
    pub fn is_probe(&self) -> bool {
        self.kind == PhaseKind::Search.name()
    }

    /// Whether it is in the totals.
    pub fn counts(&self) -> bool {
        !self.warmup && !self.is_probe()
    }
}

/// Counts and latencies of one part of a run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Figures {
    /// What became of the messages.
    pub messages: MessageFigures,
    /// Errors as a share of started − local − interrupted.
    pub errors_share: f64,
    /// What became of the recipients.
    pub recipients: RecipientFigures,
    /// What became of the sessions.
    pub sessions: SessionFigures,
    /// Acceptances inside the phase's own duration, by that duration; of several phases by the
    /// time that they cover together. A closed phase with a `count` lasts until the last of its
    /// messages has started: where that was before the first acceptance came, as with no more
    /// messages than connections, its throughput is not known and this is null, and so it is of a
    /// phase without any time.
    pub accepted_per_s: Option<f64>,
    /// What went over the wire.
    pub octets: OctetFigures,
    /// What sessions negotiated; empty where all went in clear.
    pub tls: TlsFigures,
    /// What logins came to; all 0 where no session logged in.
    #[serde(default)]
    pub auth: AuthFigures,
    /// From the planned start to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<LatencyFigures>,
    /// From the first octet to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ms: Option<LatencyFigures>,
    /// By how much the tester began late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<LatencyFigures>,
    /// The time spent waiting for a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<LatencyFigures>,
    /// What it took the tester to compose messages for which their session waited: those that name
    /// `session` or `user`, and those composed again because the server takes no 8BITMIME; never a
    /// part of `service_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendering_ms: Option<LatencyFigures>,
    /// From connecting until ready for MAIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_ms: Option<LatencyFigures>,
    /// By step.
    pub steps: BTreeMap<String, StepFigures>,
    /// The replies that decided messages.
    pub codes: BTreeMap<String, u64>,
    /// The enhanced codes that decided messages.
    pub enhanced: BTreeMap<String, u64>,
    /// What went wrong, the most frequent first.
    pub errors: Vec<ErrorRow>,
    /// Malformed starts by case; those of a whole phase stand beside its figures.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, CaseFigures>,
}

/// Counts and latencies of the messages of one class. Sessions, their steps and octets belong to no
/// class, and stand with the whole alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ClassFigures {
    /// What became of the messages.
    pub messages: MessageFigures,
    /// Errors as a share of started − local − interrupted.
    pub errors_share: f64,
    /// As [`Figures::accepted_per_s`].
    pub accepted_per_s: Option<f64>,
    /// From the planned start to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<LatencyFigures>,
    /// From the first octet to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ms: Option<LatencyFigures>,
    /// The replies that decided messages.
    pub codes: BTreeMap<String, u64>,
    /// The enhanced codes that decided messages.
    pub enhanced: BTreeMap<String, u64>,
    /// What went wrong, the most frequent first.
    pub errors: Vec<ErrorRow>,
}

impl From<Figures> for ClassFigures {
    fn from(figures: Figures) -> Self {
        Self {
            messages: figures.messages,
            errors_share: figures.errors_share,
            accepted_per_s: figures.accepted_per_s,
            response_ms: figures.response_ms,
            service_ms: figures.service_ms,
            codes: figures.codes,
            enhanced: figures.enhanced,
            errors: figures.errors,
        }
    }
}

/// What became of messages: planned = started + dropped, started = the sum of all others.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is explained by the outcome of its name")]
pub struct MessageFigures {
    pub planned: u64,
    pub started: u64,
    pub dropped: u64,
    pub accepted: u64,
    pub expected: u64,
    pub unexpected: u64,
    pub temporary: u64,
    pub permanent: u64,
    pub timed_out: u64,
    pub disconnected: u64,
    pub unconnected: u64,
    pub tls: u64,
    pub protocol: u64,
    pub ambiguous: u64,
    pub interrupted: u64,
    pub local: u64,
}

/// What the server said to recipients.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RecipientFigures {
    /// A 2xx.
    pub accepted: u64,
    /// The refusal that the plan's `expect` names.
    pub expected: u64,
    /// A 4xx.
    pub temporary: u64,
    /// A 5xx.
    pub permanent: u64,
}

/// What became of sessions.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct SessionFigures {
    /// Attempts that were planned; equal to started.
    pub planned: u64,
    /// Attempts to open one.
    pub started: u64,
    /// Never attempted; always 0 where a rate counts messages.
    pub dropped: u64,
    /// Became ready for MAIL.
    pub opened: u64,
    /// Messages that took a session which had carried one before.
    pub reused: u64,
    /// Found closed, or holding a 421, before MAIL's first octet.
    pub stale: u64,
    /// Never became ready.
    pub failed: u64,
    /// The most that were open at one time: of a phase those that counted for it, in `all` those of
    /// all phases together, in `totals` the same without warm-ups. A session that goes over to the
    /// next phase is one session. Of a client or an address it is an upper bound: each worker's
    /// peak, and with several addresses each address's, may have come at another moment.
    pub peak_open: u64,
}

/// Octets of SMTP, without the overhead of TLS and TCP.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct OctetFigures {
    /// Given to the kernel.
    pub sent: u64,
    /// Taken from it.
    pub received: u64,
}

/// A distribution in milliseconds. A percentile with fewer than 10 samples above it is null; so
/// is one that falls among the samples without an answer, with the `_at_least` beside it. Those
/// are `censored`: `count` includes them, `min` does not, and where there are any, `max` and `mean`
/// are null, with `max_at_least` and `mean_at_least`, in which each counts with its age.
/// Starts that were dropped are among them, but have no age: `mean_at_least` is absent where
/// there are any, and another `_at_least` where not even a lower bound is known.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the statistic of its name")]
pub struct LatencyFigures {
    pub count: u64,
    pub min: Option<f64>,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
    pub censored: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999_at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_at_least: Option<f64>,
}

/// One step's replies and times.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StepFigures {
    /// Went as it should.
    pub ok: u64,
    /// Was refused, or never answered.
    pub refused: u64,
    /// By reply code.
    pub codes: BTreeMap<String, u64>,
    /// Its time.
    #[serde(flatten)]
    pub time: LatencyFigures,
}

/// One kind of error.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ErrorRow {
    /// How the message ended.
    pub outcome: String,
    /// At which step.
    pub step: String,
    /// The code that decided, where there was a reply.
    pub code: Option<u16>,
    /// How often.
    pub count: u64,
    /// The first reply, or the system's words.
    pub example: String,
}
