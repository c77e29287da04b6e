//! `completions` and `man`: what shells and `man` know of the command line, made from its types.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

use super::Done;
use super::args::{Cli, CompletionsArgs, ManArgs};
use super::messages::{Failure, note, print};
use crate::verdict::ExitCode;

/// The name of the program.
const NAME: &str = "mailquake";

/// Writes what a shell completes by.
pub(super) fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    print(&String::from_utf8_lossy(&script));
    ExitCode::OK
}

/// Writes the manual: one page to standard output, or each command's into a folder.
pub(super) fn man(args: &ManArgs) -> Done {
    let mut program = Cli::command();
    program.build();
    let Some(folder) = &args.dir else {
        print(&String::from_utf8_lossy(&page(program, Path::new("standard output"))?));
        return Ok(ExitCode::OK);
    };
    fs::create_dir_all(folder).map_err(|error| Failure::Unwritable(folder.clone(), error))?;
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let pages: Vec<(String, Command)> = commands.map(command_page).collect();
    let mut count = 0;
    for (name, command) in std::iter::once((NAME.to_owned(), program.clone())).chain(pages) {
        let path: PathBuf = folder.join(format!("{name}.1"));
        let text = page(command, &path)?;
        fs::write(&path, text).map_err(|error| Failure::Unwritable(path, error))?;
        count += 1;
    }
    note(&format!("{count} pages in {}", folder.display()));
    Ok(ExitCode::OK)
}

/// A command under the name that its page has, such as `mailquake-run`.
fn command_page(command: &Command) -> (String, Command) {
    // A command that is built shows itself under its whole name.
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    (name, command.clone().version(env!("CARGO_PKG_VERSION")))
}

fn page(command: Command, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| Failure::Unwritable(path.to_owned(), error))?;
    Ok(text)
}
