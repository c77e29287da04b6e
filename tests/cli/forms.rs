//! Mail of every form of `tests/forms` → what another parser reads in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};
use serde_json::Value;

use crate::program::Desk;

/// How many mails of each of the nine messages: 10,008 in all.
const EACH: u64 = 1112;

fn forms() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forms")
}

/// A mail and what it says that was put in.
struct Read<'a> {
    envelope: &'a Value,
    mail: Message<'a>,
    put_in: Value,
}

impl<'a> Read<'a> {
    fn of(envelope: &'a Value, octets: &'a [u8]) -> Self {
        assert_eq!(envelope["size"], octets.len());
        let text = String::from_utf8_lossy(octets);
        assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        let mail = MessageParser::new()
            .with_mime_headers()
            .with_address_headers()
            .header_text("Subject")
            .header_text("X-Check")
            .header_text("X-Mailquake-Seq")
            .parse(octets)
            .unwrap();
        assert!(mail.parts.iter().all(|part| !part.is_encoding_problem));
        let put_in = serde_json::from_str(header(&mail, "X-Check")).unwrap();
        Self { envelope, mail, put_in }
    }

    fn word(&self, key: &str) -> &str {
        self.put_in[key].as_str().unwrap()
    }

    fn text(&self) -> Vec<String> {
        let text = self.mail.body_text(0).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn html(&self) -> Option<&str> {
        let mut html = self.mail.parts.iter().filter_map(|part| match &part.body {
            PartType::Html(html) => Some(&**html),
            _ => None,
        });
        html.next()
    }

    fn assert_values(&self) {
        let seq: u64 = header(&self.mail, "X-Mailquake-Seq").parse().unwrap();
        assert_eq!(self.envelope["seq"], seq);
        let message = self.envelope["message"].as_str().unwrap();
        if message == "corpus" {
            assert_eq!(self.text()[0], self.word("words"));
            assert!(self.html().unwrap().contains(self.word("words")));
            return;
        }
        assert_eq!(self.put_in["seq"], seq);
        assert_eq!(self.text()[0], self.word("uuid"));
        assert!(self.html().is_none_or(|html| html.contains(self.word("uuid"))));
        assert_eq!(self.html().is_some(), matches!(message, "html" | "attached" | "template"));
        match message {
            "raw" | "template" => {
                let subject = format!("{message}: {}", self.word("uuid"));
                assert_eq!(self.mail.subject(), Some(&*subject));
            }
            "made-up" => self.assert_scripts(),
            _ => self.assert_person(),
        }
        match message {
            "attached" => self.assert_attachments(),
            "copies" => {
                assert_eq!(name(self.mail.cc()), Some("Zoë Example"));
                assert!(self.mail.bcc().is_none());
                assert_eq!(self.envelope["to"].as_array().unwrap().len(), 3);
            }
            _ => {}
        }
    }

    fn assert_person(&self) {
        let subject = format!("{}: {}", self.word("name"), self.word("uuid"));
        assert_eq!(self.mail.subject(), Some(&*subject));
        assert_eq!(name(self.mail.to()), Some(self.word("name")));
        let text = self.text();
        assert_eq!(text[1..5], [self.word("name"), ".", self.word("words"), "From here on"]);
        assert!(text[5].starts_with(".."), "{}", text[5]);
    }

    /// Each line says first how many characters stand behind it.
    fn assert_scripts(&self) {
        let text = self.text();
        for line in &text[1..7] {
            let (length, words) = line.split_once('|').unwrap();
            assert_eq!(words.chars().count().to_string(), length, "{line}");
        }
    }

    fn assert_attachments(&self) {
        let mut attached: Vec<_> =
            self.mail.parts.iter().filter(|part| part.attachment_name().is_some()).collect();
        let made_up = attached.pop().unwrap();
        assert_eq!((made_up.attachment_name(), made_up.len()), (Some("Größe.pdf"), 3000));
        for (part, file) in attached.iter().zip(["logo.png", "notes.txt"]) {
            assert_eq!(part.attachment_name(), Some(file));
            assert!(part.contents() == fs::read(forms().join(file)).unwrap(), "{file}");
        }
        assert_eq!((attached.len(), attached[0].content_id()), (2, Some("logo")));
    }
}

fn header<'a>(mail: &'a Message<'_>, name: &'static str) -> &'a str {
    mail.header(name).and_then(|value| value.as_text()).expect(name)
}

fn name<'a>(addresses: Option<&'a Address<'_>>) -> Option<&'a str> {
    addresses?.first()?.name()
}

#[test]
fn another_parser_finds_in_ten_thousand_mails_what_was_put_in() {
    let desk = Desk::new();
    let plan = forms().join("plan.toml");
    let count = EACH.to_string();
    let words = ["render", plan.to_str().unwrap(), "--count", &count, "--out", "mails"];

    let ran = desk.mailquake(&words);

    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let mut right: BTreeMap<String, u64> = BTreeMap::new();
    for line in desk.read("mails/envelopes.ndjson").lines() {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let file = desk.path("mails").join(envelope["file"].as_str().unwrap());
        Read::of(&envelope, &fs::read(file).unwrap()).assert_values();
        *right.entry(envelope["message"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(right.len(), 9, "{right:?}");
    assert!(right.values().all(|count| *count == EACH), "{right:?}");
}
