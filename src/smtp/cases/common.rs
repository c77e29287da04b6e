//! Acts that cases share: how they come to their point, and how they take their leave.

use super::case::{CaseEnd, Codes, Judgement, Piece, Play, judge, rule, text};

/// Up to the greeting.
pub(super) const GREETING: &[Play] = &[Play::Reach(Codes("220"))];

/// Up to a session that is ready for MAIL.
pub(super) const HELLO: &[Play] = &[
    Play::Reach(Codes("220")),
    Play::Send(&[text("EHLO "), Piece::Name, text("\r\n")]),
    Play::Reach(Codes("2xx")),
];

/// Opens a transaction.
pub(super) const MAIL: &[Play] =
    &[Play::Send(&[text("MAIL FROM:<rude@load.test>\r\n")]), Play::Reach(Codes("2xx"))];

/// Names a recipient.
pub(super) const RCPT: &[Play] =
    &[Play::Send(&[text("RCPT TO:<user1@example.test>\r\n")]), Play::Reach(Codes("2xx"))];

/// Goes on to the text.
pub(super) const DATA: &[Play] = &[Play::Send(&[text("DATA\r\n")]), Play::Reach(Codes("354"))];

/// Takes its leave: a reply that is not QUIT's shows that replies and commands no longer match.
pub(super) const QUIT: &[Play] = &[Play::Send(&[text("QUIT\r\n")]), Play::Judge(BYE)];

/// What must come to QUIT. A server that has had enough may have left before.
pub(super) const BYE: Judgement = judge(
    &[rule("221", "RFC 5321 4.1.1.10: QUIT gets 221")],
    &[],
    "a reply other than 221 to QUIT: what was sent before was taken for more commands than it is",
)
.if_closed(CaseEnd::Tolerated);

/// A command that is wrong for good.
pub(super) const LATER: super::case::Rule = rule("4xx", "says \"later\" to what is wrong for good");

/// The beginning of a text.
pub(super) const HEADER: Piece =
    text("From: rude@load.test\r\nTo: user1@example.test\r\nSubject: malformed\r\n\r\n");
