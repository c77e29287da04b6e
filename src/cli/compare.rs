//! `compare`, and the baseline of `run`: what changed between results folders.

use std::path::{Path, PathBuf};

use super::Done;
use super::args::{BaselineFlags, CompareArgs, OutputFlags, OutputFormat, ToleranceFlags};
use super::inspect::json;
use super::messages::{Failure, print, style};
use super::run::write;
use crate::report::compare::{Folders, markdown, text};
use crate::run::{Baseline, Plans};
use crate::verdict::ExitCode;
use crate::verdict::compare::{Comparison, Tolerance};

/// Compares the folders that the command line names.
pub(super) fn compare(args: &CompareArgs) -> Done {
    let (baseline, candidate) = sides(args)?;
    let plans = if args.different_plans { Plans::Any } else { Plans::Alike };
    let read = Baseline::read(baseline, plans)?;
    let comparison = read.compare(candidate, plans, tolerance(args.tolerance))?;
    let folders = folders(baseline, candidate);
    if let Some(path) = &args.markdown {
        write(path, &markdown(&comparison, &folders))?;
    }
    if args.markdown.as_deref() != Some(Path::new("-")) {
        print(&match args.format.format {
            OutputFormat::Text => text(&comparison, &folders, style(&args.format)),
            OutputFormat::Json => json(&comparison),
        });
    }
    Ok(exit(&comparison))
}

/// The folders of the baseline, and those of the candidate.
fn sides(args: &CompareArgs) -> Result<(&[PathBuf], &[PathBuf]), Failure> {
    match (args.folders.as_slice(), args.candidates.as_slice()) {
        ([baseline, candidate], []) => {
            Ok((std::slice::from_ref(baseline), std::slice::from_ref(candidate)))
        }
        (_, []) => Err(Failure::Usage(
            "compare takes two folders, or those of the baseline and --with those of the candidate"
                .to_owned(),
        )),
        (baseline, candidate) => Ok((baseline, candidate)),
    }
}

/// Compares a run that has passed with its baseline. The comparison stands beneath the result and
/// in the results folder.
pub(super) fn with_baseline(
    baseline: &Baseline,
    folder: &Path,
    flags: &BaselineFlags,
    output: &OutputFlags,
) -> Done {
    let candidate = [folder.to_owned()];
    let comparison = baseline.compare(&candidate, Plans::Alike, tolerance(flags.tolerance))?;
    let folders = folders(&flags.baselines, &candidate);
    write(&folder.join("compare.json"), &json(&comparison))?;
    write(&folder.join("compare.md"), &markdown(&comparison, &folders))?;
    match output.format.format {
        OutputFormat::Text => {
            print(&format!("\n{}", text(&comparison, &folders, style(&output.format))));
        }
        // Standard output holds one document, the summary.
        OutputFormat::Json => {}
    }
    Ok(exit(&comparison))
}

/// How large a change must be to count.
fn tolerance(flags: ToleranceFlags) -> Tolerance {
    Tolerance { share: flags.tolerance.fraction(), ..Tolerance::default() }
}

/// The folders as they are shown.
fn folders(baseline: &[PathBuf], candidate: &[PathBuf]) -> Folders {
    let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    Folders { baseline: names(baseline), candidate: names(candidate) }
}

/// What a comparison means for the shell.
const fn exit(comparison: &Comparison) -> ExitCode {
    if comparison.regression { ExitCode::REGRESSION } else { ExitCode::OK }
}
