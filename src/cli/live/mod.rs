//! Updates and keys → the live view, on a thread of its own.
//!
//! The conductor only hands over what it has told anyway; drawing, the terminal's slowness and
//! waiting for keys are this thread's. It draws when there is something new, at most four times a
//! second.

mod screen;
mod thread;

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use super::messages::note;
use crate::report::live::Going;
use crate::report::{Course, Progress, Style};
use crate::verdict::Interruption;

pub(super) use screen::{is_roomy, obstacle};

/// What the view is told.
enum News {
    Planned(Course),
    Phase(Box<Progress>),
    Second(Box<Progress>),
    Note(String),
    Going(Going),
    End,
}

/// The live view of a run.
pub(super) struct Live {
    /// What the thread is made from, until there is a plan to show.
    start: Option<(Style, UnboundedSender<Interruption>)>,
    running: Option<Running>,
    lost: bool,
    /// All that was said, for the time when the screen is gone.
    said: Vec<String>,
}

struct Running {
    /// Unbounded, as it holds a few values for each second.
    tell: Sender<News>,
    thread: JoinHandle<()>,
}

impl Live {
    /// A view that takes the screen when the run begins: what fails before that is told where the
    /// user typed.
    pub(super) fn new(style: Style, keys: UnboundedSender<Interruption>) -> Self {
        Self { start: Some((style, keys)), running: None, lost: false, said: Vec::new() }
    }

    /// What is planned; the first time the view appears.
    pub(super) fn plan(&mut self, course: &Course) {
        if let Some((style, keys)) = self.start.take() {
            self.begin(course.clone(), style, keys);
        } else {
            self.tell(News::Planned(course.clone()));
        }
    }

    fn begin(&mut self, course: Course, style: Style, keys: UnboundedSender<Interruption>) {
        let (tell, news) = channel();
        let view = thread::View::new(course, style, keys);
        match thread::spawn(view, news) {
            Ok(thread) => {
                self.running = Some(Running { tell, thread });
                for text in self.said.clone() {
                    self.tell(News::Note(text));
                }
            }
            Err(error) => {
                self.said.push(format!("warning: no live view: {error}"));
                self.lose();
            }
        }
    }

    /// A phase began.
    pub(super) fn phase(&mut self, progress: &Progress) {
        self.tell(News::Phase(Box::new(progress.clone())));
    }

    /// A second is over.
    pub(super) fn second(&mut self, progress: &Progress) {
        self.tell(News::Second(Box::new(progress.clone())));
    }

    /// The run is told to end.
    pub(super) fn going(&mut self, going: Going) {
        self.tell(News::Going(going));
    }

    /// Something to know.
    pub(super) fn note(&mut self, text: &str) {
        self.said.push(text.to_owned());
        self.tell(News::Note(text.to_owned()));
    }

    /// Whether nothing is seen of it any more.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Leaves the screen; what was said on it stands on the usual one behind that.
    pub(super) fn end(mut self) {
        self.tell(News::End);
        self.lose();
    }

    fn tell(&mut self, news: News) {
        let gone = self.running.as_ref().is_some_and(|running| running.tell.send(news).is_err());
        if gone {
            self.lose();
        }
    }

    fn lose(&mut self) {
        if let Some(Running { tell, thread }) = self.running.take() {
            drop(tell);
            // If it panicked, the screen was restored and the panic told by the hook.
            let _ = thread.join();
        }
        screen::leave();
        self.lost = true;
        for text in self.said.drain(..).chain(screen::held()) {
            note(&text);
        }
    }
}

impl Drop for Live {
    /// On the way out of an error.
    fn drop(&mut self) {
        if !self.lost {
            self.lose();
        }
    }
}
