//! The codes of mistakes in plans, explained.

use super::Words;
use crate::plan::DiagnosticCode;

/// What is said of a code.
#[expect(clippy::too_many_lines, reason = "a table with an entry for each name")]
pub(super) const fn words(code: DiagnosticCode) -> Words {
    match code {
        DiagnosticCode::Syntax => Words {
            title: "the text is no TOML or YAML",
            meaning: "The file could not be read as what its extension says: .yaml, .yml and \
                      .json are YAML, anything else is TOML. Standard input is TOML unless \
                      --input-format yaml says otherwise.",
            advice: "Look at the place and the line before it: an open quote or bracket shows \
                     only where it is missed. In TOML a text stands in quotes: rate = \"50/s\".",
        },
        DiagnosticCode::DuplicateKey => Words {
            title: "a key stands twice in one table",
            meaning: "Readers of TOML and YAML disagree on which of two equal keys counts, so \
                      neither is taken.",
            advice: "Take one of them out. Two tables such as [target] and [target] are the same \
                     key twice; phases are a list and have two brackets: [[phases]].",
        },
        DiagnosticCode::TooLarge => Words {
            title: "the plan is too large, too deep, or expands too far",
            meaning: "A plan and each file that it includes is at most 8 MiB and 64 levels deep, \
                      includes go 8 files deep, and neither YAML aliases nor variables may blow \
                      it up.",
            advice: "Rows of data belong in a feed (csv or jsonl), mail in a template file or a \
                     corpus: those may be large.",
        },
        DiagnosticCode::Version => Words {
            title: "the format version is missing or not known",
            meaning: "A plan says which version of the format it is written in, so that a later \
                      program can still read it as it was meant.",
            advice: "Write `version = 1` at the top. A plan of a later version needs a later \
                     program.",
        },
        DiagnosticCode::UnknownKey => Words {
            title: "there is no such key here",
            meaning: "A key that nobody reads would change nothing without a word, so it is \
                      refused. Mostly it is misspelt, or stands in the wrong table.",
            advice: "Look at the suggestion, or at the schema (`mailquake schema plan`), by which \
                     an editor completes keys: docs/editors.md. Keys that begin with x- are your \
                     own and are passed over.",
        },
        DiagnosticCode::WrongType => Words {
            title: "a value of another type is wanted",
            meaning: "There is a text where a number is wanted, a list where a table is, or the \
                      like.",
            advice: "Durations, sizes and rates are texts with a unit: \"30s\", \"64KiB\", \
                     \"200/s\". Counts are numbers without quotes. `${name}` takes the type of the \
                     variable.",
        },
        DiagnosticCode::BadValue => Words {
            title: "a value is out of range, or not in the form that is asked for",
            meaning: "The type is right and the value is not: a duration without a unit, a share \
                      above 100 %, a word that is none of those allowed, a file that can't be read.",
            advice: "The help below the message names what is allowed. Durations are \"250ms\", \
                     \"30s\", \"1h30m\"; sizes \"64KiB\", \"1MB\"; rates \"0.5/s\", \"300/min\"; \
                     shares \"0.5%\" or 0.005.",
        },
        DiagnosticCode::MissingKey => Words {
            title: "a key is missing that is needed here",
            meaning: "What a plan leaves out has a default wherever there is a sensible one. \
                      Here there is none: a ramp without a duration, a phase without a level.",
            advice: "Add the key that the message names. `mailquake new` writes plans in which \
                     all that is needed stands.",
        },
        DiagnosticCode::Conflict => Words {
            title: "keys exclude each other, or one needs another",
            meaning: "Each of the keys is right by itself, but together they say two things at \
                      once, such as `rate` and `connections` in one phase, or one has no meaning \
                      without the other, as `delay` without `with`.",
            advice: "Decide on one of them. What is inherited counts too: by `extends`, from \
                     [defaults], from a profile or an included file.",
        },
        DiagnosticCode::NotSupported => Words {
            title: "the plan language has it, this version of the program does not",
            meaning: "It is refused instead of passed over, because the run would not be the one \
                      that the plan describes.",
            advice: "Take it out, or use a version that has it; CHANGELOG.md says which does.",
        },
        DiagnosticCode::UnknownName => Words {
            title: "a name leads nowhere",
            meaning: "The plan, or a flag, names a client, message, mix, target, feed, phase or \
                      profile that the plan does not have.",
            advice: "Look at the suggestion. Names are case-sensitive. With --phase only some \
                     phases are there: `with` can't name one that was left out.",
        },
        DiagnosticCode::BadName => Words {
            title: "a name is not allowed, or stands twice",
            meaning: "Names begin with a letter or _, go on with letters, digits, _ and -, and \
                      have at most 64 characters. Phases have one each, for each is a row of the \
                      results.",
            advice: "Choose another name.",
        },
        DiagnosticCode::Variable => Words {
            title: "a variable is not defined, or `${` is not used as one",
            meaning: "`${name}` stands for a variable, which comes from [vars], from a profile, \
                      from MAILQUAKE_VAR_NAME in the environment, or from --vars and --var.",
            advice: "Define it, or mend its name. For the two characters `${` write `$${`. In a \
                     text of a message {{ }} is something else: it is filled in for each message.",
        },
        DiagnosticCode::Cycle => Words {
            title: "something leads back to itself",
            meaning: "Variables that refer to each other, `extends` or `include` go in a circle, \
                      so that there is no first one to begin with.",
            advice: "The message shows the way around; break it at any point.",
        },
        DiagnosticCode::Template => Words {
            title: "a template can't be read",
            meaning: "A text of a message is a template (minijinja), and this one has a mistake, \
                      or uses a value that is not there: nothing is left empty without a word.",
            advice: "docs/templates.md lists all values and functions. `mailquake render PLAN` \
                     shows the mails that come out.",
        },
        DiagnosticCode::Threshold => Words {
            title: "a threshold can't be read",
            meaning: "A threshold says what must hold, as METRIC OP VALUE, such as `message.p99 < \
                      500ms`, `message.errors < 0.5%`, `rate.achieved >= 99%` or `throughput >= \
                      800/s`. A scope narrows it: `message.p99{client=app} < 1s`.",
            advice: "Look at the help below the message: it names the metrics, comparisons or \
                     units that are allowed there.",
        },
        DiagnosticCode::Override => Words {
            title: "a flag changes something that the plan does not have",
            meaning: "--set, --var or --target names what is not in the plan. A flag without \
                      effect would be a test of something else than was meant.",
            advice: "Paths are written with dots; phases go by name, entries of other lists by \
                     number from 0: --set phases.soak.rate=500/s.",
        },
    }
}
