//! Mail of every form of `tests/forms` → what Python's parser reads in it, and what Postfix stores
//! of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::postfix::Postfix;
use crate::run::{command, summary};

/// How many mails of each of the nine messages Python reads.
const READ: u64 = 1112;

/// How many go through Postfix, so that there are 200 of each message.
const SENT: u64 = 2070;

/// The least that Postfix takes of each message.
const SENT_OF_EACH: usize = 200;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn plan() -> PathBuf {
    repository().join("tests/forms/plan.toml")
}

/// Renders the plan into a folder.
fn render(folder: &Path, words: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailquake"));
    let ran = command.arg("render").arg(plan()).arg("--out").arg(folder).args(words).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// By number: the message and the text without its Date, which is the time of sending.
fn rendered(folder: &Path) -> HashMap<u64, (String, Vec<u8>)> {
    let envelopes = std::fs::read_to_string(folder.join("envelopes.ndjson")).unwrap();
    let mail = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let text = std::fs::read(folder.join(envelope["file"].as_str().unwrap())).unwrap();
        let message = envelope["message"].as_str().unwrap().to_owned();
        (envelope["seq"].as_u64().unwrap(), (message, without_date(&text)))
    };
    envelopes.lines().map(mail).collect()
}

/// A mail without the Date of its header.
fn without_date(mail: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = mail.split_inclusive(|octet| *octet == b'\n').collect();
    if let Some(date) = lines.iter().position(|line| line.starts_with(b"Date: ")) {
        lines.remove(date);
    }
    lines.concat()
}

/// The value of a field in a line of its own.
fn field(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

#[test]
#[ignore = "needs Python"]
fn the_strict_parser_of_python_finds_in_ten_thousand_mails_what_was_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let count = READ.to_string();
    for way in [&["--count", &count][..], &["--count", "50", "--8bit"]] {
        let mails = folder.path().join(way.len().to_string());
        render(&mails, way);

        let mut python = Command::new("python3");
        let script = repository().join("tests/servers/parse_strict.py");
        python.arg(script).arg(&mails).arg(repository().join("tests/forms"));
        let ran = python.output().expect("python3 is installed");

        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{}", told.lines().take(20).collect::<Vec<_>>().join("\n"));
        let right: HashMap<String, Value> = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(right.len(), 9, "{right:?}");
        let each: u64 = way[1].parse().unwrap();
        assert!(right.values().all(|count| *count == each), "{right:?}");
    }
}

#[test]
#[ignore = "needs Postfix and Dovecot"]
fn postfix_stores_what_was_rendered() {
    let (postfix, folder) = (Postfix::start(), tempfile::tempdir().unwrap());
    let sent = format!("count={SENT}");
    let variables = ["--var", "domain=maildir.test", "--var", &sent];
    let mut run = command(&plan(), &folder.path().join("results"));
    // What a busy machine makes of it is not what this is about.
    run.args(["--set", "phases.all.rate=60/s", "--set", "generator.limits.lag_p99=10s"]);
    run.args(variables).args(["--no-thresholds", "--target", &postfix.address().to_string()]);
    let summary = summary(&run.output().unwrap());
    assert_eq!(summary.count("/all/messages/accepted"), SENT, "{summary}");
    postfix.took(SENT);

    let stored = postfix.maildir().take();

    assert_eq!(u64::try_from(stored.len()).unwrap(), summary.count("/all/recipients/accepted"));
    let id = field(&stored[0], "X-Mailquake-Run");
    let count = SENT.to_string();
    let words = [&variables[..], &["--run", &id, "--count", &count]].concat();
    // Those that were composed before the server said EHLO are in 7 bits.
    let ways = [("7", &[][..]), ("8", &["--8bit"])].map(|(name, way)| {
        let mails = folder.path().join(name);
        render(&mails, &[&words[..], way].concat());
        rendered(&mails)
    });
    let mut of_each: HashMap<&str, HashMap<u64, usize>> = HashMap::new();
    for mail in &stored {
        let seq = field(mail, "X-Mailquake-Seq").parse().unwrap();
        let text = without_date(mail);
        let found = ways.iter().position(|way| way[&seq].1 == text);
        let (message, expected) = &ways[0][&seq];
        let told = || format!("{}\nis not\n{}", shown(&text), shown(expected));
        let way = found.unwrap_or_else(|| panic!("{message} {seq}: {}", told()));
        of_each.entry(message).or_default().insert(seq, way);
    }
    assert_eq!(of_each.len(), 9);
    for (message, mails) in of_each {
        assert!(mails.len() >= SENT_OF_EACH, "{message}: {}", mails.len());
    }
}

fn shown(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().take(3000).collect()
}
