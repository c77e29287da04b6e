//! The outcomes of messages, explained.

use super::Words;
use crate::smtp::{Outcome, Party};

/// Whose doing it is, in a sentence.
pub(super) const fn party(outcome: Outcome) -> &'static str {
    match (outcome.is_error(), outcome.party()) {
        (true, _) => "The target's doing. Counts as an error.",
        (false, Party::Target) => "The target's doing. No error.",
        (false, Party::Plan) => "As the plan asked for. No error.",
        (false, Party::Tester) => "The tester's own doing: never counted against the target.",
    }
}

/// What is said of an outcome.
#[expect(clippy::too_many_lines, reason = "a table with an entry for each name")]
pub(super) const fn words(outcome: Outcome) -> Words {
    match outcome {
        Outcome::Accepted => Words {
            title: "the server took the message",
            meaning: "The final reply was a 2xx, and at least one recipient had been accepted \
                      (LMTP: at least one recipient got a 2xx after the text).",
            advice: "Recipients that were refused beside it stand under `recipients`. Whether the \
                     mail was delivered, and not only taken, the server's queue tells.",
        },
        Outcome::Expected => Words {
            title: "refused, just as `expect` says",
            meaning: "The plan says what must come there (`expect`), or the session tried a wrong \
                      password on purpose (`failure_rate`), and that is what came.",
            advice: "Nothing to do. Its latency counts as that of an accepted message does.",
        },
        Outcome::Unexpected => Words {
            title: "another answer than `expect` names",
            meaning: "The plan names the refusal that must come, and something else came: a 2xx \
                      too. A wrong password that was let in is unexpected as well.",
            advice: "Look at the example reply on the page. Spam that is accepted, a relay that \
                     is open, or a login without a check are what this finds.",
        },
        Outcome::Temporary => Words {
            title: "the server refused it for now, with a 4xx",
            meaning: "Greylisting, a full queue, too many connections or too high a rate: an \
                      ordinary sender would try again later. The first refused step decides.",
            advice: "The code and the text stand among the errors, the moment at which it began \
                     in events.ndjson as throttling. If it is meant to be so, `expect = { rcpt = \
                     \"450\" }` makes it `expected`.",
        },
        Outcome::Permanent => Words {
            title: "the server refused it for good, with a 5xx",
            meaning: "No such user, no relaying, too large, spam, or a command that it does not \
                      take. The first refused step decides.",
            advice: "Mostly the plan and the server don't fit: `mailquake check PLAN` shows one \
                     whole dialogue. If it is meant to be so, say it by `expect`.",
        },
        Outcome::TimedOut => Words {
            title: "no reply in time, before the text was written to its end",
            meaning: "A step took longer than its limit (`timeouts` of the target: connect 5s, \
                      reply 30s, end_of_data 2m by default), or the phase's drain ended while the \
                      message waited for the server.",
            advice: "Its latency counts as at least its age, so that percentiles do not look \
                     better than they were. See which step it was, and what the server waited for.",
        },
        Outcome::Disconnected => Words {
            title: "the server ended the connection before it had the whole message",
            meaning: "A FIN or a reset came in the middle, or a 421. The mail was not taken.",
            advice: "Look at the server's log at that second: a limit of messages for each \
                     connection, a process that ended, memory.",
        },
        Outcome::Unconnected => Words {
            title: "there was no session to send it on",
            meaning: "The connection was refused, no route or no answer, or the greeting was not \
                      220.",
            advice: "Few of them under load: the server's backlog or its limit of connections. \
                     All of them: wrong address or port, or it is not running; try `mailquake \
                     check PLAN`.",
        },
        Outcome::Tls => Words {
            title: "the TLS handshake failed",
            meaning: "The server has no STARTTLS, its certificate does not verify, or the two \
                      have no version or cipher in common. A session never goes on in clear.",
            advice: "`mailquake check PLAN` shows why. An authority of your own is named by `ca`; \
                     `verify = \"none\"` trusts any certificate.",
        },
        Outcome::Protocol => Words {
            title: "the server said what is no legal reply",
            meaning: "A line without a code, one that is too long, lines with different codes, or \
                      a reply that nothing asked for (RFC 5321 4.2).",
            advice: "The octets stand among the errors, escaped. It is a fault of the server, or \
                     of something between: a proxy, a port that speaks something else.",
        },
        Outcome::Ambiguous => Words {
            title: "the text was sent to its end, and no complete reply came",
            meaning: "The server may have taken the mail or not: nobody knows, and an ordinary \
                      sender would send it a second time (RFC 1047). It ended the connection or \
                      was silent for longer than `end_of_data`.",
            advice: "The dangerous kind of overload: duplicates. See what the server does between \
                     the final dot and its reply (disk, filters), and whether it ends in time.",
        },
        Outcome::Interrupted => Words {
            title: "cut by the plan, or by you",
            meaning: "It was still being sent at its own pace when its phase's drain ended, or \
                      the run was ended by a signal or a threshold.",
            advice: "Nothing to do; a longer `drain` or `duration` cuts fewer of a slow client's.",
        },
        Outcome::Local => Words {
            title: "the tester could not send it",
            meaning: "No free port, no descriptor, no memory, or a template without a value. It \
                      says nothing about the server and is left out of its share of errors.",
            advice: "`ulimit -n` and the range of ports are in what `preview` says it needs; more \
                     `source` addresses give more ports.",
        },
    }
}
