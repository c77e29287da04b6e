//! Messages of awkward octets → Maildirs of real servers → that they are stored as they were sent.

use std::collections::HashSet;
use std::fmt::Write;

use mail_parser::MessageParser;

use crate::dovecot::Dovecot;
use crate::postfix::Postfix;
use crate::run::run;

/// How many messages each client sends.
const SENT: u64 = 200;

/// The ways in which a text goes.
const WAYS: [&str; 4] = [
    "pipelining = \"never\"",
    "pipelining = \"full\"",
    "chunking = \"auto\"",
    "pipelining = \"full\"\nchunking = \"auto\"",
];

/// A message that the program itself puts together.
const COMPOSED: &str = r#"
version = 1
name = "composed"
seed = 7
[target]
address = "@ADDRESS@"
protocol = "lmtp"
[clients.app]
[messages.note]
from = "from@load.test"
to = "to{{ seq }}@maildir.test"
subject = "Grüße, Nummer {{ seq }}"
text = "Grüße aus Köln,\n.hidden\n用户 ✉\n"
[[phases]]
name = "all"
kind = "steady"
rate = "100/s"
count = 50
"#;

/// The header fields of each raw message; they say which one it is.
const FIELDS: &str = "From: <from@load.test>\nTo: <to@maildir.test>\n\
    Message-ID: <{{ seq }}@load.test>\nX-Content: @NAME@\nX-Seq: {{ seq }}\n";

/// What each message is called, and what stands behind [`FIELDS`].
fn contents() -> Vec<(&'static str, String)> {
    let longest = "x".repeat(998);
    let folded = "Subject: one\n two\n\tthree\nX-Long: ".to_owned() + &"word ".repeat(100);
    vec![
        ("no-text", "\n".to_owned()),
        ("one-line", "Subject: One line\n\nThe only one.\n".to_owned()),
        ("no-final-newline", "Subject: Cut\n\nfirst\nlast without an end".to_owned()),
        ("dots", "\n.\n..\n.hidden\n...\n.\n".to_owned()),
        ("spaces-at-ends", "Subject: x  \n\ntwo  \ntab\t\n \n\t\n".to_owned()),
        ("empty-lines", "\n\n\n\nbetween\n\n\n".to_owned()),
        ("mbox-from", "\nFrom here on\n>From there on\nFrom \n".to_owned()),
        ("utf-8", "Content-Type: text/plain; charset=utf-8\n\nGrüße, 用户, ✉ и пока\n".to_owned()),
        ("longest-line", format!("\n{longest}\nshort\n{longest}\n")),
        ("folded-fields", folded + "\n\ntext\n"),
        ("kib-8", format!("\n{}", "A line of forty octets, with its end.\r\n".repeat(200))),
        ("kib-256", format!("\n{}", ".A line of forty octets, with its end\n".repeat(7000))),
    ]
}

/// The plan of a client that sends all of them, in any order.
fn plan(address: &str, protocol: &str, client: &str) -> String {
    let mut plan = format!(
        "version = 1\nname = \"content\"\nseed = 7\n\
         [target]\naddress = \"{address}\"\nprotocol = \"{protocol}\"\n\
         [[phases]]\nname = \"all\"\nkind = \"steady\"\nconnections = 8\ncount = {SENT}\n\
         [clients.app]\n{client}\n[clients.app.messages]\n"
    );
    for (name, _) in contents() {
        writeln!(plan, "{name} = 1").unwrap();
    }
    for (name, text) in contents() {
        // A text of JSON is one of TOML too.
        let raw = serde_json::to_string(&(FIELDS.replace("@NAME@", name) + &text)).unwrap();
        writeln!(
            plan,
            "[messages.{name}]\nto = \"to{{{{ seq }}}}@maildir.test\"\ntrace = false\nraw = {raw}"
        )
        .unwrap();
    }
    plan
}

/// The octets that one message must have, worked out from its text alone.
fn expected(name: &str, seq: &str) -> Option<Vec<u8>> {
    let (_, text) = contents().into_iter().find(|(known, _)| *known == name)?;
    let whole = FIELDS.replace("@NAME@", name).replace("{{ seq }}", seq) + &text;
    let mut octets = whole.replace("\r\n", "\n").replace('\n', "\r\n");
    if !octets.ends_with("\r\n") {
        octets.push_str("\r\n");
    }
    Some(octets.into_bytes())
}

/// The value of a field that stands in a line of its own.
fn field(message: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(message);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

/// Every accepted message is stored once, and as it was sent.
fn assert_stored(stored: &[Vec<u8>], accepted: u64) {
    assert_eq!(u64::try_from(stored.len()).unwrap(), accepted);
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    for message in stored {
        let (name, seq) = (field(message, "X-Content"), field(message, "X-Seq"));
        let expected = expected(&name, &seq).expect("the message is one of ours");
        let (was, is) = (text(&expected), text(message));
        assert!(*message == expected, "{name}: {was:?}\nis stored as {is:?}");
        assert!(numbers.insert(seq), "stored twice: {is:?}");
        names.insert(name);
    }
    assert_eq!(names.len(), contents().len(), "each content was sent: {names:?}");
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().take(2000).collect()
}

/// Sends all of them in each way that text can go, to where `stored` finds them.
fn assert_all_ways(address: &str, protocol: &str, mut stored: impl FnMut() -> Vec<Vec<u8>>) {
    for way in WAYS {
        let summary = run(&plan(address, protocol, way));
        let accepted = summary.count("/all/messages/accepted");
        assert_eq!(accepted, SENT, "{way}");
        assert_stored(&stored(), accepted);
    }
}

#[test]
#[ignore = "needs Postfix and Dovecot"]
fn postfix_stores_each_message_as_it_was_sent() {
    let postfix = Postfix::start();
    let mut sent = 0;

    assert_all_ways(&postfix.address().to_string(), "smtp", || {
        sent += SENT;
        postfix.took(sent);
        postfix.maildir().take()
    });
}

#[test]
#[ignore = "needs Dovecot"]
fn dovecot_stores_each_message_as_it_was_sent() {
    let dovecot = Dovecot::start();

    assert_all_ways(&dovecot.address().to_string(), "lmtp", || {
        dovecot.took(SENT);
        dovecot.maildir().take()
    });
}

#[test]
#[ignore = "needs Dovecot"]
fn another_program_reads_in_a_composed_message_what_the_plan_says() {
    let dovecot = Dovecot::start();

    let summary = run(&COMPOSED.replace("@ADDRESS@", &dovecot.address().to_string()));

    assert_eq!(summary.count("/all/messages/accepted"), 50);
    assert_eq!(dovecot.took(50), 50);
    let mut subjects = HashSet::new();
    for stored in dovecot.maildir().take() {
        let message = MessageParser::default().parse(&stored).expect("it is a message");
        assert_eq!(
            message.body_text(0).unwrap().trim_end(),
            "Grüße aus Köln,\r\n.hidden\r\n用户 ✉"
        );
        assert!(message.date().is_some() && message.message_id().is_some(), "{}", text(&stored));
        assert!(subjects.insert(message.subject().unwrap().to_owned()));
    }
    let expected: HashSet<String> = (1..=50).map(|seq| format!("Grüße, Nummer {seq}")).collect();
    assert_eq!(subjects, expected);
}
