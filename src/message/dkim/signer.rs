//! A message on the wire → its field DKIM-Signature (RFC 6376 3.5).
//!
//! The field has its full length before anything is signed, so that a message can be padded to
//! an exact size together with it.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr, memmem};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::canonical::{Canonicalization, divide};
use super::{Dkim, SigningKey};

/// Lines of the field are folded before they are longer than this, without their end.
const LINE: usize = 76;
/// So many octets of the signature's base64 stand in a line.
const CHUNK: usize = 72;
const FROM: &str = "From";

/// The key does not fit together, so that nothing can be signed with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SigningError;

/// Signs the messages of a recipe.
#[derive(Debug)]
pub(crate) struct Signer {
    /// The field up to what changes.
    head: Field,
    key: SigningKey,
    /// The names of the fields to sign; From is among them.
    names: Vec<String>,
    header: Canonicalization,
    body: Canonicalization,
    expire: Option<Duration>,
}

/// A signature before it is made: the whole field, without the right values.
#[derive(Debug)]
pub(crate) struct Draft {
    field: Vec<u8>,
    body_hash: Range<usize>,
    /// Where the signature itself begins.
    value: usize,
    /// The fields that are signed, by their places in the message.
    signed: Vec<Range<usize>>,
}

impl Draft {
    /// How many octets the field has, with its line end.
    pub(crate) fn len(&self) -> usize {
        self.field.len()
    }
}

impl Signer {
    /// Takes what is the same in all signatures.
    pub(crate) fn new(dkim: &Dkim) -> Self {
        let mut head = Field::new("DKIM-Signature: v=1;");
        head.put(&format!("a={};", dkim.key.algorithm()));
        head.put(&format!("c={}/{};", dkim.header.name(), dkim.body.name()));
        head.put(&format!("d={};", dkim.domain));
        head.put(&format!("s={};", dkim.selector));
        let mut names = dkim.fields.clone();
        // RFC 6376 5.4: From must be signed.
        if !names.iter().any(|name| name.eq_ignore_ascii_case(FROM)) {
            names.insert(0, FROM.to_owned());
        }
        Self {
            head,
            key: dkim.key.clone(),
            names,
            header: dkim.header,
            body: dkim.body,
            expire: dkim.expire,
        }
    }

    /// Begins the signature of a message whose header is complete.
    pub(crate) fn draft(&self, message: &[u8], now: SystemTime) -> Draft {
        let mut field = self.head.clone();
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        field.put(&format!("t={};", now.as_secs()));
        if let Some(expire) = self.expire {
            field.put(&format!("x={};", now.saturating_add(expire).as_secs()));
        }
        let signed = self.put_names(message, &mut field);
        field.put("bh=");
        let at = field.text.len();
        let body_hash = at..at + base64_len(SHA256_OUTPUT_LEN);
        field.text.resize(body_hash.end, b'A');
        field.text.push(b';');
        field.put("b=");
        let value = field.text.len();
        let mut draft = Draft { field: field.text, body_hash, value, signed };
        draft.put_value(&vec![b'A'; base64_len(self.key.signature_len())]);
        draft
    }

    /// Puts the tag `h=`; returns where the fields stand that it names.
    fn put_names(&self, message: &[u8], field: &mut Field) -> Vec<Range<usize>> {
        let (header, _) = divide(message);
        let there = fields(header);
        let mut signed = Vec::new();
        field.put("h=");
        for name in &self.names {
            // RFC 6376 5.4.2: those of one name are signed from the last to the first.
            for place in there.iter().rev().filter(|place| is_named(header, place, name)) {
                signed.push(place.clone());
                field.join(&format!("{name}:"));
            }
        }
        // One more than there are, so that nobody can add another.
        field.join("From;");
        signed
    }

    /// Signs a message, whose header is that of the draft: its field, with the line end.
    pub(crate) fn sign(&self, draft: Draft, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let mut draft = draft;
        let (_, body) = divide(message);
        let mut hash = Context::new(&SHA256);
        self.body.give_body(body, |text| hash.update(text));
        let hash = STANDARD.encode(hash.finish());
        if let Some(place) = draft.field.get_mut(draft.body_hash.clone()) {
            place.copy_from_slice(hash.as_bytes());
        }
        draft.field.truncate(draft.value);
        let fields = draft.signed.iter().filter_map(|place| message.get(place.clone()));
        let text = signed_text(self.header, fields, &draft.field);
        let signature = self.key.sign(&text).ok_or(SigningError)?;
        draft.put_value(STANDARD.encode(signature).as_bytes());
        Ok(draft.field)
    }
}

impl Draft {
    /// Puts the signature and the line end.
    fn put_value(&mut self, value: &[u8]) {
        for (n, chunk) in value.chunks(CHUNK).enumerate() {
            if n > 0 {
                self.field.extend_from_slice(b"\r\n ");
            }
            self.field.extend_from_slice(chunk);
        }
        self.field.extend_from_slice(b"\r\n");
    }
}

/// What is signed (RFC 6376 3.7): the fields, and the signature's own with an empty `b=`.
fn signed_text<'a>(
    form: Canonicalization,
    fields: impl Iterator<Item = &'a [u8]>,
    own: &[u8],
) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    for field in fields {
        form.put_field(field, &mut text);
        text.extend_from_slice(b"\r\n");
    }
    form.put_field(own, &mut text);
    text
}

/// The places of all fields, with their line ends.
fn fields(header: &[u8]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    let ends = memmem::find_iter(header, b"\r\n").map(|end| end + 2);
    let mut from = 0;
    for end in ends {
        // A line that begins with white space belongs to the field before it.
        if !matches!(header.get(end), Some(b' ' | b'\t')) {
            places.push(from..end);
            from = end;
        }
    }
    places
}

fn is_named(header: &[u8], place: &Range<usize>, name: &str) -> bool {
    let field = header.get(place.clone()).unwrap_or_default();
    let colon = memchr(b':', field).and_then(|colon| field.get(..colon));
    colon.is_some_and(|found| found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()))
}

/// The octets of base64 with its padding.
const fn base64_len(octets: usize) -> usize {
    octets.div_ceil(3) * 4
}

/// The field while it is written.
#[derive(Clone, Debug)]
struct Field {
    text: Vec<u8>,
    /// Where its last line begins.
    line: usize,
}

impl Field {
    fn new(text: &str) -> Self {
        Self { text: text.into(), line: 0 }
    }

    /// Appends a tag behind white space; a long one gets a line of its own.
    fn put(&mut self, tag: &str) {
        let is_long = matches!(tag, "h=" | "bh=" | "b=");
        if is_long || !self.has_room(1 + tag.len()) {
            self.fold();
        }
        self.text.push(b' ');
        self.text.extend_from_slice(tag.as_bytes());
    }

    /// Appends a part of a list, on a new line where it needs to.
    fn join(&mut self, part: &str) {
        if !self.has_room(part.len()) {
            self.fold();
            self.text.push(b' ');
        }
        self.text.extend_from_slice(part.as_bytes());
    }

    fn has_room(&self, octets: usize) -> bool {
        self.text.len() - self.line + octets <= LINE
    }

    fn fold(&mut self) {
        self.text.extend_from_slice(b"\r\n");
        self.line = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::dkim::USUAL_FIELDS;
    use ring::signature::{
        ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
    };

    /// The message of RFC 8463 A.3 without its signatures.
    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\
        \r\n\
        We lost the game.  Are you hungry yet?\r\n\
        \r\n\
        Joe.\r\n";
    /// What its fields say of the body.
    const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
    /// Its two fields up to the signature.
    const ED25519_FIELD: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
        d=football.example.com; i=@football.example.com;\r\n \
        q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
        subject : date : message-id : from : subject : date;\r\n \
        bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
    const RSA_FIELD: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
        d=football.example.com; i=@football.example.com;\r\n \
        q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
        date : message-id : from : subject : date;\r\n \
        bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
    /// Their signatures.
    const ED25519_VALUE: &str = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\
        Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
    const RSA_VALUE: &str = "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\
        DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\
        dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=";
    /// RFC 8463 A.2, the private key as PKCS#8 has it.
    const ED25519_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    const ED25519_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    /// The key of A.2 as PKCS#1 has it: what `p=` has behind its 22 octets of an algorithm.
    const RSA_PUBLIC: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id\
        Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6l\
        HvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

    fn key() -> SigningKey {
        SigningKey::from_pem(ED25519_KEY.as_bytes()).unwrap()
    }

    fn dkim() -> Dkim {
        Dkim {
            domain: "football.example.com".into(),
            selector: "brisbane".into(),
            key: key(),
            fields: USUAL_FIELDS.map(str::to_owned).to_vec(),
            header: Canonicalization::Relaxed,
            body: Canonicalization::Relaxed,
            expire: None,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn field(dkim: &Dkim, message: &str) -> String {
        let signer = Signer::new(dkim);
        let draft = signer.draft(message.as_bytes(), at(1_528_637_909));
        let len = draft.len();
        let field = signer.sign(draft, message.as_bytes()).unwrap();
        assert_eq!(field.len(), len);
        String::from_utf8(field).unwrap()
    }

    /// What the fields of the RFC sign: those of the message once, and three names without any.
    fn text_of_the_rfc(own: &str) -> Vec<u8> {
        let (header, _) = divide(MESSAGE.as_bytes());
        let places = fields(header);
        let fields = places.into_iter().map(|place| &header[place]);
        signed_text(Canonicalization::Relaxed, fields, own.as_bytes())
    }

    #[test]
    fn the_example_of_rfc_8463_gets_its_hash_and_its_ed25519_signature() {
        let (_, body) = divide(MESSAGE.as_bytes());
        let mut hash = Context::new(&SHA256);
        Canonicalization::Relaxed.give_body(body, |text| hash.update(text));
        assert_eq!(STANDARD.encode(hash.finish()), BODY_HASH);

        let signature = key().sign(&text_of_the_rfc(ED25519_FIELD)).unwrap();

        assert_eq!(STANDARD.encode(signature), ED25519_VALUE);
    }

    #[test]
    fn the_rsa_signature_of_rfc_8463_is_right_for_what_is_signed_here() {
        let public = STANDARD.decode(RSA_PUBLIC).unwrap();
        let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
        let public = UnparsedPublicKey::new(algorithm, &public[22..]);
        let signature = STANDARD.decode(RSA_VALUE).unwrap();

        assert!(public.verify(&text_of_the_rfc(RSA_FIELD), &signature).is_ok());
        assert!(public.verify(&text_of_the_rfc(ED25519_FIELD), &signature).is_err());
    }

    #[test]
    fn the_field_names_what_it_signs_from_the_last_to_the_first_and_from_once_more() {
        let message = format!("Received: x\r\nto : a@b.test,\r\n c@d.test\r\n{MESSAGE}");

        let field = field(&dkim(), &message);

        let (head, value) = field.split_once(" b=").unwrap();
        assert_eq!(
            head,
            "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
             d=football.example.com; s=brisbane; t=1528637909;\r\n \
             h=From:To:To:Subject:Date:Message-ID:From;\r\n \
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
        );
        let text = format!(
            "from:Joe SixPack <joe@football.example.com>\r\n\
             to:Suzie Q <suzie@shopping.example.net>\r\n\
             to:a@b.test, c@d.test\r\n\
             subject:Is dinner ready?\r\n\
             date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
             message-id:<20030712040037.46341.5F8J@football.example.com>\r\n\
             dkim-signature:{} b=",
            head.strip_prefix("DKIM-Signature: ").unwrap().trim_end().replace("\r\n", "")
        );
        let public = UnparsedPublicKey::new(&ED25519, STANDARD.decode(ED25519_PUBLIC).unwrap());
        let signature = STANDARD.decode(value.replace("\r\n ", "").trim_end()).unwrap();
        let hash = ring::digest::digest(&SHA256, text.as_bytes());
        assert!(public.verify(hash.as_ref(), &signature).is_ok(), "{text}");
    }

    #[test]
    fn from_is_signed_even_where_the_plan_does_not_name_it() {
        let fields = vec!["Subject".to_owned()];
        let dkim = Dkim { fields, expire: Some(Duration::from_secs(91)), ..dkim() };

        let field = field(&dkim, MESSAGE);

        assert!(field.contains(" h=From:Subject:From;"), "{field}");
        assert!(field.contains(" t=1528637909; x=1528638000;"), "{field}");
    }

    #[test]
    fn every_line_is_short_and_none_is_empty() {
        let fields: Vec<String> = (10..60).map(|n| format!("X-{}", "a".repeat(n))).collect();
        let message = fields.join(": 1\r\n") + ": 1\r\n";
        let dkim = Dkim { fields, domain: "a.".repeat(30) + "test", ..dkim() };

        let field = field(&dkim, &message);

        for line in field.strip_suffix("\r\n").unwrap().split("\r\n") {
            assert!((3..=LINE).contains(&line.len()), "{line}");
        }
    }
}
