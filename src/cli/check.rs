//! `check`: one transaction for each client, shown while it is made.

use super::Done;
use super::args::{CheckArgs, OutputFormat};
use super::inspect::json;
use super::messages::{Failure, print, style};
use super::{read, run, signals};
use crate::format;
use crate::plan::{ClientId, Plan, suggest};
use crate::report::Detail;
use crate::report::check::{self as page, Page};
use crate::run as conductor;

/// Checks the clients of a plan.
pub(super) fn check(args: &CheckArgs) -> Done {
    let loaded = read::plan_to_check(args)?;
    let clients = clients(&loaded.plan, &args.clients)?;
    let check =
        conductor::Check { clients, permits: run::permits(&args.permits), plan: loaded.plan };
    let detail = if args.verbose { Detail::Full } else { Detail::Brief };
    let page = Page { style: style(&args.format), detail };
    let text = args.format.format == OutputFormat::Text;
    let checks = conductor::check(check, signals::listen(), &mut |moment| {
        if text {
            print(&page.moment(moment));
        }
    })?;
    let exit = checks.exit();
    if checks.interrupted.is_none() {
        print(&if text {
            page.endings(&checks.all)
        } else {
            json(&page::json(&checks.all, exit.number()))
        });
    }
    Ok(exit)
}

/// All clients, or those of these names.
fn clients(plan: &Plan, names: &[String]) -> Result<Vec<ClientId>, Failure> {
    let all = || (0..).map(ClientId).zip(&plan.clients);
    for name in names {
        if !plan.clients.iter().any(|client| client.name == *name) {
            let known = plan.clients.iter().map(|client| client.name.as_str());
            let hint = suggest(name, known).map(|hint| format!("\nhelp: {hint}"));
            let (name, hint) = (format::escape(name), hint.unwrap_or_default());
            return Err(Failure::Usage(format!("the plan has no client `{name}`{hint}")));
        }
    }
    let wanted = all().filter(|(_, client)| names.is_empty() || names.contains(&client.name));
    Ok(wanted.map(|(id, _)| id).collect())
}
