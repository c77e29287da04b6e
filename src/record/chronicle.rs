//! A results folder → the frames of its run, in their order, and all that stands beside them.
//!
//! Folding these frames gives the ledger that folding those of the workers gave. A second whose
//! rows are not all in the series was never finished: reading ends before it, and a torn last line
//! is none. A folder is read as a stream, so that a day fits.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::folder::{COUNTERS, EVENTS, HISTOGRAMS, PLAN, RUN, SERIES, SUMMARY};
use super::histograms::{BadLine, HistogramReader, Lines};
use super::journal::{Closing, Entry, FORMAT};
use super::{Cell, CellKey, Event, Frame, PhaseSpan, RunEnd, RunRecord, SeriesRow, Summary};
use crate::plan::{PhaseId, Plan};

/// Why a results folder can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ChronicleError {
    /// A file is not there, or can't be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what stands in such a file.
    #[error("`{}` is damaged at line {line}: {why}", path.display())]
    Damaged {
        /// In which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Another version of this program wrote it.
    #[error("`{}` has format {found}; this program reads format {FORMAT}", path.display())]
    Format {
        /// In which file.
        path: PathBuf,
        /// The folder's format.
        found: u32,
    },
}

/// A results folder that is read.
#[derive(Clone, Debug)]
pub struct Chronicle {
    path: PathBuf,
    run: RunRecord,
    plan: Plan,
}

/// One second of the run's clock.
#[derive(Clone, Debug, Default)]
pub struct Second {
    /// What happened in it.
    pub frame: Frame,
    /// The phases that had begun, as far as they had come.
    pub spans: Vec<PhaseSpan>,
    /// The same at each look of the monitor since the second before; for each, in their order, the
    /// series has a row of the monitor.
    pub looks: Vec<Vec<PhaseSpan>>,
}

/// The seconds of a folder, one after the other.
pub struct Seconds {
    path: PathBuf,
    counters: Lines<BufReader<File>>,
    histograms: HistogramReader<BufReader<File>>,
    /// By second: how many rows the series has.
    rows: BTreeMap<u64, usize>,
    spans: BTreeMap<PhaseId, PhaseSpan>,
    looks: Vec<Vec<PhaseSpan>>,
    end: Option<RunEnd>,
}

/// The kind and second of a row of the series.
#[derive(Deserialize)]
struct RowHead {
    kind: String,
    #[serde(default)]
    second: u64,
}

impl Chronicle {
    /// Opens a folder.
    pub fn open(path: &Path) -> Result<Self, ChronicleError> {
        let file = path.join(RUN);
        let run: RunRecord = document(&file)?;
        if run.format != FORMAT {
            return Err(ChronicleError::Format { path: file, found: run.format });
        }
        let plan = Plan::from(run.outline.clone());
        Ok(Self { path: path.to_owned(), run, plan })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was known before the first second.
    pub const fn run(&self) -> &RunRecord {
        &self.run
    }

    /// The plan, as far as results need it: it can't be run.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The settled plan as it was written.
    pub fn plan_text(&self) -> Result<String, ChronicleError> {
        let path = self.path.join(PLAN);
        fs::read_to_string(&path).map_err(|source| ChronicleError::File { path, source })
    }

    /// The summary that the run wrote at its end, if it came to that.
    pub fn summary(&self) -> Result<Option<Summary>, ChronicleError> {
        let path = self.path.join(SUMMARY);
        if path.exists() { document(&path).map(Some) } else { Ok(None) }
    }

    /// The finished seconds, in their order.
    pub fn seconds(&self) -> Result<Seconds, ChronicleError> {
        let addresses: Vec<usize> = self.run.addresses.iter().map(Vec::len).collect();
        Ok(Seconds {
            path: self.path.clone(),
            counters: Lines::new(self.open_file(COUNTERS)?),
            histograms: HistogramReader::new(self.open_file(HISTOGRAMS)?, &self.plan, &addresses),
            rows: self.rows()?,
            spans: BTreeMap::new(),
            looks: Vec::new(),
            end: None,
        })
    }

    /// The rows of the series, of phases and of the monitor, up to `last`, the last finished
    /// second.
    pub fn series(
        &self,
        last: u64,
    ) -> Result<impl Iterator<Item = Result<SeriesRow, ChronicleError>>, ChronicleError> {
        let rows = self.lines::<SeriesRow>(SERIES)?;
        Ok(rows.filter(move |row| match row {
            Ok(SeriesRow::Phase(row)) => row.second <= last,
            Ok(SeriesRow::Monitor(_)) | Err(_) => true,
        }))
    }

    /// The events, in the order in which they were told.
    pub fn events(&self) -> Result<Vec<Event>, ChronicleError> {
        self.lines(EVENTS)?.collect()
    }

    /// By second, how many rows the series has.
    fn rows(&self) -> Result<BTreeMap<u64, usize>, ChronicleError> {
        let mut rows = BTreeMap::new();
        for head in self.lines::<RowHead>(SERIES)? {
            let head = head?;
            if head.kind == "phase" {
                *rows.entry(head.second).or_default() += 1;
            }
        }
        Ok(rows)
    }

    fn open_file(&self, name: &str) -> Result<BufReader<File>, ChronicleError> {
        let path = self.path.join(name);
        match File::open(&path) {
            Ok(file) => Ok(BufReader::new(file)),
            Err(source) => Err(ChronicleError::File { path, source }),
        }
    }

    fn lines<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<impl Iterator<Item = Result<T, ChronicleError>> + use<T>, ChronicleError> {
        let mut lines = Lines::new(self.open_file(name)?);
        let path = self.path.join(name);
        Ok(std::iter::from_fn(move || parsed(&mut lines, &path).transpose()))
    }
}

impl Seconds {
    /// How the run came to its end; none as long as not all seconds were read, and for a run that
    /// did not.
    pub const fn end(&self) -> Option<&RunEnd> {
        self.end.as_ref()
    }

    /// The looks of the monitor since the last second, once all were read.
    pub fn last_looks(&self) -> &[Vec<PhaseSpan>] {
        &self.looks
    }

    fn read(&mut self) -> Result<Option<Second>, ChronicleError> {
        let path = self.path.join(COUNTERS);
        let mut cells: BTreeMap<CellKey, Box<Cell>> = BTreeMap::new();
        while let Some(entry) = parsed::<Entry<'_>>(&mut self.counters, &path)? {
            match entry {
                Entry::Cell { key, counts } => {
                    cells.entry(key).or_default().merge(&counts);
                }
                Entry::Look(changed) => {
                    self.spans.extend(changed.iter().map(|span| (span.phase, *span)));
                    self.looks.push(self.spans.values().copied().collect());
                }
                Entry::Second(closing) => return self.close(closing, cells),
                Entry::End(end) => {
                    self.end = Some(end.into_owned());
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    fn close(
        &mut self,
        closing: Closing<'_>,
        mut cells: BTreeMap<CellKey, Box<Cell>>,
    ) -> Result<Option<Second>, ChronicleError> {
        let second = closing.second;
        if self.rows.get(&second).copied().unwrap_or(0) < closing.rows {
            return Ok(None);
        }
        self.histograms
            .add_until(second + 1, &mut cells)
            .map_err(|bad| told(bad, &self.path.join(HISTOGRAMS), self.histograms.line()))?;
        self.spans.extend(closing.spans.iter().map(|span| (span.phase, *span)));
        let frame = Frame {
            second,
            cells: cells.into_iter().collect(),
            gauges: closing.gauges.into_owned(),
            stints: closing.stints.into_owned(),
            peaks: closing.peaks,
        };
        let spans = self.spans.values().copied().collect();
        Ok(Some(Second { frame, spans, looks: std::mem::take(&mut self.looks) }))
    }
}

impl Iterator for Seconds {
    type Item = Result<Second, ChronicleError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn document<T: DeserializeOwned>(path: &Path) -> Result<T, ChronicleError> {
    let text =
        fs::read(path).map_err(|source| ChronicleError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| ChronicleError::Damaged {
        path: path.to_owned(),
        line: error.line() as u64,
        why: error.to_string(),
    })
}

/// The next line of a file of JSON lines.
fn parsed<T: DeserializeOwned>(
    lines: &mut Lines<impl BufRead>,
    path: &Path,
) -> Result<Option<T>, ChronicleError> {
    let Some(text) = lines.next().map_err(|error| told(error.into(), path, lines.number()))? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| told(BadLine::Content(error.to_string()), path, lines.number()))
}

fn told(bad: BadLine, path: &Path, line: u64) -> ChronicleError {
    let path = path.to_owned();
    match bad {
        BadLine::Io(source) => ChronicleError::File { path, source },
        BadLine::Content(why) => ChronicleError::Damaged { path, line, why },
    }
}
