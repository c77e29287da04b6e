//! The header of a mail → whom it goes from and to.

use std::collections::BTreeSet;

use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser};

use crate::message::order::{check_recipient, check_sender};

/// The addresses that a mail names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Addresses {
    /// The sender; empty is the null sender, none where the mail names nobody.
    pub(crate) from: Option<String>,
    /// The recipients, each once; none where the mail names nobody.
    pub(crate) to: Vec<String>,
}

impl Addresses {
    /// Those in Return-Path, else Sender, else From; and in To, Cc and Bcc. What could not stand
    /// in a command is left out.
    pub(super) fn of(raw: &[u8]) -> Self {
        let parser =
            MessageParser::new().with_address_headers().header_text(HeaderName::ReturnPath);
        let Some(mail) = parser.parse_headers(raw).filter(|mail| !mail.parts.is_empty()) else {
            return Self::default();
        };
        let from = return_path(&mail)
            .or_else(|| first(mail.sender()))
            .or_else(|| first(mail.from()))
            .filter(|address| check_sender(address).is_ok());
        let mut known = BTreeSet::new();
        let to = mail.all_to().chain(mail.all_cc()).chain(mail.all_bcc());
        let to = to.flat_map(Address::iter).filter_map(|to| to.address.as_deref());
        let to = to.filter(|address| check_recipient(address).is_ok() && known.insert(*address));
        Self { from, to: to.map(str::to_owned).collect() }
    }

    /// How many octets they have.
    pub(super) fn octets(&self) -> u64 {
        let all = self.to.iter().chain(&self.from);
        all.map(|address| (address.len() + size_of::<String>()) as u64).sum()
    }
}

/// The field's address; `<>` is the null sender.
fn return_path(mail: &Message<'_>) -> Option<String> {
    let HeaderValue::Text(text) = mail.return_path() else { return None };
    let text = text.trim();
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    Some(inner.unwrap_or(text).trim().to_owned())
}

fn first(addresses: Option<&Address<'_>>) -> Option<String> {
    addresses?.first()?.address.as_deref().filter(|address| !address.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(header: &str) -> (Option<String>, String) {
        let Addresses { from, to } = Addresses::of(format!("{header}\n\ntext\n").as_bytes());
        (from, to.join(" "))
    }

    #[test]
    fn the_header_names_sender_and_recipients() {
        let table = [
            ("From: a@b.test\nTo: c@d.test", Some("a@b.test"), "c@d.test"),
            ("From: a@b.test\nSender: s@b.test", Some("s@b.test"), ""),
            ("Return-Path: <r@b.test>\nFrom: a@b.test\nSender: s@b.test", Some("r@b.test"), ""),
            ("Return-Path: <>\nFrom: a@b.test", Some(""), ""),
            (
                "From: \"Doe, Jane\" <a@b.test>\nTo: X <x@d.test>, (no) y@d.test\nCc: Z <z@d.test>\n\
                 Bcc: x@d.test",
                Some("a@b.test"),
                "x@d.test y@d.test z@d.test",
            ),
            ("To: all: x@d.test, y@d.test;", None, "x@d.test y@d.test"),
            (
                "From: =?utf-8?q?J=C3=BC?= <j@b.test>\nTo: undisclosed-recipients:;",
                Some("j@b.test"),
                "",
            ),
            ("Subject: nobody", None, ""),
        ];
        for (header, from, to) in table {
            assert_eq!(of(header), (from.map(str::to_owned), to.to_owned()), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_name_only_what_can_stand_in_a_command(raw: Vec<u8>) {
            let mut mail = b"To: ".to_vec();
            mail.extend_from_slice(&raw);
            for octets in [raw, mail] {
                let Addresses { from, to } = Addresses::of(&octets);
                prop_assert!(from.is_none_or(|from| check_sender(&from).is_ok()));
                prop_assert!(to.iter().all(|to| check_recipient(to).is_ok()));
            }
        }
    }
}
