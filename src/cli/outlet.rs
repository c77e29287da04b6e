//! Rendered mails → standard output, an mbox, or a folder of files.
//!
//! One mail is held at a time, however many there are.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::args::{OutputFormat, RenderArgs};
use super::messages::Failure;
use crate::message::Mail;
use crate::report::mailbox::{self, Envelope};

/// The file with the envelopes of a folder.
const ENVELOPES: &str = "envelopes.ndjson";

/// What becomes of a file that is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Existing {
    Kept,
    Overwritten,
}

/// Where mails go.
pub(super) struct Outlet {
    mails: Mails,
    /// The list of envelopes for programs.
    list: Option<List>,
    text: Vec<u8>,
    entry: Vec<u8>,
}

enum Mails {
    /// None: only their envelopes are asked for.
    Left,
    /// One mail as it is.
    Bare(Stdout),
    /// For reading.
    Terminal(Stdout),
    Mbox {
        out: Box<dyn Write>,
        path: PathBuf,
    },
    Folder {
        path: PathBuf,
        existing: Existing,
        envelopes: BufWriter<File>,
    },
}

type Stdout = BufWriter<io::StdoutLock<'static>>;

/// What came of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Put {
    /// It goes on.
    Done,
    /// The reader has seen enough.
    Closed,
}

impl Outlet {
    /// Opens what the command line names; for as many mails as are expected.
    pub(super) fn open(args: &RenderArgs, expected: Expected) -> Result<Self, Failure> {
        let is_json = args.format.format == OutputFormat::Json;
        let mails = match &args.out {
            Some(path) => into_file(path, existing(args))?,
            None if is_json => Mails::Left,
            None => to_stdout(expected),
        };
        let list = is_json.then(List::new);
        Ok(Self { mails, list, text: Vec::new(), entry: Vec::new() })
    }

    /// Whether the mails go where nobody sees them pass.
    pub(super) const fn is_silent(&self) -> bool {
        self.list.is_none() && matches!(self.mails, Mails::Mbox { .. } | Mails::Folder { .. })
    }

    /// Writes one mail.
    pub(super) fn put(&mut self, envelope: Envelope<'_>, mail: &Mail) -> Result<Put, Failure> {
        self.text.clear();
        mail.put_chunk(&mut self.text);
        let name;
        let mut envelope = envelope;
        let put = match &mut self.mails {
            Mails::Left => Ok(Put::Done),
            Mails::Bare(out) => passed(out.write_all(&self.text), Path::new(STDOUT)),
            Mails::Terminal(out) => {
                let page = mailbox::page(&envelope, &self.text);
                passed(out.write_all(page.as_bytes()), Path::new(STDOUT))
            }
            Mails::Mbox { out, path } => {
                self.entry.clear();
                mailbox::put_mbox(envelope.from, &self.text, SystemTime::now(), &mut self.entry);
                passed(out.write_all(&self.entry), path)
            }
            Mails::Folder { path, existing, envelopes } => {
                name = format!("{}-{}.eml", envelope.message, envelope.seq);
                envelope.file = Some(&name);
                let file = path.join(&name);
                let written = create(&file, *existing)?.write_all(&self.text);
                written.map_err(|error| Failure::Unwritable(file, error))?;
                passed(writeln!(envelopes, "{}", envelope.json()), &path.join(ENVELOPES))
            }
        };
        match (put?, &mut self.list) {
            (Put::Done, Some(list)) => list.put(&envelope),
            (put, _) => Ok(put),
        }
    }

    /// Writes what is still held back.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let flushed = match self.mails {
            Mails::Left => Ok(Put::Done),
            Mails::Bare(mut out) | Mails::Terminal(mut out) => {
                passed(out.flush(), Path::new(STDOUT))
            }
            Mails::Mbox { mut out, path } => passed(out.flush(), &path),
            Mails::Folder { path, mut envelopes, .. } => {
                passed(envelopes.flush(), &path.join(ENVELOPES))
            }
        };
        flushed?;
        self.list.map_or(Ok(()), List::finish)
    }
}

/// How many mails may come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expected {
    /// At most one.
    One,
    /// More than one.
    Several,
}

/// What standard output is called where it can't be written.
const STDOUT: &str = "standard output";

fn to_stdout(expected: Expected) -> Mails {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let out = BufWriter::new(stdout.lock());
    match expected {
        _ if is_terminal => Mails::Terminal(out),
        Expected::One => Mails::Bare(out),
        Expected::Several => Mails::Mbox { out: Box::new(out), path: STDOUT.into() },
    }
}

/// An mbox by its name, else a folder.
fn into_file(path: &Path, existing: Existing) -> Result<Mails, Failure> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mbox")) {
        let out = Box::new(BufWriter::new(create(path, existing)?));
        return Ok(Mails::Mbox { out, path: path.to_owned() });
    }
    fs::create_dir_all(path).map_err(|error| Failure::Unwritable(path.to_owned(), error))?;
    let envelopes = BufWriter::new(create(&path.join(ENVELOPES), existing)?);
    Ok(Mails::Folder { path: path.to_owned(), existing, envelopes })
}

const fn existing(args: &RenderArgs) -> Existing {
    if args.force { Existing::Overwritten } else { Existing::Kept }
}

fn create(path: &Path, existing: Existing) -> Result<File, Failure> {
    let file = match existing {
        Existing::Kept => File::create_new(path),
        Existing::Overwritten => File::create(path),
    };
    file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::Usage(format!(
            "`{}` is there already\nhelp: `--force` overwrites it",
            path.display()
        )),
        _ => Failure::Unwritable(path.to_owned(), error),
    })
}

/// A reader of a pipe that went away has seen enough.
fn passed(written: io::Result<()>, path: &Path) -> Result<Put, Failure> {
    match written {
        Ok(()) => Ok(Put::Done),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Put::Closed),
        Err(error) => Err(Failure::Unwritable(path.to_owned(), error)),
    }
}

/// A JSON array of envelopes on standard output, one on each line.
struct List {
    out: Stdout,
    separator: &'static str,
}

impl List {
    fn new() -> Self {
        Self { out: BufWriter::new(io::stdout().lock()), separator: "[\n" }
    }

    fn put(&mut self, envelope: &Envelope<'_>) -> Result<Put, Failure> {
        let separator = std::mem::replace(&mut self.separator, ",\n");
        passed(write!(self.out, "{separator}{}", envelope.json()), Path::new(STDOUT))
    }

    fn finish(mut self) -> Result<(), Failure> {
        let end = if self.separator == "[\n" { "[]\n" } else { "\n]\n" };
        let ended = self.out.write_all(end.as_bytes()).and_then(|()| self.out.flush());
        passed(ended, Path::new(STDOUT)).map(|_| ())
    }
}
