//! Delivery status notifications → the parameters of MAIL and RCPT that ask for them (RFC 3461).

use super::xtext::{digit, is_plain, put_xtext};

/// What a client asks for, wherever the server offers DSN.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dsn {
    /// When a notification is wanted; none: the parameter is not sent.
    pub notify: Option<Notify>,
    /// How much of the message comes back with a failure; none: the parameter is not sent.
    pub ret: Option<Ret>,
    /// Whether the envelope gets an identity: that of the message.
    pub envid: bool,
    /// Whether each recipient's address is given as the original one too.
    pub orcpt: bool,
}

/// When a notification is wanted (RFC 3461 4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notify {
    /// Not at all.
    Never,
    /// In these cases, of which there is at least one.
    When {
        /// The message was delivered.
        success: bool,
        /// It could not be.
        failure: bool,
        /// It was not for a while.
        delay: bool,
    },
}

/// How much of the message comes back (RFC 3461 4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

impl Dsn {
    /// Appends the parameters of MAIL; `id` tells the message, in decimal digits.
    pub(super) fn put_mail(&self, id: &[u8], out: &mut Vec<u8>) {
        match self.ret {
            None => {}
            Some(Ret::Full) => out.extend_from_slice(b" RET=FULL"),
            Some(Ret::Headers) => out.extend_from_slice(b" RET=HDRS"),
        }
        if self.envid {
            out.extend_from_slice(b" ENVID=mailquake-");
            out.extend_from_slice(id);
        }
    }

    /// Appends the parameters of RCPT.
    pub(super) fn put_rcpt(&self, to: &str, out: &mut Vec<u8>) {
        match self.notify {
            None => {}
            Some(Notify::Never) => out.extend_from_slice(b" NOTIFY=NEVER"),
            Some(Notify::When { success, failure, delay }) => {
                let cases = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
                let wanted = cases.into_iter().filter_map(|(wanted, case)| wanted.then_some(case));
                out.extend_from_slice(b" NOTIFY=");
                for (n, case) in wanted.enumerate() {
                    out.extend_from_slice(if n == 0 { b"" } else { b"," });
                    out.extend_from_slice(case.as_bytes());
                }
            }
        }
        if self.orcpt {
            put_original(to, out);
        }
    }
}

/// An address beyond ASCII is one of another type (RFC 6533 3).
fn put_original(to: &str, out: &mut Vec<u8>) {
    if to.is_ascii() {
        out.extend_from_slice(b" ORCPT=rfc822;");
        return put_xtext(to, out);
    }
    out.extend_from_slice(b" ORCPT=utf-8;");
    for octet in to.bytes() {
        if octet >= 0x80 || (is_plain(octet) && octet != b'\\') {
            out.push(octet);
        } else {
            out.extend_from_slice(&[b'\\', b'x', b'{', digit(octet >> 4), digit(octet & 15), b'}']);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_is_asked_for_by_default() {
        let dsn = Dsn::default();

        assert_eq!(written(|out| dsn.put_mail(b"7", out)), "");
        assert_eq!(written(|out| dsn.put_rcpt("a@b", out)), "");
    }

    #[test]
    fn parameters_are_written_as_the_standard_has_them() {
        let notify = Notify::When { success: true, failure: false, delay: true };
        let dsn = Dsn { notify: Some(notify), ret: Some(Ret::Headers), envid: true, orcpt: true };

        assert_eq!(written(|out| dsn.put_mail(b"7", out)), " RET=HDRS ENVID=mailquake-7");
        assert_eq!(
            written(|out| dsn.put_rcpt("a+b@c.test", out)),
            " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.test"
        );
    }

    #[test]
    fn an_address_beyond_ascii_stays_readable() {
        let dsn = Dsn { notify: Some(Notify::Never), orcpt: true, ..Dsn::default() };

        assert_eq!(
            written(|out| dsn.put_rcpt("\u{fc}+a@c.test", out)),
            " NOTIFY=NEVER ORCPT=utf-8;\u{fc}\\x{2B}a@c.test"
        );
    }
}
