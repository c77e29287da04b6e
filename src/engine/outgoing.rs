//! What a session is to write → the pieces that the next system call gets.
//!
//! Commands and small texts stand in one buffer of the session's own. A large text is not copied
//! there: it is written from the mail that holds it, which is kept until it is written, even if
//! the message has come to its end before that.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// A text of more octets than this is written from where it is: below, a copy costs less than one
/// more piece in a system call.
const LARGE: usize = 16 * 1024;
/// How large a buffer a session keeps.
const KEPT: usize = 64 * 1024;
/// The most pieces of one system call; what stands behind them goes with the next.
pub(super) const PIECES: usize = 4;

/// Octets that are to be written, in their order.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    own: Vec<u8>,
    lent: VecDeque<Lent>,
    /// The octets of all that is lent.
    lent_octets: usize,
    written: usize,
}

/// A large text.
#[derive(Debug)]
struct Lent {
    /// Behind so many of the session's own octets.
    behind: usize,
    mail: Arc<Vec<u8>>,
    text: Range<usize>,
}

impl Outgoing {
    /// The buffer behind whose octets commands are put, and texts that are not to be lent.
    pub(super) const fn commands(&mut self) -> &mut Vec<u8> {
        &mut self.own
    }

    /// Puts a text, which stands there in a mail, behind all else.
    pub(super) fn put_text(&mut self, mail: &Arc<Vec<u8>>, text: Range<usize>) {
        if text.len() > LARGE {
            self.lent_octets += text.len();
            self.lent.push_back(Lent { behind: self.own.len(), mail: Arc::clone(mail), text });
        } else {
            self.own.extend_from_slice(mail.get(text).unwrap_or_default());
        }
    }

    /// How many octets there are, written or not.
    pub(super) fn len(&self) -> usize {
        self.own.len() + self.lent_octets
    }

    /// Whether there is nothing, written or not.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were written.
    pub(super) const fn written(&self) -> usize {
        self.written
    }

    /// Whether all that there is was written.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.len()
    }

    /// The kernel took the next octets.
    pub(super) const fn wrote(&mut self, count: usize) {
        self.written += count;
    }

    /// All was written, and is forgotten.
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.own.shrink_to(KEPT);
        self.lent.clear();
        self.lent_octets = 0;
        self.written = 0;
    }

    /// Nothing will be put for a while: the buffer is given back.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// The next pieces, and how many there are: at least one while something is not written.
    pub(super) fn pieces(&self) -> ([IoSlice<'_>; PIECES], usize) {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        if self.lent.is_empty() {
            let rest = self.own.get(self.written..).unwrap_or_default();
            pieces[0] = IoSlice::new(rest);
            return (pieces, usize::from(!rest.is_empty()));
        }
        let mut count = 0;
        // Places in all octets: where the piece at hand begins.
        let (mut at, mut own) = (0, 0);
        let end = (self.own.len(), [].as_slice());
        let lent = self.lent.iter().map(|lent| (lent.behind, lent.octets()));
        for (behind, text) in lent.chain([end]) {
            let before = self.own.get(own..behind).unwrap_or_default();
            own = behind;
            for octets in [before, text] {
                let rest = octets.get(self.written.saturating_sub(at)..).unwrap_or_default();
                at += octets.len();
                if rest.is_empty() {
                    continue;
                }
                let Some(piece) = pieces.get_mut(count) else { return (pieces, count) };
                *piece = IoSlice::new(rest);
                count += 1;
            }
        }
        (pieces, count)
    }

    /// The octets of a session that is lent no text.
    pub(super) fn own(&self) -> &[u8] {
        &self.own
    }
}

impl Lent {
    fn octets(&self) -> &[u8] {
        self.mail.get(self.text.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(out: &Outgoing) -> Vec<u8> {
        let (pieces, count) = out.pieces();
        pieces.iter().take(count).flat_map(|piece| piece.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn all_octets_are_written_in_their_order(
            parts in prop::collection::vec((0_usize..60, 0_usize..2 * LARGE), 0..5),
            steps in prop::collection::vec(1_usize..LARGE, 1..5),
        ) {
            let mut out = Outgoing::default();
            let mut expected = Vec::new();
            for (number, (commands, text)) in (0_u8..).zip(&parts) {
                out.commands().extend(std::iter::repeat_n(number, *commands));
                expected.extend(std::iter::repeat_n(number, *commands));
                let mail = Arc::new(vec![100 + number; text + 3]);
                out.put_text(&mail, 1..text + 1);
                expected.extend(std::iter::repeat_n(100 + number, *text));
            }
            prop_assert_eq!(out.len(), expected.len());

            let mut written = Vec::new();
            let mut steps = steps.iter().cycle();
            while !out.is_written() {
                let mut taken = next(&out);
                prop_assert!(!taken.is_empty());
                taken.truncate(steps.next().copied().unwrap_or(1));
                out.wrote(taken.len());
                written.extend(taken);
            }

            prop_assert!(written == expected);
            prop_assert!(next(&out).is_empty());
        }
    }

    #[test]
    fn a_large_text_is_kept_until_it_is_written_and_no_longer() {
        let mail = Arc::new(vec![b'x'; LARGE + 1]);
        let mut out = Outgoing::default();
        out.put_text(&mail, 0..mail.len());
        assert_eq!(Arc::strong_count(&mail), 2);

        out.wrote(LARGE + 1);
        out.clear();

        assert_eq!(Arc::strong_count(&mail), 1);
        assert!(out.is_empty());
    }
}
