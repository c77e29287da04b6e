//! The conductor: a plan → a run → its summary and results folder.
//!
//! It starts sink, workers and monitor, folds what they tell, and asks the verdict. It prints
//! nothing: what a person should see while it runs goes to an observer.

mod check;
mod compare;
mod conductor;
mod environment;
mod error;
mod machine;
mod merge;
mod pages;
mod phases;
mod reread;
mod reserves;
mod scrape;
mod searches;
mod summary;
mod targets;
mod watched;
mod workers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

pub use check::{Check, Checks, check};
pub use compare::{Baseline, CompareError, Plans};
pub use error::{RunError, chain};
pub use merge::{MergeError, Merged, merge};
pub use pages::PageError;
pub use reread::{Reread, RereadError, reread};
pub use targets::Permits;

use crate::engine::{Engine, Shared, SocketDialer, TlsSetups};
use crate::message::RunIdentity;
use crate::monitor::{self, Watch};
use crate::plan::{Endpoint, Plan, SinkRole};
use crate::record::{Event, Folder, Outline, PlanIdentity, RunRecord, Summary};
use crate::report::{Course, Progress};
use crate::sink::{Sink, SinkCounters};
use crate::timeline::Timeline;
use crate::verdict::{ExitCode, Interruption};
use conductor::Conductor;
use scrape::ScrapePort;
use summary::Ending;
use workers::Workers;

/// What is run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The settled plan as TOML, for the results folder.
    pub text: String,
    /// The settled plan's hash, `sha256:...`.
    pub hash: String,
    /// The file that it was read from.
    pub file: Option<String>,
}

/// How it is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The results folder; none: `results/NAME-TIME`.
    pub folder: Option<PathBuf>,
    /// How many worker threads; none: one on up to two cores, else one less than there are. No
    /// more than there are connections to divide.
    pub workers: Option<u32>,
    /// What may be loaded beyond loopback.
    pub permits: Permits,
    /// The exit code of a threshold that does not hold.
    pub on_threshold: ExitCode,
    /// Where the figures are served while it runs; port 0 takes a free one.
    pub prometheus: Option<SocketAddr>,
}

/// What happens while it runs, for a person or a program to see.
#[derive(Clone, Debug)]
pub enum Update<'a> {
    /// The clock has begun.
    Began {
        /// Where the results are written.
        folder: &'a Path,
        /// By target: its name and where sessions go.
        targets: Vec<(String, Vec<String>)>,
        /// The address of the embedded server, if it runs.
        sink: Option<SocketAddr>,
        /// Where the figures are served, if they are.
        figures: Option<String>,
    },
    /// What is planned when: once at the beginning, and again when more of it is known.
    Planned(Course),
    /// A phase is in force from now on.
    PhaseBegan(&'a Progress),
    /// A second is over.
    Second(&'a Progress),
    /// Nothing starts any more; what has started drains.
    Draining(Interruption),
    /// A feed has no row left: nothing starts any more; which one, where and when.
    FeedUsedUp(String),
    /// Everything ends now.
    Stopping(Interruption),
    /// The server holds back for the first time in a phase: when, at what level, by what.
    Throttled(String),
    /// A probe of a search has ended: what became of it.
    Probed(String),
    /// A search has ended: what it found.
    Searched(String),
    /// A threshold that is judged while the run goes on broke, ended the run, or recovered.
    Threshold(String),
    /// Something that the user should know at once.
    Trouble(String),
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The result, as it is in `summary.json`.
    pub summary: Summary,
    /// Where everything is.
    pub folder: PathBuf,
    /// What the embedded server counted, if it ran.
    pub sink: Option<SinkCounters>,
    /// The exit code.
    pub exit: ExitCode,
}

/// Makes a run. `signals` are what the user presses: the first drains, the second stops.
pub fn run(
    job: &Job,
    options: &Options,
    signals: UnboundedReceiver<Interruption>,
    observe: &mut dyn FnMut(&Update<'_>),
) -> Result<Finished, RunError> {
    // A limit that can't be raised shows as `local` failures where it is reached.
    let _ = monitor::raise_nofile();
    let plan = &job.plan;
    let watched = plan.monitor.process.as_ref().map(Watch::find).transpose()?;
    let port = options.prometheus.map(ScrapePort::bind).transpose()?;
    let sink = start_sink(plan)?;
    let tls = TlsSetups::new(plan, sink.as_ref().map_or(&[], Sink::certificates))?;
    let address = sink.as_ref().map(Sink::address);
    let addresses = targets::resolve(plan, address, &options.permits)?;
    let timeline = Arc::new(Timeline::new(plan));
    let workers = Workers::of(plan, &timeline, options.workers);
    if let Some(note) = workers.note() {
        observe(&Update::Trouble(note));
    }
    let shared = Arc::new(Shared::new(Arc::clone(plan), timeline, addresses, workers.count));
    let before = reserves::checked(&shared);
    reserves::tell(&before, observe);
    let started = SystemTime::now();
    let mut record = RunRecord { before, ..run_record(job, options, &shared, started) };
    record.environment.watched = watched.as_ref().map(watched::found);
    let folder = open_folder(options.folder.as_deref(), &record, started)?;
    folder.write_plan(&job.text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let identity = RunIdentity { id: identity(started), seed: plan.seed };
    let (engine, zero) = Engine::start(&shared, &tls, identity, &SocketDialer)?;
    observe(&Update::Began {
        folder: folder.path(),
        targets: named_addresses(&shared),
        sink: address,
        figures: port.as_ref().map(ScrapePort::url),
    });
    let mut conductor = Conductor::new(&shared, engine, zero, folder, signals, watched);
    if let Some(port) = port {
        conductor.serve(port);
    }
    let (ending, folder) = runtime.block_on(conductor.conduct(observe));
    let sink = sink.map(Sink::stop);
    finish(&record, ending, folder, sink, observe)
}

/// What is known before the first second.
fn run_record(job: &Job, options: &Options, shared: &Shared, started: SystemTime) -> RunRecord {
    let identity = PlanIdentity {
        name: job.plan.name.clone(),
        hash: job.hash.clone(),
        seed: job.plan.seed,
        file: job.file.clone(),
    };
    let started_at = humantime::format_rfc3339_millis(started).to_string();
    RunRecord {
        threshold_exit_code: options.on_threshold.number(),
        environment: environment::machine(shared.workers),
        addresses: addresses(shared),
        ..RunRecord::new(identity, started_at, Outline::from(&*job.plan))
    }
}

fn finish(
    record: &RunRecord,
    mut ending: Ending,
    mut folder: Folder,
    sink: Option<SinkCounters>,
    observe: &mut dyn FnMut(&Update<'_>),
) -> Result<Finished, RunError> {
    ending.run.sink = sink.as_ref().map(|counters| serde_json::json!(counters));
    folder.finish(&ending.plan, &ending.run);
    if let Some(trouble) = folder.trouble() {
        let warning = summary::journal_stopped(&trouble);
        observe(&Update::Trouble(warning.clone()));
        ending.run.warnings.push(warning);
    }
    let (mut summary, mut exit) = ending.summary(record);
    // Those that broke while the run went on were told then.
    let at_the_end = |event: &Event| match event {
        Event::ThresholdBroken { row, .. } => row.broken_at_s.is_none(),
        _ => true,
    };
    for event in summary::broken(&summary).filter(at_the_end) {
        folder.event(&event);
    }
    folder.write_summary(&summary)?;
    if let Err(error) = pages::write(folder.path(), &summary, ending.results()) {
        observe(&Update::Trouble(chain(&error)));
        // Where the journal stopped, that has been told, and is no failure of the run.
        if folder.is_whole() {
            exit = ExitCode::TOOL_FAILED;
            summary.exit_code = exit.number();
            folder.write_summary(&summary)?;
        }
    }
    Ok(Finished { summary, folder: folder.path().to_owned(), sink, exit })
}

fn start_sink(plan: &Plan) -> Result<Option<Sink>, RunError> {
    let is_target = plan.targets.iter().any(|target| target.endpoint == Endpoint::Sink);
    let needed = is_target || plan.sink.role == SinkRole::NextHop;
    Ok(if needed { Some(Sink::start(&plan.sink, plan.seed)?) } else { None })
}

fn open_folder(
    wanted: Option<&Path>,
    record: &RunRecord,
    started: SystemTime,
) -> Result<Folder, RunError> {
    let name = &record.plan.name;
    if let Some(path) = wanted {
        return Ok(Folder::create(path, started, record)?);
    }
    let stamp = humantime::format_rfc3339_seconds(started).to_string();
    let stamp: String = stamp.chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
    let base = Path::new("results").join(format!("{name}-{stamp}"));
    // Another run of the same plan may have begun in the same second.
    let mut path = base.clone();
    for n in 2..100 {
        if !path.exists() {
            break;
        }
        path = base.with_file_name(format!("{name}-{stamp}-{n}"));
    }
    Ok(Folder::create(&path, started, record)?)
}

/// Different for each run: the time, and the process for runs at the same time.
pub fn identity(started: SystemTime) -> u64 {
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default();
    nanos ^ (u64::from(std::process::id()) << 40)
}

/// By target: its name and the addresses that sessions go to, in words.
fn named_addresses(shared: &Shared) -> Vec<(String, Vec<String>)> {
    let addresses = shared
        .addresses
        .iter()
        .map(|of_target| of_target.iter().map(ToString::to_string).collect::<Vec<String>>());
    shared.plan.targets.iter().map(|target| target.name.clone()).zip(addresses).collect()
}

/// By target: the addresses that sessions go to, in words.
fn addresses(shared: &Shared) -> Vec<Vec<String>> {
    named_addresses(shared).into_iter().map(|(_, named)| named).collect()
}

/// The run's clock.
fn since(zero: Instant, now: Instant) -> std::time::Duration {
    now.saturating_duration_since(zero)
}
