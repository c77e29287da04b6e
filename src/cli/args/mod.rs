//! Words of the command line → the flags of one command, read but not yet acted on.
//!
//! Flags that travel together are one struct, and each command takes the groups it needs. What a
//! flag says about the plan is not judged here: it becomes [`Overrides`](crate::plan::Overrides),
//! and a mistake in it is reported with the plan's own.

mod check;
mod compare;
mod plan;
mod quick;
mod render;
mod report;
mod run;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use check::CheckArgs;
pub use compare::{CompareArgs, ToleranceFlags};
pub use plan::{DestinationFlags, InputFormat, PlanFlags, ThresholdFlags, ValueFlags};
pub use quick::{
    BurstFlags, EncryptionFlags, LoadFlags, LoginFlags, PASSWORD_VARIABLE, QuickArgs, ReuseFlags,
};
pub use render::RenderArgs;
pub use report::{ExportFlags, MergeArgs, ReportArgs};
pub use run::{
    BaselineFlags, FormatFlags, OutputFlags, OutputFormat, PermitFlags, Progress, RunArgs, RunFlags,
};

/// Load and stress tests for SMTP servers, from plans that a team keeps in version control.
#[derive(Debug, Parser)]
#[command(name = "mailquake", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mailquake run scenarios/quickstart.toml        a first test; needs no server
  mailquake preview plan.toml                    the load over time; nothing is sent
  mailquake check plan.toml                      one message for each client, all that was said
  mailquake quick -c 50 -d 30 -p 2525            a test without a plan

Servers that are not on this machine need --allow RANGE. Only load servers that are yours to load.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a plan and reports each phase.
    Run(RunArgs),
    /// Runs a test without a plan: its flags are compiled into one.
    Quick(QuickArgs),
    /// Reports every mistake in plans with its place; nothing is sent.
    Validate(ValidateArgs),
    /// Shows the load of a plan over time; nothing is sent.
    Preview(PreviewArgs),
    /// Sends one message for each client of a plan and shows all that was said.
    Check(CheckArgs),
    /// Writes mails as a run of a plan would send them; nothing is sent.
    Render(RenderArgs),
    /// Shows the results that a folder holds, also one of a run that was killed.
    Report(ReportArgs),
    /// Merges results folders of the same plan into one.
    Merge(MergeArgs),
    /// Runs the embedded server by itself until it is interrupted.
    Sink(SinkArgs),
    /// Compares results folders phase by phase: what changed beyond noise.
    Compare(CompareArgs),
    /// Writes a commented plan to start from.
    New(NewArgs),
    /// Explains a code or a name: mistakes, outcomes, verdicts, exit codes, malformed cases.
    Explain(ExplainArgs),
    /// Prints the JSON Schema of plans or of results.
    Schema(SchemaArgs),
    /// Prints what a shell completes the command line by.
    Completions(CompletionsArgs),
    /// Writes the manual pages.
    Man(ManArgs),
}

/// The words behind `mailquake validate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake validate plans/*.toml
  mailquake validate plan.toml --var peak=500 --format json

Exit code 3 if a plan is not valid.")]
pub struct ValidateArgs {
    /// The plans: TOML, YAML or JSON by their extension; `-` is standard input.
    #[arg(value_name = "PLAN", required = true)]
    pub plans: Vec<PathBuf>,
    /// What changes the plans.
    #[command(flatten)]
    pub plan_flags: PlanFlags,
    /// How the mistakes are shown.
    #[command(flatten)]
    pub format: FormatFlags,
}

/// The words behind `mailquake preview`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake preview plan.toml
  mailquake preview plan.toml --scale 0.1 --format json")]
pub struct PreviewArgs {
    /// The plan: TOML, YAML or JSON by its extension; `-` is standard input.
    pub plan: PathBuf,
    /// What changes the plan.
    #[command(flatten)]
    pub plan_flags: PlanFlags,
    /// How it is shown.
    #[command(flatten)]
    pub format: FormatFlags,
}

/// The words behind `mailquake sink`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake sink                                  accepts everything on 127.0.0.1:2525
  mailquake sink --listen [::1]:2600 plan.toml    with the latency and replies of the plan's [sink]
  mailquake sink --tls starttls --certificate-out ca.pem
                                                  offers STARTTLS; clients take ca.pem as their `ca`")]
pub struct SinkArgs {
    /// The plan of whose `[sink]` the settings are taken; `-` is standard input.
    pub plan: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    ///
    /// Default: the plan's `listen`, else 127.0.0.1:2525.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// How sessions are encrypted.
    ///
    /// Default: as the plan says, else not. The certificate is the plan's, else one for localhost
    /// that is made at each start.
    #[arg(long, value_enum, value_name = "MODE")]
    pub tls: Option<SinkTlsMode>,
    /// Writes the certificate to FILE in PEM, to be the `ca` of clients.
    #[arg(long, value_name = "FILE")]
    pub certificate_out: Option<PathBuf>,
    /// What changes the plan.
    #[command(flatten)]
    pub values: ValueFlags,
    /// How the counters are shown at the end.
    #[command(flatten)]
    pub format: FormatFlags,
}

/// When sessions with the embedded server are encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SinkTlsMode {
    /// Behind STARTTLS, for those that ask for it.
    Starttls,
    /// From the first octet on.
    Implicit,
}

/// The words behind `mailquake new`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake new --list
  mailquake new > plan.toml
  mailquake new soak -o soak.toml && mailquake run soak.toml --time-scale 0.01

Each plan brings a server of its own; --target ADDR sends it to yours. An editor completes keys by
the schema in the first line: mailquake schema plan > plan.schema.json")]
pub struct NewArgs {
    /// For which purpose; --list shows them.
    #[arg(default_value = "quickstart")]
    pub kind: String,
    /// Lists the kinds of plans.
    #[arg(long, exclusive = true)]
    pub list: bool,
    /// Writes the plan to FILE, which must not be there yet. Default: to standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The words behind `mailquake explain`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake explain                        what there is to be explained
  mailquake explain E012                   a mistake in a plan
  mailquake explain ambiguous              how a message ended, and whose doing that is
  mailquake explain exit                   all exit codes
  mailquake explain cases                  all malformed cases
  mailquake explain data-end-lf-dot-lf")]
pub struct ExplainArgs {
    /// A code or a name as the program shows it, or one of errors, outcomes, verdicts, exit,
    /// fitness, cases for a list. Default: what there is.
    pub name: Option<String>,
}

/// The words behind `mailquake completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake completions bash > ~/.local/share/bash-completion/completions/mailquake
  mailquake completions zsh > ~/.zfunc/_mailquake
  mailquake completions fish > ~/.config/fish/completions/mailquake.fish")]
pub struct CompletionsArgs {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The words behind `mailquake man`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  mailquake man | man -l -
  mailquake man --dir ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Writes a page for each command into DIR, over those that are there. Default: the page of
    /// the program, to standard output.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The words behind `mailquake schema`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  mailquake schema plan > plan.schema.json")]
pub struct SchemaArgs {
    /// Of which file.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SchemaOf {
    /// A plan.
    Plan,
    /// `summary.json` of a results folder.
    Summary,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_usage_error_exits_with_2() {
        let table = [
            "mailquake run",
            "mailquake run plan.toml --progress film",
            "mailquake run plan.toml --scale 0",
            "mailquake run plan.toml --var peak",
            "mailquake run plan.toml --sink --target 127.0.0.1:25",
            "mailquake run plan.toml --workers 0",
            "mailquake run plan.toml --allow 10.0.0.0",
            "mailquake quick --max-connections 0",
            "mailquake quick --ca ca.pem",
            "mailquake quick --sink --use-tls --ca ca.pem",
            "mailquake schema events",
            "mailquake sink --listen somewhere",
            "mailquake completions tcsh",
        ];
        for line in table {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
