//! Text by BDAT instead of DATA (RFC 3030): one chunk for each message, whatever its size.
//!
//! A chunk is counted in octets, so it is neither dot-stuffed nor ended by a dot, and it needs no
//! leave: MAIL, RCPT, BDAT and the text go in one group, and with [`Pipelining::Full`] further
//! messages behind it.
//!
//! [`Pipelining::Full`]: super::Pipelining::Full

/// Whether text goes by BDAT.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Chunking {
    /// By DATA.
    #[default]
    Never,
    /// By BDAT where the server offers it.
    Auto,
    /// By BDAT even where it is not offered: a rude client.
    Always,
}

/// So many messages are in flight in one session at most.
pub(super) const MOST_IN_FLIGHT: usize = 4;

/// Which command carries the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Carrier {
    /// DATA, and the text after its 354.
    #[default]
    Data,
    /// One BDAT LAST with the text right behind it.
    Bdat,
}

/// A place in what a session writes, behind which the dialog is told that it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// The end of the commands before a chunk: the server may answer them while the chunk is
    /// still being written.
    Commands,
    /// The end of a text, or of a chunk.
    Text,
}
