//! `Name <address>` as a plan or a template says it → its parts, and header fields of them.
//!
//! The envelope takes the address, the header the whole mailbox with its name encoded
//! (RFC 5322 3.4, RFC 2047). mail-builder encodes and folds.

use std::borrow::Cow;

use mail_builder::headers::Header;
use mail_builder::headers::address::Address;

use super::AddressError;
use super::wire::Wire;

/// The header fields that hold mailboxes (RFC 5322 3.6.2, 3.6.3, 3.6.6).
const ADDRESS_FIELDS: [&str; 9] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-To",
    "Disposition-Notification-To",
];

/// An address and the name that is shown for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mailbox<'a> {
    /// The name, without quotation marks; none where there is none.
    pub(crate) name: Option<Cow<'a, str>>,
    /// The address, without angle brackets; whether it is one is for others to check.
    pub(crate) address: &'a str,
}

impl<'a> Mailbox<'a> {
    /// Takes a text apart; what has no angle brackets at its end is an address by itself.
    pub(crate) fn of(text: &'a str) -> Self {
        let parts = text.trim_end().strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        let Some((name, address)) = parts else { return Self { name: None, address: text } };
        let name = name.trim();
        Self { name: (!name.is_empty()).then(|| unquoted(name)), address }
    }

    /// Checks the address in one way, and that the name begins no other header field.
    pub(crate) fn check(
        &self,
        check: fn(&str) -> Result<(), AddressError>,
    ) -> Result<(), AddressError> {
        if self.name.as_ref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(AddressError::Name);
        }
        check(self.address)
    }
}

/// The name inside quotation marks (RFC 5322 3.2.4).
fn unquoted(name: &str) -> Cow<'_, str> {
    let inside = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let Some(inside) = inside else { return Cow::Borrowed(name) };
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = String::with_capacity(inside.len());
    let mut quoted = false;
    for letter in inside.chars() {
        quoted = letter == '\\' && !quoted;
        if !quoted {
            text.push(letter);
        }
    }
    Cow::Owned(text)
}

/// Whether a header field of this name holds mailboxes.
pub(crate) fn is_address_field(name: &str) -> bool {
    ADDRESS_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// The mailboxes of a list with commas; none where something in it has no address.
pub(crate) fn list(text: &str) -> Option<Vec<Mailbox<'_>>> {
    let mut quoted = false;
    let mut bracketed = false;
    let mut escaped = false;
    let items = text.split(|letter| {
        let is_escaped = std::mem::take(&mut escaped);
        match letter {
            '\\' if quoted && !is_escaped => escaped = true,
            '"' if !is_escaped => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        letter == ',' && !quoted && !bracketed
    });
    let boxes: Vec<Mailbox<'_>> = items.map(|item| Mailbox::of(item.trim())).collect();
    let is_address = |address: &str| address.contains('@') && !address.contains([' ', ',', ';']);
    boxes.iter().all(|mailbox| is_address(mailbox.address)).then_some(boxes)
}

/// Appends a header field of mailboxes, folded and encoded.
pub(crate) fn put_mailboxes(name: &str, boxes: Vec<Mailbox<'_>>, wire: &mut Wire) {
    let mut field = Vec::with_capacity(64 * boxes.len() + name.len());
    field.extend_from_slice(name.as_bytes());
    field.extend_from_slice(b": ");
    let column = field.len();
    let addresses = boxes
        .into_iter()
        .map(|Mailbox { name, address }| Address::new_address(name, Cow::Borrowed(address)));
    Address::new_list(addresses.collect()).write_header(&mut field, column);
    wire.put_header(&field);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox<'a>(name: Option<&'a str>, address: &'a str) -> Mailbox<'a> {
        Mailbox { name: name.map(Cow::Borrowed), address }
    }

    #[test]
    fn a_mailbox_is_an_address_or_a_name_with_one() {
        for (text, expected) in [
            ("a@b.test", mailbox(None, "a@b.test")),
            ("<a@b.test>", mailbox(None, "a@b.test")),
            ("", mailbox(None, "")),
            ("<>", mailbox(None, "")),
            ("Ada <a@b.test>", mailbox(Some("Ada"), "a@b.test")),
            ("\"Lovelace, Ada\" <a@b.test> ", mailbox(Some("Lovelace, Ada"), "a@b.test")),
            (r#""A \"B\" \\" <a@b.test>"#, mailbox(Some(r#"A "B" \"#), "a@b.test")),
            ("Größe<a@b.test>", mailbox(Some("Größe"), "a@b.test")),
            ("a b", mailbox(None, "a b")),
        ] {
            assert_eq!(Mailbox::of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_list_is_divided_at_commas_that_stand_by_themselves() {
        let boxes = list(r#"a@b.test, "Lovelace, Ada" <c@d.test>,Ü <e@f.test>"#).unwrap();

        assert_eq!(
            boxes,
            [
                mailbox(None, "a@b.test"),
                mailbox(Some("Lovelace, Ada"), "c@d.test"),
                mailbox(Some("Ü"), "e@f.test"),
            ]
        );
        for text in ["", "undisclosed-recipients:;", "a@b.test,", "Ada", "a@b.test; c@d.test"] {
            assert_eq!(list(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_encoded_and_quoted_as_they_need() {
        let mut wire = Wire::default();
        let boxes = list(r#"Größe <a@b.test>, "Lovelace, Ada" <c@d.test>, e@f.test"#).unwrap();

        put_mailboxes("To", boxes, &mut wire);

        let text = String::from_utf8(wire.into_octets()).unwrap();
        assert!(text.is_ascii(), "{text}");
        let mail = format!("{text}\r\nx\r\n");
        let parsed = mail_parser::MessageParser::new().parse(mail.as_bytes()).unwrap();
        let to: Vec<_> = parsed.to().unwrap().iter().map(|to| (to.name(), to.address())).collect();
        assert_eq!(
            to,
            [
                (Some("Größe"), Some("a@b.test")),
                (Some("Lovelace, Ada"), Some("c@d.test")),
                (None, Some("e@f.test")),
            ]
        );
    }
}
