//! A Maildir → the messages in it, without what the server put before them.

use std::path::PathBuf;

/// Header fields that a server adds on the way.
const TRACE: &[&str] = &["return-path", "delivered-to", "x-original-to", "received"];

/// A folder of messages, a file each.
pub(crate) struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    /// The one at a path; it need not be there yet.
    pub(crate) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// How many messages stand in it.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.files().len()).unwrap()
    }

    /// What was sent of each, in no order; they are taken out.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        let take = |file: PathBuf| {
            let octets = std::fs::read(&file).unwrap();
            std::fs::remove_file(file).unwrap();
            without_trace(&octets)
        };
        self.files().into_iter().map(take).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("new")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// A stored message with the line ends of the wire, from the first header field on that no server
/// adds.
fn without_trace(stored: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = stored.split_inclusive(|&octet| octet == b'\n').collect();
    let first = lines.iter().position(|line| !is_trace(line)).unwrap_or(lines.len());
    let mut sent = Vec::with_capacity(stored.len());
    for line in lines.iter().skip(first) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        sent.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
        sent.extend_from_slice(b"\r\n");
    }
    sent
}

/// Whether a line at a message's beginning is a server's, or goes on with one that is.
fn is_trace(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line).to_lowercase();
    let field = text.split(':').next().unwrap_or_default();
    text.starts_with([' ', '\t']) || TRACE.contains(&field)
}
