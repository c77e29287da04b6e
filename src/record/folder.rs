//! Frames, events and the summary → the files of a results folder.
//!
//! In each second histograms are written and flushed first and the series rows last: a row says
//! that everything of its second is on disk. A write that fails stops the journal but not the
//! run; it is told once, and the summary is tried all the same.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};

use super::hlog::HistogramLog;
use super::series::{PhaseRow, SeriesRow};
use super::{Event, Frame, Summary};
use crate::plan::Plan;

/// A file of the results could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct FolderError {
    path: PathBuf,
    source: io::Error,
}

/// An open results folder.
pub struct Folder {
    path: PathBuf,
    journal: Option<Journal>,
    trouble: Option<FolderError>,
}

/// What is written while the run lasts.
struct Journal {
    series: BufWriter<File>,
    events: BufWriter<File>,
    histograms: HistogramLog<BufWriter<File>>,
}

impl Folder {
    /// Makes the folder, with its parents, and its files. One that holds a result already is
    /// refused: results are never overwritten.
    pub fn create(path: &Path, started: SystemTime) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError { path: path.into(), source })?;
        let journal = Journal {
            series: open(path, SERIES)?,
            events: open(path, EVENTS)?,
            histograms: HistogramLog::begin(open(path, HISTOGRAMS)?, started)
                .map_err(|source| FolderError { path: path.join(HISTOGRAMS), source })?,
        };
        Ok(Self { path: path.into(), journal: Some(journal), trouble: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the plan in force.
    pub fn write_plan(&self, text: &str) -> Result<(), FolderError> {
        self.write_file(PLAN, text.as_bytes())
    }

    /// Writes one second.
    pub fn add(&mut self, frame: &Frame, plan: &Plan) {
        self.journal(|journal| journal.add(frame, plan));
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event) {
        self.journal(|journal| journal.event(event));
    }

    /// Writes what the monitor saw as a row of kind `monitor`.
    pub fn monitor(&mut self, seen: Map<String, Value>) {
        self.journal(|journal| {
            line(&mut journal.series, &SeriesRow::Monitor(seen))
                .and_then(|()| journal.series.flush())
                .map_err(|error| (SERIES, error))
        });
    }

    /// Writes what was held back. To be called once, before the summary.
    pub fn finish(&mut self, plan: &Plan) {
        self.journal(|journal| {
            journal.histograms.finish(plan).map_err(|error| (HISTOGRAMS, error))
        });
    }

    /// What stopped the journal; told once.
    pub fn trouble(&mut self) -> Option<FolderError> {
        self.trouble.take()
    }

    /// Writes the summary. It is complete or not there: it is written beside and then renamed.
    pub fn write_summary(&self, summary: &Summary) -> Result<(), FolderError> {
        let fail = |source| FolderError { path: self.path.join(SUMMARY), source };
        let mut text = serde_json::to_vec_pretty(summary).map_err(|error| fail(error.into()))?;
        text.push(b'\n');
        self.write_file(SUMMARY_DRAFT, &text)?;
        fs::rename(self.path.join(SUMMARY_DRAFT), self.path.join(SUMMARY)).map_err(fail)
    }

    fn write_file(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.path.join(name);
        fs::write(&path, content).map_err(|source| FolderError { path, source })
    }

    fn journal(
        &mut self,
        write: impl FnOnce(&mut Journal) -> Result<(), (&'static str, io::Error)>,
    ) {
        let Some(journal) = &mut self.journal else { return };
        if let Err((name, source)) = write(journal) {
            self.trouble = Some(FolderError { path: self.path.join(name), source });
            self.journal = None;
        }
    }
}

const PLAN: &str = "plan.toml";
const SERIES: &str = "series.ndjson";
const EVENTS: &str = "events.ndjson";
const HISTOGRAMS: &str = "latency.hlog";
const SUMMARY: &str = "summary.json";
const SUMMARY_DRAFT: &str = "summary.json.part";

impl Journal {
    fn add(&mut self, frame: &Frame, plan: &Plan) -> Result<(), (&'static str, io::Error)> {
        self.histograms.add(frame, plan).map_err(|error| (HISTOGRAMS, error))?;
        self.add_rows(frame, plan).map_err(|error| (SERIES, error))
    }

    fn add_rows(&mut self, frame: &Frame, plan: &Plan) -> io::Result<()> {
        for phase in frame.phases() {
            line(&mut self.series, &SeriesRow::Phase(PhaseRow::of(frame, phase, plan)))?;
        }
        self.series.flush()
    }

    fn event(&mut self, event: &Event) -> Result<(), (&'static str, io::Error)> {
        line(&mut self.events, event)
            .and_then(|()| self.events.flush())
            .map_err(|error| (EVENTS, error))
    }
}

fn open(folder: &Path, name: &str) -> Result<BufWriter<File>, FolderError> {
    let path = folder.join(name);
    match File::create_new(&path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(source) => Err(FolderError { path, source }),
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
