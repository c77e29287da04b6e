//! The flags of `report`.

use std::path::PathBuf;

use clap::Args;

use super::FormatFlags;

/// The words behind `mailquake report`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake report results/relay-20261124T101500Z
  mailquake report out --verbose
  mailquake report out --json - | jq .totals
  mailquake report out --markdown - >> $GITHUB_STEP_SUMMARY
  mailquake report out --prometheus /var/lib/node_exporter/nightly.prom

Without a file named, report.html and junit.xml are written into the folder anew.

The figures are made anew from what the run wrote second by second, so a run that was killed has
them too: it is then marked partial and has no verdict. No plan, server or secret is needed.
Exit codes: 0 shown, whatever the verdict in it; 1 a file can't be written; 2 the folder can't be
read, with the file and line at fault.")]
pub struct ReportArgs {
    /// The results folder.
    pub folder: PathBuf,
    /// What is written in place of the page.
    #[command(flatten)]
    pub exports: ExportFlags,
    /// Shows more: each step of a phase, and all kinds of errors.
    #[arg(long, short)]
    pub verbose: bool,
    /// How the page is shown.
    #[command(flatten)]
    pub format: FormatFlags,
}

/// Files that are made from results; with any of them the page is not shown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Files")]
pub struct ExportFlags {
    /// Writes the summary as JSON to FILE; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes the page to FILE: one offline HTML file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes the thresholds to FILE as tests of a CI job, in the XML of `JUnit`.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Writes the series to FILE as CSV: a line for each phase in each second, unknown cells empty.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Writes the counts and times to FILE as Prometheus reads them, for its textfile collector or
    /// a push gateway.
    #[arg(long, value_name = "FILE")]
    pub prometheus: Option<PathBuf>,
    /// Writes a page in Markdown to FILE, for the summary of a CI job.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// The words behind `mailquake merge`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  mailquake merge east west --out both

The folders must be whole and of the same plan; seed and targets may differ. It is as if all had
run at the same time: counts and histograms are added, percentiles are of the merged histograms,
and the thresholds are judged over the sum.
Exit codes: those of `run` for the verdict over the sum; 1 the new folder can't be written; 2 a
folder can't be read, is partial, or is of another plan.")]
pub struct MergeArgs {
    /// The results folders.
    #[arg(required = true, num_args = 2.., value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// The new results folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// How the result is shown.
    #[command(flatten)]
    pub format: FormatFlags,
}
