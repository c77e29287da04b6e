//! The plan as the rest of the program sees it: typed, complete, with ids in place of names.

mod search;
mod sink;
mod tls;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, AddressPool, Proxy, Threshold, WatchedProcess};
use crate::message::{ClassId, CountRange, FeedSpec, Recipe};
use crate::smtp::{
    Auth, CaseId, Chunking, Code, Dsn, EhloName, Ending, Enhanced, Expectations, Login, Pace,
    Pipelining, Protocol, Xclient,
};

pub use search::{Search, SearchId};
pub use sink::{SinkLimits, SinkReject};
pub use tls::{Identity, SinkTls, Tls, TlsVersion, Verify};

/// Everything that a run does.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The plan's name; also the first part of the results folder's.
    pub name: String,
    /// What all draws come from.
    pub seed: u64,
    /// Copied into the results.
    pub labels: BTreeMap<String, String>,
    /// By [`TargetId`].
    pub targets: Vec<Target>,
    /// By [`ClientId`].
    pub clients: Vec<Client>,
    /// By [`MessageId`].
    pub messages: Vec<Recipe>,
    /// By [`ClassId`]: the names of the classes that messages have.
    pub classes: Vec<String>,
    /// Data for templates.
    pub feeds: Vec<FeedSpec>,
    /// By [`PhaseId`], in file order, `step`, `repeat` and `search` expanded.
    pub phases: Vec<Phase>,
    /// By [`SearchId`], in file order.
    pub searches: Vec<Search>,
    /// What must hold over all phases but warm-ups and probes.
    pub thresholds: Vec<Threshold>,
    /// The embedded server; its settings hold also where it is not a target.
    pub sink: SinkPlan,
    /// What is watched.
    pub monitor: Monitor,
    /// When the tester itself is not fit.
    pub limits: FitnessLimits,
}

/// The position of a target in [`Plan::targets`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TargetId(pub u16);
/// The position of a client in [`Plan::clients`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ClientId(pub u16);
/// The position of a message in [`Plan::messages`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct MessageId(pub u16);
/// The position of a phase in [`Plan::phases`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct PhaseId(pub u16);

impl Plan {
    /// The classes of a plan with their names.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &str)> {
        (0..).map(ClassId).zip(self.classes.iter().map(String::as_str))
    }

    /// The searches of a plan with their ids.
    pub fn searches(&self) -> impl Iterator<Item = (SearchId, &Search)> {
        (0..).map(SearchId).zip(&self.searches)
    }
}

impl TargetId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
impl ClientId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
impl MessageId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
impl PhaseId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A server under test.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The name in the plan; `default` for `[target]`.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it speaks.
    pub protocol: Protocol,
    /// How long to wait for it.
    pub timeouts: Timeouts,
    /// The ranges beyond loopback that this plan may load, as `10.20.0.0/16`.
    pub allow: Vec<ipnet::IpNet>,
}

/// Where a target is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// The embedded server.
    Sink,
    /// One name or address; the first resolved address that accepts is kept.
    One(Address),
    /// Several addresses, or all that a name resolves to: sessions go to all of them evenly.
    Spread(Vec<Address>),
}

/// How long a session waits for its server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// For the connection; default 5 s.
    pub connect: Duration,
    /// For each reply; default 30 s.
    pub reply: Duration,
    /// For the reply to the final dot; default 2 min.
    pub end_of_data: Duration,
}

impl Timeouts {
    /// The longest of the three: how long a phase drains by default.
    pub fn longest(&self) -> Duration {
        self.connect.max(self.reply).max(self.end_of_data)
    }
}

/// Ids with weights above zero; never empty.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Weighted<T> {
    /// The choices in file order.
    pub choices: Vec<(T, f64)>,
}

/// One kind of sender.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The name in the plan.
    pub name: String,
    /// The server that it talks to.
    pub target: TargetId,
    /// The local addresses that its sessions come from, in turn; none: the system's choice.
    pub source: Option<AddressPool>,
    /// Whom its connections say they stand for.
    pub proxy: Option<Proxy>,
    /// The malformed cases that it plays in place of sending mail; none: it sends mail.
    pub cases: Option<Vec<CaseId>>,
    /// What it sends; empty where it plays cases.
    pub messages: Weighted<MessageId>,
    /// After how many messages a session ends; default 10.
    pub messages_per_connection: CountRange,
    /// How many sessions it may have open at a time; none: as many as it needs.
    pub max_connections: Option<u32>,
    /// How many recipients each message has, in place of the message's own count.
    pub recipients: Option<CountRange>,
    /// How commands are grouped.
    pub pipelining: Pipelining,
    /// How its sessions are encrypted; none: they are in clear.
    pub tls: Option<Tls>,
    /// Whether text goes by BDAT.
    pub chunking: Chunking,
    /// The notifications that it asks for.
    pub dsn: Option<Dsn>,
    /// Whom its sessions stand for.
    pub xclient: Option<Xclient>,
    /// How its sessions log in; none: they don't.
    pub auth: Option<Auth>,
    /// The name in EHLO.
    pub ehlo: EhloName,
    /// The pause between the messages of a session.
    pub think: Duration,
    /// How it holds back what it sends; none: it is not slow.
    pub pace: Option<Pace>,
    /// How a session is ended.
    pub end: Ending,
    /// The replies that must come.
    pub expect: Expectations,
}

impl Client {
    /// Whether it plays malformed cases in place of sending mail.
    pub const fn is_malformed(&self) -> bool {
        self.cases.is_some()
    }

    /// Whether it holds back what it sends, so that its times tell nothing of the server.
    pub const fn is_paced(&self) -> bool {
        self.pace.is_some()
    }
}

/// One line of the timeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Phase {
    /// Unique; `NAME/1`, `NAME/2`, ... where a phase was expanded, as a search is into its probes.
    pub name: String,
    /// The kind as the plan says it.
    pub kind: PhaseKind,
    /// When it begins.
    pub begin: Begin,
    /// The load in force; of a probe whose level is not known before the run the highest that it
    /// may have.
    pub load: Load,
    /// When it ends; none only where a count ends it.
    pub duration: Option<Duration>,
    /// It ends also when so many messages have started.
    pub count: Option<u64>,
    /// Who sends; in a pause those of the phase before, whose connections stay open.
    pub mix: Weighted<ClientId>,
    /// The sessions of this phase, of all its clients and in all workers; none: no limit.
    pub max_connections: Option<u32>,
    /// For how long what has started may run on beside the next phase.
    pub drain: Duration,
    /// Its own row only, left out of totals, fitness and plan-wide thresholds.
    pub warmup: bool,
    /// Takes no session over from the phase before.
    pub fresh: bool,
    /// What must hold in it.
    pub thresholds: Vec<Threshold>,
}

/// The kind of a phase, as the plan says it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// One level.
    Steady,
    /// A level that changes evenly.
    Ramp,
    /// A base level with regular peaks.
    Burst,
    /// One level of a staircase.
    Step,
    /// Nothing is sent; connections stay open.
    Pause,
    /// One probe of a search.
    Search,
}

impl Phase {
    /// Whether it is a probe that its search may ask for or not; the first of each is no such one,
    /// so that the others are the phases that a plan names, with each repetition and step.
    pub fn waits_to_be_asked(&self) -> bool {
        matches!(self.begin, Begin::Asked(_))
    }

    /// Whether it is in the totals and under plan-wide thresholds: no warm-up and no probe.
    pub fn counts(&self) -> bool {
        !self.warmup && self.kind != PhaseKind::Search
    }
}

impl PhaseKind {
    /// The name in plans and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Ramp => "ramp",
            Self::Burst => "burst",
            Self::Step => "step",
            Self::Pause => "pause",
            Self::Search => "search",
        }
    }
}

/// When a phase begins.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With the run.
    Start,
    /// When this phase ends.
    After(PhaseId),
    /// So long after this phase begins, on a track of its own.
    With(PhaseId, Duration),
    /// When this search asks for it, which may be never.
    Asked(SearchId),
    /// When this search has ended.
    Behind(SearchId),
}

/// The load in force.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Messages start on schedule, whatever the server does.
    Open {
        /// Messages per second over time.
        rate: Curve,
        /// How the starts are spaced.
        arrival: Arrival,
        /// More messages than this at a time are dropped, not started.
        max_in_flight: u32,
    },
    /// So many connections, each sending as fast as it may.
    Closed {
        /// Connections over time.
        connections: Curve,
    },
    /// Nothing is sent.
    Pause,
}

/// A level over the time of one phase.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// From one level to another, evenly over the phase; the same twice for a steady one.
    Linear {
        /// At the beginning.
        from: f64,
        /// At the end.
        to: f64,
    },
    /// Each `every` begins with `burst` at the peak; the rest is at the base.
    Burst {
        /// Between the bursts.
        base: f64,
        /// In the bursts.
        peak: f64,
        /// From one burst's beginning to the next; above zero.
        every: Duration,
        /// How long one burst is; at most `every`.
        burst: Duration,
    },
}

impl Curve {
    /// The highest level.
    pub fn peak(&self) -> f64 {
        match *self {
            Self::Linear { from, to } => from.max(to),
            Self::Burst { base, peak, .. } => base.max(peak),
        }
    }

    /// The mean level over whole cycles.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Linear { from, to } => f64::midpoint(from, to),
            Self::Burst { base, peak, every, burst } => {
                base + (peak - base)
                    * (burst.as_secs_f64() / every.as_secs_f64().max(1e-9)).min(1.0)
            }
        }
    }
}

/// How open starts are spaced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Exponential gaps, drawn from the seed.
    #[default]
    Poisson,
    /// The i-th start is where the integral of the rate reaches i.
    Even,
}

/// The embedded server; by default it accepts everything at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkPlan {
    /// Where it listens; none: a free port of 127.0.0.1.
    pub listen: Option<SocketAddr>,
    /// What it is for.
    pub role: SinkRole,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it encrypts sessions; none: they are in clear.
    pub tls: Option<SinkTls>,
    /// Whether a header of the PROXY protocol must come before each session.
    pub proxy: bool,
    /// Whether XCLIENT is offered.
    pub xclient: bool,
    /// Beyond these it says 421.
    pub limits: SinkLimits,
    /// Who may log in; none: AUTH is not offered, and anybody may send.
    pub users: Option<Arc<[Login]>>,
    /// How long each answer waits.
    pub latency: Vec<(SinkStep, Delay)>,
    /// For each step the replies other than success, each with its share of all answers.
    pub replies: Vec<(SinkStep, Vec<(SinkReply, f64)>)>,
    /// Words in a text that it is refused for; the first that is found decides.
    pub rejects: Vec<SinkReject>,
    /// How many messages are worked on at a time; none: all.
    pub servers: Option<u32>,
    /// How long a server works on a message, after its final dot.
    pub service: Option<Service>,
    /// Regular stops of the whole server.
    pub stall: Option<Stall>,
}

/// What the embedded server is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SinkRole {
    /// It is the default target.
    Target,
    /// It stands behind the target and takes what that relays.
    NextHop,
    /// It is not started.
    #[default]
    Off,
}

/// The commands that the embedded server answers with a latency or a reply of its own.
pub type SinkStep = crate::smtp::Step;

/// A reply of the embedded server, such as `450 4.7.1 greylisted`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SinkReply {
    /// The code; 421 closes the connection after it.
    pub code: Code,
    /// The enhanced code, where the text begins with one.
    pub enhanced: Option<Enhanced>,
    /// The text behind the code, without line ends.
    pub text: String,
}

/// How long an answer waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delay {
    /// Always the same.
    Constant(Duration),
    /// Log-normal through two percentiles.
    LogNormal {
        /// The median.
        p50: Duration,
        /// The 99th percentile.
        p99: Duration,
    },
}

/// How long one of the sink's servers works on a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// Always the same.
    Constant(Duration),
    /// Exponential with this mean.
    Exponential(Duration),
}

/// Regular stops of the whole server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stall {
    /// From one stop's beginning to the next; above zero.
    pub every: Duration,
    /// How long each is; the stop is at the end of each `every`.
    pub length: Duration,
}

/// What is watched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Monitor {
    /// Whether host and own process are watched at all.
    pub enabled: bool,
    /// How often; at least 200 ms.
    pub interval: Duration,
    /// Another process of this machine.
    pub process: Option<WatchedProcess>,
}

/// Beyond these the tester was not fit and the run is INVALID.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct FitnessLimits {
    /// The share of its core that a worker thread may use; default 0.95.
    pub cpu: f64,
    /// The 99th percentile of the lag; default 10 ms.
    pub lag_p99: Duration,
}
