//! Frames, events and the summary → the files of a results folder.
//!
//! In each second histograms are written and flushed first, then the counters, and the series rows
//! last: a row says that everything of its second is on disk. A write that fails stops the journal
//! but not the run; it is told once, and the summary is tried all the same.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::hlog::HistogramLog;
use super::journal::{Closing, Entry};
use super::series::{PhaseRow, SeriesRow};
use super::{Event, Frame, PhaseSpan, RunEnd, RunRecord, Summary};
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
    counters: BufWriter<File>,
    /// The phases' times as they were last written.
    spans: Vec<PhaseSpan>,
}

/// [`SeriesRow::Monitor`] as it is written, whatever the monitor gives.
#[derive(Serialize)]
struct MonitorRow<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    seen: &'a T,
}

impl Folder {
    /// Makes the folder, with its parents, and its files. One that holds a result already is
    /// refused: results are never overwritten.
    pub fn create(path: &Path, started: SystemTime, run: &RunRecord) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError { path: path.into(), source })?;
        let addresses = run.addresses.iter().map(Vec::len).collect();
        let journal = Journal {
            series: open(path, SERIES)?,
            events: open(path, EVENTS)?,
            histograms: HistogramLog::begin(open(path, HISTOGRAMS)?, started, addresses)
                .map_err(|source| FolderError { path: path.join(HISTOGRAMS), source })?,
            counters: open(path, COUNTERS)?,
            spans: Vec::new(),
        };
        let fail = |source| FolderError { path: path.join(RUN), source };
        json_text(run).and_then(|text| fs::write(path.join(RUN), text)).map_err(fail)?;
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

    /// Writes one second; `spans` are the phases that began, as far as they came.
    pub fn add(&mut self, frame: &Frame, plan: &Plan, spans: &[PhaseSpan]) {
        self.journal(|journal| journal.add(frame, plan, spans));
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event) {
        self.journal(|journal| journal.event(event));
    }

    /// Writes what the monitor saw, a struct or a map, as a row of kind `monitor`; `spans` are
    /// the phases up to then.
    pub fn monitor(&mut self, seen: &impl Serialize, spans: &[PhaseSpan]) {
        self.journal(|journal| {
            journal.look(spans).map_err(|error| (COUNTERS, error))?;
            line(&mut journal.series, &MonitorRow { kind: "monitor", seen })
                .and_then(|()| journal.series.flush())
                .map_err(|error| (SERIES, error))
        });
    }

    /// Writes what was held back, and how the run ended. To be called once, before the summary.
    pub fn finish(&mut self, plan: &Plan, end: &RunEnd) {
        self.journal(|journal| {
            journal.histograms.finish(plan).map_err(|error| (HISTOGRAMS, error))?;
            line(&mut journal.counters, &Entry::End(Cow::Borrowed(end)))
                .and_then(|()| journal.counters.flush())
                .map_err(|error| (COUNTERS, error))
        });
    }

    /// What stopped the journal; told once.
    pub fn trouble(&mut self) -> Option<FolderError> {
        self.trouble.take()
    }

    /// Whether all was written so far.
    pub const fn is_whole(&self) -> bool {
        self.journal.is_some()
    }

    /// Writes the summary. It is complete or not there: it is written beside and then renamed.
    pub fn write_summary(&self, summary: &Summary) -> Result<(), FolderError> {
        let fail = |source| FolderError { path: self.path.join(SUMMARY), source };
        let text = json_text(summary).map_err(fail)?;
        write_into(&self.path, SUMMARY, &text)
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

/// Writes the page that shows a result into its folder.
pub fn write_page(folder: &Path, html: &str) -> Result<(), FolderError> {
    write_into(folder, PAGE, html)
}

/// Writes the thresholds as tests into the folder of a result.
pub fn write_junit(folder: &Path, xml: &str) -> Result<(), FolderError> {
    write_into(folder, JUNIT, xml)
}

/// Writes a file that is complete or not there.
fn write_into(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> Result<(), FolderError> {
    let (path, draft) = (folder.join(name), folder.join(format!("{name}.part")));
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path));
    written.map_err(|source| {
        // What there is of it, if anything, is of no use.
        let _ = fs::remove_file(&draft);
        FolderError { path, source }
    })
}

pub(super) const RUN: &str = "run.json";
pub(super) const PLAN: &str = "plan.toml";
pub(super) const SERIES: &str = "series.ndjson";
pub(super) const COUNTERS: &str = "counters.ndjson";
pub(super) const EVENTS: &str = "events.ndjson";
pub(super) const HISTOGRAMS: &str = "latency.hlog";
pub(super) const SUMMARY: &str = "summary.json";
const PAGE: &str = "report.html";
const JUNIT: &str = "junit.xml";

impl Journal {
    fn add(
        &mut self,
        frame: &Frame,
        plan: &Plan,
        spans: &[PhaseSpan],
    ) -> Result<(), (&'static str, io::Error)> {
        self.histograms.add(frame, plan).map_err(|error| (HISTOGRAMS, error))?;
        self.add_counters(frame, spans).map_err(|error| (COUNTERS, error))?;
        self.add_rows(frame, plan).map_err(|error| (SERIES, error))
    }

    fn add_counters(&mut self, frame: &Frame, spans: &[PhaseSpan]) -> io::Result<()> {
        for (key, cell) in &frame.cells {
            let entry = Entry::Cell { key: *key, counts: Cow::Borrowed(cell) };
            line(&mut self.counters, &entry)?;
        }
        let changed = self.changed(spans);
        let closing = Closing {
            second: frame.second,
            rows: frame.phases().len(),
            gauges: Cow::Borrowed(&frame.gauges),
            stints: Cow::Borrowed(&frame.stints),
            peaks: frame.peaks,
            spans: Cow::Owned(changed),
        };
        line(&mut self.counters, &Entry::Second(closing))?;
        self.counters.flush()
    }

    fn look(&mut self, spans: &[PhaseSpan]) -> io::Result<()> {
        let changed = self.changed(spans);
        line(&mut self.counters, &Entry::Look(Cow::Owned(changed)))?;
        self.counters.flush()
    }

    /// The phases whose times are not as they were last written.
    fn changed(&mut self, spans: &[PhaseSpan]) -> Vec<PhaseSpan> {
        let changed = spans.iter().filter(|span| !self.spans.contains(span)).copied().collect();
        self.spans = spans.to_vec();
        changed
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

fn json_text(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::record::specimen::{OPEN, both, frame, key, ledger, messages, plan, run_record};
    use crate::record::{Cell, Extent, PhaseGauge};
    use crate::smtp::{Code, Outcome, Step};

    fn second(accepted: u64) -> Cell {
        let mut cell = both(
            messages(accepted, Outcome::Accepted, 20),
            &messages(1, Outcome::TimedOut, 30_000),
        );
        for _ in 0..accepted {
            cell.step(Step::Mail).reply(Code::OK, Duration::from_millis(3));
        }
        cell
    }

    /// A folder with twelve seconds of two clients, closed.
    fn written(path: &Path) -> u64 {
        let plan = plan();
        let mut folder = Folder::create(path, SystemTime::UNIX_EPOCH, &run_record(&plan)).unwrap();
        let mut sum = ledger(&plan, Vec::new());
        for number in 0..12 {
            let cells = vec![(key(OPEN, 0, 0), second(number)), (key(OPEN, 1, 0), second(5))];
            let frame = frame(number, cells);
            sum.fold(&frame);
            folder.add(&frame, &plan, &[]);
        }
        folder.finish(&plan, &RunEnd::default());
        assert!(folder.trouble().is_none());
        sum.sum(Extent::All, |_| true).messages.of(Outcome::Accepted)
    }

    fn rows(path: &Path) -> Vec<SeriesRow> {
        let text = fs::read_to_string(path.join(SERIES)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn base64(text: &str) -> Vec<u8> {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (mut octets, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
        for digit in text.bytes().filter(|digit| *digit != b'=') {
            let value = DIGITS.iter().position(|known| *known == digit).unwrap();
            bits = (bits << 6) | u32::try_from(value).unwrap();
            held += 6;
            if held >= 8 {
                held -= 8;
                octets.push(u8::try_from((bits >> held) & 0xff).unwrap());
            }
        }
        octets
    }

    /// By tag: the number of lines, and the sum of their histograms.
    fn histograms(path: &Path) -> BTreeMap<String, (u64, Histogram<u64>)> {
        let text = fs::read(path.join(HISTOGRAMS)).unwrap();
        let mut all: BTreeMap<String, (u64, Histogram<u64>)> = BTreeMap::new();
        for entry in IntervalLogIterator::new(&text) {
            let LogEntry::Interval(line) = entry.unwrap() else { continue };
            let octets = base64(line.encoded_histogram());
            let read = Deserializer::new().deserialize::<u64, _>(&mut &octets[..]).unwrap();
            let (lines, sum) = all
                .entry(line.tag().unwrap().as_str().to_owned())
                .or_insert_with(|| (0, Histogram::new(3).unwrap()));
            *lines += 1;
            sum.add(&read).unwrap();
        }
        all
    }

    #[test]
    fn the_rows_of_the_series_add_up_to_what_was_counted() {
        let folder = tempfile::tempdir().unwrap();
        let counted = written(folder.path());

        let mut sum = 0;
        for (number, row) in rows(folder.path()).into_iter().enumerate() {
            let SeriesRow::Phase(row) = row else { panic!("no monitor ran") };
            assert_eq!((row.second, row.phase.as_str()), (number as u64, "open"));
            assert_eq!(row.max, None, "a message without an answer has no known time");
            sum += row.ended.get("accepted").copied().unwrap_or(0);
        }

        assert_eq!((sum, counted), (66 + 60, 66 + 60));
    }

    #[test]
    fn a_row_is_short() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());

        let text = fs::read_to_string(folder.path().join(SERIES)).unwrap();

        for line in text.lines() {
            assert!(line.len() <= 400, "{} octets: {line}", line.len());
        }
    }

    #[test]
    fn histogram_tools_read_the_log_and_its_lines_add_up() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());

        let read = histograms(folder.path());

        let (lines, all) = &read["open/*/message/response"];
        assert_eq!((*lines, all.len()), (12, 126));
        assert_eq!(all.count_between(19_980, 20_020), 126);
        assert_eq!(read["open/app/message/response"].1.len(), 66);
        assert_eq!(read["open/bulk/message/response"].1.len(), 60);
        assert_eq!(read["open/*/message/response-censored"].1.len(), 24);
        let (lines, steps) = &read["open/bulk/mail/service"];
        assert_eq!((*lines, steps.len()), (2, 60), "steps are written each ten seconds");
    }

    #[test]
    fn events_and_monitor_rows_are_on_disk_at_once() {
        let place = tempfile::tempdir().unwrap();
        let mut folder =
            Folder::create(place.path(), SystemTime::UNIX_EPOCH, &run_record(&plan())).unwrap();
        let event = Event::PhaseBegan { at_s: 0.0, phase: "open".to_owned() };
        let seen = BTreeMap::from([("host_cpu", 0.5)]);

        folder.event(&event);
        folder.monitor(&seen, &[]);

        let events = fs::read_to_string(place.path().join(EVENTS)).unwrap();
        assert_eq!(serde_json::from_str::<Event>(events.trim_end()).unwrap(), event);
        let series = fs::read_to_string(place.path().join(SERIES)).unwrap();
        assert_eq!(series, "{\"kind\":\"monitor\",\"host_cpu\":0.5}\n");
        let [SeriesRow::Monitor(read)] = &rows(place.path())[..] else { panic!("one row") };
        assert_eq!(read["host_cpu"], 0.5);
    }

    #[test]
    fn a_phase_that_drains_without_counting_has_its_row() {
        let place = tempfile::tempdir().unwrap();
        let mut folder =
            Folder::create(place.path(), SystemTime::UNIX_EPOCH, &run_record(&plan())).unwrap();
        let gauge =
            PhaseGauge { phase: OPEN, level: 0.0, open_sessions: 4, peak_open: 4, peaks: vec![] };

        folder.add(&Frame { gauges: vec![gauge], ..frame(3, Vec::new()) }, &plan(), &[]);

        let [SeriesRow::Phase(row)] = &rows(place.path())[..] else { panic!("one row") };
        assert_eq!((row.second, row.open_sessions, row.responses), (3, 4, 0));
    }

    #[test]
    fn a_folder_with_a_result_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());

        let refused = Folder::create(folder.path(), SystemTime::UNIX_EPOCH, &run_record(&plan()))
            .err()
            .unwrap();

        let path = folder.path().join(SERIES);
        assert_eq!(refused.to_string(), format!("cannot write `{}`", path.display()));
        assert_eq!(refused.source.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_told_once_and_then_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let mut folder =
            Folder::create(place.path(), SystemTime::UNIX_EPOCH, &run_record(&plan())).unwrap();
        if let Some(journal) = &mut folder.journal {
            // Opened for reading, the file takes nothing.
            journal.series = BufWriter::new(File::open(place.path().join(SERIES)).unwrap());
        }

        folder.add(&frame(0, vec![(key(OPEN, 0, 0), second(1))]), &plan(), &[]);
        folder.add(&frame(1, vec![(key(OPEN, 0, 0), second(1))]), &plan(), &[]);

        let path = place.path().join(SERIES);
        let told = folder.trouble().unwrap();
        assert_eq!(told.to_string(), format!("cannot write `{}`", path.display()));
        assert!(folder.trouble().is_none());
        assert_eq!(histograms(place.path())["open/*/message/response"].0, 1);
    }
}
