//! `run` and `quick`: a plan, carried out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{
    OutputFlags, OutputFormat, PASSWORD_VARIABLE, PermitFlags, QuickArgs, RunArgs, RunFlags,
};
use super::inspect::{json, of_plan};
use super::messages::{Failure, note, print, width};
use super::outcome::shown;
use super::progress::Display;
use super::{Done, compare, quick as quick_plan, read, signals};
use crate::format;
use crate::plan::{Environment, Format, Loaded, Overrides, Source};
use crate::report::{Detail, preview};
use crate::run::{self as conductor, Baseline, Finished, Job, Options, Permits, Plans};
use crate::verdict::ExitCode;

/// Runs the plan of a file.
pub(super) fn run(args: &RunArgs) -> Done {
    let loaded = read::plan(&args.plan, &args.plan_flags, &args.output.format)?;
    let file = Some(args.plan.display().to_string()).filter(|name| name != "-");
    let baseline = Baseline::read(&args.baseline.baselines, Plans::Alike)?;
    baseline.check_plan(&loaded.hash())?;
    let finished = carry_out(&loaded, file, &options(args.out.clone(), &args.run), &args.output)?;
    if args.baseline.baselines.is_empty() || finished.exit != ExitCode::OK {
        return Ok(finished.exit);
    }
    compare::with_baseline(&baseline, &finished.folder, &args.baseline, &args.output)
}

/// Runs, or only writes, the plan that the flags make.
pub(super) fn quick(args: &QuickArgs) -> Done {
    let variable = std::env::var(PASSWORD_VARIABLE).ok();
    if let Some(mistake) = args.login.without_effect(variable.as_deref()) {
        return Err(Failure::Usage(mistake.to_owned()));
    }
    let text = quick_plan::plan_text(args);
    if let Some(path) = &args.emit_plan {
        write(path, &text)?;
        return Ok(ExitCode::OK);
    }
    let source = Source::new("quick", text, Format::Toml);
    let password = args.login.password.clone();
    let environment = Environment::new(move |name| {
        let own = password.as_ref().filter(|_| name == PASSWORD_VARIABLE);
        own.map(|password| password.expose().to_owned())
    });
    let loaded = read::loaded(&source, &Overrides::default(), &args.shown.format, environment)?;
    let options = options(args.out.clone(), &args.run);
    let finished = carry_out(&loaded, None, &options, &args.shown)?;
    if let Some(path) = &args.output {
        write(path, &json(&finished.summary))?;
    }
    Ok(finished.exit)
}

fn options(folder: Option<PathBuf>, flags: &RunFlags) -> Options {
    Options {
        folder,
        workers: flags.workers.map(u32::from),
        permits: permits(&flags.permits),
        on_threshold: ExitCode::chosen(flags.threshold_exit_code),
        prometheus: flags.prometheus,
    }
}

/// What the user vouches for.
pub(super) fn permits(flags: &PermitFlags) -> Permits {
    Permits { allow: flags.allow.clone(), authorized: flags.authorized.clone() }
}

fn carry_out(
    loaded: &Loaded,
    file: Option<String>,
    options: &Options,
    output: &OutputFlags,
) -> Result<Finished, Failure> {
    let job = Job {
        plan: Arc::new(loaded.plan.clone()),
        text: loaded.plan_toml(),
        hash: loaded.hash(),
        file,
    };
    if !output.quiet && output.format.format == OutputFormat::Text {
        let paragraph = preview::paragraph(&of_plan(&loaded.plan)?);
        note(&format::wrapped(&paragraph, 0, width()).join("\n"));
    }
    let (keys, signals) = signals::listen_with_keys();
    let mut display = Display::new(output, keys)?;
    let finished = conductor::run(&job, options, signals, &mut |update| display.show(update));
    display.end();
    let finished = finished?;
    let detail = if output.verbose { Detail::Full } else { Detail::Brief };
    print(&shown(&finished.summary, &finished.folder, detail, &output.format));
    Ok(finished)
}

/// Writes a file; `-` is standard output.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        print(text);
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Failure::Unwritable(path.to_owned(), error))
}
