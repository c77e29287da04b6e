//! `render`: the mails of a run, written and not sent.

use std::sync::Arc;
use std::time::SystemTime;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::args::RenderArgs;
use super::messages::{Failure, note};
use super::outlet::{Expected, Outlet, Put};
use super::{Done, read, signals};
use crate::engine::{Found, Renderer};
use crate::format;
use crate::message::{Mail, RunIdentity};
use crate::plan::{MessageId, Plan, suggest};
use crate::report::mailbox::Envelope;
use crate::run::{RunError, identity};
use crate::smtp::BodyType;
use crate::verdict::{ExitCode, Interruption};

/// Writes mails of a plan.
pub(super) fn render(args: &RenderArgs) -> Done {
    let loaded = read::plan(&args.plan, &args.plan_flags, &args.format)?;
    let plan = Arc::new(loaded.plan);
    let wanted = wanted(&plan, &args.messages, args.count)?;
    let id = args.run.unwrap_or_else(|| identity(SystemTime::now()));
    let run = RunIdentity { id, seed: plan.seed };
    let body = if args.eight_bit { BodyType::EightBitMime } else { BodyType::SevenBit };
    let renderer = Renderer::new(Arc::clone(&plan), run, body);
    let renderer = renderer.map_err(|error| Failure::Run(RunError::Message(error)))?;
    let signals = signals::listen();
    if args.numbers.is_empty() {
        let total = wanted.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let found = renderer.first(&wanted);
        let mut writing = Writing::begin(args, &plan, renderer, total, signals)?;
        let ended = writing.all(found)?;
        if ended == Ended::Done {
            writing.tell_missing(&wanted);
        }
        return writing.end(ended);
    }
    let found: Result<Vec<Found>, Failure> =
        args.numbers.iter().map(|seq| numbered(&renderer, *seq)).collect();
    let found = found?;
    let mut writing = Writing::begin(args, &plan, renderer, found.len() as u64, signals)?;
    let ended = writing.all(found)?;
    writing.end(ended)
}

/// All messages, or those of these names, each so many times.
fn wanted(plan: &Plan, names: &[String], count: u64) -> Result<Vec<(MessageId, u64)>, Failure> {
    for name in names {
        if !plan.messages.iter().any(|message| message.name == *name) {
            let known = plan.messages.iter().map(|message| message.name.as_str());
            let hint = suggest(name, known).map(|hint| format!("\nhelp: {hint}"));
            let (name, hint) = (format::escape(name), hint.unwrap_or_default());
            return Err(Failure::Usage(format!("the plan has no message `{name}`{hint}")));
        }
    }
    let all = (0..).map(MessageId).zip(&plan.messages);
    let wanted = all.filter(|(_, message)| names.is_empty() || names.contains(&message.name));
    Ok(wanted.map(|(id, _)| (id, count)).collect())
}

fn numbered(renderer: &Renderer, seq: u64) -> Result<Found, Failure> {
    let none = || Failure::Usage(format!("no mail of a run of the plan has the number {seq}"));
    renderer.numbered(seq).ok_or_else(none)
}

/// Mails on their way out.
struct Writing<'a> {
    plan: &'a Plan,
    renderer: Renderer,
    outlet: Outlet,
    signals: UnboundedReceiver<Interruption>,
    bar: ProgressBar,
    /// By message.
    written: Vec<u64>,
}

/// Why no more mails are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ended {
    /// That was all.
    Done,
    /// The reader has seen enough.
    Closed,
    By(Interruption),
}

impl<'a> Writing<'a> {
    fn begin(
        args: &RenderArgs,
        plan: &'a Plan,
        renderer: Renderer,
        total: u64,
        signals: UnboundedReceiver<Interruption>,
    ) -> Result<Self, Failure> {
        let expected = if total > 1 { Expected::Several } else { Expected::One };
        let outlet = Outlet::open(args, expected)?;
        let bar = if outlet.is_silent() { bar(total) } else { ProgressBar::hidden() };
        let written = vec![0; plan.messages.len()];
        Ok(Self { plan, renderer, outlet, signals, bar, written })
    }

    fn all(&mut self, found: impl IntoIterator<Item = Found>) -> Result<Ended, Failure> {
        let mut mail = Mail::default();
        for found in found {
            if let Ok(signal) = self.signals.try_recv() {
                return Ok(Ended::By(signal));
            }
            let composed = self.renderer.compose(&found, &mut mail);
            composed.map_err(|error| Failure::Run(RunError::Mail(error)))?;
            if self.outlet.put(envelope(self.plan, &found, &mail), &mail)? == Put::Closed {
                return Ok(Ended::Closed);
            }
            if let Some(written) = self.written.get_mut(found.message.index()) {
                *written += 1;
            }
            self.bar.inc(1);
        }
        Ok(Ended::Done)
    }

    /// Says of which messages a run sends fewer than were asked for.
    fn tell_missing(&self, wanted: &[(MessageId, u64)]) {
        for (message, count) in wanted {
            let written = self.written.get(message.index()).copied().unwrap_or_default();
            let name = self.plan.messages.get(message.index()).map_or("", |recipe| &recipe.name);
            if written < *count {
                let (written, count) = (format::count(written), format::count(*count));
                note(&format!(
                    "note: {written} of {count} mails of message `{name}`: no more were found in the plan"
                ));
            }
        }
    }

    fn end(self, ended: Ended) -> Done {
        self.bar.finish_and_clear();
        self.outlet.finish()?;
        Ok(match ended {
            Ended::Done | Ended::Closed => ExitCode::OK,
            Ended::By(Interruption::Interrupt) => ExitCode::INTERRUPTED,
            Ended::By(Interruption::Terminate) => ExitCode::TERMINATED,
        })
    }
}

fn envelope<'a>(plan: &'a Plan, found: &Found, mail: &'a Mail) -> Envelope<'a> {
    let Mail { from, to, size, eight_bit, .. } = mail;
    Envelope {
        file: None,
        message: &plan.messages[found.message.index()].name,
        client: &plan.clients[found.start.client.index()].name,
        phase: &plan.phases[found.phase.index()].name,
        seq: found.start.seq,
        from,
        to,
        size: *size,
        eight_bit: *eight_bit,
    }
}

/// A bar that shows only on a terminal.
fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} mails, {eta} to go") {
        bar.set_style(style);
    }
    bar
}
