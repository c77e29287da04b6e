//! The parameters of MAIL and RCPT that ask for delivery status notifications → whether they are
//! well formed (RFC 3461 4). The server sends none: what it takes is delivered nowhere.

/// The longest envelope identity (RFC 3461 4.4).
const LONGEST_ENVID: usize = 100;
/// The longest original recipient (RFC 3461 4.2).
const LONGEST_ORCPT: usize = 500;

/// A parameter that stands twice, or whose value is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Wrong;

/// The parameters of one command so far: each may stand once.
#[derive(Debug, Default)]
pub(super) struct Notification {
    first: bool,
    second: bool,
}

impl Notification {
    /// Judges a parameter of MAIL; none if it is not of RFC 3461.
    pub(super) fn mail(
        &mut self,
        keyword: &[u8],
        value: Option<&[u8]>,
    ) -> Option<Result<(), Wrong>> {
        if keyword.eq_ignore_ascii_case(b"RET") {
            Some(judge(&mut self.first, value, is_ret))
        } else if keyword.eq_ignore_ascii_case(b"ENVID") {
            let is_envid = |value: &[u8]| value.len() <= LONGEST_ENVID && is_xtext(value);
            Some(judge(&mut self.second, value, is_envid))
        } else {
            None
        }
    }

    /// Judges a parameter of RCPT; none if it is not of RFC 3461.
    pub(super) fn rcpt(
        &mut self,
        keyword: &[u8],
        value: Option<&[u8]>,
    ) -> Option<Result<(), Wrong>> {
        if keyword.eq_ignore_ascii_case(b"NOTIFY") {
            Some(judge(&mut self.first, value, is_notify))
        } else if keyword.eq_ignore_ascii_case(b"ORCPT") {
            Some(judge(&mut self.second, value, is_orcpt))
        } else {
            None
        }
    }
}

fn judge(
    seen: &mut bool,
    value: Option<&[u8]>,
    is_legal: impl Fn(&[u8]) -> bool,
) -> Result<(), Wrong> {
    let twice = std::mem::replace(seen, true);
    value.filter(|value| !twice && is_legal(value)).map(|_| ()).ok_or(Wrong)
}

fn is_ret(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"FULL") || value.eq_ignore_ascii_case(b"HDRS")
}

/// NEVER stands alone; the others in any number.
fn is_notify(value: &[u8]) -> bool {
    let is_case = |word: &[u8]| {
        [&b"SUCCESS"[..], b"FAILURE", b"DELAY"].iter().any(|case| word.eq_ignore_ascii_case(case))
    };
    value.eq_ignore_ascii_case(b"NEVER") || value.split(|octet| *octet == b',').all(is_case)
}

/// A type, and an address of it; one of type utf-8 may hold what xtext can't (RFC 6533 3).
fn is_orcpt(value: &[u8]) -> bool {
    let Some(at) = value.iter().position(|octet| *octet == b';') else { return false };
    let (kind, address) = (&value[..at], &value[at + 1..]);
    let is_word = !kind.is_empty() && kind.iter().all(u8::is_ascii_graphic);
    let is_address = if kind.eq_ignore_ascii_case(b"utf-8") {
        std::str::from_utf8(address).is_ok() && !address.iter().any(u8::is_ascii_control)
    } else {
        is_xtext(address)
    };
    value.len() <= LONGEST_ORCPT && is_word && is_address
}

/// RFC 3461 4: printable ASCII but for `=`, and `+` only before two hexadecimal digits.
pub(super) fn is_xtext(value: &[u8]) -> bool {
    let mut rest = value;
    loop {
        rest = match rest {
            [] => return true,
            [b'+', high, low, rest @ ..] if is_digit(*high) && is_digit(*low) => rest,
            [b'+' | b'=', ..] => return false,
            [octet, rest @ ..] if octet.is_ascii_graphic() => rest,
            [_, ..] => return false,
        };
    }
}

const fn is_digit(octet: u8) -> bool {
    matches!(octet, b'0'..=b'9' | b'A'..=b'F')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a list of parameters is legal; none if one of them is unknown.
    fn judged(
        parameters: &str,
        judge: impl Fn(&mut Notification, &[u8], Option<&[u8]>) -> Option<Result<(), Wrong>>,
    ) -> Option<bool> {
        let mut notification = Notification::default();
        let each = parameters.split(' ').map(|parameter| {
            let (keyword, value) = parameter
                .split_once('=')
                .map_or((parameter, None), |(keyword, value)| (keyword, Some(value.as_bytes())));
            judge(&mut notification, keyword.as_bytes(), value)
        });
        each.collect::<Option<Vec<_>>>().map(|all| all.iter().all(Result::is_ok))
    }

    #[test]
    fn parameters_of_mail_are_those_of_rfc_3461() {
        for (parameters, expected) in [
            ("RET=FULL", Some(true)),
            ("ret=hdrs ENVID=QQ314159", Some(true)),
            ("ENVID=a+2Bb", Some(true)),
            ("RET=SOME", Some(false)),
            ("RET", Some(false)),
            ("RET=FULL RET=FULL", Some(false)),
            ("ENVID=a+b", Some(false)),
            ("ENVID=a=b", Some(false)),
            (&format!("ENVID={}", "x".repeat(100)), Some(true)),
            (&format!("ENVID={}", "x".repeat(101)), Some(false)),
            ("NOTIFY=NEVER", None),
        ] {
            assert_eq!(judged(parameters, Notification::mail), expected, "{parameters}");
        }
    }

    #[test]
    fn parameters_of_rcpt_are_those_of_rfc_3461() {
        for (parameters, expected) in [
            ("NOTIFY=NEVER", Some(true)),
            ("NOTIFY=success,FAILURE,DELAY ORCPT=rfc822;a+2Bb@c.test", Some(true)),
            ("ORCPT=utf-8;\u{fc}\\x{2B}a@c.test", Some(true)),
            ("NOTIFY=NEVER,DELAY", Some(false)),
            ("NOTIFY=", Some(false)),
            ("NOTIFY=ALWAYS", Some(false)),
            ("ORCPT=a@c.test", Some(false)),
            ("ORCPT=;a@c.test", Some(false)),
            ("ORCPT=rfc822;\u{fc}@c.test", Some(false)),
            ("NOTIFY=DELAY NOTIFY=DELAY", Some(false)),
            ("RET=FULL", None),
        ] {
            assert_eq!(judged(parameters, Notification::rcpt), expected, "{parameters}");
        }
    }
}
