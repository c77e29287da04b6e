//! A server that holds back: what counts as a sign, and what the client then does.

use super::*;

impl Wire {
    /// The signs in the order in which they came.
    fn signs(&self) -> Vec<(String, Option<Step>)> {
        let signs = self.events.iter().filter_map(|event| match event {
            Event::Throttled { sign, step } => Some((sign.to_string(), *step)),
            _ => None,
        });
        signs.collect()
    }
}

fn sign(sign: &str, step: Step) -> (String, Option<Step>) {
    (sign.to_owned(), Some(step))
}

/// A session in lock-step that has come so far, with nothing left to be sent.
fn up_to(step: Step) -> Wire {
    let mut wire = Wire::connect(Pipelining::Never);
    if step == Step::Greeting {
        return wire;
    }
    wire.says("220 hi\r\n");
    wire.sends("EHLO me.test\r\n");
    if step == Step::Ehlo {
        return wire;
    }
    wire.says("250 hi\r\n");
    wire.begin(&["b@x"], &[]);
    let commands = [
        (Step::Mail, "MAIL FROM:<a@x>\r\n"),
        (Step::Rcpt, "RCPT TO:<b@x>\r\n"),
        (Step::Data, "DATA\r\n"),
    ];
    for (at, command) in commands {
        wire.sends(command);
        if at == step {
            return wire;
        }
        wire.says(if at == Step::Data { "354 go\r\n" } else { "250 ok\r\n" });
    }
    wire.text();
    wire.sends("hi\r\n.\r\n");
    wire
}

#[test]
fn after_a_421_at_any_step_nothing_more_is_said() {
    let table = [
        (Step::Greeting, Outcome::Unconnected),
        (Step::Ehlo, Outcome::Temporary),
        (Step::Mail, Outcome::Temporary),
        (Step::Rcpt, Outcome::Temporary),
        (Step::Data, Outcome::Temporary),
        (Step::EndOfData, Outcome::Temporary),
    ];
    for (step, outcome) in table {
        let mut wire = up_to(step);
        wire.says("421 4.7.0 slow down\r\n");

        assert_eq!(wire.ends(), [(outcome, step, Some(421))]);
        assert_eq!(wire.signs(), [sign("421", step)]);
        assert_eq!((wire.act, wire.out.len()), (Act::Close, 0), "{step}");
    }
}

#[test]
fn a_421_to_a_group_ends_the_message_once_and_nothing_follows() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.begin(&["b@x"], &[]);
    wire.sends(GROUP);
    wire.says("421 4.7.0 slow down\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Mail, Some(421))]);
    assert_eq!(wire.signs(), [sign("421", Step::Mail)]);
    assert_eq!((wire.act, wire.out.len()), (Act::Close, 0));
}

#[test]
fn a_421_between_messages_is_a_sign_without_a_step() {
    let mut wire = Wire::ready(Pipelining::Auto);
    wire.says("421 4.4.2 idle\r\n");

    assert_eq!(wire.signs(), [("421".to_owned(), None)]);
    assert_eq!((wire.ends(), wire.act), (vec![], Act::Close));
}

#[test]
fn each_reply_that_puts_off_is_a_sign_and_those_that_the_plan_names_are_none() {
    for (expect, signs) in [(None, 2), (Some("450"), 0), (Some("550"), 2)] {
        let mut wire = Wire::ready(Pipelining::Auto);
        let expect: Vec<_> = expect.map(|code| (Step::Rcpt, code)).into_iter().collect();
        wire.begin(&["b@x", "c@x", "d@x"], &expect);
        wire.says("");
        wire.out.clear();
        wire.on(Input::Flushed);
        wire.says("250 ok\r\n450 later\r\n450 later\r\n550 no\r\n503 no\r\n");

        assert_eq!(wire.signs(), vec![sign("450", Step::Rcpt); signs], "{expect:?}");
        assert!(!wire.dialog.is_leaving(), "the session goes on");
    }
}

#[test]
fn a_recipient_put_off_in_lock_step_ends_the_message_without_data() {
    let mut wire = up_to(Step::Rcpt);
    wire.says("451 4.7.1 later\r\n");
    wire.sends("RSET\r\n");
    wire.says("250 ok\r\n");

    assert_eq!(wire.ends(), [(Outcome::Temporary, Step::Rcpt, Some(451))]);
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_mail_put_off_needs_no_rset() {
    let mut wire = up_to(Step::Mail);
    wire.says("452 4.3.1 full\r\n");

    assert_eq!((wire.out.len(), wire.signs()), (0, vec![sign("452", Step::Mail)]));
    assert!(wire.dialog.is_idle());
}

#[test]
fn a_connection_that_is_closed_before_its_greeting_is_refused() {
    for (input, signs) in
        [(Input::Eof, vec![sign("refused", Step::Greeting)]), (Input::Deadline, vec![])]
    {
        let mut wire = up_to(Step::Greeting);
        wire.on(input);

        assert_eq!(wire.signs(), signs);
    }
    let mut wire = up_to(Step::Ehlo);
    wire.on(Input::Eof);
    assert_eq!(wire.signs(), [], "it had greeted");
}
