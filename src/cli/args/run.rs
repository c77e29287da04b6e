//! The flags of `run`, and those that other commands share with it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::{PlanFlags, ToleranceFlags, value};

/// The words behind `mailquake run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake run scenarios/quickstart.toml
  mailquake run plan.toml --target 127.0.0.1:2525 --threshold \"message.p99 < 500ms\"
  mailquake run plan.toml --scale 0.1 --time-scale 0.1 --out results/trial
  mailquake run plan.toml --target 10.20.0.5:25 --allow 10.20.0.0/16
  mailquake run plan.toml --baseline results/last-release

Ctrl-C ends the run in order, with full results; a second one ends it at once.
Exit codes: 0 passed, 3 plan not valid, 4 could not start, 5 a threshold failed, 6 the tester was
not fit, 7 nothing measured, 8 passed but worse than its baseline, 130 or 143 interrupted.")]
pub struct RunArgs {
    /// The plan: TOML, YAML or JSON by its extension; `-` is standard input.
    pub plan: PathBuf,
    /// The results folder. Default: results/NAME-TIME
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What changes the plan.
    #[command(flatten)]
    pub plan_flags: PlanFlags,
    /// How it is run.
    #[command(flatten)]
    pub run: RunFlags,
    /// With what it is compared.
    #[command(flatten)]
    pub baseline: BaselineFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// Flags that say with what a run is compared.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Comparing")]
pub struct BaselineFlags {
    /// A results folder of the same plan with which this run is compared: a regression ends it
    /// with exit code 8. Repeatable.
    #[arg(long = "baseline", value_name = "DIR")]
    pub baselines: Vec<PathBuf>,
    /// How it is compared.
    #[command(flatten)]
    pub tolerance: ToleranceFlags,
}

/// Flags that say what may be sent to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Running")]
pub struct PermitFlags {
    /// A range of addresses that may be loaded, such as 10.20.0.0/16; loopback always may.
    /// Repeatable.
    #[arg(long, value_name = "RANGE")]
    pub allow: Vec<IpNet>,
    /// A host with a public address that you are authorized to load, as the target names it.
    /// Repeatable.
    #[arg(long, value_name = "HOST")]
    pub authorized: Vec<String>,
}

/// Flags that say how a plan is run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Running")]
pub struct RunFlags {
    /// What may be loaded.
    #[command(flatten)]
    pub permits: PermitFlags,
    /// Worker threads, at most as many as there are connections to divide: no more than the
    /// smallest `max_connections`, nor than a plan without rates has connections. Default: 1 on
    /// up to 2 cores, else one less than cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Serves the figures while it runs, for Prometheus to scrape: `/metrics` there. A port
    /// alone is one of 127.0.0.1; port 0 takes a free one, which is told.
    ///
    /// Whoever reaches the address can read them: there is no password.
    #[arg(long, value_name = "[IP:]PORT", value_parser = value::local_address)]
    pub prometheus: Option<SocketAddr>,
    /// The exit code where a threshold fails.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub threshold_exit_code: u8,
}

/// Flags that say how the result of a command is shown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct FormatFlags {
    /// The format of what is written to standard output.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: OutputFormat,
    /// Writes without colours, as the environment variable `NO_COLOR` does.
    #[arg(long)]
    pub no_color: bool,
}

/// Flags that say what a run shows.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// The result.
    #[command(flatten)]
    pub format: FormatFlags,
    /// How the progress is shown on standard error.
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub progress: Progress,
    /// Shows no progress and no preview, only the result.
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Shows more: each step of a phase, and all kinds of errors.
    #[arg(long, short)]
    pub verbose: bool,
}

/// The formats of standard output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum OutputFormat {
    /// For reading.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Progress {
    /// The live view on a terminal that is large enough, else plain lines.
    #[default]
    Auto,
    /// The live view: charts and figures over the whole terminal; q stops, ? says more.
    Tui,
    /// A line every 5 s and at each phase change.
    Plain,
    /// A JSON object a second, and one for each phase change and note.
    Json,
    /// None.
    None,
}
