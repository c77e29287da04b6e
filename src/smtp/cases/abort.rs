//! Connections that end, or fall silent, in the middle.
//!
//! Much of what a server does then can't be seen from the connection that is gone: whether it
//! still serves is asked for after the case.

use super::case::{Case, CaseEnd, Codes, Group, Judgement, Piece, Play, judge, rule, text};
use super::common::{DATA, GREETING, HEADER, HELLO, MAIL, RCPT};

const GROUP: Group = Group::Abort;

/// So long the server has for reading what was sent before a reset throws it away.
const A_MOMENT: Play = Play::Wait(50);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "abort-at-greeting",
        group: GROUP,
        does: "Connects and closes at once.",
        why: "Port scanners and health checks do so many times a minute.",
        sections: &["RFC 5321 4.1.1.10"],
        acts: &[&[Play::Close]],
    },
    Case {
        id: "abort-silent",
        group: GROUP,
        does: "Reads the greeting and says nothing for as long as the plan waits for a reply.",
        why: "Such connections cost a server a place each. It must wait some minutes, and other \
              clients must not notice.",
        sections: &["RFC 5321 4.5.3.2.7", "RFC 5321 3.8"],
        acts: &[GREETING, &[Play::Judge(SILENCE)]],
    },
    Case {
        id: "abort-in-command",
        group: GROUP,
        does: "Sends half a command without its line end, then FIN, and reads on.",
        why: "What has no line end is no command yet, and must not be run because the connection \
              ends.",
        sections: &["RFC 5321 2.3.8", "RFC 5321 4.1.1"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test>")]),
                Play::HalfClose,
                Play::Judge(
                    judge(
                        &[rule("421 5xx", "RFC 5321 3.8: the server takes its leave")],
                        &[rule("4xx", "another refusal")],
                        "half a command is run",
                    )
                    .if_closed(CaseEnd::Right),
                ),
            ],
        ],
    },
    Case {
        id: "abort-half-closed",
        group: GROUP,
        does: "Sends EHLO with FIN behind it, and reads on.",
        why: "A client may end its own half first. What it asked before is still to be answered, \
              and the connection is to be closed, not kept.",
        sections: &["RFC 5321 4.1.1.1", "RFC 9293 3.6"],
        acts: &[
            GREETING,
            &[
                Play::Send(&[text("EHLO "), Piece::Name, text("\r\n")]),
                Play::HalfClose,
                Play::Judge(
                    judge(
                        &[rule("250", "RFC 5321 4.1.1.1: the reply to EHLO")],
                        &[rule("4xx 5xx", "refused")],
                        "neither success nor refusal",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
                Play::Judge(
                    judge(
                        &[rule("421", "RFC 5321 3.8: the server takes its leave")],
                        &[],
                        "a reply that nothing asked for",
                    )
                    .if_closed(CaseEnd::Right),
                ),
            ],
        ],
    },
    Case {
        id: "abort-half-open",
        group: GROUP,
        does: "Begins a text and says nothing for as long as the plan waits for a reply, as a \
               client does whose network is gone.",
        why: "The server must wait for three minutes, must hold what it has in little memory, and \
              must not deliver it.",
        sections: &["RFC 5321 4.5.3.2.5", "RFC 5321 4.1.1.4"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[HALF_A_TEXT, Play::Judge(SILENCE)]],
    },
    Case {
        id: "abort-fin-in-data",
        group: GROUP,
        does: "Sends half a text, then FIN, and reads on.",
        why: "A text without its final dot must not be delivered: its sender will send it again.",
        sections: &["RFC 5321 4.1.1.4", "RFC 5321 4.1.1.10"],
        acts: &[
            HELLO,
            MAIL,
            RCPT,
            DATA,
            &[
                HALF_A_TEXT,
                Play::HalfClose,
                Play::Judge(
                    judge(
                        &[rule("421 451 5xx", "RFC 5321 3.8: the server takes its leave")],
                        &[rule("4xx", "another refusal")],
                        "half a text is taken for a whole one",
                    )
                    .if_closed(CaseEnd::Right),
                ),
            ],
        ],
    },
    Case {
        id: "abort-close-in-data",
        group: GROUP,
        does: "Sends half a text and closes.",
        why: "A client that crashes does so. The server must notice, throw the text away, and \
              free the place.",
        sections: &["RFC 5321 4.1.1.4", "RFC 5321 4.1.1.10"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[HALF_A_TEXT, Play::Close]],
    },
    Case {
        id: "abort-rst-in-data",
        group: GROUP,
        does: "Sends half a text and resets the connection.",
        why: "Firewalls and crashed hosts reset connections at any moment.",
        sections: &["RFC 5321 4.1.1.4", "RFC 9293 3.5.2"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[HALF_A_TEXT, A_MOMENT, Play::Reset]],
    },
    Case {
        id: "abort-close-after-dot",
        group: GROUP,
        does: "Sends a whole text with its final dot and closes without waiting for the reply.",
        why: "The server has taken the message and nobody hears it: it must not crash, and the \
              sender will send it again.",
        sections: &["RFC 1047", "RFC 5321 6.1"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[WHOLE_TEXT, Play::Close]],
    },
    Case {
        id: "abort-rst-after-dot",
        group: GROUP,
        does: "Sends a whole text with its final dot and resets the connection.",
        why: "The reply can't be written any more, which must not be taken for a reason to lose \
              or to repeat the message.",
        sections: &["RFC 1047", "RFC 5321 6.1"],
        acts: &[HELLO, MAIL, RCPT, DATA, &[WHOLE_TEXT, A_MOMENT, Play::Reset]],
    },
];

const HALF_A_TEXT: Play = Play::Send(&[HEADER, text("half a text and no more\r\n.half")]);
const WHOLE_TEXT: Play = Play::Send(&[HEADER, text("a whole text\r\n.\r\n")]);

/// The client says nothing; neither should the server, but to take its leave.
const SILENCE: Judgement = judge(
    &[rule("421", "RFC 5321 3.8: the server gives the client up")],
    &[rule("451 5xx", "the client is given up in other words")],
    "a reply that nothing asked for",
)
.if_closed(CaseEnd::Tolerated)
.if_silent(CaseEnd::Right);

/// A correct session: whether the server still serves is asked by it.
pub(super) const ALIVE: Case = Case {
    id: "alive",
    group: GROUP,
    does: "Connects, says EHLO and QUIT.",
    why: "It tells whether a server still serves.",
    sections: &[],
    acts: &[HELLO, &[Play::Send(&[text("QUIT\r\n")]), Play::Reach(Codes("221"))]],
};
