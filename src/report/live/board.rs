//! Updates of a run → all that the live view shows.

use std::collections::VecDeque;

use super::history::History;
use crate::format;
use crate::report::{Course, Progress};

/// The most notes that are kept.
const NOTES: usize = 100;

/// What the live view shows.
#[derive(Clone, Debug)]
pub struct Board {
    pub(super) course: Course,
    pub(super) newest: Option<Progress>,
    pub(super) history: History,
    pub(super) notes: VecDeque<String>,
    pub(super) going: Going,
}

/// How a run goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Going {
    /// By its plan.
    Running,
    /// Nothing starts any more.
    Draining,
    /// Everything ends.
    Stopping,
}

impl Board {
    /// A board before the first second.
    pub fn new(course: Course) -> Self {
        Self {
            course,
            newest: None,
            history: History::default(),
            notes: VecDeque::new(),
            going: Going::Running,
        }
    }

    /// The phases have other places than was known.
    pub fn replan(&mut self, course: Course) {
        self.course = course;
    }

    /// A phase began: what the newest second said stays.
    pub fn phase(&mut self, progress: Progress) {
        self.newest = Some(progress);
    }

    /// A second is over.
    pub fn second(&mut self, progress: Progress) {
        self.history.add(&progress);
        self.newest = Some(progress);
    }

    /// Something to know; text from elsewhere is escaped.
    pub fn note(&mut self, text: &str) {
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(format::escape(text));
    }

    /// The run is told to end.
    pub fn end(&mut self, going: Going) {
        self.going = going;
    }
}
