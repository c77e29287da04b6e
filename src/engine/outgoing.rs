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
    /// So many octets were written and are forgotten, and so many of them were the session's own.
    forgotten: (usize, usize),
}

/// A large text.
#[derive(Debug)]
struct Lent {
    /// Behind so many of the session's own octets, forgotten ones too.
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
            let behind = self.forgotten.1 + self.own.len();
            self.lent.push_back(Lent { behind, mail: Arc::clone(mail), text });
        } else {
            self.own.extend_from_slice(mail.get(text).unwrap_or_default());
        }
    }

    /// How many octets there are, written or not.
    pub(super) fn len(&self) -> usize {
        self.forgotten.0 + self.own.len() + self.lent_octets
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

    /// The kernel took the next octets. Texts that it has in whole are given back, though there may
    /// always be something behind them that it has no room for.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        while let Some(text) = self.lent.pop_front_if(|text| {
            let before = text.behind - self.forgotten.1;
            self.forgotten.0 + before + text.text.len() <= self.written
        }) {
            let before = text.behind - self.forgotten.1;
            self.own.drain(..before);
            self.lent_octets -= text.text.len();
            self.forgotten.0 += before + text.text.len();
            self.forgotten.1 += before;
        }
    }

    /// All was written, and is forgotten.
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.own.shrink_to(KEPT);
        self.lent.clear();
        self.lent_octets = 0;
        self.written = 0;
        self.forgotten = (0, 0);
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
            let written = self.written.saturating_sub(self.forgotten.0);
            let rest = self.own.get(written..).unwrap_or_default();
            pieces[0] = IoSlice::new(rest);
            return (pieces, usize::from(!rest.is_empty()));
        }
        let mut count = 0;
        // Places in all octets: where the piece at hand begins.
        let (mut at, mut own) = (self.forgotten.0, 0);
        let end = (self.own.len(), [].as_slice());
        let lent = self.lent.iter().map(|lent| (lent.behind - self.forgotten.1, lent.octets()));
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

    /// All octets of a session that was lent no text, as a paced one never is.
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
            let (mut expected, mut written) = (Vec::<u8>::new(), Vec::<u8>::new());
            let mut steps = steps.iter().cycle();
            let mut write = |out: &mut Outgoing| {
                let mut taken = next(out);
                taken.truncate(steps.next().copied().unwrap_or(1));
                out.wrote(taken.len());
                written.extend(&taken);
                taken.len()
            };
            for (number, (commands, text)) in (0_u8..).zip(&parts) {
                out.commands().extend(std::iter::repeat_n(number, *commands));
                expected.extend(std::iter::repeat_n(number, *commands));
                let mail = Arc::new(vec![100 + number; text + 3]);
                out.put_text(&mail, 1..text + 1);
                expected.extend(std::iter::repeat_n(100 + number, *text));
                prop_assert_eq!(out.len(), expected.len());
                write(&mut out);
            }
            while !out.is_written() {
                prop_assert!(write(&mut out) > 0);
            }

            prop_assert!(written == expected);
            prop_assert!(next(&out).is_empty());
        }
    }

    #[test]
    fn a_large_text_is_kept_until_it_is_written_and_no_longer() {
        let mail = Arc::new(vec![b'x'; LARGE + 1]);
        let mut out = Outgoing::default();
        out.commands().extend(b"BDAT\r\n");
        out.put_text(&mail, 0..mail.len());
        // So there is always something that is not written.
        out.commands().extend(b"RSET\r\n");
        out.wrote(LARGE);
        assert_eq!(Arc::strong_count(&mail), 2);

        out.wrote(7);

        assert_eq!(Arc::strong_count(&mail), 1);
        assert_eq!(next(&out), b"RSET\r\n");
        assert_eq!(out.len(), LARGE + 13);
    }
}
