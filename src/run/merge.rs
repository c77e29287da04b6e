//! Results folders of the same plan → one folder, judged over all that was counted.
//!
//! The folders' seconds are laid upon each other: counters and histograms are added, so that every
//! percentile, also that of a row of the series, comes from merged histograms. It is as if all had
//! run at the same time, each with its share of the load; seeds and targets may differ. So the most
//! sessions that were open are the sum of the testers' own peaks, an upper bound. What the monitors
//! saw of their machines is not added up, and stays in the folders that were merged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::environment::Usage;
use super::summary::{self, Ending, Kept};
use crate::plan::{PhaseId, PhaseKind, Plan};
use crate::record::{
    Chronicle, ChronicleError, Event, Folder, FolderError, Frame, Ledger, PhaseSpan, RunEnd,
    RunRecord, Seconds, Summary,
};
use crate::verdict::{ExitCode, LiveThresholds};

/// What came out.
#[derive(Debug)]
pub struct Merged {
    /// The summary over all folders.
    pub summary: Summary,
    /// The exit code of its verdict.
    pub exit: ExitCode,
}

/// Why folders can't be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// One can't be read.
    #[error(transparent)]
    Read(#[from] ChronicleError),
    /// The new one can't be written.
    #[error(transparent)]
    Write(#[from] FolderError),
    /// They are not of one plan.
    #[error("`{}` and `{}` are not of the same plan: {what} differ", one.display(), other.display())]
    Unlike {
        /// The first.
        one: PathBuf,
        /// The one that differs from it.
        other: PathBuf,
        /// What is not the same.
        what: &'static str,
    },
    /// Each run of a search tries levels of its own, so that its probes are no parts of one.
    #[error("`{}` holds a search, whose probes another run may have at other levels", path.display())]
    Search {
        /// Which.
        path: PathBuf,
    },
    /// One holds only a part of its run.
    #[error("`{}` is partial: its run was cut off", path.display())]
    Partial {
        /// Which.
        path: PathBuf,
    },
}

/// Merges folders into a new one.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<Merged, MergeError> {
    let chronicles =
        folders.iter().map(|path| Chronicle::open(path)).collect::<Result<Vec<_>, _>>()?;
    let [first, others @ ..] = &chronicles[..] else {
        let path = folders.first().cloned().unwrap_or_default();
        return Err(MergeError::Partial { path });
    };
    others.iter().try_for_each(|other| alike(first, other))?;
    chronicles.iter().try_for_each(whole)?;
    let addresses = addresses(&chronicles);
    let record = record(first, &chronicles, &addresses);
    let plan = Arc::new(first.plan().clone());
    let mut folder = Folder::create(out, SystemTime::now(), &record)?;
    folder.write_plan(&first.plan_text()?)?;
    for event in events(&chronicles)? {
        folder.event(&event);
    }
    let ending = fold(&chronicles, &plan, &addresses, &mut folder)?;
    folder.finish(&plan, &ending.run);
    if let Some(trouble) = folder.trouble() {
        return Err(trouble.into());
    }
    let (summary, exit) = ending.summary(&record);
    for event in summary::broken(&summary) {
        folder.event(&event);
    }
    folder.write_summary(&summary)?;
    Ok(Merged { summary, exit })
}

fn alike(one: &Chronicle, other: &Chronicle) -> Result<(), MergeError> {
    let unlike = |what| {
        let (one, other) = (one.path().to_owned(), other.path().to_owned());
        Err(MergeError::Unlike { one, other, what })
    };
    if one.run().plan.hash != other.run().plan.hash {
        return unlike("the hashes of their plans");
    }
    if one.plan().phases.iter().any(|phase| phase.kind == PhaseKind::Search) {
        return Err(MergeError::Search { path: one.path().to_owned() });
    }
    if !one.run().outline.fits(&other.run().outline) {
        return unlike("the names of their targets");
    }
    Ok(())
}

/// A run that came to its end has a summary of its own.
fn whole(chronicle: &Chronicle) -> Result<(), MergeError> {
    match chronicle.summary()? {
        Some(_) => Ok(()),
        None => Err(MergeError::Partial { path: chronicle.path().to_owned() }),
    }
}

/// By target, the addresses of all folders, each once.
fn addresses(chronicles: &[Chronicle]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for chronicle in chronicles {
        let named = &chronicle.run().addresses;
        all.resize(all.len().max(named.len()), Vec::new());
        for (sum, more) in all.iter_mut().zip(named) {
            for address in more {
                if !sum.contains(address) {
                    sum.push(address.clone());
                }
            }
        }
    }
    all
}

fn record(first: &Chronicle, all: &[Chronicle], addresses: &[Vec<String>]) -> RunRecord {
    let runs = || all.iter().map(Chronicle::run);
    let mut record = first.run().clone();
    record.addresses = addresses.to_vec();
    record.environment.workers = runs().map(|run| run.environment.workers).sum();
    record.before = runs().flat_map(|run| run.before.clone()).collect();
    if let Some(earliest) = runs().map(|run| &run.started_at).min() {
        record.started_at.clone_from(earliest);
    }
    record
}

/// The events of all folders in the order of their times.
fn events(chronicles: &[Chronicle]) -> Result<Vec<Event>, ChronicleError> {
    let mut all = Vec::new();
    for chronicle in chronicles {
        all.extend(chronicle.events()?);
    }
    // Thresholds are judged anew.
    all.retain(|event| {
        !matches!(event, Event::ThresholdBroken { .. } | Event::ThresholdRecovered { .. })
    });
    all.sort_by(|one, other| one.at_s().total_cmp(&other.at_s()));
    Ok(all)
}

/// A folder that is read beside others.
struct Stream<'a> {
    path: &'a Path,
    seconds: Seconds,
    /// By target: where its addresses stand among those of all.
    places: Vec<Vec<u16>>,
    /// The number of its first worker.
    first_worker: u32,
}

fn streams<'a>(
    chronicles: &'a [Chronicle],
    addresses: &[Vec<String>],
) -> Result<Vec<Stream<'a>>, ChronicleError> {
    let mut first_worker = 0;
    let mut streams = Vec::new();
    for chronicle in chronicles {
        let named = &chronicle.run().addresses;
        let places = named.iter().zip(addresses).map(|(own, all)| places(own, all)).collect();
        let seconds = chronicle.seconds()?;
        streams.push(Stream { path: chronicle.path(), seconds, places, first_worker });
        first_worker += chronicle.run().environment.workers;
    }
    Ok(streams)
}

fn places(own: &[String], all: &[String]) -> Vec<u16> {
    let place = |address| all.iter().position(|known| known == address).unwrap_or_default();
    own.iter().map(|address| u16::try_from(place(address)).unwrap_or_default()).collect()
}

impl Stream<'_> {
    /// A frame with the places that addresses and workers have among all.
    fn moved(&self, mut frame: Frame, plan: &Plan) -> Frame {
        let place = |client: crate::plan::ClientId, address: u16| {
            let target = plan.clients.get(client.index()).map(|client| client.target.index());
            let places = target.and_then(|target| self.places.get(target));
            places.and_then(|places| places.get(usize::from(address))).copied().unwrap_or(address)
        };
        for (key, _) in &mut frame.cells {
            key.address = place(key.client, key.address);
        }
        for peak in frame.gauges.iter_mut().flat_map(|gauge| &mut gauge.peaks) {
            peak.address = place(peak.client, peak.address);
        }
        for stint in &mut frame.stints {
            stint.worker += self.first_worker;
        }
        frame
    }
}

fn fold(
    chronicles: &[Chronicle],
    plan: &Arc<Plan>,
    addresses: &[Vec<String>],
    folder: &mut Folder,
) -> Result<Ending, MergeError> {
    let mut streams = streams(chronicles, addresses)?;
    let (mut ledger, mut usage) = (Ledger::new(plan), Usage::new(plan));
    let mut live = LiveThresholds::of_folder(plan, addresses);
    let mut spans = BTreeMap::new();
    for second in 0.. {
        let mut sum = Frame { second, ..Frame::default() };
        let mut is_over = true;
        for stream in &mut streams {
            let Some(next) = stream.seconds.next().transpose()? else { continue };
            is_over = false;
            join(&mut spans, &next.spans);
            sum.join(stream.moved(next.frame, plan));
        }
        if is_over {
            break;
        }
        let so_far: Vec<PhaseSpan> = spans.values().copied().collect();
        ledger.fold(&sum);
        usage.add(&sum.stints, &so_far);
        // What broke is told by the rows.
        drop(live.take(&sum, plan, &so_far));
        folder.add(&sum, plan, &so_far);
    }
    let run = end(&streams)?;
    for stream in &streams {
        live.remember(stream.seconds.end().map_or(&[], |end| &end.live), plan);
    }
    let run = RunEnd { live: live.rows(plan), ..run };
    Ok(Ending {
        plan: Arc::clone(plan),
        ledger,
        usage,
        live,
        addresses: addresses.to_vec(),
        run,
        extent: Kept::Whole,
    })
}

/// A phase of several runs is in force from the first beginning to the last end.
fn join(spans: &mut BTreeMap<PhaseId, PhaseSpan>, more: &[PhaseSpan]) {
    for span in more {
        let known = spans.entry(span.phase).or_insert(*span);
        let until = (known.start + known.length).max(span.start + span.length);
        known.start = known.start.min(span.start);
        known.length = until.saturating_sub(known.start);
    }
}

fn end(streams: &[Stream<'_>]) -> Result<RunEnd, MergeError> {
    let mut all = RunEnd::default();
    let mut spans = BTreeMap::new();
    let mut merged = Vec::new();
    for stream in streams {
        let Some(end) = stream.seconds.end() else {
            return Err(MergeError::Partial { path: stream.path.to_owned() });
        };
        all.took = all.took.max(end.took);
        all.interrupted = all.interrupted.or_else(|| end.interrupted.clone());
        all.failures.extend(end.failures.clone());
        all.note = all.note.or_else(|| end.note.clone());
        all.warnings.extend(end.warnings.clone());
        join(&mut spans, &end.spans);
        merged.push(format!("`{}`", stream.path.display()));
    }
    all.spans = spans.into_values().collect();
    all.warnings.push(format!("these results are merged from {}", merged.join(", ")));
    Ok(all)
}
