//! Texts that break the rules of a text.
//!
//! A lookalike of the end of a text is followed by a command and by the true end. A server that
//! takes them all for text has one thing to say; one that takes the lookalike for the end has
//! more, and what comes to the QUIT behind shows it, however fast or slow the server is.

use super::case::{
    Case, CaseEnd, Group, Judgement, Patience, Piece, Play, Rule, judge, rule, text,
};
use super::common::{DATA, HEADER, HELLO, LATER, MAIL, QUIT, RCPT};

const GROUP: Group = Group::Data;

const REFUSED: Rule = rule("5xx", "the message is refused for good");

pub(super) const CASES: &[Case] = &[
    Case {
        id: "data-line-998",
        group: GROUP,
        does: "Sends a text with a line of 998 octets, the longest that is legal.",
        why: "Programs that break such lines break signatures and attachments.",
        sections: &["RFC 5321 4.5.3.1.6", "RFC 5322 2.1.1"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[
                Play::Send(&[HEADER, Piece::Fill(b'x', 998), END]),
                Play::Judge(
                    judge(
                        &[rule(
                            "2xx",
                            "RFC 5321 4.5.3.1.6: lines of 1000 octets with CRLF are taken",
                        )],
                        &[rule("550 554", "refused for its content"), LATER],
                        "a legal line is refused",
                    )
                    .waits(Patience::EndOfData),
                ),
            ],
            QUIT,
        ],
    },
    Case {
        id: "data-line-5000",
        group: GROUP,
        does: "Sends a text with a line of 5,000 octets.",
        why: "A line that is cut into pieces may have a piece that begins with a dot, or is one.",
        sections: &["RFC 5321 4.5.3.1.6", "RFC 5321 4.5.3.1.10"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[
                Play::Send(&[HEADER, Piece::Fill(b'x', 2000), Piece::Fill(b'.', 3000), END]),
                Play::Judge(
                    judge(
                        &[
                            rule("500 552 554", "RFC 5321 4.5.3.1.10: a line is too long"),
                            rule("2xx", "RFC 5321 4.5.3.1: a server may take more than it must"),
                        ],
                        &[REFUSED, LATER],
                        "neither success nor refusal",
                    )
                    .waits(Patience::EndOfData),
                ),
            ],
            QUIT,
        ],
    },
    Case {
        id: "data-bare-lf",
        group: GROUP,
        does: "Sends a text with a line feed that has no carriage return.",
        why: "What one server takes for one line is two for the next; signatures and smuggling \
              both depend on it.",
        sections: &["RFC 5321 2.3.8"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[HEADER, text("one\ntwo"), END]), Play::Judge(ODD_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-bare-cr",
        group: GROUP,
        does: "Sends a text with a carriage return that has no line feed.",
        why: "What one server takes for one line is two for the next; signatures and smuggling \
              both depend on it.",
        sections: &["RFC 5321 2.3.8"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[HEADER, text("one\rtwo"), END]), Play::Judge(ODD_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-nul",
        group: GROUP,
        does: "Sends a text with a NUL in a line.",
        why: "What stands behind a NUL is not there for many a filter.",
        sections: &["RFC 5322 4", "RFC 5321 2.4"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[HEADER, Piece::Octets(b"one\0two"), END]), Play::Judge(ODD_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-eight-bit",
        group: GROUP,
        does: "Sends a text beyond ASCII without BODY=8BITMIME.",
        why: "Without the announcement the next server may not take it, and it can no longer be \
              converted.",
        sections: &["RFC 5321 2.4", "RFC 6152 3"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[HEADER, Piece::Octets(b"gr\xfc\xdfe"), END]), Play::Judge(ODD_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-no-header",
        group: GROUP,
        does: "Sends a text that has no header.",
        why: "Programs behind the server look for a From and a Date, and must not fall over \
              where there is none.",
        sections: &["RFC 5322 3.6", "RFC 5321 6.4"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[text("just a line without a header"), END]), Play::Judge(ANY_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-empty",
        group: GROUP,
        does: "Sends a text without a single octet.",
        why: "The final dot must be seen as the very first line too.",
        sections: &["RFC 5321 4.1.1.4", "RFC 5322 3.6"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[Play::Send(&[text(".\r\n")]), Play::Judge(ANY_TEXT)],
            QUIT,
        ],
    },
    Case {
        id: "data-loop",
        group: GROUP,
        does: "Sends a text with 200 Received fields.",
        why: "A message that has been through 200 servers is in a loop, and would go round for \
              ever.",
        sections: &["RFC 5321 6.3"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[
                Play::Send(&[
                    Piece::Lines(
                        200,
                        "Received: from a by b.load.test id ",
                        "; Thu, 1 Jan 2026 00:00:00 +0000\r\n",
                    ),
                    HEADER,
                    text("round and round"),
                    END,
                ]),
                Play::Judge(
                    judge(
                        &[rule("5xx", "RFC 5321 6.3: too many hops")],
                        &[
                            rule("2xx", "right for a server that delivers and does not relay"),
                            LATER,
                        ],
                        "neither success nor refusal",
                    )
                    .waits(Patience::EndOfData),
                ),
            ],
            QUIT,
        ],
    },
    Case {
        id: "data-end-lf-dot-lf",
        group: GROUP,
        does: "Sends `LF . LF` in a text, with a command behind it.",
        why: "A server that takes it for the end of the text runs what follows as commands: with \
              a relay before it that does not, mail is smuggled past every check.",
        sections: &["RFC 5321 2.3.8", "RFC 5321 4.1.1.4"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[Play::Send(LF_DOT_LF), FIRST], SMUGGLED],
    },
    Case {
        id: "data-end-crlf-dot-lf",
        group: GROUP,
        does: "Sends `CR LF . LF` in a text, with a command behind it.",
        why: "A server that takes it for the end of the text runs what follows as commands: with \
              a relay before it that does not, mail is smuggled past every check.",
        sections: &["RFC 5321 2.3.8", "RFC 5321 4.1.1.4"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[Play::Send(CRLF_DOT_LF), FIRST], SMUGGLED],
    },
    Case {
        id: "data-end-lf-dot-crlf",
        group: GROUP,
        does: "Sends `LF . CR LF` in a text, with a command behind it.",
        why: "A server that takes it for the end of the text runs what follows as commands: with \
              a relay before it that does not, mail is smuggled past every check.",
        sections: &["RFC 5321 2.3.8", "RFC 5321 4.1.1.4"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[Play::Send(LF_DOT_CRLF), FIRST], SMUGGLED],
    },
    Case {
        id: "data-end-cr-dot-cr",
        group: GROUP,
        does: "Sends `CR . CR` in a text, with a command behind it.",
        why: "A server that takes it for the end of the text runs what follows as commands: with \
              a relay before it that does not, mail is smuggled past every check.",
        sections: &["RFC 5321 2.3.8", "RFC 5321 4.1.1.4"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[Play::Send(CR_DOT_CR), FIRST], SMUGGLED],
    },
];

/// The true end of a text, behind its last line.
const END: Piece = text("\r\n.\r\n");

const BEHIND: Piece = text("RSET\r\n.\r\n");
const BEFORE: Piece = text("before");

const LF_DOT_LF: &[Piece] = &[HEADER, BEFORE, text("\n.\n"), BEHIND];
const CRLF_DOT_LF: &[Piece] = &[HEADER, BEFORE, text("\r\n.\n"), BEHIND];
const LF_DOT_CRLF: &[Piece] = &[HEADER, BEFORE, text("\n.\r\n"), BEHIND];
const CR_DOT_CR: &[Piece] = &[HEADER, BEFORE, text("\r.\r"), BEHIND];

/// The first reply: to the whole text, or to what came before the lookalike.
const FIRST: Play = Play::Judge(
    judge(
        &[
            rule("5xx", "RFC 5321 2.3.8: no carriage return or line feed stands alone"),
            rule("2xx", "RFC 5321 4.1.1.4: all of it is text up to CR LF . CR LF"),
        ],
        &[LATER],
        "neither success nor refusal",
    )
    .waits(Patience::EndOfData),
);

/// What tells whether the text ended at the lookalike.
const SMUGGLED: &[Play] = &[
    Play::Send(&[text("QUIT\r\n")]),
    Play::Judge(
        judge(
            &[rule("221", "RFC 5321 4.1.1.10: the reply to QUIT, so nothing in the text was run")],
            &[],
            "the text ended at the lookalike and what follows it was run: mail can be smuggled",
        )
        .if_closed(CaseEnd::Tolerated),
    ),
];

const ODD_TEXT: Judgement = judge(
    &[rule("5xx", "such octets have no place in a text")],
    &[rule("2xx", "taken as it is, or mended"), LATER],
    "neither success nor refusal",
)
.waits(Patience::EndOfData);

const ANY_TEXT: Judgement = judge(
    &[
        rule("2xx", "RFC 5321 6.4: a server may complete what lacks"),
        rule("5xx", "RFC 5322 3.6: a message has a From and a Date"),
    ],
    &[LATER],
    "neither success nor refusal",
)
.waits(Patience::EndOfData);
