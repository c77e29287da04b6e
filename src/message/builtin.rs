//! Test mails that scanners know by agreement, put together at run time.
//!
//! What scanners look for stands here backwards, so that none objects to this file, to the program
//! or to a plan: only the mail itself holds it.

use super::{Attachment, Content, Parts};

/// The EICAR test file (eicar.org), which scanners for viruses find and which does no harm.
const EICAR: &str = r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X";
/// The line for scanners for spam (spamassassin.apache.org/gtube).
const GTUBE: &str = "X43.C*LIAME-TSET-EBU-ITNA-DRADNATS-EBUTG*NENDI2*3NBSN.1NDAQBDJ4C*SJX";

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

    /// What it is composed from.
    pub fn parts(self) -> Parts {
        let (text, attachments) = match self {
            Self::Eicar => {
                let file = Attachment {
                    name: Some("eicar.com".to_owned()),
                    media_type: "application/octet-stream".to_owned(),
                    content: Content::Octets(forwards(EICAR).into_bytes().into()),
                    inline: None,
                };
                ("What is attached is to be taken for a virus.\n".to_owned(), vec![file])
            }
            Self::Gtube => {
                (format!("It is to be taken for spam.\n\n{}\n", forwards(GTUBE)), Vec::new())
            }
        };
        let text = format!("This message belongs to a load test. {text}");
        let subject = self.subject().to_owned();
        Parts { subject, text: Some(text.into()), attachments, ..Parts::default() }
    }
}

fn forwards(text: &str) -> String {
    text.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Composer, Form, Mail, Recipe, Recipients, RunIdentity, Trace};
    use mail_parser::{MessageParser, MimeHeaders as _};
    use sha2::{Digest as _, Sha256};
    use std::sync::Arc;

    /// The mail as a server stores it.
    fn stored(builtin: Builtin) -> Vec<u8> {
        let recipe = Recipe {
            name: "builtin".to_owned(),
            from: "a@load.test".to_owned(),
            to: Recipients::Each(vec!["b@example.test".to_owned()]),
            cc: None,
            bcc: None,
            form: Form::Composed(builtin.parts()),
            size: None,
            classes: Vec::new(),
            trace: Trace::Left,
            dkim: None,
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
