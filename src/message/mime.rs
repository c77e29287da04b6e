//! Parts of a message → header fields and a text body that every server may be sent.
//!
//! mail-builder encodes and folds; two things it can't do stand here: header fields of a fixed
//! width, and a body behind which lines of filler may be put, which Base64 does not allow.

use std::borrow::Cow;
use std::time::SystemTime;

use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::headers::{Header, HeaderType};
use mail_builder::mime::{BodyPart, MimePart};
use memchr::{memchr_iter, memchr2_iter, memchr3};

use super::mailbox::{self, Mailbox};
use super::wire::Wire;
use super::{Order, RunIdentity};
use crate::smtp::BodyType;

/// The right side of each Message-ID, and of the From of a null sender; reserved by RFC 2606.
const DOMAIN: &str = "mailquake.invalid";

/// Longer words can't be folded to legal lines (RFC 5322 2.1.1), so they are encoded.
const LONGEST_WORD: usize = 900;

/// The longest line that mail-builder leaves alone, without its end.
const LONGEST_PLAIN_LINE: usize = 75;

/// The longest line that RFC 5322 2.1.1 allows, without its end.
const LONGEST_LINE: usize = 998;

/// A body part writes its encoding only behind a header field; this one is then left out.
const LEAD: (&str, &str) = ("MIME-Version", "1.0");
const LEAD_LENGTH: usize = LEAD.0.len() + LEAD.1.len() + 4;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// How a text becomes a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    /// In the shortest encoding: 7bit, 8bit where it may be, quoted-printable or Base64.
    Shortest,
    /// In an encoding that lines of filler may follow: any of these but Base64.
    Paddable,
    /// As it is: the plan gives a Content-Transfer-Encoding itself.
    AsWritten,
}

/// What stands before Date's value.
pub(crate) const DATE: &[u8] = b"Date: ";

/// The text of Date, written anew once a second.
#[derive(Clone, Debug)]
pub(crate) struct DateStamp {
    second: u64,
    text: String,
}

impl DateStamp {
    /// The stamp of a time.
    pub(crate) fn new(now: SystemTime) -> Self {
        let second = seconds(now);
        Self { second, text: fixed_width(second) }
    }

    /// Goes to another time.
    pub(crate) fn set(&mut self, now: SystemTime) {
        if self.second != seconds(now) {
            *self = Self::new(now);
        }
    }

    /// The value of the field.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Appends the header field.
    pub(crate) fn put(&self, wire: &mut Wire) {
        wire.put_header(DATE);
        wire.put_header(self.text.as_bytes());
        wire.put_header(b"\r\n");
    }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// RFC 5322 3.3 allows one digit or two for the day; two keep the width.
fn fixed_width(second: u64) -> String {
    let mut text = Date::from(second).to_rfc822();
    if text.as_bytes().get(6) == Some(&b' ') {
        text.insert(5, '0');
    }
    text
}

/// Octets of a Message-ID before the number's sign for the domain.
const ID_LENGTH: usize = 16 + 1 + 16;

/// What stands before Message-ID's changing part.
pub(crate) const MESSAGE_ID: &[u8] = b"Message-ID: <";

/// The left side of the Message-ID of the message `seq` of a run.
fn message_id(run: RunIdentity, seq: u64) -> [u8; ID_LENGTH] {
    let mut id = [b'.'; ID_LENGTH];
    let (number, rest) = id.split_at_mut(16);
    number.copy_from_slice(&hexadecimal(seq));
    if let Some(of_run) = rest.get_mut(1..) {
        of_run.copy_from_slice(&hexadecimal(run.id));
    }
    id
}

/// Appends the Message-ID of the message `seq` of a run.
pub(crate) fn put_message_id(run: RunIdentity, seq: u64, wire: &mut Wire) {
    wire.put_header(MESSAGE_ID);
    wire.put_header(&message_id(run, seq));
    wire.put_header(b"@");
    wire.put_header(DOMAIN.as_bytes());
    wire.put_header(b">\r\n");
}

/// A number in sixteen hexadecimal digits, as a Message-ID begins with.
pub(crate) fn hexadecimal(number: u64) -> [u8; 16] {
    digits::<16, 16>(number)
}

/// A number in twenty digits.
pub(crate) fn decimal(number: u64) -> [u8; 20] {
    digits::<10, 20>(number)
}

/// A number to a base, with zeros in front.
fn digits<const BASE: u64, const LENGTH: usize>(number: u64) -> [u8; LENGTH] {
    let mut digits = [b'0'; LENGTH];
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        if left == 0 {
            break;
        }
        let place = usize::try_from(left % BASE).unwrap_or_default();
        *digit = HEX.get(place).copied().unwrap_or(b'0');
        left /= BASE;
    }
    digits
}

/// Appends the fields that tell a mail apart in a server's logs and folders, and says where the
/// number stands, which has a fixed width.
pub(crate) fn put_trace(run: RunIdentity, order: &Order<'_>, wire: &mut Wire) -> usize {
    wire.put_header(b"X-Mailquake-Run: ");
    wire.put_header(&hexadecimal(run.id));
    wire.put_header(b"\r\nX-Mailquake-Seq: ");
    let place = wire.len();
    wire.put_header(&decimal(order.seq));
    wire.put_header(b"\r\nX-Mailquake-Phase: ");
    wire.put_header(order.phase.as_bytes());
    wire.put_header(b"\r\nX-Mailquake-Client: ");
    wire.put_header(order.client.as_bytes());
    wire.put_header(b"\r\n");
    place
}

/// Appends the From of an envelope's sender; the null sender's is a daemon's.
pub(crate) fn put_from(address: &str, name: Option<&str>, wire: &mut Wire) {
    if let Some(name) = name {
        let name = Some(Cow::Borrowed(name));
        mailbox::put_mailboxes("From", vec![Mailbox { name, address }], wire);
        return;
    }
    wire.put_header(b"From: <");
    if address.is_empty() {
        wire.put_header(b"MAILER-DAEMON@");
        wire.put_header(DOMAIN.as_bytes());
    } else {
        wire.put_header(address.as_bytes());
    }
    wire.put_header(b">\r\n");
}

/// Appends a field of recipients, such as To, one address on a line.
pub(crate) fn put_addresses(field: &str, addresses: &[String], wire: &mut Wire) {
    wire.put_header(field.as_bytes());
    let mut before: &[u8] = b": <";
    for address in addresses {
        wire.put_header(before);
        wire.put_header(address.as_bytes());
        wire.put_header(b">");
        before = b",\r\n <";
    }
    wire.put_header(b"\r\n");
}

/// Appends the To of a message whose recipients are all hidden (RFC 5322 3.4).
pub(crate) fn put_nobody(wire: &mut Wire) {
    wire.put_header(b"To: undisclosed-recipients:;\r\n");
}

/// Appends a header field, folded, and encoded (RFC 2047) where it has to be.
pub(crate) fn put_field(name: &str, value: &str, wire: &mut Wire) {
    let mut field = Vec::with_capacity(name.len() + value.len() + 16);
    field.extend_from_slice(name.as_bytes());
    field.extend_from_slice(b": ");
    let column = field.len();
    let value = value.trim_matches([' ', '\t']);
    if !value.is_ascii()
        && mailbox::is_address_field(name)
        && let Some(boxes) = mailbox::list(value)
    {
        return mailbox::put_mailboxes(name, boxes, wire);
    }
    // Encoded words are only allowed in some headers, so ASCII is left alone if it can be.
    if value.bytes().all(|octet| octet == b'\t' || (b' '..=b'~').contains(&octet))
        && value.split([' ', '\t']).all(|word| word.len() <= LONGEST_WORD)
    {
        Raw::new(value).write_header(&mut field, column);
    } else {
        Text::new(value).write_header(&mut field, column);
    }
    wire.put_header(&field);
}

/// A whole message without the empty lines before its first header field: tags such as
/// `{% import %}` leave them, and they would end the header before it begins.
pub(crate) fn from_first_field(text: &str) -> &str {
    let rest = text.trim_start_matches(['\r', '\n', ' ', '\t']);
    let is_field_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':')
    };
    let begins_header = rest.split_once(':').is_some_and(|(name, _)| is_field_name(name));
    if begins_header { rest } else { text }
}

/// Whether the text is encoded in another way for servers that take 8 bits.
pub(crate) fn differs_by_body_type(text: &str, coding: Coding) -> bool {
    coding != Coding::AsWritten && is_eight_bit_text(&canonical(text))
}

/// Appends the Content-Transfer-Encoding, the blank line and the text.
pub(crate) fn put_body(text: &str, coding: Coding, body: BodyType, wire: &mut Wire) {
    if coding == Coding::Shortest && needs_no_encoding(text) {
        wire.put_header(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
        wire.put_lines(text.as_bytes());
        return;
    }
    put_encoded(text, coding, body, wire);
}

/// Whether mail-builder would send a text as it is. Most are so, and need not be copied for that.
fn needs_no_encoding(text: &str) -> bool {
    let octets = text.as_bytes();
    if !octets.is_ascii() || memchr3(0, b'\r', 0x7f, octets).is_some() {
        return false;
    }
    let mut begin = 0;
    let is_short = |begin: usize, end: usize| {
        let is_behind_space = end > 0 && matches!(octets.get(end - 1), Some(b' ' | b'\t'));
        end - begin <= LONGEST_PLAIN_LINE && !is_behind_space
    };
    for end in memchr_iter(b'\n', octets) {
        if !is_short(begin, end) {
            return false;
        }
        begin = end + 1;
    }
    is_short(begin, octets.len())
}

fn put_encoded(text: &str, coding: Coding, body: BodyType, wire: &mut Wire) {
    let text = canonical(text);
    let mut part = Vec::with_capacity(text.len() + text.len() / 32 + 128);
    match coding {
        Coding::AsWritten => {
            part.extend_from_slice(b"\r\n");
            part.extend_from_slice(text.as_bytes());
        }
        Coding::Shortest | Coding::Paddable
            if body == BodyType::EightBitMime && is_eight_bit_text(&text) =>
        {
            part.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
            part.extend_from_slice(text.as_bytes());
        }
        // The empty line gives a single octet of filler a place.
        Coding::Paddable if text.is_empty() => put_paddable("\r\n", &mut part),
        Coding::Paddable => put_paddable(&text, &mut part),
        // mail-builder would send a NUL as 7bit, which RFC 2045 2.7 forbids.
        Coding::Shortest if text.contains('\0') => put_paddable(&text, &mut part),
        Coding::Shortest => {
            put_shortest(&text, &mut part);
            part.drain(..LEAD_LENGTH.min(part.len()));
        }
    }
    wire.put_lines(&part);
}

/// The text with CRLF alone as line end (RFC 2046 4.1.1).
fn canonical(text: &str) -> Cow<'_, str> {
    let is_line_end = |at: usize| match text.as_bytes().get(at) {
        Some(b'\r') => text.as_bytes().get(at + 1) == Some(&b'\n'),
        Some(_) | None => false,
    };
    let mut ends = memchr2_iter(b'\r', b'\n', text.as_bytes()).peekable();
    let mut whole = String::new();
    let mut done = 0;
    while let Some(end) = ends.next() {
        let length = if is_line_end(end) { ends.next().map_or(1, |_| 2) } else { 1 };
        if length == 2 {
            continue;
        }
        // Room for a line end that is longer by one in each line of usual length.
        whole.reserve(text.len() - done + text.len() / 32 + 2);
        whole.push_str(text.get(done..end).unwrap_or_default());
        whole.push_str("\r\n");
        done = end + 1;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    whole.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(whole)
}

fn put_shortest(text: &str, part: &mut Vec<u8>) {
    let lead = (Cow::Borrowed(LEAD.0), HeaderType::Raw(Raw::new(LEAD.1)));
    let contents = BodyPart::Text(Cow::Borrowed(text));
    MimePart { headers: vec![lead], contents }.write_part(part);
}

/// Whether a text is beyond ASCII and may go as it is where 8 bits may (RFC 2045 2.8).
fn is_eight_bit_text(text: &str) -> bool {
    !text.is_ascii()
        && !text.contains('\0')
        && text.split("\r\n").all(|line| line.len() <= LONGEST_LINE)
}

fn put_paddable(text: &str, part: &mut Vec<u8>) {
    if text.split("\r\n").all(is_seven_bit_line) {
        part.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
        part.extend_from_slice(text.as_bytes());
        return;
    }
    part.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    let body = text.strip_suffix("\r\n").unwrap_or(text);
    for line in body.split("\r\n") {
        put_quoted_line(line.as_bytes(), part);
    }
}

fn is_seven_bit_line(line: &str) -> bool {
    let is_plain = |octet: u8| octet == b'\t' || (b' '..=b'~').contains(&octet);
    line.len() <= 76 && line.bytes().all(is_plain) && !line.ends_with([' ', '\t'])
}

/// One line in quoted-printable (RFC 2045 6.7), with its line end.
fn put_quoted_line(line: &[u8], part: &mut Vec<u8>) {
    let mut column = 0;
    for (at, octet) in line.iter().enumerate() {
        let ends_line = at + 1 == line.len();
        let literal = match octet {
            b' ' | b'\t' => !ends_line,
            b'=' => false,
            octet => octet.is_ascii_graphic(),
        };
        let width = if literal { 1 } else { 3 };
        if column + width > 75 {
            part.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if literal {
            part.push(*octet);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            let (high, low) = (digit(octet >> 4), digit(octet & 15));
            part.extend([b'=', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
        column += width;
    }
    part.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn put(write: impl FnOnce(&mut Wire)) -> String {
        let mut wire = Wire::default();
        write(&mut wire);
        String::from_utf8(wire.into_octets()).unwrap()
    }

    #[test]
    fn date_has_a_fixed_width() {
        for (second, expected) in [
            (0, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"),
            (1_795_476_599, "Date: Mon, 23 Nov 2026 23:29:59 +0000\r\n"),
        ] {
            let mut stamp = DateStamp::new(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
            stamp.set(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
            assert_eq!(put(|wire| stamp.put(wire)), expected);
        }
    }

    #[test]
    fn message_id_has_a_fixed_width_and_holds_run_and_number() {
        let run = RunIdentity { id: 0xabc, seed: 0 };

        assert_eq!(
            put(|wire| put_message_id(run, 31, wire)),
            "Message-ID: <000000000000001f.0000000000000abc@mailquake.invalid>\r\n"
        );
        let other = RunIdentity { id: u64::MAX, seed: 0 };
        assert_eq!(
            put(|wire| put_message_id(run, 31, wire)).len(),
            put(|wire| put_message_id(other, u64::MAX, wire)).len()
        );
    }

    #[test]
    fn the_null_sender_has_a_from() {
        assert_eq!(
            put(|wire| put_from("", None, wire)),
            "From: <MAILER-DAEMON@mailquake.invalid>\r\n"
        );
    }

    #[test]
    fn long_ascii_headers_are_folded_and_not_encoded() {
        let value = "<https://example.test/unsubscribe?id=1234567890>, ".repeat(4);

        let field = put(|wire| put_field("List-Unsubscribe", &value, wire));

        assert!(field.lines().count() > 2 && !field.contains("=?"), "{field}");
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    }

    #[test]
    fn a_word_too_long_to_be_folded_is_encoded() {
        let field = put(|wire| put_field("Subject", &"x".repeat(2000), wire));

        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    }

    #[test]
    fn quoted_lines_are_short_and_end_in_no_space() {
        let body = put(|wire| {
            put_body(&"Größe =  ".repeat(40), Coding::Paddable, BodyType::SevenBit, wire);
        });

        assert!(body.contains("quoted-printable"));
        assert!(body.lines().all(|line| line.len() <= 76 && !line.ends_with(' ')), "{body}");
    }

    #[test]
    fn a_message_begins_with_its_first_field() {
        for (text, expected) in [
            ("\n\r\n \nSubject: x\n\ny\n", "Subject: x\n\ny\n"),
            ("Subject: x\n", "Subject: x\n"),
            ("\nno header: it is all body\n", "\nno header: it is all body\n"),
            ("\n\n", "\n\n"),
            ("", ""),
        ] {
            assert_eq!(from_first_field(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_text_that_needs_no_encoding_is_written_as_if_it_were_encoded(
            text in "(a{0,3}|[a-c .\\t\\r\\n]{0,4}|b{70,80}|\\x7f|\\x00|é|\\n\\.|= |\\n){0,6}",
        ) {
            for body in [BodyType::SevenBit, BodyType::EightBitMime] {
                let short = put(|wire| put_body(&text, Coding::Shortest, body, wire));
                let long = put(|wire| put_encoded(&text, Coding::Shortest, body, wire));
                proptest::prop_assert_eq!(short, long);
            }
        }
    }

    #[test]
    fn an_ordinary_text_needs_no_encoding() {
        for (text, expected) in [
            ("", true),
            ("Hello,\n.\nbye\n", true),
            ("space \n", false),
            (" ", false),
            ("\u{7f}", false),
            ("a\r\n", false),
            ("ü", false),
        ] {
            assert_eq!(needs_no_encoding(text), expected, "{text:?}");
        }
        assert!(needs_no_encoding(&"x".repeat(75)) && !needs_no_encoding(&"x".repeat(76)));
    }
}
