//! Histograms → `latency.hlog`, an `HdrHistogram` interval log that its own tools read.
//!
//! Each line is what was added in its interval, in microseconds, under the tag
//! `phase/client/step/clock`. The clocks of whole messages stand under the step `message`, the time until a
//! session is ready under `session`; the phase's sum has `*` for the client. What had no answer
//! stands apart under `CLOCK-censored`, with the ages. Message clocks are written each second;
//! those of the steps, which are many, each 10 s.
//!
//! Where a client has several addresses, each also has lines of its own under `CLIENT@N`, N the
//! address's position in `run.json`; messages of a class stand under the step `class:NAME` too. So
//! the times of every cell can be read back.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use super::series::phase_name;
use super::{Cell, CellKey, Frame, Latency};
use crate::plan::{ClientId, PhaseId, Plan};
use crate::smtp::Step;

/// Steps are written each time so many seconds are over.
const STEP_INTERVAL: u64 = 10;

const LEGEND: &str = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
                      \"Interval_Compressed_Histogram\"\n";

/// What is added to a clock that had no answer.
pub(super) const CENSORED: &str = "-censored";

/// Writes the interval log.
pub(super) struct HistogramLog<W> {
    out: W,
    /// Compressed: that is the only form that the Java tools read.
    serializer: V2DeflateSerializer,
    /// By target: how many addresses it has.
    addresses: Vec<usize>,
    steps: BTreeMap<(CellKey, Step), Latency>,
    /// The first second that `steps` may hold something of.
    steps_from: u64,
    next: u64,
}

/// An interval in seconds of the run's clock.
#[derive(Clone, Copy)]
struct Interval {
    from: u64,
    seconds: u64,
}

impl<W: Write> HistogramLog<W> {
    /// Begins a log whose times count from `started`.
    pub(super) fn begin(
        mut out: W,
        started: SystemTime,
        addresses: Vec<usize>,
    ) -> io::Result<Self> {
        IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("values in microseconds; tags phase/client/step/clock")
            .with_start_time(started)
            .with_base_time(started)
            .begin_log_with(&mut out, &mut V2DeflateSerializer::new())?;
        out.write_all(LEGEND.as_bytes())?;
        Ok(Self {
            out,
            serializer: V2DeflateSerializer::new(),
            addresses,
            steps: BTreeMap::new(),
            steps_from: 0,
            next: 0,
        })
    }

    /// Adds a frame; the lines are flushed.
    pub(super) fn add(&mut self, frame: &Frame, plan: &Plan) -> io::Result<()> {
        self.next = frame.second + 1;
        for phase in frame.phases() {
            self.add_phase(frame, phase, plan)?;
        }
        if self.next - self.steps_from >= STEP_INTERVAL {
            self.write_steps(plan)?;
        }
        self.out.flush()
    }

    /// Writes what is held back; nothing is lost at the end.
    pub(super) fn finish(&mut self, plan: &Plan) -> io::Result<()> {
        self.write_steps(plan)?;
        self.out.flush()
    }

    fn add_phase(&mut self, frame: &Frame, phase: PhaseId, plan: &Plan) -> io::Result<()> {
        let interval = Interval { from: frame.second, seconds: 1 };
        let name = clean(&phase_name(plan, phase));
        let mut clients: BTreeMap<ClientId, Cell> = BTreeMap::new();
        for (key, cell) in frame.of(phase) {
            clients.entry(key.client).or_default().merge(cell);
            self.hold_steps(key, cell);
            if is_spread(plan, key.client, &self.addresses) {
                self.write_clocks(&cell_path(plan, key, &self.addresses), cell, interval)?;
            }
            self.write_classes(&cell_path(plan, key, &self.addresses), cell, plan, interval)?;
        }
        self.write_clocks(&format!("{name}/*"), &frame.sum(phase, plan), interval)?;
        for (client, cell) in &clients {
            let path = format!("{name}/{}", client_name(plan, *client));
            self.write_clocks(&path, cell, interval)?;
        }
        Ok(())
    }

    fn hold_steps(&mut self, key: CellKey, cell: &Cell) {
        for step in Step::ALL {
            if let Some(counted) = &cell.steps[step.index()] {
                self.steps.entry((key, step)).or_default().merge(&counted.time);
            }
        }
    }

    fn write_classes(
        &mut self,
        path: &str,
        cell: &Cell,
        plan: &Plan,
        interval: Interval,
    ) -> io::Result<()> {
        for (class, counted) in &cell.classes {
            let Some(name) = plan.classes.get(usize::from(class.0)) else { continue };
            let path = format!("{path}/{}", class_step(name));
            self.write(&format!("{path}/response"), &counted.response, interval)?;
            self.write(&format!("{path}/service"), &counted.service, interval)?;
        }
        Ok(())
    }

    fn write_clocks(&mut self, path: &str, cell: &Cell, interval: Interval) -> io::Result<()> {
        self.write(&format!("{path}/message/response"), &cell.response, interval)?;
        self.write(&format!("{path}/message/service"), &cell.service, interval)?;
        self.write(&format!("{path}/message/lag"), &cell.lag, interval)?;
        self.write(&format!("{path}/message/wait"), &cell.wait, interval)?;
        self.write(&format!("{path}/message/rendering"), &cell.rendering, interval)?;
        self.write(&format!("{path}/session/service"), &cell.session, interval)
    }

    fn write_steps(&mut self, plan: &Plan) -> io::Result<()> {
        let interval = Interval { from: self.steps_from, seconds: self.next - self.steps_from };
        let mut clients: BTreeMap<(PhaseId, ClientId, Step), Latency> = BTreeMap::new();
        for ((key, step), latency) in std::mem::take(&mut self.steps) {
            if is_spread(plan, key.client, &self.addresses) {
                let path = cell_path(plan, key, &self.addresses);
                self.write(&format!("{path}/{step}/service"), &latency, interval)?;
            }
            clients.entry((key.phase, key.client, step)).or_default().merge(&latency);
        }
        for ((phase, client, step), latency) in clients {
            let phase = clean(&phase_name(plan, phase));
            let tag = format!("{phase}/{}/{step}/service", client_name(plan, client));
            self.write(&tag, &latency, interval)?;
        }
        self.steps_from = self.next;
        Ok(())
    }

    fn write(&mut self, tag: &str, latency: &Latency, interval: Interval) -> io::Result<()> {
        if let Some(measured) = latency.measured() {
            self.write_line(tag, &measured, interval)?;
        }
        match latency.censored() {
            Some(censored) => self.write_line(&format!("{tag}{CENSORED}"), &censored, interval),
            None => Ok(()),
        }
    }

    fn write_line(&mut self, tag: &str, line: &Histogram<u64>, over: Interval) -> io::Result<()> {
        IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.out, &mut self.serializer)?
            .write_histogram(
                line,
                Duration::from_secs(over.from),
                Duration::from_secs(over.seconds),
                Tag::new(tag),
            )
            .map_err(|error| match error {
                IntervalLogWriterError::IoError(error) => error,
                IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
            })
    }
}

/// Whether a client's cells have tags of their own beside the client's.
fn is_spread(plan: &Plan, client: ClientId, addresses: &[usize]) -> bool {
    let known = plan.clients.get(client.index());
    let several = known.and_then(|client| addresses.get(client.target.index()));
    several.is_some_and(|addresses| *addresses > 1)
}

/// The first parts of the tags from which a cell's times are read back.
pub(super) fn cell_path(plan: &Plan, key: CellKey, addresses: &[usize]) -> String {
    let phase = clean(&phase_name(plan, key.phase));
    let client = client_name(plan, key.client);
    if is_spread(plan, key.client, addresses) {
        format!("{phase}/{client}@{}", key.address)
    } else {
        format!("{phase}/{client}")
    }
}

/// A class in the place of a step.
pub(super) fn class_step(name: &str) -> String {
    format!("class:{}", clean(name).replace('/', "_"))
}

/// A client's name as one part of a tag.
fn client_name(plan: &Plan, client: ClientId) -> String {
    let known = plan.clients.get(client.index());
    known.map_or_else(|| client.0.to_string(), |client| clean(&client.name).replace('/', "_"))
}

/// A name without the characters that would end a tag.
fn clean(name: &str) -> String {
    name.replace(|c: char| c == ',' || c.is_whitespace() || c.is_control(), "_")
}
