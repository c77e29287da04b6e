//! A text while it is read → the first planned refusal whose words stand in it.
//!
//! Words are looked for in the octets that came, wherever the reads split them. Nothing of a text
//! is kept but the few octets at its end that may begin such words.

use std::rc::Rc;

use memchr::memmem::Finder;

use super::behaviour::line;
use crate::plan::SinkReject;

/// The words that texts are refused for, each with its reply.
#[derive(Debug)]
pub(super) struct Rejects {
    rules: Vec<(Finder<'static>, Rc<[u8]>)>,
    /// So many octets may belong to words that are not complete yet.
    overlap: usize,
}

impl Rejects {
    /// Those of a plan; none where it has none, so that no text is looked at.
    pub(super) fn of(plan: &[SinkReject]) -> Option<Self> {
        let overlap = plan.iter().map(|reject| reject.contains.len()).max()?.saturating_sub(1);
        let rules = plan.iter().map(|reject| {
            let finder = Finder::new(reject.contains.as_bytes()).into_owned();
            (finder, line(&reject.reply))
        });
        Some(Self { rules: rules.collect(), overlap })
    }

    /// The reply of a rule.
    pub(super) fn reply(&self, rule: usize) -> Option<Rc<[u8]>> {
        self.rules.get(rule).map(|(_, reply)| Rc::clone(reply))
    }

    /// The first rule, of those before `end`, whose words stand in these octets.
    fn first_in(&self, octets: &[u8], end: usize) -> Option<usize> {
        self.rules.iter().take(end).position(|(words, _)| words.find(octets).is_some())
    }
}

/// One text while it is searched.
#[derive(Debug, Default)]
pub(super) struct Search {
    tail: Vec<u8>,
    found: Option<usize>,
}

impl Search {
    /// A new text begins.
    pub(super) fn clear(&mut self) {
        self.tail.clear();
        self.found = None;
    }

    /// The rule that the text falls under so far.
    pub(super) fn found(&self) -> Option<usize> {
        self.found
    }

    /// Goes on with what follows.
    pub(super) fn read(&mut self, octets: &[u8], rejects: &Rejects) {
        let begin = octets.get(..rejects.overlap).unwrap_or(octets);
        self.tail.extend_from_slice(begin);
        for part in [&*self.tail, octets] {
            let end = self.found.unwrap_or(rejects.rules.len());
            self.found = rejects.first_in(part, end).or(self.found);
        }
        self.tail.extend_from_slice(octets.get(begin.len()..).unwrap_or_default());
        let gone = self.tail.len().saturating_sub(rejects.overlap);
        self.tail.drain(..gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SinkReply;
    use crate::smtp::Code;

    fn rejects(words: &[&str]) -> Rejects {
        let reply =
            SinkReply { code: Code::new(550).unwrap(), enhanced: None, text: String::new() };
        let rules = words
            .iter()
            .map(|words| SinkReject { contains: (*words).to_owned(), reply: reply.clone() });
        Rejects::of(&rules.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn words_are_found_wherever_the_reads_split_them() {
        let rejects = rejects(&["needle", "e"]);
        for (text, expected) in [
            ("a needle in it", Some(0)),
            ("needle", Some(0)),
            ("every needle", Some(0)),
            ("needl", Some(1)),
            ("need le", Some(1)),
            ("no such word", None),
            ("", None),
        ] {
            let octets = text.as_bytes();
            let splits = (0..=octets.len())
                .flat_map(|second| (0..=second).map(move |first| (first, second)));
            for (first, second) in splits {
                let mut search = Search::default();
                search.read(&octets[..first], &rejects);
                search.read(&octets[first..second], &rejects);
                search.read(&octets[second..], &rejects);
                assert_eq!(search.found(), expected, "{text} at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_text_is_found_octet_by_octet_and_the_next_is_another() {
        let rejects = rejects(&["needle"]);
        let mut search = Search::default();
        for octet in b"haystack needle haystack" {
            search.read(&[*octet], &rejects);
        }
        assert_eq!(search.found(), Some(0));

        search.clear();
        search.read(b"haystack", &rejects);

        assert_eq!(search.found(), None);
        assert!(search.tail.len() < "needle".len());
    }

    #[test]
    fn without_words_nothing_is_searched() {
        assert!(Rejects::of(&[]).is_none());
    }
}
