//! A pointer into the settled plan → the place in the user's own text that it came from.
//!
//! Settling moves things: a flag sets a value, `extends` copies one, a bad variable spoils one.
//! Where that happened is kept here, so that a mistake found later is shown where the user can
//! mend it, and one that only follows from another is not shown at all.

use std::collections::{BTreeMap, BTreeSet};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, Place};

/// Where the parts of a settled plan came from, if not from the same pointer of the plan file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origins {
    by_pointer: BTreeMap<String, Origin>,
    /// Where a mistake has been reported already.
    spoiled: BTreeSet<String>,
    /// Where each phase stood in the whole plan, if only some were kept.
    kept: Option<Vec<usize>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Origin {
    /// A flag or environment variable, as the user wrote it.
    Flag(String),
    /// Another pointer of the plan.
    Copied(String),
}

impl Origins {
    pub(super) fn set_by_flag(&mut self, pointer: &str, flag: &str) {
        self.by_pointer.insert(pointer.to_owned(), Origin::Flag(flag.to_owned()));
    }

    pub(super) fn copied(&mut self, pointer: &str, source: &str) {
        self.by_pointer.insert(pointer.to_owned(), Origin::Copied(source.to_owned()));
    }

    pub(super) fn spoiled(&mut self, pointer: &str) {
        self.spoiled.insert(pointer.to_owned());
    }

    /// Only the phases at these positions of the whole plan were kept. What is told of earlier is
    /// told by the old positions.
    pub(super) fn keep_phases(&mut self, kept: Vec<usize>) {
        self.kept = Some(kept);
    }

    /// The pointer by which the value is known here: that of before phases were left out.
    fn whole(&self, pointer: &str) -> String {
        let moved = || {
            let rest = pointer.strip_prefix("/phases/")?;
            let (index, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let old = self.kept.as_ref()?.get(index.parse::<usize>().ok()?)?;
            Some(format!("/phases/{old}{below}"))
        };
        moved().unwrap_or_else(|| pointer.to_owned())
    }

    /// The pointer in the plan file where the value at a pointer came from; none of a flag's.
    pub(in crate::plan) fn source(&self, pointer: &str) -> Option<String> {
        let mut pointer = self.whole(pointer);
        while let Some((origin, rest)) = self.nearest(&pointer) {
            match origin {
                Origin::Copied(source) => pointer = format!("{source}{rest}"),
                Origin::Flag(_) => return None,
            }
        }
        Some(pointer)
    }

    /// Puts each diagnostic where the user can mend it; drops repetitions, and those that only
    /// follow from a mistake that was reported before.
    pub fn trace(&self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        self.trace_all(found.into_iter().filter(|diagnostic| !self.follows(diagnostic)))
    }

    /// Puts each diagnostic where the user can mend it; drops repetitions.
    pub(super) fn trace_all(&self, found: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
        let mut traced = Vec::new();
        for diagnostic in found {
            let diagnostic = self.traced(diagnostic);
            if !traced.contains(&diagnostic) {
                traced.push(diagnostic);
            }
        }
        traced
    }

    /// Whether the place, or the one that it was copied from, is spoiled.
    fn follows(&self, diagnostic: &Diagnostic) -> bool {
        let Some(pointer) = diagnostic.place.pointer() else { return false };
        let mut pointer = self.whole(pointer);
        loop {
            if heads(&pointer).any(|(head, _)| self.spoiled.contains(head)) {
                return true;
            }
            match self.nearest(&pointer) {
                Some((Origin::Copied(source), rest)) => pointer = format!("{source}{rest}"),
                Some((Origin::Flag(_), _)) | None => return false,
            }
        }
    }

    fn traced(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Place::Plan(pointer, _) | Place::File { pointer, .. } = &mut diagnostic.place {
            *pointer = self.whole(pointer);
        }
        // The mistake stays in its file; only who uses the file is traced.
        while let Place::File { pointer, .. } = &mut diagnostic.place {
            let Some((Origin::Copied(source), rest)) = self.nearest(pointer) else { break };
            *pointer = format!("{source}{rest}");
        }
        while let Place::Plan(pointer, part) = &diagnostic.place {
            let Some((origin, rest)) = self.nearest(pointer) else { break };
            diagnostic.place = match origin {
                Origin::Copied(source) => Place::Plan(format!("{source}{rest}"), *part),
                Origin::Flag(flag) => {
                    if diagnostic.code == DiagnosticCode::UnknownKey {
                        diagnostic.code = DiagnosticCode::Override;
                    }
                    Place::Flag(flag.clone())
                }
            };
        }
        diagnostic
    }

    /// The origin of the pointer or of the nearest ancestor that has one, and what is below it.
    fn nearest<'a>(&self, pointer: &'a str) -> Option<(&Origin, &'a str)> {
        heads(pointer).find_map(|(head, rest)| Some((self.by_pointer.get(head)?, rest)))
    }
}

/// The pointer and all its ancestors, the nearest first, each with what is below it.
fn heads(pointer: &str) -> impl Iterator<Item = (&str, &str)> {
    let above = pointer.rmatch_indices('/').map(|(end, _)| end);
    std::iter::once(pointer.len()).chain(above).filter_map(|end| pointer.split_at_checked(end))
}

#[cfg(test)]
mod tests {
    use super::super::super::diagnostic::Part;
    use super::*;

    fn at(pointer: &str) -> Diagnostic {
        Diagnostic::value(DiagnosticCode::BadValue, pointer, "bad")
    }

    #[test]
    fn a_mistake_is_shown_where_the_user_can_mend_it() {
        let mut origins = Origins::default();
        origins.set_by_flag("/phases/0/rate", "--set phases.a.rate=x");
        origins.copied("/clients/b/expect", "/clients/a/expect");
        origins.copied("/clients/a/expect", "/clients/base/expect");
        let table = [
            ("/phases/0/rate/base", Place::Flag("--set phases.a.rate=x".into())),
            ("/phases/0/rates", Place::Plan("/phases/0/rates".into(), Part::Value)),
            (
                "/clients/b/expect/rcpt",
                Place::Plan("/clients/base/expect/rcpt".into(), Part::Value),
            ),
            ("", Place::Plan(String::new(), Part::Value)),
        ];
        for (pointer, place) in table {
            assert_eq!(origins.trace(vec![at(pointer)])[0].place, place, "{pointer}");
        }
    }

    #[test]
    fn what_only_follows_from_another_mistake_is_not_shown() {
        let mut origins = Origins::default();
        origins.spoiled("/phases/0/rate");
        origins.copied("/clients/b/think", "/clients/a/think");
        let found = ["/phases/0/rate", "/clients/a/think", "/clients/b/think"].map(at).to_vec();

        assert_eq!(origins.trace(found), [at("/clients/a/think")]);
    }

    #[test]
    fn an_unknown_key_of_a_flag_is_an_override_that_leads_nowhere() {
        let mut origins = Origins::default();
        origins.set_by_flag("/phases/0/drian", "--set phases.a.drian=5s");
        let found = Diagnostic::key(DiagnosticCode::UnknownKey, "/phases/0/drian", "unknown key");

        assert_eq!(origins.trace(vec![found])[0].code, DiagnosticCode::Override);
    }
}
