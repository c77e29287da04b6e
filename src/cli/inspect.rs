//! `validate`, `preview` and `schema`: what can be said without sending anything.

use super::Done;
use super::args::{OutputFormat, PreviewArgs, SchemaArgs, SchemaOf, ValidateArgs};
use super::messages::{Failure, print};
use super::read;
use crate::message::{Composer, RunIdentity};
use crate::plan::{MessageId, Plan, plan_schema};
use crate::record::summary_schema;
use crate::report::preview;
use crate::run::RunError;
use crate::timeline::{Preview, Timeline};
use crate::verdict::ExitCode;

/// Tells every mistake of every plan.
pub(super) fn validate(args: &ValidateArgs) -> Done {
    let mut exit = ExitCode::OK;
    let mut valid = Vec::new();
    for path in &args.plans {
        match read::plan(path, &args.plan_flags, &args.format) {
            Ok(loaded) => valid.push((path, loaded)),
            Err(failure @ Failure::Plan(..)) => exit = failure.tell(),
            Err(failure) => return Err(failure),
        }
    }
    for (path, loaded) in valid {
        if args.format.format == OutputFormat::Text {
            // A search is one phase, however many probes it may have.
            let phases = loaded.plan.phases.iter().filter(|phase| !phase.waits_to_be_asked());
            let phases = phases.count();
            let ending = if phases == 1 { "" } else { "s" };
            print(&format!("{}: valid ({phases} phase{ending})\n", path.display()));
        }
    }
    Ok(exit)
}

/// Shows the compiled timeline.
pub(super) fn preview(args: &PreviewArgs) -> Done {
    let loaded = read::plan(&args.plan, &args.plan_flags, &args.format)?;
    let preview = of_plan(&loaded.plan)?;
    print(&match args.format.format {
        OutputFormat::Text => preview::text(&preview),
        OutputFormat::Json => json(&preview),
    });
    Ok(ExitCode::OK)
}

/// The preview of a plan.
pub(super) fn of_plan(plan: &Plan) -> Result<Preview, Failure> {
    let identity = RunIdentity { id: 0, seed: plan.seed };
    let composer = Composer::new(&plan.messages, &plan.feeds, identity)
        .map_err(|error| Failure::Run(RunError::Message(error)))?;
    let octets = |id: MessageId| composer.mean_octets(id.index());
    Ok(Preview::new(plan, &Timeline::new(plan), &octets))
}

/// Writes a JSON Schema.
pub(super) fn schema(args: &SchemaArgs) -> ExitCode {
    print(&match args.of {
        SchemaOf::Plan => json(&plan_schema()),
        SchemaOf::Summary => summary_schema(),
    });
    ExitCode::OK
}

/// A value as JSON for people and programs.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    // Our own types have string keys and finite numbers, which is all that JSON asks for.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
