//! Lines that are no commands.

use super::case::{Case, CaseEnd, Group, Piece, Play, judge, rule, text};
use super::common::{BYE, GREETING, HELLO, LATER, QUIT};

const GROUP: Group = Group::Syntax;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "syntax-unknown-verb",
        group: GROUP,
        does: "Sends a command that no standard knows.",
        why: "Whoever scans a server tries commands. It must say no and stay in step with its \
              client.",
        sections: &["RFC 5321 4.2.4", "RFC 5321 4.3.2"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("XQUAKE one two\r\n")]),
                Play::Judge(judge(
                    &[rule("500", "RFC 5321 4.2.4: the command is not recognized")],
                    &[rule("5xx", "another refusal for good, such as 502"), LATER],
                    "an unknown command succeeds",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "syntax-empty-line",
        group: GROUP,
        does: "Sends a line without anything, and QUIT behind it.",
        why: "An empty line is no command. A server that counts it wrong answers every later \
              command with the reply to the one before.",
        sections: &["RFC 5321 4.1.1", "RFC 5321 4.2.4"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("\r\nQUIT\r\n")]),
                Play::Judge(judge(
                    &[rule("500", "RFC 5321 4.2.4: the command is not recognized")],
                    &[
                        rule("5xx", "another refusal for good, such as 501"),
                        rule("221", "the empty line is passed over, and this answers QUIT"),
                        LATER,
                    ],
                    "an empty line succeeds",
                )),
                Play::Judge(BYE),
            ],
        ],
    },
    Case {
        id: "syntax-long-line",
        group: GROUP,
        does: "Sends a command line of 4,096 octets, eight times the limit.",
        why: "A server that cuts long lines into pieces runs the rest as a command of its own; \
              one without bounds overflows.",
        sections: &["RFC 5321 4.5.3.1.4", "RFC 5321 4.5.3.1.9"],
        acts: &[HELLO, &[Play::Send(LONG_LINE), Play::Judge(LONG)], QUIT],
    },
    Case {
        id: "syntax-huge-line",
        group: GROUP,
        does: "Sends a command line of 262,144 octets.",
        why: "A line that never seems to end must not grow in the server's memory: with many \
              such clients it runs out.",
        sections: &["RFC 5321 4.5.3.1.4", "RFC 5321 4.5.3.1.9"],
        acts: &[HELLO, &[Play::Send(HUGE_LINE), Play::Judge(LONG)], QUIT],
    },
    Case {
        id: "syntax-nul",
        group: GROUP,
        does: "Sends NOOP with a NUL before the line's end.",
        why: "Where one program stops reading at a NUL and another does not, they see different \
              commands.",
        sections: &["RFC 5321 2.4", "RFC 5321 4.1.1.9"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[Piece::Octets(b"NOOP\0\r\n")]),
                Play::Judge(judge(
                    &[rule("500 501", "RFC 5321 4.2.2: a syntax error")],
                    &[
                        rule("250", "the NUL is cut off or passed over"),
                        rule("5xx", "another refusal for good"),
                        LATER,
                    ],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "syntax-eight-bit",
        group: GROUP,
        does: "Sends NOOP with the eighth bit of each letter set.",
        why: "Commands are ASCII. A server that clears the eighth bit runs what filters before \
              it did not see.",
        sections: &["RFC 5321 2.4"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[Piece::Octets(b"\xce\xcf\xcf\xd0\r\n")]),
                Play::Judge(judge(
                    &[rule("500 501", "RFC 5321 4.2.4: the command is not recognized")],
                    &[rule("5xx", "another refusal for good"), LATER],
                    "the eighth bit was cleared, and the command succeeds",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "syntax-bare-lf",
        group: GROUP,
        does: "Sends two NOOPs of which the first ends with a line feed alone.",
        why: "Only CRLF ends a line. Servers that disagree about that see different commands in \
              the same octets; in commands that is common, in texts it is smuggling.",
        sections: &["RFC 5321 2.3.8"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("NOOP\nNOOP\r\n")]),
                Play::Judge(judge(
                    &[rule("5xx", "RFC 5321 2.3.8: no line feed stands alone")],
                    &[rule("2xx", "the rest of the line is passed over"), LATER],
                    "neither success nor refusal",
                )),
                Play::Send(&[text("QUIT\r\n")]),
                Play::Judge(
                    judge(
                        &[rule(
                            "221",
                            "RFC 5321 4.1.1.10: the reply to QUIT, so both were one line",
                        )],
                        &[rule("2xx", "the line feed ended the first command, as many servers do")],
                        "replies and commands no longer match",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
            ],
        ],
    },
    Case {
        id: "syntax-bare-cr",
        group: GROUP,
        does: "Sends two NOOPs of which the first ends with a carriage return alone.",
        why: "Only CRLF ends a line; hardly anything takes a carriage return for one, so what \
              does is easily fooled by what does not.",
        sections: &["RFC 5321 2.3.8"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("NOOP\rNOOP\r\n")]),
                Play::Judge(judge(
                    &[rule("5xx", "RFC 5321 2.3.8: no carriage return stands alone")],
                    &[rule("2xx", "the rest of the line is passed over"), LATER],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "syntax-leading-space",
        group: GROUP,
        does: "Sends NOOP with a space before it.",
        why: "A line begins with its verb. Passing the space over is harmless; getting out of \
              step is not.",
        sections: &["RFC 5321 2.4", "RFC 5321 4.1.1"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text(" NOOP\r\n")]),
                Play::Judge(judge(
                    &[rule("500 501", "RFC 5321 4.2.4: the command is not recognized")],
                    &[
                        rule("250", "the space is passed over"),
                        rule("5xx", "another refusal for good"),
                        LATER,
                    ],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "syntax-http",
        group: GROUP,
        does: "Sends an HTTP request to the greeting.",
        why: "Browsers and proxies can be made to send such requests to a mail port, with \
              commands in their text.",
        sections: &["RFC 5321 4.2.4", "RFC 5321 7.8"],
        acts: &[
            GREETING,
            &[
                Play::Send(&[text(
                    "GET / HTTP/1.1\r\nHost: mail.example.test\r\nAccept: */*\r\n\r\n",
                )]),
                Play::Judge(
                    judge(
                        &[rule("5xx", "RFC 5321 4.2.4: the command is not recognized")],
                        &[rule("221", "the session is ended at once"), LATER],
                        "a line of HTTP succeeds",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
            ],
        ],
    },
    Case {
        id: "syntax-tls-hello",
        group: GROUP,
        does: "Sends a TLS ClientHello to the greeting of a plain port.",
        why: "Clients with the wrong setting do so all day. The server must neither crash on \
              binary octets nor take them for anything.",
        sections: &["RFC 5321 4.2.4", "RFC 8314 3"],
        acts: &[
            GREETING,
            &[
                Play::Send(&[
                    Piece::Octets(b"\x16\x03\x01\x01\x04\x01\x00\x01\x00\x03\x03"),
                    Piece::Fill(0x5a, 32),
                    Piece::Octets(b"\x00\x00\x04\x13\x01\x13\x03\x01\x00\x00\xd3"),
                    Piece::Fill(0xa5, 211),
                    text("\r\n"),
                ]),
                Play::Judge(
                    judge(
                        &[rule("500 501", "RFC 5321 4.2.4: the command is not recognized")],
                        &[rule("5xx", "another refusal for good"), LATER],
                        "a TLS record succeeds as a command",
                    )
                    .if_closed(CaseEnd::Tolerated),
                ),
            ],
        ],
    },
];

const LONG_LINE: &[Piece] = &[text("NOOP "), Piece::Fill(b'x', 4089), text("\r\n")];
const HUGE_LINE: &[Piece] = &[text("NOOP "), Piece::Fill(b'x', 262_137), text("\r\n")];

const LONG: super::case::Judgement = judge(
    &[
        rule("500", "RFC 5321 4.5.3.1.9: the line is too long"),
        rule("2xx", "RFC 5321 4.5.3.1: a server may take more than it must"),
    ],
    &[rule("5xx", "another refusal for good, such as 501"), LATER],
    "neither success nor refusal",
)
.if_closed(CaseEnd::Tolerated);
