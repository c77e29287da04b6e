//! Which replies a plan says must come, step by step.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

use super::{Class, Code, Step};

/// A set of reply codes: single ones (`550`) and whole classes (`4xx`).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CodeSet {
    codes: Vec<Code>,
    classes: Vec<Class>,
}

/// A text that names no code and no class.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a reply code such as `550` or a class such as `4xx`")]
pub struct CodeSetError;

impl CodeSet {
    /// Whether a code belongs to the set.
    pub fn holds(&self, code: Code) -> bool {
        self.codes.contains(&code) || self.classes.contains(&code.class())
    }

    /// This set and another one together.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.codes.extend(other.codes);
        self.classes.extend(other.classes);
        self
    }
}

impl FromStr for CodeSet {
    type Err = CodeSetError;

    fn from_str(text: &str) -> Result<Self, CodeSetError> {
        let class = match text {
            "2xx" => Some(Class::Positive),
            "3xx" => Some(Class::Intermediate),
            "4xx" => Some(Class::Temporary),
            "5xx" => Some(Class::Permanent),
            _ => None,
        };
        if let Some(class) = class {
            return Ok(Self { codes: Vec::new(), classes: vec![class] });
        }
        let code = text.parse().ok().and_then(Code::new).ok_or(CodeSetError)?;
        Ok(Self { codes: vec![code], classes: Vec::new() })
    }
}

/// For each step the codes that must come there; a step without an entry expects success.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expectations {
    by_step: Vec<(Step, CodeSet)>,
}

impl Expectations {
    /// Expectations for the given steps; a later entry for a step replaces an earlier one.
    pub fn new(entries: impl IntoIterator<Item = (Step, CodeSet)>) -> Self {
        let mut by_step: Vec<(Step, CodeSet)> = Vec::new();
        for (step, codes) in entries {
            by_step.retain(|(known, _)| *known != step);
            by_step.push((step, codes));
        }
        Self { by_step }
    }

    /// The codes that must come at a step, if the plan names any.
    pub fn at(&self, step: Step) -> Option<&CodeSet> {
        self.by_step.iter().find(|(known, _)| *known == step).map(|(_, codes)| codes)
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.by_step.is_empty()
    }

    /// These expectations with those of `other` in place of their own where both name a step.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        Self::new(self.by_step.iter().chain(&other.by_step).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_all_its_codes() {
        let set: CodeSet = "4xx".parse().unwrap();

        assert!(set.holds(Code::CLOSING));
        assert!(!set.holds(Code::OK));
    }

    #[test]
    fn texts_that_are_no_codes_are_refused() {
        for text in ["", "6xx", "25", "2500", "x50", "199"] {
            assert_eq!(text.parse::<CodeSet>(), Err(CodeSetError), "{text}");
        }
    }

    #[test]
    fn a_message_overrides_its_client_step_by_step() {
        let client = Expectations::new([(Step::Rcpt, "550".parse().unwrap())]);
        let message = Expectations::new([(Step::Mail, "4xx".parse().unwrap())]);

        let both = client.overridden_by(&message);

        assert!(both.at(Step::Rcpt).unwrap().holds(Code::new(550).unwrap()));
        assert!(both.at(Step::Mail).unwrap().holds(Code::CLOSING));
    }
}
