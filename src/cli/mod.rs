//! The command line: the only folder that prints, reads the environment, or chooses an exit code.

pub mod args;
mod check;
mod compare;
mod explain;
mod inspect;
mod live;
mod merge;
mod messages;
mod new;
mod outcome;
mod outlet;
mod progress;
pub mod quick;
mod read;
mod reference;
mod render;
mod report;
mod run;
mod signals;
mod sink;
pub mod variables;

use clap::Parser;

use crate::verdict::ExitCode;
use args::{Cli, Command};
use messages::Failure;

/// Does what the command line says; tells mistakes on standard error.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; a closed pipe is no reason to complain.
            let _ = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(ExitCode::USAGE.number());
            return std::process::ExitCode::from(code);
        }
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Quick(args) => run::quick(&args),
        Command::Validate(args) => inspect::validate(&args),
        Command::Preview(args) => inspect::preview(&args),
        Command::Check(args) => check::check(&args),
        Command::Render(args) => render::render(&args),
        Command::Report(args) => report::report(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Sink(args) => sink::sink(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::New(args) => new::new(&args),
        Command::Schema(args) => Ok(inspect::schema(&args)),
        Command::Completions(args) => Ok(reference::completions(&args)),
        Command::Man(args) => reference::man(&args),
    };
    let exit = done.unwrap_or_else(Failure::tell);
    std::process::ExitCode::from(exit.number())
}

/// What a command ends with.
type Done = Result<ExitCode, Failure>;
