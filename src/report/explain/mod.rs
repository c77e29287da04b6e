//! A code or a name that the program shows → what it means and what to do about it.
//!
//! What is explained comes from the types themselves, each by a `match` over all of them: a new
//! code that nobody explains does not compile.

mod diagnostics;
mod fitness;
mod outcomes;
mod verdicts;

use std::fmt::Write as _;

use super::cases;
use crate::format;
use crate::plan::DiagnosticCode;
use crate::record::VerdictName;
use crate::smtp::{CaseId, Outcome};
use crate::verdict::{ExitCode, FitnessCheck};

/// Texts are wrapped to so many characters.
const WIDTH: usize = 80;

/// What can be explained.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Topic {
    /// A mistake in a plan.
    Diagnostic(DiagnosticCode),
    /// How a message ended.
    Outcome(Outcome),
    /// What a run comes to.
    Verdict(VerdictName),
    /// What a command ends with.
    Exit(ExitCode),
    /// A check of the tester.
    Fitness(FitnessCheck),
    /// A malformed case.
    Case(CaseId),
}

/// Topics of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Area {
    /// The codes of mistakes in plans.
    Errors,
    /// How messages end.
    Outcomes,
    /// What runs come to.
    Verdicts,
    /// Exit codes.
    Exit,
    /// The checks of the tester.
    Fitness,
    /// The malformed cases.
    Cases,
}

/// What is said of a topic.
struct Words {
    /// One line without a full stop.
    title: &'static str,
    /// What it means.
    meaning: &'static str,
    /// What to look at, or to do.
    advice: &'static str,
}

impl Area {
    /// All areas, in the order in which a user meets them.
    pub const ALL: [Self; 6] =
        [Self::Errors, Self::Outcomes, Self::Verdicts, Self::Exit, Self::Fitness, Self::Cases];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Outcomes => "outcomes",
            Self::Verdicts => "verdicts",
            Self::Exit => "exit",
            Self::Fitness => "fitness",
            Self::Cases => "cases",
        }
    }

    /// What its topics are.
    pub const fn does(self) -> &'static str {
        match self {
            Self::Errors => "mistakes in a plan, by code",
            Self::Outcomes => "how a message ended, and whose doing that is",
            Self::Verdicts => "what a run comes to",
            Self::Exit => "what a command ends with, for scripts",
            Self::Fitness => "whether the tester itself was fit",
            Self::Cases => "what malformed clients send, and which replies are right",
        }
    }

    /// The topics of this area.
    pub fn topics(self) -> Vec<Topic> {
        match self {
            Self::Errors => DiagnosticCode::ALL.iter().copied().map(Topic::Diagnostic).collect(),
            Self::Outcomes => Outcome::ALL.into_iter().map(Topic::Outcome).collect(),
            Self::Verdicts => verdicts::ALL.into_iter().map(Topic::Verdict).collect(),
            Self::Exit => ExitCode::ALL.into_iter().map(Topic::Exit).collect(),
            Self::Fitness => FitnessCheck::ALL.into_iter().map(Topic::Fitness).collect(),
            Self::Cases => CaseId::all().map(Topic::Case).collect(),
        }
    }
}

impl Topic {
    /// Its name, as the program shows it.
    pub fn name(self) -> String {
        match self {
            Self::Diagnostic(code) => code.to_string(),
            Self::Outcome(outcome) => outcome.name().to_owned(),
            Self::Verdict(verdict) => verdicts::name(verdict).to_owned(),
            Self::Exit(code) => code.number().to_string(),
            Self::Fitness(check) => check.name().to_owned(),
            Self::Case(id) => id.case().id.to_owned(),
        }
    }

    /// What it is, in a line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Case(id) => id.case().does,
            Self::Diagnostic(_)
            | Self::Outcome(_)
            | Self::Verdict(_)
            | Self::Exit(_)
            | Self::Fitness(_) => self.words().map_or("", |words| words.title),
        }
    }

    /// The whole of it.
    pub fn text(self) -> String {
        let Some(words) = self.words() else {
            let Self::Case(id) = self else { return String::new() };
            return cases::explain(id.case());
        };
        let title = format!("{}: {}", self.heading(), words.title);
        let mut text = format::wrapped(&title, 0, WIDTH).join("\n") + "\n";
        if let Self::Outcome(outcome) = self {
            let _ = writeln!(text, "{}", outcomes::party(outcome));
        }
        let advice = match self {
            Self::Fitness(_) => format!("What to do: {}.", words.advice),
            Self::Diagnostic(_)
            | Self::Outcome(_)
            | Self::Verdict(_)
            | Self::Exit(_)
            | Self::Case(_) => words.advice.to_owned(),
        };
        for paragraph in [words.meaning, &advice] {
            text.push('\n');
            for line in format::wrapped(paragraph, 0, WIDTH) {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }

    fn heading(self) -> String {
        let kind = match self {
            Self::Diagnostic(_) | Self::Case(_) => return self.name(),
            Self::Outcome(_) => "outcome",
            Self::Verdict(_) => "verdict",
            Self::Exit(_) => "exit code",
            Self::Fitness(_) => "fitness",
        };
        format!("{kind} {}", self.name())
    }

    /// None of a case, which has a page of its own.
    fn words(self) -> Option<Words> {
        match self {
            Self::Diagnostic(code) => Some(diagnostics::words(code)),
            Self::Outcome(outcome) => Some(outcomes::words(outcome)),
            Self::Verdict(verdict) => Some(verdicts::words(verdict)),
            Self::Exit(code) => verdicts::exit(code),
            Self::Fitness(check) => Some(fitness::words(check)),
            Self::Case(_) => None,
        }
    }
}

/// The text for a name: of an area the list of its topics, else all topics of that name, or of
/// that group of cases. Codes may be written in either case; none where nothing has the name.
pub fn explain(name: &str) -> Option<String> {
    if let Some(area) = Area::ALL.into_iter().find(|area| area.name() == name) {
        return Some(list(area));
    }
    let all = Area::ALL.into_iter().flat_map(Area::topics);
    let named = all.filter(|topic| match topic {
        Topic::Case(id) => CaseId::named(name).contains(id),
        Topic::Diagnostic(_)
        | Topic::Outcome(_)
        | Topic::Verdict(_)
        | Topic::Exit(_)
        | Topic::Fitness(_) => topic.name().eq_ignore_ascii_case(name),
    });
    let texts: Vec<String> = named.map(Topic::text).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// All names that something is known of: areas, groups of cases, topics.
pub fn names() -> Vec<String> {
    let areas = Area::ALL.into_iter().map(|area| area.name().to_owned());
    let cases = CaseId::names().map(str::to_owned);
    let topics = Area::ALL.into_iter().filter(|area| *area != Area::Cases).flat_map(Area::topics);
    areas.chain(cases).chain(topics.map(Topic::name)).collect()
}

/// The areas, each with an example.
pub fn overview() -> String {
    let mut text = String::from("mailquake explain NAME tells what a code or a name means.\n\n");
    for area in Area::ALL {
        let examples: Vec<String> = area.topics().into_iter().take(3).map(Topic::name).collect();
        let _ = writeln!(text, "  {:9} {}", area.name(), area.does());
        let _ = writeln!(text, "  {:9} such as {}", "", examples.join(", "));
    }
    text.push_str("\nmailquake explain outcomes lists all names of one kind.\n");
    text
}

fn list(area: Area) -> String {
    if area == Area::Cases {
        return cases::list();
    }
    let topics = area.topics();
    let longest = topics.iter().map(|topic| topic.name().len()).max().unwrap_or(0);
    let mut text = format!("{}: {}\n", area.name(), area.does());
    for topic in topics {
        let _ = writeln!(text, "  {:longest$}  {}", topic.name(), topic.title());
    }
    let _ = writeln!(text, "\nmailquake explain NAME tells the whole of one.");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_has_a_name_is_explained_in_words_of_its_own() {
        let mut titles = BTreeSet::new();
        for topic in Area::ALL.into_iter().flat_map(Area::topics) {
            let name = topic.name();
            let text = explain(&name).unwrap_or_default();
            assert!(text.len() > 100, "{name}: {text}");
            assert!(!topic.title().is_empty(), "{name}");
            if !matches!(topic, Topic::Case(_)) {
                assert!(!topic.title().ends_with('.'), "{name}: {}", topic.title());
                assert!(titles.insert(topic.title()), "{name}: {} stands twice", topic.title());
                let widest = text.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(WIDTH), "{name}: {text}");
            }
        }
    }

    #[test]
    fn a_name_may_be_that_of_an_area_a_group_or_several_things() {
        assert!(explain("exit").unwrap().contains("  143  "));
        assert!(explain("e012").unwrap().starts_with("E012: "));
        assert_eq!(explain("abort").unwrap().matches("In a plan: cases =").count(), {
            CaseId::named("abort").len()
        });
        assert_eq!(explain("E999"), None);
    }

    #[test]
    fn the_overview_names_every_area() {
        let overview = overview();
        for area in Area::ALL {
            assert!(overview.contains(area.name()), "{overview}");
        }
    }
}
