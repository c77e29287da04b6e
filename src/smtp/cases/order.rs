//! Commands out of their turn.

use super::case::{Case, CaseEnd, Codes, Group, Judgement, Piece, Play, Rule, judge, rule, text};
use super::common::{BYE, GREETING, HELLO, LATER, MAIL, QUIT, RCPT};

const GROUP: Group = Group::Order;

const REFUSED: Rule = rule("5xx", "another refusal for good");

pub(super) const CASES: &[Case] = &[
    Case {
        id: "order-rcpt-first",
        group: GROUP,
        does: "Sends RCPT before MAIL.",
        why: "A recipient without a transaction belongs to nothing, or to the transaction of \
              somebody else.",
        sections: &["RFC 5321 4.1.4", "RFC 5321 3.3"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("RCPT TO:<user1@example.test>\r\n")]),
                Play::Judge(judge(
                    &[rule("503", "RFC 5321 3.3: out of sequence")],
                    &[REFUSED, LATER],
                    "a recipient is taken outside a transaction",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "order-data-first",
        group: GROUP,
        does: "Sends DATA before MAIL.",
        why: "A text without an envelope must not be taken: nobody knows whose it is.",
        sections: &["RFC 5321 3.3", "RFC 5321 4.1.4"],
        acts: &[HELLO, NO_DATA, QUIT],
    },
    Case {
        id: "order-data-without-rcpt",
        group: GROUP,
        does: "Sends DATA behind MAIL, without a recipient.",
        why: "A text for nobody costs the server's time and goes nowhere.",
        sections: &["RFC 5321 3.3", "RFC 5321 4.1.4"],
        acts: &[HELLO, MAIL, NO_DATA, QUIT],
    },
    Case {
        id: "order-second-mail",
        group: GROUP,
        does: "Sends MAIL twice.",
        why: "A second sender in one transaction would make the checks on the first one \
              worthless.",
        sections: &["RFC 5321 4.1.4", "RFC 5321 3.3"],
        acts: &[
            HELLO,
            MAIL,
            &[
                Play::Send(&[text("MAIL FROM:<other@load.test>\r\n")]),
                Play::Judge(judge(
                    &[rule("503", "RFC 5321 4.1.4: out of sequence")],
                    &[REFUSED, LATER],
                    "a second sender is taken in an open transaction",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "order-ehlo-in-transaction",
        group: GROUP,
        does: "Sends EHLO behind MAIL and RCPT, then DATA.",
        why: "EHLO ends an open transaction. Where it does not, a session that changes hands \
              (STARTTLS, a proxy) carries on with the envelope of the one before.",
        sections: &["RFC 5321 4.1.4", "RFC 5321 4.1.1.1"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            &[Play::Send(&[text("EHLO "), Piece::Name, text("\r\n")]), Play::Reach(Codes("250"))],
            NO_DATA,
            QUIT,
        ],
    },
    Case {
        id: "order-data-argument",
        group: GROUP,
        does: "Sends DATA with an argument.",
        why: "DATA has none. Passing it over is harmless; an extension that the server does not \
              offer must not take effect.",
        sections: &["RFC 5321 4.1.1.4", "RFC 5321 4.1.1"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            &[
                Play::Send(&[text("DATA now\r\n")]),
                Play::Judge(judge(
                    &[rule("501", "RFC 5321 4.1.1: no argument is allowed")],
                    &[rule("354", "the argument is passed over"), REFUSED, LATER],
                    "DATA ends without its text",
                )),
                Play::Close,
            ],
        ],
    },
    Case {
        id: "order-rset-argument",
        group: GROUP,
        does: "Sends RSET with an argument.",
        why: "RSET has none; the session must stay in step whichever way the server takes it.",
        sections: &["RFC 5321 4.1.1.5", "RFC 5321 4.1.1"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("RSET now\r\n")]),
                Play::Judge(judge(
                    &[rule("501", "RFC 5321 4.1.1: no argument is allowed")],
                    &[rule("250", "the argument is passed over"), REFUSED, LATER],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "order-quit-argument",
        group: GROUP,
        does: "Sends QUIT with an argument.",
        why: "QUIT has none; the server must answer before it closes, whichever way it takes it.",
        sections: &["RFC 5321 4.1.1.10", "RFC 5321 4.1.1"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("QUIT now\r\n")]),
                Play::Judge(judge(
                    &[rule("501", "RFC 5321 4.1.1: no argument is allowed")],
                    &[rule("221", "the argument is passed over"), REFUSED, LATER],
                    "neither good-bye nor refusal",
                )),
            ],
        ],
    },
    Case {
        id: "order-mail-before-ehlo",
        group: GROUP,
        does: "Sends MAIL to the greeting, without EHLO or HELO.",
        why: "A session must be opened first: checks on the client's name depend on it. Many \
              servers do not insist.",
        sections: &["RFC 5321 4.1.4", "RFC 5321 4.1.1.1"],
        acts: &[
            GREETING,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test>\r\n")]),
                Play::Judge(judge(
                    &[rule("503", "RFC 5321 4.1.4: EHLO comes first")],
                    &[rule("250", "the server does not insist on EHLO"), REFUSED, LATER],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "order-noop-before-ehlo",
        group: GROUP,
        does: "Sends NOOP, RSET and VRFY to the greeting, without EHLO or HELO.",
        why: "These need no opened session, and whatever the server says to them, it must say one \
              thing to each.",
        sections: &["RFC 5321 4.1.4"],
        acts: &[
            GREETING,
            &[
                Play::Send(&[text("NOOP\r\n")]),
                Play::Judge(BEFORE_EHLO),
                Play::Send(&[text("RSET\r\n")]),
                Play::Judge(BEFORE_EHLO),
                Play::Send(&[text("VRFY postmaster\r\n")]),
                Play::Judge(BEFORE_EHLO),
            ],
            QUIT,
        ],
    },
    Case {
        id: "order-quit-first",
        group: GROUP,
        does: "Sends QUIT to the greeting.",
        why: "A client that thinks better of it says good-bye, and gets its reply.",
        sections: &["RFC 5321 4.1.1.10", "RFC 5321 4.1.4"],
        acts: &[
            GREETING,
            &[Play::Send(&[text("QUIT\r\n")]), Play::Judge(BYE.if_closed(CaseEnd::Disconnect))],
        ],
    },
    Case {
        id: "order-before-greeting",
        group: GROUP,
        does: "Sends EHLO at once, without waiting for the greeting.",
        why: "Spam software is in such a hurry, and some servers turn it away by that. Those that \
              do not must still answer in order.",
        sections: &["RFC 5321 4.3.1", "RFC 5321 3.1"],
        acts: &[
            &[
                Play::Send(&[text("EHLO "), Piece::Name, text("\r\n")]),
                Play::Judge(
                    judge(
                        &[
                            rule("220", "RFC 5321 4.3.1: the greeting, as if nothing had come"),
                            rule("554 521 421", "RFC 5321 3.1: no service for this client"),
                        ],
                        &[REFUSED, LATER],
                        "EHLO is answered before the greeting",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
                Play::Judge(
                    judge(
                        &[rule("250", "RFC 5321 4.1.1.1: the reply to EHLO")],
                        &[REFUSED, LATER],
                        "neither success nor refusal",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
            ],
            QUIT,
        ],
    },
];

const NO_DATA: &[Play] = &[
    Play::Send(&[text("DATA\r\n")]),
    Play::Judge(judge(
        &[rule("503 554", "RFC 5321 3.3: out of sequence, or no valid recipients")],
        &[REFUSED, LATER],
        "the server asks for a text that has no envelope",
    )),
];

const BEFORE_EHLO: Judgement = judge(
    &[
        rule("2xx", "RFC 5321 4.1.4: allowed without EHLO"),
        rule("502", "RFC 5321 4.2.4: recognized and not offered"),
    ],
    &[rule("503", "the server insists on EHLO"), REFUSED, LATER],
    "neither success nor refusal",
);
