//! The flags of `render`.

use std::path::PathBuf;

use clap::Args;

use super::{FormatFlags, PlanFlags, value};

/// The words behind `mailquake render`.
#[derive(Args, Debug)]
#[command(after_help = "\
Phase, client, number, recipients and text are those of a run with the same seed, phase by phase.
Where the run decides: mails that name `session` or `user` are for the first session and login of
their client, Date is now, connections without a rate take turns, and so do the rows of feeds there.
Without --out a single mail goes to standard output as it is, several as an mbox, or on a terminal
for reading. Files of --out DIR are NAME-NUMBER.eml, and envelopes.ndjson tells their envelopes.
Examples:
  mailquake render plan.toml                     one mail of each message
  mailquake render plan.toml --message receipt --count 100 --out mails
  mailquake render plan.toml --out mails.mbox --count 1000
  mailquake render plan.toml --seq 4711 --run 187b3c0de4f1a2b3
Exit codes: 0 written, 1 not writable, 2 no such message, 3 plan not valid, or not with the values
of a mail, 130 or 143 interrupted.")]
pub struct RenderArgs {
    /// The plan: TOML, YAML or JSON by its extension; `-` is standard input.
    pub plan: PathBuf,
    /// Renders only this message of the plan. Repeatable. Default: all of them.
    #[arg(long = "message", value_name = "NAME")]
    pub messages: Vec<String>,
    /// How many mails of each message.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Renders the mail with this number, as its X-Mailquake-Seq has it. Repeatable.
    #[arg(long = "seq", value_name = "N", conflicts_with_all = ["messages", "count"], value_parser = clap::value_parser!(u64).range(1..))]
    pub numbers: Vec<u64>,
    /// Renders the mails of this run, as their X-Mailquake-Run has it. Default: a new one.
    #[arg(long, value_name = "ID", value_parser = value::run)]
    pub run: Option<u64>,
    /// For a server that offers 8BITMIME: texts are not encoded for 7 bits. Default: for one that
    /// does not.
    #[arg(long = "8bit")]
    pub eight_bit: bool,
    /// Writes one file for each mail into a folder, or all into an mbox.
    #[arg(long, short, value_name = "DIR|FILE.mbox", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Overwrites files that are there.
    #[arg(long, requires = "out", help_heading = "Output")]
    pub force: bool,
    /// What changes the plan.
    #[command(flatten)]
    pub plan_flags: PlanFlags,
    /// How it is shown: `json` writes the list of envelopes to standard output.
    #[command(flatten)]
    pub format: FormatFlags,
}
