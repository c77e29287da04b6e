//! The arguments of XCLIENT → whether they are well formed (Postfix `XCLIENT_README`). The server
//! believes whatever it is told: it is for tests.

/// The attributes that are offered.
pub(super) const ATTRIBUTES: [&str; 6] = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN"];

/// Whether there is at least one attribute, and each is known and has a value in xtext.
pub(super) fn is_legal(argument: &[u8]) -> bool {
    let mut attributes = argument.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
    let is_attribute = |word: &[u8]| {
        let Some(at) = word.iter().position(|octet| *octet == b'=') else { return false };
        let (name, value) = (&word[..at], &word[at + 1..]);
        let known = ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        known && !value.is_empty() && super::notification::is_xtext(value)
    };
    attributes.next().is_some_and(is_attribute) && attributes.all(is_attribute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::{Proto, Xclient};

    #[test]
    fn what_clients_say_is_understood() {
        let xclient = Xclient {
            name: Some("mx.test".to_owned()),
            addr: Some("198.18.0.0/15".parse().unwrap()),
            port: Some(4000),
            proto: Some(Proto::Esmtp),
            helo: Some("me test".to_owned()),
            login: Some("a=b".to_owned()),
        };
        let mut command = Vec::new();
        xclient.put(7, &mut command);
        let argument = command.strip_prefix(b"XCLIENT ").unwrap().trim_ascii_end();

        assert!(is_legal(argument), "{}", String::from_utf8_lossy(argument));
    }

    #[test]
    fn other_arguments_are_refused() {
        for argument in ["", "NAME", "NAME=", "COLOUR=blue", "NAME=a b", "ADDR=1+2", "=a"] {
            assert!(!is_legal(argument.as_bytes()), "{argument}");
        }
    }
}
