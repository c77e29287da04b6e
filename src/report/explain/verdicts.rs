//! Verdicts and exit codes, explained.

use super::Words;
use crate::record::VerdictName;
use crate::verdict::ExitCode;

/// All verdicts.
pub(super) const ALL: [VerdictName; 4] =
    [VerdictName::Pass, VerdictName::Fail, VerdictName::Invalid, VerdictName::None];

/// The name in the results.
pub(super) const fn name(verdict: VerdictName) -> &'static str {
    match verdict {
        VerdictName::Pass => "pass",
        VerdictName::Fail => "fail",
        VerdictName::Invalid => "invalid",
        VerdictName::None => "none",
    }
}

/// What is said of a verdict.
pub(super) const fn words(verdict: VerdictName) -> Words {
    match verdict {
        VerdictName::Pass => Words {
            title: "every threshold holds and the tester was fit",
            meaning: "What the plan says must hold did hold, and the figures describe the server \
                      and not the tester. Exit code 0.",
            advice: "A threshold that only warns may still be broken; the page shows it.",
        },
        VerdictName::Fail => Words {
            title: "at least one threshold does not hold",
            meaning: "The tester was fit, so it is the server that missed it. Exit code 5, or \
                      that of --threshold-exit-code.",
            advice: "The page names the threshold, its value and the phase. `rate.achieved` fails \
                     where the server was too slow to be given all that the plan starts.",
        },
        VerdictName::Invalid => Words {
            title: "the tester missed one of its limits, so the figures describe the tester",
            meaning: "It sent later than planned, or had no processor left, in a phase with a \
                      rate that counts. No verdict on the server is given. Exit code 6.",
            advice: "The first line says which limit and what to do: more --workers, a machine of \
                     its own for the tester, a smaller load. `explain fitness` lists the checks.",
        },
        VerdictName::None => Words {
            title: "there is nothing to judge",
            meaning: "The run was interrupted, or no message of a phase that counts has ended. \
                      Exit code 130, 143 or 7.",
            advice: "What was measured until then is in the results folder all the same.",
        },
    }
}

/// What is said of an exit code; none of a number that a user chose.
pub(super) const fn exit(code: ExitCode) -> Option<Words> {
    Some(match code.number() {
        0 => Words {
            title: "all went well",
            meaning: "A run: the thresholds hold and the tester was fit. Another command: it did \
                      what it was asked.",
            advice: "When several codes apply, the first of 1, 130/143, 4, 7, 6, 5 is taken.",
        },
        1 => Words {
            title: "the program failed",
            meaning: "A file could not be written, or there is a bug. Nothing is said about the \
                      server.",
            advice: "Read the message; a panic belongs in a report of a bug.",
        },
        2 => Words {
            title: "the command line is wrong",
            meaning: "An unknown flag, a value that can't be read, or a file that is not there.",
            advice: "`mailquake COMMAND --help` shows the flags.",
        },
        3 => Words {
            title: "the plan has mistakes",
            meaning: "All of them are told at once, each with its place; nothing was sent.",
            advice: "`mailquake validate PLAN --format json` tells the same to programs, and \
                     `mailquake explain CODE` what each code means.",
        },
        4 => Words {
            title: "the run could not start",
            meaning: "A name does not resolve, nobody listens, TLS or AUTH failed on the first \
                      try, or the target is not one that this plan may load.",
            advice: "The message names what to do, such as the flag to add: --allow RANGE. \
                     `mailquake check PLAN` shows the whole dialogue.",
        },
        5 => Words {
            title: "a threshold failed or ended the run",
            meaning: "The server did not do what the plan says must hold. Of `check`: a message \
                      was refused, or a malformed case was a finding.",
            advice: "This is the code on which a CI job should stop a release: docs/ci.md. \
                     --threshold-exit-code chooses another number.",
        },
        6 => Words {
            title: "INVALID: the tester missed its limits",
            meaning: "The figures describe the tester, so there is no verdict on the server.",
            advice: "Repeat it on a machine with more room, or with less load. In CI treat it as \
                     a job to run again, not as a failed release.",
        },
        7 => Words {
            title: "nothing was measured",
            meaning: "No message of a phase that counts came to its end.",
            advice: "Are all phases warm-ups, or is the load zero? `mailquake preview PLAN` shows \
                     how many messages a plan sends.",
        },
        8 => Words {
            title: "a regression",
            meaning: "A comparison of two results found one that is worse beyond the noise.",
            advice: "See which phase and which figure, and repeat both runs a few times.",
        },
        130 => Words {
            title: "ended by Ctrl-C (SIGINT)",
            meaning: "Complete results of what was done are written all the same.",
            advice: "A second Ctrl-C ends it at once.",
        },
        143 => Words {
            title: "ended by SIGTERM",
            meaning: "Complete results of what was done are written all the same, if the \
                      program was given the time.",
            advice: "In CI this is mostly the time limit of the job.",
        },
        _ => return None,
    })
}
