//! A session's replies and its message's envelope → the last commands and replies before an error.
//!
//! While mail flows, only the steps and codes of the message in progress are kept. The commands are
//! formed anew from the envelope when an error is the first of its kind, never from the octets that
//! were sent, so that neither text nor secrets can get into a transcript.

use std::collections::VecDeque;

use crate::format;
use crate::smtp::{Class, Code, EhloName, Step};

/// How many replies are kept.
const REPLIES: usize = 16;
/// How many lines a transcript has at most: the last ones.
const LINES: usize = 16;
/// How many characters of a line are shown.
const WIDTH: usize = 200;

/// The replies to one message's commands, and before a session's first one to its opening.
#[derive(Debug, Default)]
pub(super) struct Replies {
    kept: VecDeque<(Step, Code)>,
    /// Recipients whose replies are no longer kept.
    recipients_before: usize,
    /// Whether a recipient was accepted.
    accepted: bool,
}

/// What the session said, as far as replies do not tell it.
pub(super) struct Said<'a> {
    pub(super) ehlo: &'a EhloName,
    /// EHLO or LHLO.
    pub(super) hello: String,
    /// XCLIENT, where the session says it.
    pub(super) introduction: Option<String>,
    /// MAIL, a RCPT for each recipient, and DATA or BDAT.
    pub(super) commands: Vec<String>,
    /// The octets of the text.
    pub(super) size: u64,
    /// The step that was sent and got no reply.
    pub(super) unanswered: Option<Step>,
    /// The replies that refused something, in full.
    pub(super) refusals: &'a [(Step, Code, String)],
}

impl Replies {
    /// Remembers a reply.
    pub(super) fn add(&mut self, step: Step, code: Code) {
        if self.kept.len() == REPLIES
            && let Some((Step::Rcpt, _)) = self.kept.pop_front()
        {
            self.recipients_before += 1;
        }
        self.accepted |= step == Step::Rcpt && code.class() == Class::Positive;
        self.kept.push_back((step, code));
    }

    /// The message in progress has ended.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
        self.recipients_before = 0;
        self.accepted = false;
    }

    /// Each command behind `> ` with its reply behind `< `: in full where it refused something,
    /// else its code.
    pub(super) fn transcript(&self, said: &Said<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut recipients = self.recipients_before;
        let mut before = None;
        for (step, code) in &self.kept {
            lines.extend(self.command(*step, before, recipients, said));
            let refusal = said.refusals.iter().find(|(at, with, _)| (at, with) == (step, code));
            let reply = refusal.map_or_else(|| code.to_string(), |(_, _, text)| text.clone());
            lines.push(format!("< {reply}"));
            recipients += usize::from(*step == Step::Rcpt);
            before = Some((*step, *code));
        }
        if let Some(step) = said.unanswered {
            lines.extend(self.command(step, before, recipients, said));
        }
        let last = lines.split_off(lines.len().saturating_sub(LINES));
        last.iter().map(|line| format::cut(line, WIDTH)).collect()
    }

    fn command(
        &self,
        step: Step,
        before: Option<(Step, Code)>,
        recipient: usize,
        said: &Said<'_>,
    ) -> Option<String> {
        let of_message = |n: usize| said.commands.get(n).cloned();
        let text = || format!("<{} octets of text>", format::count(said.size));
        let command = match step {
            Step::Connect | Step::Greeting | Step::Tls | Step::TlsResumed => None,
            Step::Ehlo => Some(match before {
                // RFC 5321 3.2: a client that gets no EHLO falls back to HELO.
                Some((Step::Ehlo, code)) if code.class() == Class::Permanent => {
                    format!("HELO {}", said.ehlo.as_str())
                }
                Some(_) | None => said.hello.clone(),
            }),
            Step::Xclient => said.introduction.clone(),
            Step::Starttls => Some("STARTTLS".to_owned()),
            Step::Auth => Some("AUTH <credentials left out>".to_owned()),
            Step::Mail => of_message(0),
            Step::Rcpt => of_message(1 + recipient),
            Step::Data => said.commands.last().cloned(),
            // Several replies to one text: its recipients have one each (RFC 2033).
            Step::EndOfData if before.is_some_and(|(step, _)| step == Step::EndOfData) => None,
            Step::EndOfData if !self.accepted => Some(".".to_owned()),
            Step::EndOfData | Step::Bdat => Some(text()),
            Step::Rset => Some("RSET".to_owned()),
            Step::Quit => Some("QUIT".to_owned()),
        };
        command.map(|command| format!("> {command}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: u16) -> Code {
        Code::new(number).unwrap()
    }

    fn transcript(
        replies: &[(Step, u16)],
        recipients: usize,
        refusals: &[(Step, Code, String)],
        unanswered: Option<Step>,
    ) -> Vec<String> {
        let mut kept = Replies::default();
        for (step, number) in replies {
            kept.add(*step, code(*number));
        }
        let rcpt = (1..=recipients).map(|n| format!("RCPT TO:<user{n}@x>"));
        let mail = std::iter::once("MAIL FROM:<a@x> SIZE=1024".to_owned());
        let commands = mail.chain(rcpt).chain(std::iter::once("DATA".to_owned())).collect();
        let ehlo = "me.test".parse().unwrap();
        kept.transcript(&Said {
            ehlo: &ehlo,
            hello: "EHLO me.test".to_owned(),
            introduction: None,
            commands,
            size: 1024,
            unanswered,
            refusals,
        })
    }

    #[test]
    fn commands_stand_before_their_replies_and_refusals_in_full() {
        let refusals = [(Step::EndOfData, code(451), "451 4.3.0 no room".to_owned())];

        let lines = transcript(
            &[
                (Step::Greeting, 220),
                (Step::Ehlo, 502),
                (Step::Ehlo, 250),
                (Step::Mail, 250),
                (Step::Rcpt, 250),
                (Step::Data, 354),
                (Step::EndOfData, 451),
            ],
            1,
            &refusals,
            None,
        );

        assert_eq!(
            lines,
            [
                "< 220",
                "> EHLO me.test",
                "< 502",
                "> HELO me.test",
                "< 250",
                "> MAIL FROM:<a@x> SIZE=1024",
                "< 250",
                "> RCPT TO:<user1@x>",
                "< 250",
                "> DATA",
                "< 354",
                "> <1,024 octets of text>",
                "< 451 4.3.0 no room",
            ]
        );
    }

    #[test]
    fn a_command_without_a_reply_stands_last() {
        let lines = transcript(&[(Step::Mail, 250)], 1, &[], Some(Step::Rcpt));

        assert_eq!(lines, ["> MAIL FROM:<a@x> SIZE=1024", "< 250", "> RCPT TO:<user1@x>"]);
    }

    #[test]
    fn a_lone_dot_is_no_text() {
        let replies = [(Step::Rcpt, 550), (Step::Data, 354), (Step::EndOfData, 554)];

        let lines = transcript(&replies, 1, &[], None);

        assert_eq!(lines[4..], ["> .", "< 554"]);
    }

    #[test]
    fn only_the_last_lines_are_kept_and_recipients_keep_their_numbers() {
        let mut replies = vec![(Step::Mail, 250)];
        replies.extend([(Step::Rcpt, 250); 100]);

        let lines = transcript(&replies, 100, &[], None);

        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 2..], ["> RCPT TO:<user100@x>", "< 250"]);
        assert_eq!(lines[0], "> RCPT TO:<user93@x>");
    }

    #[test]
    fn a_long_line_is_cut_and_credentials_never_stand_in_one() {
        let refusals = [(Step::Auth, code(535), "5".repeat(500))];

        let lines = transcript(&[(Step::Auth, 535)], 1, &refusals, None);

        assert_eq!(lines[0], "> AUTH <credentials left out>");
        assert_eq!(lines[1].chars().count(), WIDTH);
    }
}
