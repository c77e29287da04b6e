//! A results folder → its summary, made anew from what was written while the run lasted.
//!
//! The seconds are folded as the conductor folds them. Where the journal is whole, the summary is
//! the run's own; where it is not, the run's own summary is taken if there is one (its journal
//! stopped, as on a full disk), else the folder is partial and has no verdict.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::environment::Usage;
use super::summary::{Ending, Kept};
use crate::format;
use crate::monitor::Sample;
use crate::plan::Plan;
use crate::record::{
    Chronicle, ChronicleError, Event, Ledger, PhaseSpan, RunEnd, SearchResult, SeriesRow, Summary,
    ThresholdRow,
};
use crate::verdict::LiveThresholds;

/// A results folder that was read.
#[derive(Debug)]
pub struct Reread {
    /// The folder.
    pub chronicle: Chronicle,
    /// Its summary.
    pub summary: Summary,
    /// The ledger, as far as the journal goes.
    pub ledger: Ledger,
    /// The phases that began, with their times.
    pub spans: Vec<PhaseSpan>,
    /// The last finished second of the run's clock, from 0; none where none was finished.
    pub last: Option<u64>,
}

/// Why a folder can't be read.
pub type RereadError = ChronicleError;

/// Reads a folder.
pub fn reread(path: &Path) -> Result<Reread, RereadError> {
    let chronicle = Chronicle::open(path)?;
    let plan = Arc::new(chronicle.plan().clone());
    let mut folded = fold(&chronicle, &plan)?;
    match &folded.end {
        Some(end) => folded.live.remember(&end.live, &plan),
        None => folded.live.remember(&told(&chronicle)?, &plan),
    }
    let last = folded.last;
    let (run, extent) = match folded.end {
        Some(end) => (end, Kept::Whole),
        None => (folded.so_far, Kept::Beginning(cut_off(last))),
    };
    let ending = Ending {
        addresses: chronicle.run().addresses.clone(),
        plan,
        ledger: folded.ledger,
        usage: folded.usage,
        live: folded.live,
        run,
        extent,
    };
    let own = if ending.extent == Kept::Whole { None } else { chronicle.summary()? };
    let summary = own.unwrap_or_else(|| ending.summary(chronicle.run()).0);
    Ok(Reread { chronicle, summary, ledger: ending.ledger, spans: ending.run.spans, last })
}

/// The thresholds that broke while a run went on that was cut off.
fn told(chronicle: &Chronicle) -> Result<Vec<ThresholdRow>, ChronicleError> {
    let rows = chronicle.events()?.into_iter().filter_map(|event| match event {
        Event::ThresholdBroken { row, .. } => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}

/// What the seconds of a folder add up to.
struct Folded {
    ledger: Ledger,
    usage: Usage,
    live: LiveThresholds,
    last: Option<u64>,
    /// How it stood after the last finished second.
    so_far: RunEnd,
    end: Option<RunEnd>,
}

fn fold(chronicle: &Chronicle, plan: &Plan) -> Result<Folded, ChronicleError> {
    let mut seconds = chronicle.seconds()?;
    let mut samples = chronicle.series(u64::MAX)?.filter_map(sample);
    let mut usage = Usage::new(plan);
    if let Some(found) = &chronicle.run().environment.watched {
        usage.watch(found);
    }
    let mut folded = Folded {
        ledger: Ledger::new(plan),
        usage,
        live: LiveThresholds::of_folder(plan, &chronicle.run().addresses),
        last: None,
        so_far: RunEnd::default(),
        end: None,
    };
    for second in seconds.by_ref() {
        let second = second?;
        folded.ledger.fold(&second.frame);
        folded.usage.add(&second.frame.stints, &second.spans);
        // What broke is told by the rows.
        drop(folded.live.take(&second.frame, plan, &second.spans));
        for (spans, sample) in second.looks.iter().zip(samples.by_ref()) {
            folded.usage.look(&sample?, spans);
        }
        folded.last = Some(second.frame.second);
        folded.so_far.took = Duration::from_secs(second.frame.second + 1);
        folded.so_far.spans = second.spans;
    }
    let Some(end) = seconds.end() else {
        folded.so_far.searches = SearchResult::told(&chronicle.events()?);
        return Ok(folded);
    };
    for (spans, sample) in seconds.last_looks().iter().zip(samples) {
        folded.usage.look(&sample?, spans);
    }
    if let Some(stalls) = &end.stalls {
        folded.usage.stall(stalls, &end.spans);
    }
    folded.end = Some(end.clone());
    Ok(folded)
}

/// What the monitor saw, where a row is its.
fn sample(row: Result<SeriesRow, ChronicleError>) -> Option<Result<Sample, ChronicleError>> {
    match row {
        // One of another version, that saw other things, tells nothing here.
        Ok(SeriesRow::Monitor(seen)) => serde_json::from_value(seen.into()).ok().map(Ok),
        Ok(SeriesRow::Phase(_)) => None,
        Err(error) => Some(Err(error)),
    }
}

fn cut_off(last: Option<u64>) -> String {
    let Some(last) = last else {
        return "The run was cut off before its first second was written.".to_owned();
    };
    let known = format::duration(Duration::from_secs(last + 1));
    format!(
        "The run was cut off: these are its first {known}. What came after is lost, and with it \
         the ends of the messages that were under way, and of the steps' times up to 10 s more."
    )
}
