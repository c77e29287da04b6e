//! What is attached to a message: the octets of a file, or made-up ones.

use std::borrow::Cow;
use std::sync::Arc;

use super::wire::Wire;
use crate::draw::{Draw, Purpose};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::{BodyPart, MimePart};

/// Types by the endings of names; others are `application/octet-stream`.
const TYPES: [(&str, &str); 28] = [
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eml", "message/rfc822"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("webp", "image/webp"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// The longest line that RFC 5322 2.1.1 allows, without its end.
const LONGEST_LINE: usize = 998;

/// Something that goes along with a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// The file name that the receiver is shown.
    pub name: Option<String>,
    /// The media type, as `application/pdf`.
    pub media_type: String,
    /// What it holds.
    pub content: Content,
    /// The Content-ID that the HTML text names it by (`cid:ID`), for an image that is shown in it;
    /// none: it is attached.
    pub inline: Option<String>,
}

/// What an attachment holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// These octets.
    Octets(Arc<[u8]>),
    /// So many made-up octets, which compress as little as a packed file's.
    Generated(u64),
}

/// The media type that a file's name suggests.
pub fn media_type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let known = TYPES.iter().find(|(known, _)| Some(*known) == ending.as_deref());
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Whether a text is a media type as Content-Type has it, without parameters (RFC 2045 5.1).
pub fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&octet);
        (1..=127).contains(&part.len()) && part.bytes().all(legal)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

impl Attachment {
    /// Appends the part with its header, which is the same in each message; `draw` is that of
    /// made-up octets.
    pub(crate) fn put(&self, draw: Draw, wire: &mut Wire) {
        let made;
        let octets: &[u8] = match &self.content {
            Content::Octets(octets) => octets,
            Content::Generated(size) => {
                made = generated(draw, *size);
                &made
            }
        };
        let mut kind = ContentType::new(self.media_type.as_str());
        if let Some(name) = &self.name {
            kind = kind.attribute("name", name.as_str());
        }
        let (encoding, body) = match identity(&self.media_type, octets) {
            Some(encoding) => (encoding, Cow::Borrowed(octets)),
            None => ("base64", Cow::Owned(in_lines(octets))),
        };
        let mut part = MimePart::new(kind, BodyPart::Binary(body));
        part = match (&self.inline, &self.name) {
            (Some(id), _) => part.inline().cid(id.as_str()),
            (None, Some(name)) => part.attachment(name.as_str()),
            (None, None) => part.header("Content-Disposition", ContentType::new("attachment")),
        };
        part = part.transfer_encoding(encoding);
        let mut written = Vec::with_capacity(octets.len() + octets.len() / 2 + 256);
        part.write_part(&mut written);
        wire.put_lines(&written);
    }
}

/// The encoding of a message or of parts of it, which may have no other (RFC 2046 5.2.1).
fn identity(media_type: &str, octets: &[u8]) -> Option<&'static str> {
    let is_composite = media_type.starts_with("message/") || media_type.starts_with("multipart/");
    let fits = octets.split(|octet| *octet == b'\n').all(|line| line.len() <= LONGEST_LINE + 1);
    match (is_composite && fits, octets.is_ascii()) {
        (false, _) => None,
        (true, true) => Some("7bit"),
        (true, false) => Some("8bit"),
    }
}

/// Base64 in lines of 76 (RFC 2045 6.8), for texts too: a file has the line ends and the end that it
/// has, which quoted-printable would not keep.
fn in_lines(octets: &[u8]) -> Vec<u8> {
    let encoded = BASE64_STANDARD.encode(octets);
    let mut lines = Vec::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    for line in encoded.as_bytes().chunks(76) {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

fn generated(draw: Draw, size: u64) -> Vec<u8> {
    let draw = draw.of(Purpose::Attachment);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let words = (0..).map(|n| draw.at(n).bits().to_be_bytes());
    words.flatten().take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders};

    fn put(attachment: &Attachment) -> String {
        let mut wire = Wire::default();
        attachment.put(Draw::new(1), &mut wire);
        String::from_utf8(wire.into_octets()).unwrap()
    }

    #[test]
    fn the_type_follows_the_ending_of_the_name() {
        for (name, expected) in [
            ("a.pdf", "application/pdf"),
            ("A.PNG", "image/png"),
            ("a.tar.gz", "application/gzip"),
            ("pdf", "application/octet-stream"),
            ("a.", "application/octet-stream"),
        ] {
            assert_eq!(media_type_of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_media_type_has_two_tokens() {
        assert!(is_media_type("application/vnd.ms-excel+zip"));
        for text in ["", "text", "text/", "/plain", "text/plain; charset=utf-8", "a/b/c", "ü/x"] {
            assert!(!is_media_type(text), "{text:?}");
        }
    }

    #[test]
    fn made_up_octets_have_the_size_and_are_always_the_same() {
        let attachment = Attachment {
            name: Some("größe.pdf".into()),
            media_type: "application/pdf".into(),
            content: Content::Generated(1000),
            inline: None,
        };

        let part = put(&attachment);

        assert_eq!(part, put(&attachment));
        let parsed = MessageParser::new().parse(part.as_bytes()).unwrap();
        assert_eq!(parsed.attachment_name(), Some("größe.pdf"));
        assert_eq!(parsed.parts[0].contents().len(), 1000);
        assert!(part.is_ascii() && part.lines().all(|line| line.len() <= 78), "{part}");
    }

    #[test]
    fn a_text_is_attached_with_its_own_line_ends() {
        for text in ["", "ä\n", "one\ntwo", "one\r\ntwo\n\n", "a long text\n".repeat(99).as_str()]
        {
            let attachment = Attachment {
                name: Some("a.txt".into()),
                media_type: "text/plain".into(),
                content: Content::Octets(Arc::from(text.as_bytes())),
                inline: None,
            };

            let part = put(&attachment);

            let parsed = MessageParser::new().parse(part.as_bytes()).unwrap();
            assert_eq!(parsed.parts[0].contents(), text.as_bytes(), "{part}");
            assert!(part.lines().all(|line| line.len() <= 78), "{part}");
        }
    }

    #[test]
    fn a_message_is_attached_as_it_is() {
        let attachment = Attachment {
            name: None,
            media_type: "message/rfc822".into(),
            content: Content::Octets(Arc::from(&b"Subject: inner\r\n\r\n.dot\r\n"[..])),
            inline: None,
        };

        let part = put(&attachment);

        assert!(part.contains("Content-Transfer-Encoding: 7bit\r\n"), "{part}");
        assert!(part.ends_with("\r\n\r\nSubject: inner\r\n\r\n..dot\r\n"), "{part}");
    }
}
