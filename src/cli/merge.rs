//! `merge`: results folders of the same plan, as one.

use super::Done;
use super::args::{MergeArgs, OutputFormat};
use super::inspect::json;
use super::messages::{print, style, width};
use crate::report::{self, Detail, Page};
use crate::run;

/// Merges what the command line names.
pub(super) fn merge(args: &MergeArgs) -> Done {
    let merged = run::merge(&args.folders, &args.out)?;
    print(&match args.format.format {
        OutputFormat::Json => json(&merged.summary),
        OutputFormat::Text => {
            let page = Page {
                style: style(&args.format),
                width: width(),
                folder: Some(&args.out),
                detail: Detail::Brief,
            };
            report::render(&merged.summary, page)
        }
    });
    Ok(merged.exit)
}
