//! `latency.hlog` → the times of each cell, second by second.
//!
//! Only the tags of single cells are read: what stands under `*`, or for a client with several
//! addresses under its bare name, is a sum of them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::hlog::{CENSORED, cell_path, class_step};
use super::{Cell, CellKey, Latency};
use crate::message::ClassId;
use crate::plan::{ClientId, PhaseId, Plan};
use crate::smtp::Step;

/// Reads an interval log in the order in which it was written.
pub(super) struct HistogramReader<R> {
    lines: Lines<R>,
    cells: HashMap<String, CellKey>,
    steps: HashMap<String, Place>,
    deserializer: Deserializer,
    ahead: Option<Line>,
}

/// Whole lines of a file with their numbers; one without its end is none.
pub(super) struct Lines<R> {
    reader: R,
    number: u64,
}

/// Why a line can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLine {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what stands in such a file.
    #[error("{0}")]
    Content(String),
}

#[derive(Clone, Copy)]
enum Place {
    Message,
    Session,
    Class(ClassId),
    Step(Step),
}

/// A line of a cell.
struct Line {
    key: CellKey,
    place: Place,
    clock: String,
    /// The second of the run's clock at which its interval ends.
    end: u64,
    histogram: Histogram<u64>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The number of the line that was read last, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line with its end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        self.number += 1;
        Ok((line.last() == Some(&b'\n')).then_some(line))
    }
}

impl<R: BufRead> HistogramReader<R> {
    pub(super) fn new(reader: R, plan: &Plan, addresses: &[usize]) -> Self {
        Self {
            lines: Lines::new(reader),
            cells: paths(plan, addresses),
            steps: places(plan),
            deserializer: Deserializer::new(),
            ahead: None,
        }
    }

    /// The number of the line that was read last, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.lines.number()
    }

    /// Adds all times of intervals that end by `end` to their cells, which are made where they
    /// are not yet there.
    pub(super) fn add_until(
        &mut self,
        end: u64,
        cells: &mut BTreeMap<CellKey, Box<Cell>>,
    ) -> Result<(), BadLine> {
        loop {
            if self.ahead.is_none() {
                self.ahead = self.next()?;
            }
            match self.ahead.take() {
                Some(line) if line.end <= end => {
                    line.add_to(cells.entry(line.key).or_default())?;
                }
                later => {
                    self.ahead = later;
                    return Ok(());
                }
            }
        }
    }

    /// The next line of a cell.
    fn next(&mut self) -> Result<Option<Line>, BadLine> {
        while let Some(text) = self.lines.next()? {
            if text.starts_with(b"\"StartTimestamp\"") {
                continue;
            }
            for entry in IntervalLogIterator::new(&text) {
                let entry = entry.map_err(|_| content("it is no line of an interval log"))?;
                let LogEntry::Interval(interval) = entry else { continue };
                let tag = interval.tag().map_or("", |tag| tag.as_str());
                let Some((key, place, clock)) = self.place(tag) else { continue };
                let end = interval.start_timestamp() + interval.duration();
                let histogram = decode(&mut self.deserializer, interval.encoded_histogram())?;
                return Ok(Some(Line { key, place, clock, end: seconds(end), histogram }));
            }
        }
        Ok(None)
    }

    /// What a tag stands for; none: a sum.
    fn place(&self, tag: &str) -> Option<(CellKey, Place, String)> {
        let (path, clock) = tag.rsplit_once('/')?;
        let (path, step) = path.rsplit_once('/')?;
        let key = self.cells.get(path)?;
        Some((*key, *self.steps.get(step)?, clock.to_owned()))
    }
}

impl Line {
    fn add_to(&self, cell: &mut Cell) -> Result<(), BadLine> {
        let (clock, censored) = match self.clock.strip_suffix(CENSORED) {
            Some(clock) => (clock, true),
            None => (self.clock.as_str(), false),
        };
        let Some(latency) = latency(cell, self.place, clock) else {
            return Err(content("its tag names no clock"));
        };
        if censored {
            latency.add_censored(&self.histogram);
        } else {
            latency.add_measured(&self.histogram);
        }
        Ok(())
    }
}

fn latency<'a>(cell: &'a mut Cell, place: Place, clock: &str) -> Option<&'a mut Latency> {
    Some(match (place, clock) {
        (Place::Message, "response") => &mut cell.response,
        (Place::Message, "service") => &mut cell.service,
        (Place::Message, "lag") => &mut cell.lag,
        (Place::Message, "wait") => &mut cell.wait,
        (Place::Message, "rendering") => &mut cell.rendering,
        (Place::Session, "service") => &mut cell.session,
        (Place::Class(class), "response") => &mut cell.class(class).response,
        (Place::Class(class), "service") => &mut cell.class(class).service,
        (Place::Step(step), "service") => &mut cell.step(step).time,
        (Place::Message | Place::Session | Place::Class(_) | Place::Step(_), _) => return None,
    })
}

fn decode(deserializer: &mut Deserializer, text: &str) -> Result<Histogram<u64>, BadLine> {
    let octets = BASE64_STANDARD.decode(text).map_err(|_| content("its histogram is no base64"))?;
    deserializer.deserialize(&mut &octets[..]).map_err(|_| content("its histogram can't be read"))
}

fn content(text: &str) -> BadLine {
    BadLine::Content(text.to_owned())
}

/// Times are written with milliseconds; intervals are whole seconds.
fn seconds(at: Duration) -> u64 {
    (at + Duration::from_millis(500)).as_secs()
}

/// The tags' first parts of all cells that a plan can have.
fn paths(plan: &Plan, addresses: &[usize]) -> HashMap<String, CellKey> {
    let mut paths = HashMap::new();
    for (phase, _) in (0..).map(PhaseId).zip(&plan.phases) {
        for (client, settings) in (0..).map(ClientId).zip(&plan.clients) {
            let count = addresses.get(settings.target.index()).copied().unwrap_or(1).max(1);
            for address in (0..u16::MAX).take(count) {
                let key = CellKey { phase, client, address };
                paths.insert(cell_path(plan, key, addresses), key);
            }
        }
    }
    paths
}

fn places(plan: &Plan) -> HashMap<String, Place> {
    let fixed = [("message", Place::Message), ("session", Place::Session)];
    let steps = Step::ALL.into_iter().map(|step| (step.name(), Place::Step(step)));
    let classes = plan.classes().map(|(id, name)| (class_step(name), Place::Class(id)));
    fixed
        .into_iter()
        .chain(steps)
        .map(|(name, place)| (name.to_owned(), place))
        .chain(classes)
        .collect()
}
