//! The replies that are always the same, as they stand on the wire.

pub(super) const GREETING: &[u8] = b"220 sink.invalid ESMTP mailquake\r\n";
pub(super) const LMTP_GREETING: &[u8] = b"220 sink.invalid LMTP mailquake\r\n";
pub(super) const NO_LMTP: &[u8] = b"500 5.5.1 this is SMTP: EHLO\r\n";
pub(super) const NO_SMTP: &[u8] = b"500 5.5.1 this is LMTP: LHLO\r\n";
pub(super) const HELO: &[u8] = b"250 sink.invalid\r\n";
pub(super) const READY_FOR_TLS: &[u8] = b"220 2.0.0 ready for TLS\r\n";
pub(super) const SENDER_OK: &[u8] = b"250 2.1.0 sender ok\r\n";
pub(super) const RECIPIENT_OK: &[u8] = b"250 2.1.5 recipient ok\r\n";
pub(super) const SEND_TEXT: &[u8] = b"354 end with a dot\r\n";
pub(super) const CHUNK_TAKEN: &[u8] = b"250 2.0.0 chunk taken\r\n";
pub(super) const ACCEPTED: &[u8] = b"250 2.0.0 accepted\r\n";
pub(super) const DONE: &[u8] = b"250 2.0.0 ok\r\n";
pub(super) const UNVERIFIED: &[u8] = b"252 2.0.0 not verified\r\n";
pub(super) const BYE: &[u8] = b"221 2.0.0 bye\r\n";
pub(super) const TOO_LARGE: &[u8] = b"552 5.3.4 message too large\r\n";
pub(super) const LONE_FEED: &[u8] = b"550 5.6.0 a line feed without carriage return\r\n";
pub(super) const HELLO_FIRST: &[u8] = b"503 5.5.1 EHLO first\r\n";
pub(super) const MAIL_FIRST: &[u8] = b"503 5.5.1 MAIL first\r\n";
pub(super) const RCPT_FIRST: &[u8] = b"503 5.5.1 RCPT first\r\n";
pub(super) const CHUNKS_BEGUN: &[u8] = b"503 5.5.1 the text has begun by BDAT\r\n";
pub(super) const CHUNK_REFUSED: &[u8] = b"503 5.5.1 a chunk was refused: RSET first\r\n";
pub(super) const NESTED_MAIL: &[u8] = b"503 5.5.1 one MAIL at a time\r\n";
pub(super) const WITHIN_TRANSACTION: &[u8] = b"503 5.5.1 not within a transaction\r\n";
pub(super) const ENCRYPTED: &[u8] = b"503 5.5.1 the session is encrypted\r\n";
pub(super) const NO_RECIPIENTS: &[u8] = b"554 5.5.1 no valid recipients\r\n";
pub(super) const NO_SERVICE: &[u8] = b"503 5.5.1 no service here\r\n";
