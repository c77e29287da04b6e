//! Arguments beyond what is allowed.

use super::case::{Case, Group, Judgement, Piece, Play, Rule, judge, rule, text};
use super::common::{HELLO, LATER, MAIL, QUIT};

const GROUP: Group = Group::Parameters;

const REFUSED: Rule = rule("5xx", "another refusal for good");
const LENIENT: Rule = rule("2xx", "the server reads it leniently");

pub(super) const CASES: &[Case] = &[
    Case {
        id: "parameters-size-too-large",
        group: GROUP,
        does: "Announces a message of 9,999,999,999,999 octets.",
        why: "SIZE is there so that a server can say no before ten terabytes are on their way.",
        sections: &["RFC 1870 6.1", "RFC 1870 3"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> SIZE=9999999999999\r\n")]),
                Play::Judge(judge(
                    &[
                        rule("552", "RFC 1870 6.1: more than the server ever takes"),
                        rule("452", "RFC 1870 6.1: more than it can take now"),
                    ],
                    &[
                        rule("250", "right only where EHLO names no limit"),
                        rule("5xx", "another refusal for good, such as 555 without SIZE"),
                        LATER,
                    ],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-size-twice",
        group: GROUP,
        does: "Gives SIZE twice, with different values.",
        why: "Two programs that take different ones of the two disagree about a limit.",
        sections: &["RFC 1870 3", "RFC 5321 4.1.1.11"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> SIZE=1000 SIZE=2000\r\n")]),
                Play::Judge(ONE_VALUE),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-size-negative",
        group: GROUP,
        does: "Announces a message of -1 octets.",
        why: "A size that is read as a signed number passes every upper limit, or wraps to a huge \
              one.",
        sections: &["RFC 1870 3"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> SIZE=-1\r\n")]),
                Play::Judge(NO_NUMBER),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-size-huge",
        group: GROUP,
        does: "Announces a message of 99,999,999,999,999,999,999 octets, more than 64 bits hold.",
        why: "The grammar allows 20 digits. A number that wraps becomes a small one and passes.",
        sections: &["RFC 1870 3", "RFC 1870 6.1"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> SIZE=99999999999999999999\r\n")]),
                Play::Judge(judge(
                    &[
                        rule("552", "RFC 1870 6.1: more than the server ever takes"),
                        rule("452", "RFC 1870 6.1: more than it can take now"),
                    ],
                    &[rule("5xx", "another refusal for good, such as 501"), LATER],
                    "the size overflows, or is not looked at",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-size-no-number",
        group: GROUP,
        does: "Announces a message of `12kB`.",
        why: "A number that is read as far as it goes is not what its sender meant.",
        sections: &["RFC 1870 3"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> SIZE=12kB\r\n")]),
                Play::Judge(NO_NUMBER),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-unknown",
        group: GROUP,
        does: "Gives MAIL a parameter that no extension knows.",
        why: "A client must learn that what it asks for will not happen.",
        sections: &["RFC 5321 4.1.1.11"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:<rude@load.test> XQUAKE=1\r\n")]),
                Play::Judge(NO_SUCH_PARAMETER),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-unknown-rcpt",
        group: GROUP,
        does: "Gives RCPT a parameter that no extension knows.",
        why: "A client must learn that what it asks for will not happen.",
        sections: &["RFC 5321 4.1.1.11"],
        acts: &[
            HELLO,
            MAIL,
            &[
                Play::Send(&[text("RCPT TO:<user1@example.test> XQUAKE=1\r\n")]),
                Play::Judge(NO_SUCH_PARAMETER),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-no-brackets",
        group: GROUP,
        does: "Gives MAIL an address without angle brackets.",
        why: "Without brackets it is not clear where an address ends and parameters begin.",
        sections: &["RFC 5321 4.1.2", "RFC 5321 4.1.1.2"],
        acts: &[
            HELLO,
            &[Play::Send(&[text("MAIL FROM:rude@load.test\r\n")]), Play::Judge(NO_PATH)],
            QUIT,
        ],
    },
    Case {
        id: "parameters-half-brackets",
        group: GROUP,
        does: "Gives MAIL an address whose angle bracket never closes.",
        why: "A parser that looks for the closing bracket must stop at the line's end.",
        sections: &["RFC 5321 4.1.2"],
        acts: &[
            HELLO,
            &[Play::Send(&[text("MAIL FROM:<rude@load.test\r\n")]), Play::Judge(NO_PATH)],
            QUIT,
        ],
    },
    Case {
        id: "parameters-no-address",
        group: GROUP,
        does: "Sends MAIL FROM: with nothing behind it.",
        why: "No address is not the empty address `<>`, which is the sender of bounces.",
        sections: &["RFC 5321 4.1.1.2", "RFC 5321 4.1.2"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[text("MAIL FROM:\r\n")]),
                Play::Judge(judge(
                    &[rule("501", "RFC 5321 4.2.2: a syntax error in an argument")],
                    &[REFUSED, LATER],
                    "a sender that was not given is taken",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-empty-recipient",
        group: GROUP,
        does: "Sends RCPT with the empty address `<>`.",
        why: "Only senders may be empty; nothing can be delivered to nobody.",
        sections: &["RFC 5321 4.1.1.3", "RFC 5321 4.1.2"],
        acts: &[
            HELLO,
            MAIL,
            &[
                Play::Send(&[text("RCPT TO:<>\r\n")]),
                Play::Judge(judge(
                    &[rule("501 550 553", "RFC 5321 4.1.1.3: a recipient is a mailbox")],
                    &[REFUSED, LATER],
                    "nobody is taken as a recipient",
                )),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-long-local-part",
        group: GROUP,
        does: "Sends RCPT with a local part of 300 octets; 64 is the limit.",
        why: "What is longer than a server must take is where fixed buffers overflow.",
        sections: &["RFC 5321 4.5.3.1.1", "RFC 5321 4.5.3.1.10"],
        acts: &[
            HELLO,
            MAIL,
            &[
                Play::Send(&[
                    text("RCPT TO:<"),
                    Piece::Fill(b'u', 300),
                    text("@example.test>\r\n"),
                ]),
                Play::Judge(TOO_LONG),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-long-domain",
        group: GROUP,
        does: "Sends MAIL with a domain of 400 octets; 255 is the limit.",
        why: "What is longer than a server must take is where fixed buffers overflow, those of \
              its resolver too.",
        sections: &["RFC 5321 4.5.3.1.2", "RFC 5321 4.5.3.1.10"],
        acts: &[
            HELLO,
            &[
                Play::Send(&[
                    text("MAIL FROM:<rude@"),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 60),
                    text("."),
                    Piece::Fill(b'd', 29),
                    text(".test>\r\n"),
                ]),
                Play::Judge(TOO_LONG),
            ],
            QUIT,
        ],
    },
    Case {
        id: "parameters-101-recipients",
        group: GROUP,
        does: "Names 101 recipients in one transaction.",
        why: "A server takes 100 at least. Senders to lists rely on it, and on a 4xx for the rest, \
              which they then try again.",
        sections: &["RFC 5321 4.5.3.1.8", "RFC 5321 4.5.3.1.10"],
        acts: &[
            HELLO,
            MAIL,
            &[
                Play::Send(&[Piece::Lines(101, "RCPT TO:<user", "@example.test>\r\n")]),
                Play::Judge(
                    judge(
                        &[rule("2xx", "RFC 5321 4.5.3.1.8: 100 recipients must be taken")],
                        // Any but 452 and 552, which say that there are too many.
                        &[
                            rule("450 451 454 455", "this recipient, for now"),
                            rule(
                                "500 501 502 503 504 521 530 550 551 553 554 555 556",
                                "this recipient, for good",
                            ),
                        ],
                        "fewer than 100 recipients are taken",
                    )
                    .times(100),
                ),
                Play::Judge(judge(
                    &[
                        rule("2xx", "RFC 5321 4.5.3.1.8: a server may take more than it must"),
                        rule("452", "RFC 5321 4.5.3.1.10: too many, the rest can come later"),
                    ],
                    &[rule("552", "RFC 5321 4.5.3.1.10: the old code for it"), REFUSED, LATER],
                    "neither success nor refusal",
                )),
            ],
            QUIT,
        ],
    },
];

const ONE_VALUE: Judgement = judge(
    &[
        rule("501", "RFC 5321 4.2.2: a syntax error in an argument"),
        rule("555", "RFC 5321 4.1.1.11: the parameters can't be carried out"),
    ],
    &[rule("250", "one of the two is taken"), REFUSED, LATER],
    "neither success nor refusal",
);

const NO_NUMBER: Judgement = judge(
    &[rule("501", "RFC 1870 3: a size is 1 to 20 digits")],
    &[REFUSED, LATER],
    "what is no size is taken for one",
);

const NO_SUCH_PARAMETER: Judgement = judge(
    &[rule("555", "RFC 5321 4.1.1.11: a parameter that is not recognized")],
    &[rule("5xx", "another refusal for good, such as 501"), LATER],
    "an unknown parameter is passed over",
);

const NO_PATH: Judgement = judge(
    &[rule("501", "RFC 5321 4.1.2: a path stands in angle brackets")],
    &[LENIENT, REFUSED, LATER],
    "neither success nor refusal",
);

const TOO_LONG: Judgement = judge(
    &[
        rule("500 501", "RFC 5321 4.5.3.1.10: the line or the path is too long"),
        rule("5xx", "RFC 5321 4.2.2: refused for good, such as 550 or 553"),
        rule("2xx", "RFC 5321 4.5.3.1: a server may take more than it must"),
    ],
    &[LATER],
    "neither success nor refusal",
);
