//! `explain`: a malformed case, or the list of them.

use super::Done;
use super::args::ExplainArgs;
use super::messages::{Failure, print};
use crate::plan::suggest;
use crate::report::cases;
use crate::smtp::{CaseId, Group};
use crate::verdict::ExitCode;

/// Explains what the command line names.
pub(super) fn explain(args: &ExplainArgs) -> Done {
    let Some(name) = &args.case else {
        print(&cases::list());
        return Ok(ExitCode::OK);
    };
    match CaseId::named(name).as_slice() {
        [] => Err(Failure::Usage(unknown(name))),
        found => {
            let texts: Vec<String> = found.iter().map(|id| cases::explain(id.case())).collect();
            print(&texts.join("\n"));
            Ok(ExitCode::OK)
        }
    }
}

fn unknown(name: &str) -> String {
    let near = suggest(name, CaseId::names()).filter(|hint| hint.starts_with("did you mean"));
    let groups: Vec<&str> = Group::ALL.into_iter().map(Group::name).collect();
    let hint = near.unwrap_or_else(|| {
        format!("the groups are {}; `mailquake explain` lists all cases", groups.join(", "))
    });
    format!("no case is named `{name}`\nhelp: {hint}")
}
