//! The flags of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::FormatFlags;
use super::value::share;
use crate::plan::Share;

/// The words behind `mailquake compare`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake compare results/before results/after
  mailquake compare before-* --with after-* --markdown comment.md
A change counts as better or worse where it is certain (its 95 % interval leaves zero out, widened
for the number of figures) and larger than the tolerance. Several runs on each side also show the
noise between runs: three or more are worth their time.
Exit codes: 0 no regression, 1 a file can't be written, 2 a folder can't be read or the runs can't
be compared, 8 a regression.")]
pub struct CompareArgs {
    /// Results folders: the baseline and the candidate or, with --with, only those of the baseline.
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// The folders of the candidate.
    #[arg(long = "with", value_name = "DIR", num_args = 1..)]
    pub candidates: Vec<PathBuf>,
    /// How it is compared.
    #[command(flatten)]
    pub tolerance: ToleranceFlags,
    /// Compares runs of different plans too, by the names of their phases.
    #[arg(long)]
    pub different_plans: bool,
    /// Writes the comparison as Markdown to FILE, for a pull request; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown: Option<PathBuf>,
    /// How it is shown.
    #[command(flatten)]
    pub format: FormatFlags,
}

/// How large a change must be to count.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Comparing")]
pub struct ToleranceFlags {
    /// The smallest change of throughput and latencies that counts, as a share of the baseline.
    ///
    /// A latency must differ by 0.2 ms too, and the share of errors by 0.5 points.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "5%")]
    pub tolerance: Share,
}
