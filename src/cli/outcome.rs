//! A result → what standard output shows of it.

use std::path::Path;

use super::args::{FormatFlags, OutputFormat};
use super::inspect::json;
use super::messages::{style, width};
use crate::record::Summary;
use crate::report::{self, Detail, Page};

/// The page of a result that is kept in a folder, or the summary itself.
pub(super) fn shown(
    summary: &Summary,
    folder: &Path,
    detail: Detail,
    flags: &FormatFlags,
) -> String {
    match flags.format {
        OutputFormat::Json => json(summary),
        OutputFormat::Text => {
            let folder = Some(folder);
            report::render(summary, Page { style: style(flags), width: width(), folder, detail })
        }
    }
}
