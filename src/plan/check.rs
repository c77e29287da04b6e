//! `message.p99{client=app} < 500ms` → [`Threshold`].
//!
//! The text is split at its comparison: the metric on the left says which unit the value on the
//! right must have.

use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::suggest;
use super::threshold::{Action, Metric, NoData, Op, Scope, Stat, Threshold, Unit};
use super::value::{Rate, RateError, Share, ShareError, Span, SpanError};
use crate::smtp::{CodeSetError, Step};

/// Why a text is no threshold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// No `<`, `<=`, `>`, `>=` or `==`.
    #[error("`{0}` compares nothing")]
    NoComparison(String),
    /// Something that looks like a comparison.
    #[error("unknown comparison `{0}`")]
    UnknownComparison(String),
    /// No such metric.
    #[error("unknown metric `{got}`")]
    UnknownMetric {
        /// The metric as it is written.
        got: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A percentile that is none.
    #[error("`{0}` is not a percentile above 0 and below 100")]
    BadPercentile(String),
    /// No such step.
    #[error("unknown step `{got}`")]
    UnknownStep {
        /// The step as it is written.
        got: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// Not a reply code.
    #[error("`{got}` is {error}")]
    BadCode {
        /// The code as it is written.
        got: String,
        /// Why not.
        error: CodeSetError,
    },
    /// Something between braces that is no scope.
    #[error("`{{{0}}}` is not a scope")]
    BadScope(String),
    /// No such key of a scope.
    #[error("unknown scope `{got}`")]
    UnknownScope {
        /// The key as it is written.
        got: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A metric of the whole tester.
    #[error("`{0}` has no scope")]
    NoScopeHere(String),
    /// A metric that is not taken of the messages of one class.
    #[error("`{0}` is not taken for a class of messages")]
    NoClassHere(String),
    /// Not a duration.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// Not a share.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Not a rate.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// Not a whole number.
    #[error("`{0}` is not a whole number")]
    NotACount(String),
}

impl ThresholdError {
    /// What would be right.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::NoComparison(_) => "expected METRIC OP VALUE, such as `message.p99 < 500ms`",
            Self::UnknownComparison(_) => "expected one of: <, <=, >, >=, ==",
            Self::BadPercentile(_) => "write `p50`, `p99` or `p99.9`",
            Self::BadScope(_) => {
                "write `{client=NAME}`, `{class=NAME}`, `{target=NAME}` or `{address=IP:PORT}`"
            }
            Self::UnknownMetric { hint, .. }
            | Self::UnknownStep { hint, .. }
            | Self::UnknownScope { hint, .. } => return hint.clone(),
            Self::BadCode { .. }
            | Self::NoScopeHere(_)
            | Self::NoClassHere(_)
            | Self::Span(_)
            | Self::Share(_)
            | Self::Rate(_)
            | Self::NotACount(_) => return None,
        };
        Some(text.to_owned())
    }
}

/// The comparisons, the longer ones first, for `<=` begins with `<`.
const COMPARISONS: [(&str, Op); 5] = [
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("==", Op::Equal),
    ("<", Op::Less),
    (">", Op::Greater),
];

/// What may stand behind `message.`, `session.` and `step.NAME.`.
const STATS: [&str; 6] = ["p50", "p90", "p95", "p99", "max", "mean"];

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        let (left, op, value) = split_at_comparison(text)?;
        let (metric, scope) = metric_and_scope(left)?;
        let limit = limit(metric.unit(), value)?;
        Ok(Self {
            text: text.to_owned(),
            metric,
            scope,
            op,
            limit,
            window: None,
            lasting: Duration::ZERO,
            action: Action::default(),
            no_data: NoData::default(),
        })
    }
}

fn split_at_comparison(text: &str) -> Result<(&str, Op, &str), ThresholdError> {
    let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!' | '~' | '≤' | '≥');
    // The scope has an equals sign of its own.
    let scope_end = text.find('}').map_or(0, |brace| brace + 1);
    let behind_scope = text.get(scope_end..).unwrap_or_default();
    let Some(at) = behind_scope.find(is_sign).map(|at| scope_end + at) else {
        return Err(ThresholdError::NoComparison(text.to_owned()));
    };
    let (left, right) = text.split_at(at);
    let value = right.trim_start_matches(is_sign);
    let sign = right.strip_suffix(value).unwrap_or(right);
    match COMPARISONS.into_iter().find(|(name, _)| *name == sign) {
        Some((_, op)) => Ok((left.trim(), op, value.trim())),
        None => Err(ThresholdError::UnknownComparison(sign.to_owned())),
    }
}

fn metric_and_scope(left: &str) -> Result<(Metric, Option<Scope>), ThresholdError> {
    let Some((name, behind)) = left.split_once('{') else {
        return Ok((metric(left)?, None));
    };
    let Some(inner) = behind.trim_end().strip_suffix('}') else {
        return Err(ThresholdError::BadScope(behind.to_owned()));
    };
    let metric = metric(name.trim_end())?;
    if metric == Metric::GeneratorCpu {
        return Err(ThresholdError::NoScopeHere(name.trim_end().to_owned()));
    }
    let scope = scope(inner)?;
    if matches!(scope, Scope::Class(_)) && !is_of_messages(&metric) {
        return Err(ThresholdError::NoClassHere(name.trim_end().to_owned()));
    }
    Ok((metric, Some(scope)))
}

/// Whether a metric is of messages alone, which have a class; sessions and their steps have none.
const fn is_of_messages(metric: &Metric) -> bool {
    match metric {
        Metric::Message(_)
        | Metric::MessageErrors
        | Metric::MessageCount
        | Metric::CodeShare(_)
        | Metric::Throughput => true,
        Metric::Session(_)
        | Metric::SessionErrors
        | Metric::Step(..)
        | Metric::RateAchieved
        | Metric::CaseFindings
        | Metric::GeneratorCpu => false,
    }
}

fn scope(inner: &str) -> Result<Scope, ThresholdError> {
    let (key, name) = match inner.split_once('=') {
        Some((key, name)) if !name.trim().is_empty() => (key.trim(), name.trim().to_owned()),
        Some(_) | None => return Err(ThresholdError::BadScope(inner.to_owned())),
    };
    match key {
        "client" => Ok(Scope::Client(name)),
        "target" => Ok(Scope::Target(name)),
        "address" => Ok(Scope::Address(name)),
        "class" => Ok(Scope::Class(name)),
        _ => Err(ThresholdError::UnknownScope {
            got: key.to_owned(),
            hint: suggest(key, ["client", "target", "address", "class"]),
        }),
    }
}

fn metric(name: &str) -> Result<Metric, ThresholdError> {
    let (head, rest) = name.split_once('.').unwrap_or((name, ""));
    match (head, rest) {
        ("message", "errors") => Ok(Metric::MessageErrors),
        ("message", "count") => Ok(Metric::MessageCount),
        ("message", _) => Ok(Metric::Message(stat(name, rest, &["errors", "count"])?)),
        ("session", "errors") => Ok(Metric::SessionErrors),
        ("session", _) => Ok(Metric::Session(stat(name, rest, &["errors"])?)),
        ("step", _) => {
            let (step_name, rest) = rest.split_once('.').unwrap_or((rest, ""));
            Ok(Metric::Step(step(step_name)?, stat(name, rest, &[])?))
        }
        ("code", _) => {
            let codes = rest.parse();
            let bad = |error| ThresholdError::BadCode { got: rest.to_owned(), error };
            Ok(Metric::CodeShare(codes.map_err(bad)?))
        }
        ("rate", "achieved") => Ok(Metric::RateAchieved),
        ("throughput", "") => Ok(Metric::Throughput),
        ("generator", "cpu") => Ok(Metric::GeneratorCpu),
        ("case", "findings") => Ok(Metric::CaseFindings),
        _ => Err(unknown_metric(name, head)),
    }
}

/// Suggests a whole name where one is near, else the first part of one.
fn unknown_metric(name: &str, head: &str) -> ThresholdError {
    const WHOLE: [&str; 7] = [
        "message.errors",
        "message.count",
        "session.errors",
        "rate.achieved",
        "throughput",
        "case.findings",
        "generator.cpu",
    ];
    const HEADS: [&str; 8] = [
        "message",
        "session",
        "step",
        "rate.achieved",
        "throughput",
        "code",
        "case.findings",
        "generator.cpu",
    ];
    let near = |hint: &String| hint.starts_with("did you mean");
    let hint = suggest(name, WHOLE).filter(near).or_else(|| suggest(head, HEADS));
    ThresholdError::UnknownMetric { got: name.to_owned(), hint }
}

fn step(name: &str) -> Result<Step, ThresholdError> {
    name.parse().map_err(|_| ThresholdError::UnknownStep {
        got: name.to_owned(),
        hint: suggest(name, Step::ALL.into_iter().map(Step::name)),
    })
}

fn stat(metric: &str, name: &str, also: &[&'static str]) -> Result<Stat, ThresholdError> {
    match name {
        "max" => return Ok(Stat::Max),
        "mean" => return Ok(Stat::Mean),
        _ => {}
    }
    let digits =
        name.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let Some(digits) = digits else {
        let allowed = STATS.iter().chain(also).copied();
        let hint = suggest(name, allowed);
        return Err(ThresholdError::UnknownMetric { got: metric.to_owned(), hint });
    };
    match digits.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(Stat::Percentile(percent)),
        _ => Err(ThresholdError::BadPercentile(name.to_owned())),
    }
}

fn limit(unit: Unit, text: &str) -> Result<f64, ThresholdError> {
    match unit {
        Unit::Milliseconds => Ok(text.parse::<Span>()?.duration().as_secs_f64() * 1e3),
        Unit::Share => Ok(text.parse::<Share>()?.fraction()),
        Unit::PerSecond => Ok(text.parse::<Rate>()?.per_second()),
        Unit::Count => {
            let count: u32 =
                text.parse().map_err(|_| ThresholdError::NotACount(text.to_owned()))?;
            Ok(f64::from(count))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_the_plan_language_is_read() {
        use Metric::{
            CodeShare, GeneratorCpu, Message, MessageCount, MessageErrors, RateAchieved, Session,
            SessionErrors, Throughput,
        };
        let codes = |text: &str| text.parse().unwrap();
        let table = [
            ("message.p99 < 500ms", Message(Stat::Percentile(99.0)), Op::Less, 500.0),
            ("message.p99.9<=1s", Message(Stat::Percentile(99.9)), Op::AtMost, 1000.0),
            ("message.mean < 20ms", Message(Stat::Mean), Op::Less, 20.0),
            (
                "step.rcpt.p95 <= 20ms",
                Metric::Step(Step::Rcpt, Stat::Percentile(95.0)),
                Op::AtMost,
                20.0,
            ),
            ("message.errors < 0.5%", MessageErrors, Op::Less, 0.005),
            ("session.errors == 0%", SessionErrors, Op::Equal, 0.0),
            ("rate.achieved >= 99%", RateAchieved, Op::AtLeast, 0.99),
            ("throughput >= 800/s", Throughput, Op::AtLeast, 800.0),
            ("message.count >= 1000", MessageCount, Op::AtLeast, 1000.0),
            ("code.450 < 1%", CodeShare(codes("450")), Op::Less, 0.01),
            ("code.5xx < 1%", CodeShare(codes("5xx")), Op::Less, 0.01),
            ("session.max < 2s", Session(Stat::Max), Op::Less, 2000.0),
            ("case.findings <= 0", Metric::CaseFindings, Op::AtMost, 0.0),
            ("generator.cpu < 90%", GeneratorCpu, Op::Less, 0.9),
        ];
        for (text, metric, op, limit) in table {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!((threshold.metric, threshold.op), (metric, op), "{text}");
            assert!((threshold.limit - limit).abs() < 1e-9, "{text}: {}", threshold.limit);
            assert_eq!(threshold.text, text);
            assert_eq!(threshold.scope, None, "{text}");
        }
    }

    #[test]
    fn a_scope_narrows_a_metric() {
        let table = [
            ("message.p99{client=app} < 1s", Scope::Client("app".into())),
            ("code.450 { target = relay } < 1%", Scope::Target("relay".into())),
            ("message.errors{address=[::1]:25} < 1%", Scope::Address("[::1]:25".into())),
        ];
        for (text, scope) in table {
            assert_eq!(text.parse::<Threshold>().unwrap().scope, Some(scope), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named_and_what_is_right_is_said() {
        let table = [
            ("message.p99", "`message.p99` compares nothing", "METRIC OP VALUE"),
            ("", "`` compares nothing", "METRIC OP VALUE"),
            ("message.p99 = 5ms", "unknown comparison `=`", "<, <=, >, >=, =="),
            ("message.p99 != 5ms", "unknown comparison `!=`", "<, <=, >, >=, =="),
            ("mesage.p99 < 5ms", "unknown metric `mesage.p99`", "did you mean `message`?"),
            ("message.error < 1%", "unknown metric `message.error`", "did you mean `errors`?"),
            ("rate.acheived > 1%", "unknown metric `rate.acheived`", "mean `rate.achieved`?"),
            ("latency < 1s", "unknown metric `latency`", "expected one of: message, session"),
            ("message.p0 < 5ms", "`p0` is not a percentile", "p99.9"),
            ("message.p999 < 5ms", "`p999` is not a percentile", "p99.9"),
            ("step.rctp.p95 < 5ms", "unknown step `rctp`", "did you mean `rcpt`?"),
            ("step.rcpt < 5ms", "unknown metric `step.rcpt`", "p50, p90"),
            ("code.45 < 1%", "`45` is not a reply code such as `550`", ""),
            ("message.p99{app} < 5ms", "`{app}` is not a scope", "{client=NAME}"),
            ("message.p99{cleint=app} < 5ms", "unknown scope `cleint`", "mean `client`?"),
            ("generator.cpu{client=app} < 5%", "`generator.cpu` has no scope", ""),
            ("message.p99 < 500", "`500` has no unit", ""),
            ("message.p99 < 1%", "`1%` is not a duration", ""),
            ("message.errors < 5", "`5` is out of range", ""),
            ("throughput > 800", "`800` has no unit", ""),
            ("message.count > 1.5", "`1.5` is not a whole number", ""),
        ];
        for (text, message, help) in table {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            let said = error.help().unwrap_or_default();
            assert!(said.contains(help), "{text}: {said}");
            assert_eq!(said.is_empty(), help.is_empty(), "{text}: {said}");
        }
    }

    #[test]
    fn messages_have_a_class_and_sessions_have_none() {
        let threshold: Threshold = "message.p99{class=spam} < 5ms".parse().unwrap();
        assert_eq!(threshold.scope, Some(Scope::Class("spam".to_owned())));
        for text in ["session.p99{class=a} < 5ms", "step.mail.p50{class=a} < 1ms"] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(
                error.to_string().ends_with("not taken for a class of messages"),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_of_thresholds_panic(
            text in "(message|step|code)?[.a-z0-9{}=]{0,12}[<>=!≤]{0,2}.{0,12}",
        ) {
            drop(text.parse::<Threshold>());
        }
    }
}
