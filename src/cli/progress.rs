//! Updates of a run → a live line on a terminal, plain lines elsewhere, or JSON for programs.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{OutputFlags, Progress as Kind};
use super::messages::{note, width};
use crate::report::Progress;
use crate::run::Update;
use crate::verdict::Interruption;

/// A plain line comes each so many seconds, and at each change of phase.
const PLAIN_EACH: u64 = 5;

/// Shows a run on standard error.
pub(super) struct Display {
    kind: Shown,
    seconds: u64,
}

enum Shown {
    Live(ProgressBar),
    Plain,
    Json,
    Nothing,
}

impl Display {
    pub(super) fn new(flags: &OutputFlags) -> Self {
        let kind = match flags.progress {
            _ if flags.quiet => Shown::Nothing,
            Kind::Auto if std::io::stderr().is_terminal() => Shown::Live(live()),
            Kind::Auto | Kind::Plain => Shown::Plain,
            Kind::Json => Shown::Json,
            Kind::None => Shown::Nothing,
        };
        Self { kind, seconds: 0 }
    }

    /// Shows what happens.
    pub(super) fn show(&mut self, update: &Update<'_>) {
        match update {
            Update::Began { folder, targets, sink } => self.began(folder, targets, *sink),
            Update::PhaseBegan(progress) => self.phase(progress),
            Update::Second(progress) => self.second(progress),
            Update::Draining(signal) => self.say(&format!(
                "{}: nothing starts any more, what has started runs to its end; again to stop at once",
                signal_name(*signal)
            )),
            Update::Stopping(signal) => {
                self.say(&format!("{}: stopping at once", signal_name(*signal)));
            }
            Update::FeedUsedUp(text) => {
                self.say(&format!("{text}: what has started runs to its end"));
            }
            Update::Throttled(text) | Update::Probed(text) | Update::Searched(text) => self.say(text),
            Update::Trouble(text) => self.say(&format!("warning: {text}")),
        }
    }

    /// Clears the live line.
    pub(super) fn end(self) {
        if let Shown::Live(bar) = self.kind {
            bar.finish_and_clear();
        }
    }

    fn began(
        &self,
        folder: &std::path::Path,
        targets: &[(String, Vec<String>)],
        sink: Option<std::net::SocketAddr>,
    ) {
        match &self.kind {
            Shown::Live(_) | Shown::Plain => {
                for (name, addresses) in targets {
                    let own = sink.is_some_and(|sink| addresses.contains(&sink.to_string()));
                    let what = if own { " (the embedded server)" } else { "" };
                    self.say(&format!("target {name}: {}{what}", addresses.join(", ")));
                }
                self.say(&format!("results: {}", folder.display()));
            }
            Shown::Json | Shown::Nothing => {}
        }
    }

    fn phase(&self, progress: &Progress) {
        match &self.kind {
            Shown::Live(bar) => bar.set_message(progress.terminal_line(width().saturating_sub(1))),
            Shown::Plain => note(&progress.log_line()),
            Shown::Json => note_json(progress),
            Shown::Nothing => {}
        }
    }

    fn second(&mut self, progress: &Progress) {
        self.seconds += 1;
        let plain = self.seconds.is_multiple_of(PLAIN_EACH);
        match &self.kind {
            Shown::Live(bar) => bar.set_message(progress.terminal_line(width().saturating_sub(1))),
            Shown::Plain if plain => note(&progress.log_line()),
            Shown::Json if plain => note_json(progress),
            Shown::Plain | Shown::Json | Shown::Nothing => {}
        }
    }

    fn say(&self, text: &str) {
        match &self.kind {
            Shown::Live(bar) => bar.suspend(|| note(text)),
            Shown::Plain => note(text),
            Shown::Json => {
                note(&serde_json::json!({ "note": text }).to_string());
            }
            Shown::Nothing => {}
        }
    }
}

fn note_json(progress: &Progress) {
    if let Ok(line) = serde_json::to_string(progress) {
        note(&line);
    }
}

fn live() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

const fn signal_name(signal: Interruption) -> &'static str {
    match signal {
        Interruption::Interrupt => "interrupted",
        Interruption::Terminate => "terminated",
    }
}
