//! Texts and attachments → a tree of MIME entities → its pieces, in order.
//!
//! The tree is that of ordinary mail programs: what is attached stands beside the text
//! (multipart/mixed), the HTML text is an alternative to the plain one (multipart/alternative),
//! and has the images that it shows beside it (multipart/related; RFC 2046 5.1, RFC 2387).

use super::Parts;
use super::attachment::Attachment;
use super::layout::{Piece, Pieces, site};
use super::mime::{self, Coding};
use super::template::{Snippet, TemplateError, Templates};
use super::wire::Wire;
use crate::draw::Draw;

/// What is sent, as MIME divides it.
pub(super) enum Entity<'a> {
    /// A text of this subtype.
    Text { subtype: &'static str, text: Snippet, site: u64 },
    /// An attachment, with the number that its made-up octets are drawn by.
    Attachment(&'a Attachment, u64),
    /// Several, as this subtype of multipart.
    Several(&'static str, Vec<Self>),
}

impl<'a> Entity<'a> {
    /// The tree of a message.
    pub(super) fn of(parts: &'a Parts, templates: &mut Templates) -> Result<Self, TemplateError> {
        let attachments =
            || (0..).zip(&parts.attachments).map(|(n, part)| Self::Attachment(part, n));
        let (inline, attached): (Vec<Self>, Vec<Self>) = attachments()
            .partition(|part| matches!(part, Self::Attachment(part, _) if part.inline.is_some()));
        let text = parts.text.as_ref().map(|text| templates.add_template(text)).transpose()?;
        let html = parts.html.as_ref().map(|html| templates.add_template(html)).transpose()?;
        let text = text.map(|text| Self::Text { subtype: "plain", text, site: site::TEXT });
        let html = html.map(|text| Self::Text { subtype: "html", text, site: site::HTML });
        let html = html.map(|html| Self::beside("related", html, inline));
        let body = match (text, html) {
            (Some(text), Some(html)) => Self::Several("alternative", vec![text, html]),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return Err(TemplateError::whole("a message needs a text")),
        };
        Ok(Self::beside("mixed", body, attached))
    }

    /// Whether it goes in 8 bits where the server takes them.
    fn may_be_eight_bit(&self, coding: Coding) -> bool {
        match self {
            Self::Text { text, .. } => {
                text.plain().is_none_or(|text| mime::differs_by_body_type(text, coding))
            }
            Self::Attachment(..) => false,
            Self::Several(_, entities) => {
                entities.iter().any(|entity| entity.may_be_eight_bit(coding))
            }
        }
    }

    fn beside(subtype: &'static str, first: Self, others: Vec<Self>) -> Self {
        if others.is_empty() {
            return first;
        }
        let mut all = vec![first];
        all.extend(others);
        Self::Several(subtype, all)
    }
}

/// Writes a tree.
pub(super) struct Writer<'a> {
    /// Where to.
    pub(super) pieces: &'a mut Pieces,
    /// How texts are encoded.
    pub(super) coding: Coding,
    /// What made-up octets come from.
    pub(super) draw: Draw,
    /// Whether the plan gives the Content-Type itself.
    pub(super) has_type: bool,
    /// Whether the place of the filler is still to come: behind the first text.
    pub(super) filler: bool,
    /// How many boundaries there are so far.
    pub(super) boundaries: u32,
}

impl Writer<'_> {
    /// Writes an entity: its Content-Type, its encoding and what it holds.
    pub(super) fn put(&mut self, entity: Entity<'_>) {
        match entity {
            Entity::Text { subtype, text, site } => {
                if !std::mem::take(&mut self.has_type) {
                    let media_type = format!("text/{subtype}; charset=utf-8");
                    mime::put_field("Content-Type", &media_type, &mut self.pieces.fixed);
                }
                self.pieces.body(text, self.coding, site);
                if std::mem::take(&mut self.filler) {
                    self.pieces.push(Piece::Filler);
                }
            }
            Entity::Attachment(attachment, n) => {
                attachment.put(self.draw.at(n), &mut self.pieces.fixed);
            }
            Entity::Several(subtype, entities) => self.put_several(subtype, entities),
        }
    }

    fn put_several(&mut self, subtype: &str, entities: Vec<Entity<'_>>) {
        self.boundaries += 1;
        // Neither quoted-printable nor Base64 has `=_` (RFC 2045 6.7), and the number tells it
        // apart from those inside.
        let boundary = format!("=_{:016x}_{}", self.draw.bits(), self.boundaries);
        let eight_bit = entities.iter().any(|entity| entity.may_be_eight_bit(self.coding));
        let fixed = &mut self.pieces.fixed;
        fixed.put_header(
            format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n")
                .as_bytes(),
        );
        if eight_bit {
            // What holds 8 bits says so itself (RFC 2045 6.4).
            let mut eight = Wire::default();
            eight.put_header(b"Content-Transfer-Encoding: 8bit\r\n");
            self.pieces.push(Piece::Either { seven: Wire::default(), eight });
        }
        self.pieces.fixed.put_header(b"\r\n");
        for entity in entities {
            // The line end before a boundary is the boundary's (RFC 2046 5.1.1), so that the
            // part's own last one stays.
            self.pieces.fixed.put_header(format!("\r\n--{boundary}\r\n").as_bytes());
            self.put(entity);
        }
        self.pieces.fixed.put_header(format!("\r\n--{boundary}--\r\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use mail_parser::{Message, MessageParser, MimeHeaders};

    use super::super::check::sample_order;
    use super::super::{
        Composer, Content, Form, Mail, Order, Recipe, Recipients, RunIdentity, SizeSpec, Trace,
    };
    use super::*;
    use crate::smtp::{BodyType, Expectations};

    const RUN: RunIdentity = RunIdentity { id: 0xbeef, seed: 1 };

    fn recipe(parts: Parts) -> Recipe {
        Recipe {
            name: "letter".into(),
            from: "The Shop <shop@load.test>".into(),
            to: Recipients::Each(vec!["Größe <a@b.test>".into(), "c@d.test".into()]),
            cc: Some(Recipients::Each(vec!["Copy <e@f.test>".into()])),
            bcc: Some(Recipients::Each(vec!["hidden@g.test".into()])),
            form: Form::Composed(parts),
            size: None,
            classes: Vec::new(),
            trace: Trace::Shown,
            dkim: None,
            expect: Expectations::default(),
            library: Arc::default(),
        }
    }

    fn file(name: &str, octets: &[u8], inline: Option<&str>) -> Attachment {
        Attachment {
            name: Some(name.into()),
            media_type: super::super::media_type_of(name).into(),
            content: Content::Octets(octets.into()),
            inline: inline.map(str::to_owned),
        }
    }

    fn whole() -> Parts {
        Parts {
            subject: "Größe {{ seq }}".into(),
            headers: vec![("Reply-To".into(), "Ä <reply@load.test>, b@load.test".into())],
            text: Some("Grüße {{ seq }}\n.\n".into()),
            html: Some("<p>Grüße {{ seq }} <img src=\"cid:logo\"></p>\n".into()),
            attachments: vec![
                file("logo.png", b"\x89PNG\r\n\x1a\n", Some("logo")),
                file("größe.pdf", b"%PDF-1.4 \0\xff", None),
            ],
        }
    }

    fn order(seq: u64, body: BodyType) -> Order<'static> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_476_599 + seq);
        Order { draw: Draw::new(9).at(seq), seq, body, now, ..sample_order() }
    }

    fn composed(recipe: &Recipe, seq: u64, body: BodyType) -> Mail {
        let mut composer = Composer::new(std::slice::from_ref(recipe), &[], RUN).unwrap();
        let mut mail = Mail::default();
        composer.compose(&order(seq, body), &mut mail).unwrap();
        mail
    }

    fn stored(mail: &Mail) -> Vec<u8> {
        let mut stored = Vec::new();
        mail.put_chunk(&mut stored);
        stored
    }

    fn parse(stored: &[u8]) -> Message<'_> {
        MessageParser::new().parse(stored).unwrap()
    }

    fn types(message: &Message<'_>) -> Vec<String> {
        let kinds = message.parts.iter().filter_map(|part| part.content_type());
        kinds.map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or(""))).collect()
    }

    #[test]
    fn texts_images_and_attachments_are_divided_as_mail_programs_do() {
        for body in [BodyType::SevenBit, BodyType::EightBitMime] {
            let mail = composed(&recipe(whole()), 7, body);

            let stored = stored(&mail);
            let message = parse(&stored);
            assert_eq!(
                types(&message),
                [
                    "multipart/mixed",
                    "multipart/alternative",
                    "text/plain",
                    "multipart/related",
                    "text/html",
                    "image/png",
                    "application/pdf"
                ]
            );
            assert_eq!(message.subject(), Some("Größe 7"));
            assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), "Grüße 7\n.\n");
            let html = message.body_html(0).unwrap();
            assert_eq!(html.trim_end(), "<p>Grüße 7 <img src=\"cid:logo\"></p>");
            assert_eq!(message.parts[5].content_id(), Some("logo"));
            assert_eq!(message.parts[5].contents(), b"\x89PNG\r\n\x1a\n");
            assert_eq!(message.parts[6].attachment_name(), Some("größe.pdf"));
            assert_eq!(message.parts[6].contents(), b"%PDF-1.4 \0\xff");
            assert!(!message.parts.iter().any(|part| part.is_encoding_problem));
            assert_eq!(mail.eight_bit, body == BodyType::EightBitMime);
            let labels = String::from_utf8_lossy(&stored).matches("Encoding: 8bit").count();
            assert_eq!(labels, if mail.eight_bit { 5 } else { 0 }, "three multiparts, two texts");
        }
    }

    #[test]
    fn a_text_beyond_ascii_goes_as_it_is_where_the_server_takes_it() {
        let parts = Parts { text: Some("Grüße\n".into()), ..Parts::default() };
        let recipe = recipe(parts);

        let eight = composed(&recipe, 0, BodyType::EightBitMime);
        let seven = composed(&recipe, 0, BodyType::SevenBit);

        let [eight, seven] = [eight, seven].map(|mail| String::from_utf8(stored(&mail)).unwrap());
        assert!(eight.contains("Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"), "{eight}");
        assert!(seven.is_ascii() && !seven.contains("8bit"), "{seven}");
        assert_eq!(parse(seven.as_bytes()).body_text(0).unwrap().trim_end(), "Grüße");
    }

    #[test]
    fn the_envelope_has_all_recipients_and_the_header_those_that_may_be_seen() {
        let mail = composed(&recipe(whole()), 0, BodyType::SevenBit);

        assert_eq!(mail.from, "shop@load.test");
        assert_eq!(mail.to, ["a@b.test", "c@d.test", "e@f.test", "hidden@g.test"]);
        let stored = stored(&mail);
        let message = parse(&stored);
        let boxes = |address: Option<&mail_parser::Address<'_>>| {
            let boxes = address.unwrap().iter();
            boxes
                .map(|one| format!("{:?} {}", one.name(), one.address().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(boxes(message.from()), ["Some(\"The Shop\") shop@load.test"]);
        assert_eq!(boxes(message.to()), ["Some(\"Größe\") a@b.test", "None c@d.test"]);
        assert_eq!(boxes(message.cc()), ["Some(\"Copy\") e@f.test"]);
        assert_eq!(boxes(message.reply_to()), ["Some(\"Ä\") reply@load.test", "None b@load.test"]);
        assert!(message.bcc().is_none() && !String::from_utf8_lossy(&stored).contains("hidden"));
    }

    #[test]
    fn recipients_that_are_all_hidden_have_a_header_too() {
        let to = Recipients::Each(Vec::new());
        let recipe = Recipe { to, cc: None, ..recipe(whole()) };

        let mail = composed(&recipe, 0, BodyType::SevenBit);

        assert_eq!(mail.to, ["hidden@g.test"]);
        let text = String::from_utf8(mail.octets.to_vec()).unwrap();
        assert!(text.contains("\r\nTo: undisclosed-recipients:;\r\n"), "{text}");
    }

    #[test]
    fn a_name_cannot_begin_another_header() {
        let from = "{{ 'A\nBcc: x@y.test' }} <a@b.test>".into();
        let recipe = Recipe { from, ..recipe(whole()) };
        let mut composer = Composer::new(&[recipe], &[], RUN).unwrap();

        let error = composer.compose(&order(0, BodyType::SevenBit), &mut Mail::default());

        assert!(error.unwrap_err().to_string().contains("a control character"));
    }

    #[test]
    fn filler_goes_behind_the_first_text_and_reaches_every_size() {
        let base = composed(&recipe(whole()), 0, BodyType::SevenBit).size;
        for more in (0..200).chain([5_000, 100_000]) {
            let size = Some(SizeSpec::Fixed(base + 100 + more));
            let recipe = Recipe { size, ..recipe(whole()) };

            let mail = composed(&recipe, 0, BodyType::SevenBit);

            assert_eq!(mail.size, base + 100 + more);
            let stored = stored(&mail);
            let message = parse(&stored);
            assert_eq!(message.parts.len(), 7, "{more}");
            assert_eq!(message.parts[6].contents(), b"%PDF-1.4 \0\xff", "{more}");
            assert!(message.body_text(0).unwrap().starts_with("Grüße 0"), "{more}");
        }
    }

    #[test]
    fn a_body_in_base64_is_filled_with_empty_lines() {
        let text = "Content-Transfer-Encoding: base64\n\naGVsbG8=\n".into();
        let size = Some(SizeSpec::Fixed(1000));
        let raw = Recipe { form: Form::Raw { text }, size, ..recipe(Parts::default()) };

        let mail = composed(&raw, 0, BodyType::SevenBit);

        assert!((999..=1000).contains(&mail.size), "{}", mail.size);
        assert_eq!(parse(&stored(&mail)).parts[0].contents(), b"hello");
    }

    #[test]
    fn trace_fields_tell_run_number_phase_and_client() {
        let shown = composed(&recipe(whole()), 7, BodyType::SevenBit);
        let left =
            composed(&Recipe { trace: Trace::Left, ..recipe(whole()) }, 7, BodyType::SevenBit);

        let text = String::from_utf8(shown.octets.to_vec()).unwrap();
        assert!(
            text.starts_with(
                "X-Mailquake-Run: 000000000000beef\r\n\
                 X-Mailquake-Seq: 00000000000000000007\r\n\
                 X-Mailquake-Phase: phase\r\n\
                 X-Mailquake-Client: client\r\n"
            ),
            "{text}"
        );
        assert!(!String::from_utf8(left.octets.to_vec()).unwrap().contains("X-Mailquake"));
    }

    #[test]
    fn a_mail_in_the_buffer_of_the_one_before_is_the_same_as_a_new_one() {
        let constant = |text: &str| {
            let parts = Parts { subject: "x".into(), text: Some(text.into()), ..Parts::default() };
            recipe(parts)
        };
        let recipes = [constant("Grüße\n"), constant("other\n"), recipe(whole())];
        let mut composer = Composer::new(&recipes, &[], RUN).unwrap();
        let mut used = Mail::default();
        let bodies = [BodyType::SevenBit, BodyType::EightBitMime];
        for (seq, message) in [0, 0, 0, 1, 1, 2, 2, 0, 0].into_iter().enumerate() {
            for body in bodies {
                for (phase, client) in [("soak", "app"), ("soak", "app"), ("peak", "bulk")] {
                    let order = Order { message, client, phase, ..order(seq as u64 * 70, body) };
                    composer.compose(&order, &mut used).unwrap();
                    let mut new = Mail::default();
                    composer.compose(&order, &mut new).unwrap();
                    assert_eq!(used, new, "{message} {seq} {body:?} {phase}");
                }
            }
        }
        let is_reused = |message| {
            let order = Order { message, ..order(1, BodyType::SevenBit) };
            let mut mail = Mail::default();
            composer.clone().compose(&order, &mut mail).unwrap();
            mail.cast.is_some()
        };
        assert!(is_reused(0) && is_reused(1) && !is_reused(2));
    }
}
