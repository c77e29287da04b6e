//! `new`: a commented plan to start from.
//!
//! The plans are scenarios of the repository, each of which a test runs; what is written differs
//! from them only in the line by which an editor finds the schema.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::Done;
use super::args::NewArgs;
use super::messages::{Failure, note, print};
use crate::format;
use crate::plan::suggest;
use crate::verdict::ExitCode;

/// A plan to start from.
struct Kind {
    name: &'static str,
    does: &'static str,
    text: &'static str,
}

/// A kind by its name, its purpose, and the scenario that it is.
macro_rules! kinds {
    ($($name:literal: $does:literal, $file:literal;)*) => {
        const KINDS: &[Kind] = &[$(Kind {
            name: $name,
            does: $does,
            text: include_str!(concat!("../../scenarios/", $file)),
        }),*];
    };
}

kinds! {
    "quickstart": "a ramp, a steady load, bursts: a first test", "quickstart.toml";
    "ci": "a gate for releases, with a longer profile for the night", "ci.toml";
    "capacity": "the highest rate at which what must hold does", "capacity.toml";
    "ramp": "up to a peak and down again", "ramp-to-peak.toml";
    "steps": "equal steps: at which do latencies rise or errors begin?", "staircase.toml";
    "rate": "a fixed rate of arrivals, even and by chance", "open-rate.toml";
    "spikes": "short peaks far above the everyday load", "spikes.toml";
    "soak": "a moderate load for a long time", "soak.toml";
    "reuse": "what keeping connections gains", "connection-reuse.toml";
    "pipelining": "what groups, one round trip and BDAT gain", "pipelining.toml";
    "tls": "what encryption costs", "tls-against-plain.toml";
    "auth": "logins, and a client that guesses passwords", "auth-failures.toml";
    "slow": "whether slow clients hurt the others", "slow-clients.toml";
    "malformed": "whether hostile clients do, and the server is right to them", "malformed.toml";
    "throttling": "what a server that holds back looks like", "throttling.toml";
}

/// Writes a plan, or tells which there are.
pub(super) fn new(args: &NewArgs) -> Done {
    if args.list {
        print(&list());
        return Ok(ExitCode::OK);
    }
    let kind = KINDS.iter().find(|kind| kind.name == args.kind);
    let kind = kind.ok_or_else(|| Failure::Usage(unknown(&args.kind)))?;
    let text = kind.text.replacen("../schema/plan.schema.json", "plan.schema.json", 1);
    let Some(path) = &args.output else {
        print(&text);
        return Ok(ExitCode::OK);
    };
    write(path, &text)?;
    note(&format!(
        "{} is written: mailquake run {0} tries it, with a server of its own",
        path.display()
    ));
    Ok(ExitCode::OK)
}

/// Makes the file; one that is there stays as it is.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let made = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Usage(format!("`{}` is there already, and stays as it is", path.display()))
        }
        _ => Failure::Unwritable(path.to_owned(), error),
    })
}

fn list() -> String {
    let longest = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let lines = KINDS.iter().map(|kind| format!("  {:longest$}  {}\n", kind.name, kind.does));
    lines.collect()
}

fn unknown(name: &str) -> String {
    let hint = suggest(name, KINDS.iter().map(|kind| kind.name));
    let hint = hint.map(|hint| format!("\nhelp: {hint}")).unwrap_or_default();
    format!("there is no kind of plan named `{}`{hint}", format::escape(name))
}
