//! Updates of a run → the live view on a terminal, plain lines elsewhere, or JSON for programs.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::Path;

use tokio::sync::mpsc::UnboundedSender;

use super::args::{OutputFlags, Progress as Kind};
use super::live::{self, Live};
use super::messages::{Failure, note};
use crate::report::live::Going;
use crate::report::{Bulletin, Matter, Progress, TargetAddresses};
use crate::run::Update;
use crate::verdict::Interruption;

/// A plain line comes each so many seconds, and at each change of phase.
const PLAIN_EACH: u64 = 5;

/// Shows a run on standard error.
pub(super) struct Display {
    shown: Shown,
    seconds: u64,
}

enum Shown {
    Live(Live),
    Plain,
    Json,
    Nothing,
}

impl Display {
    /// Picks what is shown; nothing is, yet. What asks for the live view where there can be none
    /// is a mistake of the command line.
    pub(super) fn new(
        flags: &OutputFlags,
        keys: UnboundedSender<Interruption>,
    ) -> Result<Self, Failure> {
        let style = super::messages::error_style(&flags.format);
        let shown = match flags.progress {
            _ if flags.quiet => Shown::Nothing,
            Kind::Tui => match live::obstacle() {
                None => Shown::Live(Live::new(style, keys)),
                Some(why) => return Err(Failure::Usage(format!("no live view: {why}"))),
            },
            Kind::Auto if live::obstacle().is_none() && live::is_roomy() => {
                Shown::Live(Live::new(style, keys))
            }
            Kind::Auto | Kind::Plain => Shown::Plain,
            Kind::Json => Shown::Json,
            Kind::None => Shown::Nothing,
        };
        Ok(Self { shown, seconds: 0 })
    }

    /// Shows what happens.
    pub(super) fn show(&mut self, update: &Update<'_>) {
        match update {
            Update::Began { folder, targets, sink, figures } => {
                self.began(folder, targets, *sink, figures.as_deref());
            }
            Update::Planned(course) => {
                if let Shown::Live(live) = &mut self.shown {
                    live.plan(course);
                }
            }
            Update::PhaseBegan(progress) => self.phase(progress),
            Update::Second(progress) => self.second(progress),
            Update::Draining(_) | Update::Stopping(_) => self.ending(update),
            Update::FeedUsedUp(_)
            | Update::Throttled(_)
            | Update::Probed(_)
            | Update::Searched(_)
            | Update::Threshold(_)
            | Update::Trouble(_) => self.tell(update),
        }
        self.fall_back();
    }

    /// Leaves the screen, and says again what was said on it.
    pub(super) fn end(self) {
        if let Shown::Live(live) = self.shown {
            live.end();
        }
    }

    /// A terminal that went away, or a view that failed, is no reason to say nothing any more.
    fn fall_back(&mut self) {
        match &self.shown {
            Shown::Live(live) if live.is_lost() => self.shown = Shown::Plain,
            Shown::Live(_) | Shown::Plain | Shown::Json | Shown::Nothing => {}
        }
    }

    fn began(
        &mut self,
        folder: &Path,
        targets: &[(String, Vec<String>)],
        sink: Option<SocketAddr>,
        figures: Option<&str>,
    ) {
        if let Shown::Json = self.shown {
            let targets = targets.iter();
            let targets = targets.map(|(name, addresses)| TargetAddresses { name, addresses });
            let folder = folder.display().to_string();
            return put(&Bulletin::Began { folder, targets: targets.collect(), sink, figures });
        }
        for (name, addresses) in targets {
            let own = sink.is_some_and(|sink| addresses.contains(&sink.to_string()));
            let what = if own { " (the embedded server)" } else { "" };
            self.say(Matter::Place, &format!("target {name}: {}{what}", addresses.join(", ")));
        }
        if let Some(url) = figures {
            self.say(Matter::Place, &format!("figures: {url}"));
        }
        self.say(Matter::Place, &format!("results: {}", folder.display()));
    }

    fn phase(&mut self, progress: &Progress) {
        match &mut self.shown {
            Shown::Live(live) => live.phase(progress),
            Shown::Plain => note(&progress.log_line()),
            Shown::Json => put(&Bulletin::Phase(progress)),
            Shown::Nothing => {}
        }
    }

    fn second(&mut self, progress: &Progress) {
        self.seconds += 1;
        match &mut self.shown {
            Shown::Live(live) => live.second(progress),
            Shown::Plain if self.seconds.is_multiple_of(PLAIN_EACH) => note(&progress.log_line()),
            Shown::Json => put(&Bulletin::Second(progress)),
            Shown::Plain | Shown::Nothing => {}
        }
    }

    fn ending(&mut self, update: &Update<'_>) {
        let going = match update {
            Update::Stopping(_) => Going::Stopping,
            _ => Going::Draining,
        };
        if let Shown::Live(live) = &mut self.shown {
            live.going(going);
        }
        self.tell(update);
    }

    fn tell(&mut self, update: &Update<'_>) {
        if let Some((matter, text)) = words(update) {
            self.say(matter, &text);
        }
    }

    fn say(&mut self, matter: Matter, text: &str) {
        match &mut self.shown {
            Shown::Live(live) => live.note(text),
            Shown::Plain => note(text),
            Shown::Json => put(&Bulletin::Note { matter, text }),
            Shown::Nothing => {}
        }
    }
}

/// What an update says in words, and what it is about.
fn words<'a>(update: &'a Update<'_>) -> Option<(Matter, Cow<'a, str>)> {
    let (matter, text) = match update {
        Update::Draining(signal) => (
            Matter::Draining,
            format!(
                "{}: nothing starts any more, what has started runs to its end; again to stop at \
                 once",
                signal_name(*signal)
            ),
        ),
        Update::Stopping(signal) => {
            (Matter::Stopping, format!("{}: stopping at once", signal_name(*signal)))
        }
        Update::FeedUsedUp(text) => {
            (Matter::FeedUsedUp, format!("{text}: what has started runs to its end"))
        }
        Update::Throttled(text) => return Some((Matter::Throttled, text.into())),
        Update::Probed(text) => return Some((Matter::Probed, text.into())),
        Update::Searched(text) => return Some((Matter::Searched, text.into())),
        Update::Threshold(text) => return Some((Matter::Threshold, text.into())),
        Update::Trouble(text) => (Matter::Trouble, format!("warning: {text}")),
        Update::Began { .. } | Update::Planned(_) | Update::PhaseBegan(_) | Update::Second(_) => {
            return None;
        }
    };
    Some((matter, text.into()))
}

fn put(bulletin: &Bulletin<'_>) {
    if let Some(line) = bulletin.line() {
        note(&line);
    }
}

const fn signal_name(signal: Interruption) -> &'static str {
    match signal {
        Interruption::Interrupt => "interrupted",
        Interruption::Terminate => "terminated",
    }
}
