//! `explain`: what a code or a name means, or what there is to be explained.

use super::Done;
use super::args::ExplainArgs;
use super::messages::{Failure, print};
use crate::format;
use crate::plan::suggest;
use crate::report::explain as pages;
use crate::verdict::ExitCode;

/// Explains what the command line names.
pub(super) fn explain(args: &ExplainArgs) -> Done {
    let text = match &args.name {
        None => pages::overview(),
        Some(name) => pages::explain(name).ok_or_else(|| Failure::Usage(unknown(name)))?,
    };
    print(&text);
    Ok(ExitCode::OK)
}

fn unknown(name: &str) -> String {
    let names = pages::names();
    let near = suggest(name, names.iter().map(String::as_str));
    let near = near.filter(|hint| hint.starts_with("did you mean"));
    let hint = near.unwrap_or_else(|| "`mailquake explain` lists what there is".to_owned());
    format!("nothing is known of `{}`\nhelp: {hint}", format::escape(name))
}
