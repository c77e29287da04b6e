//! Test mails that scanners know by agreement, put together at run time.
//!
//! What scanners look for stands here backwards, so that none objects to this file, to the program
//! or to a plan: only the mail itself holds it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The EICAR test file (eicar.org), which scanners for viruses find and which does no harm.
const EICAR: &str = r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X";
/// The line for scanners for spam (spamassassin.apache.org/gtube).
const GTUBE: &str = "X43.C*LIAME-TSET-EBU-ITNA-DRADNATS-EBUTG*NENDI2*3NBSN.1NDAQBDJ4C*SJX";

/// What divides the parts of the mail with the test file.
const BOUNDARY: &str = "=_mailquake_eicar";

/// A mail that scanners object to by agreement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Builtin {
    /// The EICAR test file, attached as `eicar.com`.
    Eicar,
    /// The GTUBE line, in the text.
    Gtube,
}

impl Builtin {
    /// Its Subject, unless a plan has another.
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Eicar => "EICAR anti-virus test file",
            Self::Gtube => "GTUBE anti-spam test",
        }
    }

    /// The header fields that its text needs.
    pub fn headers(self) -> Vec<(String, String)> {
        match self {
            Self::Eicar => vec![
                ("Content-Type".to_owned(), format!("multipart/mixed; boundary=\"{BOUNDARY}\"")),
                ("Content-Transfer-Encoding".to_owned(), "7bit".to_owned()),
            ],
            Self::Gtube => Vec::new(),
        }
    }

    /// Its text.
    pub fn text(self) -> String {
        match self {
            Self::Eicar => with_test_file(),
            Self::Gtube => {
                let line = forwards(GTUBE);
                format!(
                    "This message belongs to a load test. It is to be taken for spam.\n\n{line}\n"
                )
            }
        }
    }
}

fn with_test_file() -> String {
    let file = STANDARD.encode(forwards(EICAR));
    format!(
        "--{BOUNDARY}\n\
         Content-Type: text/plain; charset=us-ascii\n\
         \n\
         This message belongs to a load test. What is attached is to be taken for a virus.\n\
         \n\
         --{BOUNDARY}\n\
         Content-Type: application/octet-stream; name=\"eicar.com\"\n\
         Content-Disposition: attachment; filename=\"eicar.com\"\n\
         Content-Transfer-Encoding: base64\n\
         \n\
         {}\n\
         --{BOUNDARY}--\n",
        in_lines(&file)
    )
}

/// RFC 2045 6.8: at most 76 characters to a line.
fn in_lines(base64: &str) -> String {
    let lines = base64.as_bytes().chunks(76).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

fn forwards(text: &str) -> String {
    text.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Composer, Form, Mail, Recipe, Recipients, RunIdentity};
    use mail_parser::{MessageParser, MimeHeaders as _};
    use sha2::{Digest as _, Sha256};
    use std::sync::Arc;

    /// The mail as a server stores it.
    fn stored(builtin: Builtin) -> Vec<u8> {
        let recipe = Recipe {
            name: "builtin".to_owned(),
            from: "a@load.test".to_owned(),
            to: Recipients::Each(vec!["b@example.test".to_owned()]),
            form: Form::Composed {
                subject: builtin.subject().to_owned(),
                headers: builtin.headers(),
                text: builtin.text().into(),
            },
            size: None,
            expect: crate::smtp::Expectations::default(),
            library: Arc::default(),
        };
        let run = RunIdentity { id: 0, seed: 0 };
        let mut composer = Composer::new(&[recipe], &[], run).unwrap();
        let (mut mail, mut text) = (Mail::default(), Vec::new());
        let order = crate::message::check::sample_order();
        composer.compose(&order, &mut mail).unwrap();
        mail.put_chunk(&mut text);
        text
    }

    #[test]
    fn the_test_file_is_attached() {
        let mail = stored(Builtin::Eicar);
        let mail = MessageParser::default().parse(&mail).unwrap();

        let file = mail.attachment(0).unwrap();
        assert_eq!(file.attachment_name(), Some("eicar.com"));
        assert_eq!(file.contents(), forwards(EICAR).as_bytes());
        assert_eq!((mail.attachment_count(), mail.text_body_count()), (1, 1));
        assert!(mail.body_text(0).unwrap().starts_with("This message belongs to a load test."));
        assert!(mail.date().is_some() && mail.message_id().is_some());
    }

    #[test]
    fn the_line_for_spam_filters_stands_in_a_line_of_its_own() {
        let mail = stored(Builtin::Gtube);
        let mail = MessageParser::default().parse(&mail).unwrap();

        assert!(mail.body_text(0).unwrap().lines().any(|line| line == forwards(GTUBE)));
        assert_eq!(mail.subject(), Some("GTUBE anti-spam test"));
    }

    /// The digests that their publishers' texts have.
    #[test]
    fn the_texts_are_those_that_scanners_look_for() {
        for (text, digest) in [
            (EICAR, "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"),
            (GTUBE, "4418994365912e23b756ec7f14960f1a89230e44e6acb74de055db7c092f8b9c"),
        ] {
            let octets = Sha256::digest(forwards(text).as_bytes());
            let hex: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            assert_eq!(hex.concat(), digest);
        }
    }
}
