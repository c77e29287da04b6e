//! Files, standard input and the environment → a loaded plan.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::args::{CheckArgs, FormatFlags, InputFormat, PlanFlags, ValueFlags};
use super::messages::{Failure, look};
use super::variables;
use crate::monitor;
use crate::plan::{Environment, Format, Loaded, Overrides, Source, Surroundings, load};
use crate::run::chain;

/// Loads the plan that a command names, with the flags' changes.
pub(super) fn plan(
    path: &Path,
    flags: &PlanFlags,
    format: &FormatFlags,
) -> Result<Loaded, Failure> {
    let values = &flags.values;
    let (variables, files) = changes(values)?;
    loaded(
        &source(path, values.input_format)?,
        &flags.overrides(variables, files),
        format,
        environment(),
    )
}

/// Loads the plan that `check` names.
pub(super) fn plan_to_check(args: &CheckArgs) -> Result<Loaded, Failure> {
    let (variables, files) = changes(&args.values)?;
    let overrides = Overrides {
        seed: args.seed,
        destination: args.destination.destination(),
        ..args.values.overrides(variables, files)
    };
    let source = source(&args.plan, args.values.input_format)?;
    loaded(&source, &overrides, &args.format, environment())
}

/// Loads the plan that `sink` names.
pub(super) fn plan_values(
    path: &Path,
    values: &ValueFlags,
    format: &FormatFlags,
) -> Result<Loaded, Failure> {
    let (variables, files) = changes(values)?;
    loaded(
        &source(path, values.input_format)?,
        &values.overrides(variables, files),
        format,
        environment(),
    )
}

/// The variables of the environment; one that holds no text is as good as none.
pub(super) fn environment() -> Environment {
    Environment::new(|name| std::env::var(name).ok())
}

/// Loads a text; `environment` has its secrets.
pub(super) fn loaded(
    source: &Source,
    overrides: &Overrides,
    format: &FormatFlags,
    environment: Environment,
) -> Result<Loaded, Failure> {
    let surroundings = Surroundings {
        host: monitor::environment().hostname.unwrap_or_else(|| "localhost".to_owned()),
        seed: drawn_seed(),
        folder: folder(source.name()),
        environment,
    };
    load(source, overrides, &surroundings)
        .map_err(|errors| Failure::Plan(Box::new(errors), format.format, look(format)))
}

type Changes = (Vec<(String, String)>, Vec<crate::plan::VarsFile>);

fn changes(values: &ValueFlags) -> Result<Changes, Failure> {
    let environment = variables::of_environment(std::env::vars_os());
    let files =
        variables::of_files(&values.vars_files).map_err(|error| Failure::Usage(chain(&error)))?;
    Ok((environment, files))
}

fn source(path: &Path, input: InputFormat) -> Result<Source, Failure> {
    let unreadable = |error| Failure::Unreadable(path.to_owned(), error);
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(unreadable)?;
        let format = match input {
            InputFormat::Toml => Format::Toml,
            InputFormat::Yaml => Format::Yaml,
        };
        return Ok(Source::new("standard input", text, format));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let name = path.display().to_string();
    let format = Format::of_file(&name);
    Ok(Source::new(name, text, format))
}

/// The folder of a plan's file; of a plan that is none, the working folder.
fn folder(name: &str) -> PathBuf {
    let parent = Path::new(name).parent().unwrap_or(Path::new(""));
    // Where the working folder is gone paths stay relative to it, and their files are missing.
    std::env::current_dir().unwrap_or_default().join(parent)
}

/// A seed for a plan without one; it is recorded with the results.
fn drawn_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::from(since.subsec_nanos()) ^ since.as_secs().rotate_left(20);
    // Short enough to be typed again.
    crate::draw::Draw::new(nanos ^ u64::from(std::process::id())).below(1_000_000_000)
}
