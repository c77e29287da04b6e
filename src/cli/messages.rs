//! Failures → words on standard error and an exit code; and where standard output goes.

#![expect(clippy::print_stderr, reason = "this is where the program prints")]

use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;

use super::args::{FormatFlags, OutputFormat};
use crate::plan::{Look, PlanErrors};
use crate::report::Style;
use crate::run::{CompareError, MergeError, PageError, RereadError, RunError, chain};
use crate::verdict::ExitCode;

/// Why a command did not do what it was asked.
pub(super) enum Failure {
    /// The plan has mistakes.
    Plan(Box<PlanErrors>, OutputFormat, Look),
    /// A file of the user's can't be read.
    Unreadable(PathBuf, io::Error),
    /// The command line names what does not go together, or can't be read.
    Usage(String),
    /// The run could not be made.
    Run(RunError),
    /// A results folder can't be read.
    Results(RereadError),
    /// Results folders can't be merged.
    Merge(MergeError),
    /// Results folders can't be compared.
    Incomparable(CompareError),
    /// A page can't be made or written.
    Page(PageError),
    /// The results can't be written where the user wants them.
    Unwritable(PathBuf, io::Error),
}

impl Failure {
    /// Tells it and gives the exit code.
    pub(super) fn tell(self) -> ExitCode {
        match self {
            Self::Plan(errors, OutputFormat::Json, _) => {
                print(&format!("{:#}\n", errors.to_json()));
                ExitCode::PLAN
            }
            Self::Plan(errors, OutputFormat::Text, look) => {
                eprintln!("{}", errors.render(look).trim_end());
                ExitCode::PLAN
            }
            Self::Unreadable(path, error) => {
                eprintln!("error: `{}` can't be read: {error}", path.display());
                ExitCode::USAGE
            }
            Self::Results(error) => {
                eprintln!("error: {}", chain(&error));
                ExitCode::USAGE
            }
            Self::Merge(error) => {
                eprintln!("error: {}", chain(&error));
                match error {
                    MergeError::Write(_) => ExitCode::TOOL_FAILED,
                    MergeError::Read(_)
                    | MergeError::Unlike { .. }
                    | MergeError::Search { .. }
                    | MergeError::Partial { .. } => ExitCode::USAGE,
                }
            }
            Self::Incomparable(error) => {
                eprintln!("error: {}", chain(&error));
                if let Some(help) = error.help() {
                    eprintln!("help: {help}");
                }
                ExitCode::USAGE
            }
            Self::Usage(text) => {
                eprintln!("error: {text}");
                ExitCode::USAGE
            }
            Self::Run(error) => {
                eprintln!("error: {}", chain(&error));
                if let Some(help) = error.help() {
                    eprintln!("help: {help}");
                }
                error.exit()
            }
            Self::Page(error) => {
                eprintln!("error: {}", chain(&error));
                ExitCode::TOOL_FAILED
            }
            Self::Unwritable(path, error) => {
                eprintln!("error: `{}` can't be written: {error}", path.display());
                ExitCode::TOOL_FAILED
            }
        }
    }
}

impl From<RereadError> for Failure {
    fn from(error: RereadError) -> Self {
        Self::Results(error)
    }
}

impl From<MergeError> for Failure {
    fn from(error: MergeError) -> Self {
        Self::Merge(error)
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        Self::Incomparable(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// Writes to standard output; a reader that went away has seen enough.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// How standard output looks.
pub(super) fn style(flags: &FormatFlags) -> Style {
    if coloured(flags, io::stdout().is_terminal()) { Style::Coloured } else { Style::Plain }
}

/// How a page on standard error looks.
pub(super) fn error_style(flags: &FormatFlags) -> Style {
    if coloured(flags, io::stderr().is_terminal()) { Style::Coloured } else { Style::Plain }
}

/// How mistakes on standard error look.
pub(super) fn look(flags: &FormatFlags) -> Look {
    if coloured(flags, io::stderr().is_terminal()) { Look::Styled } else { Look::Plain }
}

fn coloured(flags: &FormatFlags, terminal: impl Into<Terminal>) -> bool {
    // https://no-color.org: any value but the empty one.
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    terminal.into() == Terminal::Yes && !flags.no_color && !refused
}

#[derive(Eq, PartialEq)]
enum Terminal {
    Yes,
    No,
}

impl From<bool> for Terminal {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// The terminal's width in characters; 100 where there is none.
pub(super) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stderr()));
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(100)
}
