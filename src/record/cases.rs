//! Malformed starts → what is counted for each case, and its row of the results.
//!
//! They count here alone: a phase's messages, latencies and sessions hold mail only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Broken, sparse};
use crate::smtp::{CaseEnd, CaseEnding, CaseId, Code};

/// What became of one case in one cell.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CaseCell {
    /// Came due: started or dropped.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub planned: u64,
    /// Began.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub started: u64,
    /// Never began, because too many were in flight.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub dropped: u64,
    /// By [`CaseEnd::index`].
    #[serde(with = "sparse::case_ends")]
    pub ended: [u64; CaseEnd::ALL.len()],
    /// The replies that were judged.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replies: BTreeMap<Code, u64>,
    /// After it a correct session was served.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub alive: u64,
    /// After it a correct session was not served.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub dead: u64,
    /// The gravest end so far, in words, and not yet escaped.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub example: Option<(CaseEnd, String)>,
}

/// The cases of one cell.
pub type CaseCells = BTreeMap<CaseId, CaseCell>;

/// One case's row: planned = started + dropped, started = right + tolerated + finding + hang +
/// disconnect + local.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CaseFigures {
    /// Came due.
    pub planned: u64,
    /// Began.
    pub started: u64,
    /// Never began, because too many were in flight.
    pub dropped: u64,
    /// The server did what the standard says.
    pub right: u64,
    /// It did not, in a way that hurts nobody, or it refused the session before the point.
    pub tolerated: u64,
    /// It did what it must not do.
    pub finding: u64,
    /// It said nothing in time where a reply was due.
    pub hang: u64,
    /// It ended the connection, or took none, where a reply was due.
    pub disconnect: u64,
    /// It could not be played to its end: the tester's failure, or the run was cut off.
    pub local: u64,
    /// The replies that were judged.
    pub replies: BTreeMap<String, u64>,
    /// How often a correct session was served after it; asked at most once a second.
    pub alive: u64,
    /// How often it was not.
    pub dead: u64,
    /// The first of the gravest ends other than `right`, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl CaseCell {
    /// How many ended so.
    pub const fn of(&self, end: CaseEnd) -> u64 {
        self.ended[end.index()]
    }

    /// Counts an end.
    pub fn end(&mut self, ending: &CaseEnding) {
        self.ended[ending.end.index()] += 1;
        self.show(ending.end, &ending.words);
    }

    /// Adds all that another cell counted.
    pub fn merge(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.dropped += other.dropped;
        self.alive += other.alive;
        self.dead += other.dead;
        for (mine, theirs) in self.ended.iter_mut().zip(&other.ended) {
            *mine += theirs;
        }
        for (code, count) in &other.replies {
            *self.replies.entry(*code).or_default() += count;
        }
        if let Some((end, words)) = &other.example {
            self.show(*end, words);
        }
    }

    fn show(&mut self, end: CaseEnd, words: &str) {
        let graver = self.example.as_ref().is_none_or(|(shown, _)| end > *shown);
        if graver && end != CaseEnd::Right && !words.is_empty() {
            self.example = Some((end, words.to_owned()));
        }
    }

    fn figures(&self) -> CaseFigures {
        CaseFigures {
            planned: self.planned,
            started: self.started,
            dropped: self.dropped,
            right: self.of(CaseEnd::Right),
            tolerated: self.of(CaseEnd::Tolerated),
            finding: self.of(CaseEnd::Finding),
            hang: self.of(CaseEnd::Hang),
            disconnect: self.of(CaseEnd::Disconnect),
            local: self.of(CaseEnd::Local),
            replies: self.replies.iter().map(|(code, n)| (code.to_string(), *n)).collect(),
            alive: self.alive,
            dead: self.dead,
            example: self.example.as_ref().map(|(_, words)| words.clone()),
        }
    }
}

impl CaseFigures {
    /// Checks that no start was lost or counted twice.
    pub fn conserved(&self) -> Result<(), Broken> {
        let Self { planned, started, dropped, .. } = *self;
        if planned != started + dropped {
            return Err(Broken::Planned { planned, started, dropped });
        }
        let ended =
            self.right + self.tolerated + self.finding + self.hang + self.disconnect + self.local;
        if started == ended { Ok(()) } else { Err(Broken::Started { started, ended }) }
    }
}

/// Adds all that other cells counted.
pub(super) fn merge(mine: &mut CaseCells, theirs: &CaseCells) {
    for (case, cell) in theirs {
        mine.entry(*case).or_default().merge(cell);
    }
}

/// The rows of the results, by the case's id.
pub(super) fn figures(cells: &CaseCells) -> BTreeMap<String, CaseFigures> {
    cells.iter().map(|(case, cell)| (case.case().id.to_owned(), cell.figures())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(end: CaseEnd, words: &str) -> CaseEnding {
        CaseEnding { end, words: words.to_owned() }
    }

    #[test]
    fn the_gravest_end_is_shown_whichever_cell_it_came_from() {
        let (mut one, mut other) = (CaseCell::default(), CaseCell::default());
        one.end(&ending(CaseEnd::Tolerated, "502 what"));
        one.end(&ending(CaseEnd::Right, ""));
        other.end(&ending(CaseEnd::Finding, "it succeeds: 250 ok"));

        one.merge(&other);

        let figures = one.figures();
        assert_eq!(figures.example.as_deref(), Some("it succeeds: 250 ok"));
        assert_eq!((figures.right, figures.tolerated, figures.finding), (1, 1, 1));
    }

    #[test]
    fn sums_that_do_not_come_out_are_found() {
        let row =
            CaseFigures { planned: 3, started: 2, dropped: 1, right: 2, ..Default::default() };

        assert_eq!(row.conserved(), Ok(()));
        assert!(CaseFigures { right: 1, ..row.clone() }.conserved().is_err());
        assert!(CaseFigures { dropped: 0, ..row }.conserved().is_err());
    }
}
