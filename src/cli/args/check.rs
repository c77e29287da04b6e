//! The flags of `check`.

use std::path::PathBuf;

use clap::Args;

use super::plan::LARGEST_SEED;
use super::{DestinationFlags, FormatFlags, PermitFlags, ValueFlags};

/// The words behind `mailquake check`.
#[derive(Args, Debug)]
#[command(after_help = "\
Each client of the plan sends the first message that it would send in a run; a malformed client
plays each of its cases once. Lines: -> sent, <- heard, ~> what happened otherwise.
Examples:
  mailquake check plan.toml
  mailquake check plan.toml --client staff --target 127.0.0.1:2587
  mailquake check plan.toml --sink -v
Exit codes: 0 all as it should be, 3 plan not valid, 4 no session (name, connection, greeting, TLS,
AUTH, not allowed), 5 refused or not as expected, 130 or 143 interrupted.")]
pub struct CheckArgs {
    /// The plan: TOML, YAML or JSON by its extension; `-` is standard input.
    pub plan: PathBuf,
    /// Checks only this client of the plan. Repeatable.
    #[arg(long = "client", value_name = "NAME")]
    pub clients: Vec<String>,
    /// The seed of what messages draw. Default: the plan's, else a drawn one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    pub seed: Option<u64>,
    /// Where it sends to.
    #[command(flatten)]
    pub destination: DestinationFlags,
    /// Single values.
    #[command(flatten)]
    pub values: ValueFlags,
    /// What may be sent to.
    #[command(flatten)]
    pub permits: PermitFlags,
    /// How it is shown.
    #[command(flatten)]
    pub format: FormatFlags,
    /// Shows more: whole messages, and all that malformed cases say and hear.
    #[arg(long, short, help_heading = "Output")]
    pub verbose: bool,
}
