//! Malformed sessions: a catalogue of cases as data, and the one machine that plays them.

use serde::{Deserialize, Serialize};
mod abort;
mod case;
mod common;
mod data;
mod order;
mod parameters;
mod player;
mod syntax;

pub use case::{Case, CaseEnd, Codes, Group, Judgement, Patience, Piece, Play, Rule};
pub use player::{CaseEvent, Cue, Ending as CaseEnding, Player};

/// All cases, group by group.
const CATALOGUE: [&[Case]; 5] =
    [syntax::CASES, order::CASES, parameters::CASES, data::CASES, abort::CASES];

/// A correct session, which asks whether the server still serves.
pub static ALIVE: Case = abort::ALIVE;

/// The position of a case in the catalogue.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(u16);

impl CaseId {
    /// All cases, in the order of the catalogue.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(CATALOGUE.iter().map(|group| group.len()).sum())
    }

    /// The cases that a name stands for: a group's, or the one of that id; none without either.
    pub fn named(name: &str) -> Vec<Self> {
        Self::all().filter(|id| id.case().id == name || id.case().group.name() == name).collect()
    }

    /// All names that stand for cases: the groups, then the single ones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let groups = Group::ALL.into_iter().map(Group::name);
        groups.chain(Self::all().map(|id| id.case().id))
    }

    /// The case.
    pub fn case(self) -> &'static Case {
        let mut cases = CATALOGUE.iter().copied().flatten();
        // An id is only ever made of a position.
        cases.nth(usize::from(self.0)).unwrap_or(&ALIVE)
    }
}

/// A text that is no case's id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no such malformed case")]
pub struct UnknownCase;

impl TryFrom<String> for CaseId {
    type Error = UnknownCase;

    fn try_from(id: String) -> Result<Self, UnknownCase> {
        Self::all().find(|case| case.case().id == id).ok_or(UnknownCase)
    }
}

impl From<CaseId> for String {
    fn from(case: CaseId) -> Self {
        case.case().id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_an_id_of_its_own_that_begins_with_its_group() {
        let ids: BTreeSet<&str> = CaseId::all().map(|id| id.case().id).collect();

        assert_eq!(ids.len(), CaseId::all().count());
        assert!(ids.len() >= 30, "{}", ids.len());
        for case in CaseId::all().map(CaseId::case) {
            let begins = case.id.strip_prefix(case.group.name());
            assert!(begins.is_some_and(|rest| rest.starts_with('-')), "{}", case.id);
        }
    }

    #[test]
    fn every_case_says_what_it_does_and_why_and_where_that_stands() {
        for case in CaseId::all().map(CaseId::case) {
            assert!(case.does.ends_with('.') && case.why.ends_with('.'), "{}", case.id);
            assert!(case.sections.iter().all(|section| section.starts_with("RFC ")), "{}", case.id);
            assert!(!case.sections.is_empty(), "{}", case.id);
        }
    }

    #[test]
    fn codes_are_classes_or_legal_replies() {
        let rules = CaseId::all().flat_map(|id| id.case().judgements()).flat_map(|judgement| {
            judgement.right.iter().chain(judgement.tolerated).map(|rule| rule.codes)
        });
        for codes in rules {
            for code in codes.0.split(' ') {
                assert!(code.parse::<super::super::CodeSet>().is_ok(), "{code}");
            }
        }
    }

    #[test]
    fn a_name_stands_for_a_group_or_a_case() {
        let ids = |name: &str| CaseId::named(name).into_iter().map(|id| id.case().id);

        assert!(ids("order-second-mail").eq(["order-second-mail"]));
        assert_eq!(ids("syntax").count(), syntax::CASES.len());
        assert_eq!(ids("synax").count(), 0);
        assert!(CaseId::names().all(|name| !CaseId::named(name).is_empty()));
    }
}
