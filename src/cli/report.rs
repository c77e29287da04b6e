//! `report`: a results folder, shown anew or turned into other files.

use std::path::Path;

use super::Done;
use super::args::{ExportFlags, ReportArgs};
use super::inspect::json;
use super::messages::{Failure, print};
use super::outcome::shown;
use super::run::write;
use crate::record::Summary;
use crate::report::{self, Detail, Exposed, Exposition};
use crate::run::{PageError, Reread, reread};
use crate::verdict::ExitCode;

/// Makes a file's text from results.
type Render = fn(&Reread) -> Result<String, PageError>;

/// Shows what the command line names.
pub(super) fn report(args: &ReportArgs) -> Done {
    let read = reread(&args.folder)?;
    let exports = exports(&args.exports);
    for (path, render) in &exports {
        write(path, &render(&read).map_err(Failure::Page)?)?;
    }
    if exports.is_empty() {
        let detail = if args.verbose { Detail::Full } else { Detail::Brief };
        print(&shown(&read.summary, read.chronicle.path(), detail, &args.format));
        read.write_pages().map_err(Failure::Page)?;
    }
    Ok(ExitCode::OK)
}

/// The files that are asked for, each with what makes it.
fn exports(flags: &ExportFlags) -> Vec<(&Path, Render)> {
    let all: [(_, Render); 6] = [
        (&flags.json, |read| Ok(json(&read.summary))),
        (&flags.html, Reread::html),
        (&flags.junit, |read| Ok(report::junit(&read.summary)?)),
        (&flags.csv, Reread::csv),
        (&flags.prometheus, |read| Ok(exposition(&read.summary))),
        (&flags.markdown, |read| Ok(report::markdown(&read.summary))),
    ];
    all.into_iter().filter_map(|(path, render)| Some((path.as_deref()?, render))).collect()
}

fn exposition(summary: &Summary) -> String {
    Exposed::from(summary).text(Exposition::Prometheus)
}
