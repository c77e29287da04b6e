//! XCLIENT: a client says whom it stands for, to a server that trusts it (Postfix `XCLIENT_README`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::xtext::put_xtext;

/// An attribute of the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Attribute {
    /// The host's name.
    Name = 1,
    /// Its address.
    Addr = 2,
    /// Its port.
    Port = 4,
    /// The protocol that it speaks.
    Proto = 8,
    /// The name in its EHLO.
    Helo = 16,
    /// Its login.
    Login = 32,
}

impl Attribute {
    /// All attributes, in the order in which they are sent.
    const ALL: [Self; 6] =
        [Self::Name, Self::Addr, Self::Port, Self::Proto, Self::Helo, Self::Login];

    /// The name on the wire.
    const fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Addr => "ADDR",
            Self::Port => "PORT",
            Self::Proto => "PROTO",
            Self::Helo => "HELO",
            Self::Login => "LOGIN",
        }
    }
}

/// A set of attributes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Attributes(u8);

impl Attributes {
    /// The attributes that the words of an EHLO line name, in any case.
    pub(super) fn of<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let named = words.filter_map(|word| {
            let is = |attribute: &Attribute| word.eq_ignore_ascii_case(attribute.name().as_bytes());
            Attribute::ALL.into_iter().find(is)
        });
        named.fold(Self::default(), Self::with)
    }

    const fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | attribute as u8)
    }

    /// Whether all attributes of another set are in this one.
    pub(super) const fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The protocol that the client is said to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proto {
    /// HELO and no extensions.
    Smtp,
    /// EHLO.
    Esmtp,
}

/// Whom a client stands for; what is none is not sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Xclient {
    /// The host's name.
    pub name: Option<String>,
    /// Where its address comes from: each session has the next one of the range.
    pub addr: Option<IpNet>,
    /// Its port.
    pub port: Option<u16>,
    /// The protocol that it speaks.
    pub proto: Option<Proto>,
    /// The name in its EHLO.
    pub helo: Option<String>,
    /// Its login.
    pub login: Option<String>,
}

impl Xclient {
    /// The attributes that the server must offer.
    pub(super) fn attributes(&self) -> Attributes {
        let wanted = [
            (Attribute::Name, self.name.is_some()),
            (Attribute::Addr, self.addr.is_some()),
            (Attribute::Port, self.port.is_some()),
            (Attribute::Proto, self.proto.is_some()),
            (Attribute::Helo, self.helo.is_some()),
            (Attribute::Login, self.login.is_some()),
        ];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        wanted.fold(Attributes::default(), |all, (one, _)| all.with(one))
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.attributes() == Attributes::default()
    }

    /// Appends the command of a session.
    pub fn put(&self, session: u64, out: &mut Vec<u8>) {
        let address = self.addr.map(|range| match nth(range, session) {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("IPV6:{ip}"),
        });
        let proto = self.proto.map(|proto| match proto {
            Proto::Smtp => "SMTP",
            Proto::Esmtp => "ESMTP",
        });
        let port = self.port.map(|port| port.to_string());
        out.extend_from_slice(b"XCLIENT");
        put_attribute(Attribute::Name, self.name.as_deref(), out);
        put_attribute(Attribute::Addr, address.as_deref(), out);
        put_attribute(Attribute::Port, port.as_deref(), out);
        put_attribute(Attribute::Proto, proto, out);
        put_attribute(Attribute::Helo, self.helo.as_deref(), out);
        put_attribute(Attribute::Login, self.login.as_deref(), out);
        out.extend_from_slice(b"\r\n");
    }
}

fn put_attribute(attribute: Attribute, value: Option<&str>, out: &mut Vec<u8>) {
    let Some(value) = value else { return };
    out.push(b' ');
    out.extend_from_slice(attribute.name().as_bytes());
    out.push(b'=');
    put_xtext(value, out);
}

/// The n-th address of a range, from the beginning again behind its end.
fn nth(range: IpNet, n: u64) -> IpAddr {
    let free = u32::from(range.max_prefix_len() - range.prefix_len());
    let mask = u64::MAX.checked_shl(free).map_or(u64::MAX, |kept| !kept);
    match range.network() {
        IpAddr::V4(first) => {
            let offset = u32::try_from(n & mask).unwrap_or(0);
            IpAddr::V4((u32::from(first) | offset).into())
        }
        IpAddr::V6(first) => IpAddr::V6((u128::from(first) | u128::from(n & mask)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(xclient: &Xclient, session: u64) -> String {
        let mut out = Vec::new();
        xclient.put(session, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn from(range: &str) -> Xclient {
        Xclient { addr: Some(range.parse().unwrap()), ..Xclient::default() }
    }

    #[test]
    fn each_session_has_the_next_address_of_the_range() {
        let range = from("198.18.0.254/15");
        for (session, expected) in
            [(0, "198.18.0.0"), (1, "198.18.0.1"), (256, "198.18.1.0"), (131_073, "198.18.0.1")]
        {
            assert_eq!(command(&range, session), format!("XCLIENT ADDR={expected}\r\n"));
        }
        assert_eq!(command(&from("198.18.0.7/32"), 99), "XCLIENT ADDR=198.18.0.7\r\n");
        assert_eq!(
            command(&from("fd00::/16"), u64::MAX),
            "XCLIENT ADDR=IPV6:fd00::ffff:ffff:ffff:ffff\r\n"
        );
        assert_eq!(command(&from("0.0.0.0/0"), 1 << 32), "XCLIENT ADDR=0.0.0.0\r\n");
    }

    #[test]
    fn values_are_encoded_and_stand_in_a_fixed_order() {
        let xclient = Xclient {
            name: Some("[UNAVAILABLE]".to_owned()),
            port: Some(4000),
            proto: Some(Proto::Esmtp),
            helo: Some("me test".to_owned()),
            login: Some("a=b".to_owned()),
            ..Xclient::default()
        };

        assert_eq!(
            command(&xclient, 0),
            "XCLIENT NAME=[UNAVAILABLE] PORT=4000 PROTO=ESMTP HELO=me+20test LOGIN=a+3Db\r\n"
        );
    }

    #[test]
    fn all_that_is_said_must_be_offered() {
        let offered = Attributes::of(b"name Addr PORT".split(|octet| *octet == b' '));
        let named = Xclient { name: Some("x".to_owned()), ..from("198.18.0.0/24") };

        assert!(offered.holds(named.attributes()));
        let login = Xclient { login: Some("x".to_owned()), ..named };
        assert!(!offered.holds(login.attributes()));
        assert!(Xclient::default().is_empty());
    }
}
