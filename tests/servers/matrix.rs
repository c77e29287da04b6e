//! Kinds of clients × servers → that all of it is accepted, and the table of `docs/servers.md`.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::dovecot::Dovecot;
use crate::kinds::{At, KINDS, Kind, Load, Shows};
use crate::postfix::Postfix;
use crate::run::{Summary, run};
use crate::smtp_sink::SmtpSink;

/// The users that clients log in as; those of `crate::dovecot`.
const ACCOUNTS: &str = r#"
[feeds.accounts]
inline = [
    { user = "user1@example.test", password = "secret1" },
    { user = "user2@example.test", password = "secret2" },
]
"#;

/// The embedded sink's, where clients log in.
const SINK_USERS: &str = "[sink]\nusers = \"accounts\"\n";

/// The columns of the table.
const SERVERS: [&str; 4] = ["Postfix", "Dovecot LMTP", "smtp-sink", "embedded sink"];

/// All servers at once; they idle while another one is loaded.
struct Servers {
    postfix: Postfix,
    dovecot: Dovecot,
    smtp_sink: SmtpSink,
    smtp_sink_lmtp: SmtpSink,
}

/// What one client came to at one server.
struct Cell {
    accepted: u64,
    /// Messages whose login was refused on purpose.
    expected: u64,
    /// The cases with findings, and how many each had; none for mail.
    findings: Option<Vec<(String, u64)>>,
}

impl Servers {
    fn start() -> Self {
        Self {
            postfix: Postfix::start(),
            dovecot: Dovecot::start(),
            smtp_sink: SmtpSink::start(),
            smtp_sink_lmtp: SmtpSink::start_lmtp(),
        }
    }

    /// Where a client finds its server; nowhere: the embedded sink, or `::1` on a machine without.
    fn address(&self, at: At) -> Option<String> {
        let ports = self.postfix.ports();
        Some(match at {
            At::Postfix => ports.plain.to_string(),
            At::PostfixV6 => ports.v6?.to_string(),
            At::PostfixImplicit => ports.implicit.to_string(),
            At::PostfixCertificate => ports.certificate.to_string(),
            At::PostfixXclient => ports.xclient.to_string(),
            At::PostfixProxy => ports.proxy.to_string(),
            At::PostfixStrict => ports.strict.to_string(),
            At::PostfixLogin => ports.login.to_string(),
            At::Dovecot => self.dovecot.address().to_string(),
            At::DovecotSocket => format!("unix:{}", self.dovecot.socket().display()),
            At::SmtpSink => self.smtp_sink.address().to_string(),
            At::SmtpSinkLmtp => self.smtp_sink_lmtp.address().to_string(),
            At::Embedded | At::EmbeddedLmtp => return None,
        })
    }

    /// How many messages (of Dovecot: copies) the server itself has counted so far.
    fn took(&self, at: At, at_least: u64) -> u64 {
        match at.column() {
            0 => self.postfix.took(at_least),
            1 => self.dovecot.took(at_least),
            2 if at == At::SmtpSink => self.smtp_sink.took(at_least),
            2 => self.smtp_sink_lmtp.took(at_least),
            _ => 0,
        }
    }

    /// The plan of a client that is counted, not timed: it may be late, as the servers have the
    /// same processors.
    fn plan(&self, kind: &Kind, at: At) -> String {
        let certificates = self.postfix.certificates();
        let trust = match at {
            At::Embedded | At::EmbeddedLmtp => String::new(),
            _ => format!(", ca = \"{}\"", certificates.ca().display()),
        };
        let client = kind
            .client
            .replace("@TRUST@", &trust)
            .replace("@CERTIFICATE@", certificates.client().to_str().unwrap())
            .replace("@KEY@", certificates.client_key().to_str().unwrap());
        let address = self.address(at).map(|address| format!("address = \"{address}\"\n"));
        let address = address.unwrap_or_default();
        let (protocol, phase, message) = (at.protocol(), kind.phase(), kind.message);
        format!(
            "version = 1\nname = \"kind\"\nseed = 7\n\
             [generator]\nlimits = {{ lag_p99 = \"10s\" }}\n\
             [target]\n{address}protocol = \"{protocol}\"\ntimeouts = {{ reply = \"{}\" }}\n\
             [clients.kind]\n{client}\n{}[messages.note]{message}\
             [[phases]]\nname = \"all\"\nkind = \"steady\"\n{phase}\n",
            if kind.load == Load::Alone { "10s" } else { "2s" },
            kind.logins(at),
        )
    }

    /// Runs one client against one server, and looks at both.
    fn play(&self, kind: &Kind, at: At) -> Cell {
        let before = self.took(at, 0);
        let log_before = self.postfix.log().len();
        let summary = run(&self.plan(kind, at));
        let sender = summary.client(if kind.load == Load::Alone { "kind" } else { "app" });
        let (accepted, expected) =
            (sender.count("/messages/accepted"), sender.count("/messages/expected"));
        assert_eq!(accepted + expected, sender.count("/messages/started"), "{sender}");
        assert_eq!(expected, sender.count("/auth/refused_on_purpose"), "{sender}");
        assert!(accepted + expected >= 190, "{sender}");
        self.assert_taken(kind, at, before, &sender, &summary);
        let log = self.postfix.log();
        let log = log.get(log_before..).unwrap_or_default();
        for shows in kind.shows {
            shows.assert(at, &summary, &sender, log);
        }
        let findings = (kind.load == Load::BesideMail).then(|| findings(&summary));
        Cell { accepted, expected, findings }
    }

    /// The server's own count must be ours; with malformed clients beside, which may send whole
    /// messages too, it must not be less.
    fn assert_taken(&self, kind: &Kind, at: At, before: u64, sender: &Summary, summary: &Summary) {
        let copies = match at {
            At::Dovecot | At::DovecotSocket => sender.count("/recipients/accepted"),
            _ => sender.count("/messages/accepted"),
        };
        let taken = match at {
            At::Embedded | At::EmbeddedLmtp => summary.count("/environment/sink/messages"),
            _ => self.took(at, before + copies) - before,
        };
        if at.column() == 3 && kind.load == Load::Alone {
            let recipients = summary.count("/environment/sink/recipients");
            assert_eq!(recipients, sender.count("/recipients/accepted"), "{summary}");
        }
        match kind.load {
            Load::Alone => assert_eq!(taken, copies, "{at:?} counts {taken}, we {copies}"),
            Load::BesideMail => assert!(taken >= copies, "{at:?} counts {taken}, we {copies}"),
        }
    }
}

impl At {
    const fn column(self) -> usize {
        match self {
            Self::Postfix
            | Self::PostfixV6
            | Self::PostfixImplicit
            | Self::PostfixCertificate
            | Self::PostfixXclient
            | Self::PostfixProxy
            | Self::PostfixStrict
            | Self::PostfixLogin => 0,
            Self::Dovecot | Self::DovecotSocket => 1,
            Self::SmtpSink | Self::SmtpSinkLmtp => 2,
            Self::Embedded | Self::EmbeddedLmtp => 3,
        }
    }

    const fn protocol(self) -> &'static str {
        match self {
            Self::Dovecot | Self::DovecotSocket | Self::SmtpSinkLmtp | Self::EmbeddedLmtp => "lmtp",
            _ => "smtp",
        }
    }
}

impl Kind {
    /// The tables of a plan whose client logs in.
    fn logins(&self, at: At) -> String {
        if !self.client.contains("accounts") {
            return String::new();
        }
        let sink = if at == At::Embedded { SINK_USERS } else { "" };
        format!("{ACCOUNTS}{sink}")
    }

    const fn phase(&self) -> &'static str {
        match self.load {
            Load::Alone => "connections = 10\ncount = 200\nduration = \"30s\"\nmix = \"kind\"",
            Load::BesideMail => {
                "rate = \"40/s\"\ncount = 400\nduration = \"30s\"\narrival = \"even\"\nmix = { app = 1, kind = 1 }\n\
                 [clients.app]"
            }
        }
    }
}

impl Shows {
    /// Fails where it is not seen; what stands in Postfix's log is looked for only there.
    fn assert(self, at: At, summary: &Summary, sender: &Summary, log: &str) {
        let findings = |id: &str| summary.count(&format!("/phases/0/cases/{id}/finding"));
        let taken = |step: &str| {
            let count = sender.0.pointer(&format!("/steps/{step}/count"));
            count.and_then(Value::as_u64).unwrap_or(0)
        };
        match self {
            Self::Step(step) => assert!(taken(step) > 0, "no {step}: {sender}"),
            Self::NoStep(step) => assert_eq!(taken(step), 0, "{step}: {sender}"),
            Self::Tls(version) => {
                let versions = sender.0.pointer("/tls/versions").and_then(Value::as_object);
                let versions: Vec<&String> = versions.expect("TLS was spoken").keys().collect();
                assert_eq!(versions, [version]);
            }
            Self::LoggedIn | Self::RefusedOnPurpose => self.assert_logins(at, summary, sender),
            _ if at.column() != 0 => {}
            Self::Finding(id) => assert!(findings(id) > 0, "{id}: {summary}"),
            Self::NoFinding(id) => assert_eq!(findings(id), 0, "{id}: {summary}"),
            Self::Clients(prefix, least) => {
                let seen = clients(log, prefix).len();
                assert!(seen >= least, "{seen} clients from {prefix}");
            }
            Self::Logged(words) => assert!(log.contains(words), "`{words}` is not logged: {log}"),
        }
    }

    /// Fails where logins came to something else, or where the embedded sink counted others.
    fn assert_logins(self, at: At, summary: &Summary, sender: &Summary) {
        let [accepted, refused, on_purpose] = ["accepted", "refused", "refused_on_purpose"]
            .map(|end| sender.count(&format!("/auth/{end}")));
        assert!(accepted > 0, "{sender}");
        assert_eq!(refused, on_purpose, "{sender}");
        assert_eq!(on_purpose > 0, matches!(self, Self::RefusedOnPurpose), "{sender}");
        if at == At::Embedded {
            let sink = |end: &str| summary.count(&format!("/environment/sink/auth_{end}"));
            assert_eq!((sink("accepted"), sink("refused")), (accepted, refused), "{summary}");
        }
    }
}

/// The addresses that messages came from, by Postfix's log.
fn clients<'a>(log: &'a str, prefix: &str) -> HashSet<&'a str> {
    let lines = log.lines().filter_map(|line| line.split_once(": client="));
    let addresses = lines.filter_map(|(_, client)| client.split(['[', ']']).nth(1));
    addresses.filter(|address| address.starts_with(prefix)).collect()
}

/// The cases with findings. All cases must have been played, and the server must live.
fn findings(summary: &Summary) -> Vec<(String, u64)> {
    let cases = summary.0.pointer("/phases/0/cases").and_then(Value::as_object);
    let cases = cases.expect("cases were played");
    assert_eq!(cases.len(), known_cases(), "{cases:#?}");
    let number = |case: &Value, key: &str| case.get(key).and_then(Value::as_u64).unwrap_or(0);
    for (id, case) in cases {
        assert_eq!(number(case, "dead"), 0, "{id}: {case:#}");
    }
    let findings = cases.iter().map(|(id, case)| (id.clone(), number(case, "finding")));
    findings.filter(|(_, count)| *count > 0).collect()
}

fn known_cases() -> usize {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mailquake"))
        .args(["explain", "cases"])
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    text.lines().filter(|line| line.starts_with("  ")).count()
}

/// One row of the table, and what went wrong in it.
fn row(servers: &Servers, kind: &Kind, failed: &mut Vec<String>) -> String {
    let mut cells = SERVERS.map(|_| "-".to_owned());
    for &at in kind.on {
        if at == At::PostfixV6 && servers.address(at).is_none() {
            println!("this machine has no ::1");
            continue;
        }
        let played = catch_unwind(AssertUnwindSafe(|| servers.play(kind, at)));
        cells[at.column()] = played.map_or_else(
            |_| {
                failed.push(format!("{} at {at:?}", kind.name));
                "failed".to_owned()
            },
            |cell| cell.text(kind, at),
        );
    }
    format!("| {} | {} |", kind.name, cells.join(" | "))
}

impl Cell {
    fn text(&self, kind: &Kind, at: At) -> String {
        let Some(findings) = &self.findings else {
            return match self.expected {
                0 => self.accepted.to_string(),
                expected => format!("{}, and {expected} refused", self.accepted),
            };
        };
        for (id, count) in findings {
            println!("{} at {at:?}: {id}: {count} findings", kind.name);
        }
        format!("{}; {} cases with findings", self.accepted, findings.len())
    }
}

/// All rows, or those whose names have the words of `SERVERS_ROWS` in them.
fn kinds() -> Vec<&'static Kind> {
    let words = std::env::var("SERVERS_ROWS").unwrap_or_default();
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.name.contains(&words)).collect();
    assert!(!kinds.is_empty(), "no row has `{words}` in its name");
    kinds
}

#[test]
#[ignore = "needs Postfix, Dovecot and smtp-sink"]
fn each_server_takes_each_kind_of_client_that_it_supports() {
    let servers = Servers::start();
    let mut failed = Vec::new();

    println!("| client | {} |\n|---|---|---|---|---|", SERVERS.join(" | "));
    for kind in kinds() {
        println!("{}", row(&servers, kind, &mut failed));
    }

    assert_eq!(failed, Vec::<String>::new());
}
