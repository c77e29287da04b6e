//! Replies to the opening that the plan expects.

use super::*;

/// How a session ends whose client expects this reply at a step.
fn ended(step: Step, expected: &str, replies: &[&str]) -> Outcome {
    let expect = Expectations::new([(step, expected.parse().unwrap())]);
    let mut wire = Wire::with(Manners { expect, ..manners() });
    for (n, reply) in replies.iter().enumerate() {
        if n > 0 {
            wire.sends("EHLO me.test\r\n");
        }
        wire.says(reply);
    }
    let mut ends = wire.events.iter().filter_map(|event| match event {
        Event::Ended(end) => Some(end.outcome),
        _ => None,
    });
    ends.next_back().unwrap()
}

#[test]
fn a_greeting_and_an_ehlo_must_be_answered_as_the_plan_expects() {
    let table = [
        (Step::Greeting, "554", &["554 no\r\n"][..], Outcome::Expected),
        (Step::Greeting, "554", &["421 busy\r\n"], Outcome::Unexpected),
        (Step::Greeting, "5xx", &["220 hi\r\n"], Outcome::Unexpected),
        (Step::Ehlo, "502", &["220 hi\r\n", "502 no\r\n"], Outcome::Expected),
        (Step::Ehlo, "502", &["220 hi\r\n", "250 hi\r\n"], Outcome::Unexpected),
        (Step::Ehlo, "4xx", &["220 hi\r\n", "550 no\r\n"], Outcome::Unexpected),
    ];
    for (step, expected, replies, outcome) in table {
        assert_eq!(ended(step, expected, replies), outcome, "{step} {expected}: {replies:?}");
    }
}
