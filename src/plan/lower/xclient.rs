//! `xclient` of a client → whom its sessions stand for.

use std::net::IpAddr;

use ipnet::IpNet;

use super::faults::Faults;
use crate::plan::document::{Proto as ProtoName, Xclient as XclientTable};
use crate::smtp::{Proto, Xclient};

/// The most octets of a command line with its end (RFC 5321 4.5.3.1.4).
const LONGEST_COMMAND: usize = 512;

/// Whom the sessions of a client stand for.
pub(super) fn lower(
    table: Option<&XclientTable>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<Xclient> {
    let table = table?;
    for (key, text) in [("name", &table.name), ("helo", &table.helo), ("login", &table.login)] {
        if text.as_ref().is_some_and(String::is_empty) {
            faults.bad(&format!("{pointer}/{key}"), format!("`{key}` is not empty"));
        }
    }
    if table.port == Some(0) {
        faults.bad(&format!("{pointer}/port"), "a port is a number from 1 to 65535");
    }
    let addr = table.addr.as_deref();
    let xclient = Xclient {
        name: table.name.clone(),
        addr: addr.and_then(|text| lower_addr(text, &format!("{pointer}/addr"), faults)),
        port: table.port,
        proto: table.proto.map(|name| match name {
            ProtoName::Smtp => Proto::Smtp,
            ProtoName::Esmtp => Proto::Esmtp,
        }),
        helo: table.helo.clone(),
        login: table.login.clone(),
    };
    check_length(&xclient, pointer, faults);
    if *table == XclientTable::default() {
        faults.bad(pointer, "`xclient` says `name`, `addr`, `port`, `proto`, `helo` or `login`");
    }
    Some(xclient)
}

fn lower_addr(text: &str, pointer: &str, faults: &mut Faults) -> Option<IpNet> {
    let read = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    if read.is_err() {
        let message = format!("`{text}` is not an address or a range such as `198.18.0.0/15`");
        faults.bad(pointer, message);
    }
    read.ok()
}

/// All the attributes stand on one line.
fn check_length(xclient: &Xclient, pointer: &str, faults: &mut Faults) {
    let mut command = Vec::new();
    xclient.put(u64::MAX, &mut command);
    if command.len() > LONGEST_COMMAND {
        let message = format!(
            "all together make a command of {} octets; at most {LONGEST_COMMAND} are legal",
            command.len()
        );
        faults.bad(pointer, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(table: &XclientTable) -> (Option<Xclient>, Vec<String>) {
        let mut faults = Faults::default();
        let xclient = lower(Some(table), "/xclient", &mut faults);
        let told = faults.into_diagnostics().into_iter();
        (xclient, told.map(|told| format!("{:?}: {}", told.place, told.message)).collect())
    }

    #[test]
    fn a_single_address_is_a_range_of_one() {
        for (text, range) in [("198.18.0.0/15", "198.18.0.0/15"), ("fd00::7", "fd00::7/128")] {
            let table = XclientTable { addr: Some(text.to_owned()), ..XclientTable::default() };
            let expected = Xclient { addr: range.parse().ok(), ..Xclient::default() };

            assert_eq!(lowered(&table), (Some(expected), Vec::new()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused_at_its_place() {
        let empty = || Some(String::new());
        let table = [
            (XclientTable::default(), "Plan(\"/xclient\", Value): `xclient` says"),
            (
                XclientTable { helo: empty(), ..XclientTable::default() },
                "Plan(\"/xclient/helo\", Value): `helo` is not empty",
            ),
            (
                XclientTable { port: Some(0), ..XclientTable::default() },
                "Plan(\"/xclient/port\", Value): a port is",
            ),
            (
                XclientTable { addr: Some("10.0.0.0/99".to_owned()), ..XclientTable::default() },
                "Plan(\"/xclient/addr\", Value): `10.0.0.0/99` is not an address",
            ),
            (
                // Each of these takes three octets on the wire.
                XclientTable { login: Some("=".repeat(200)), ..XclientTable::default() },
                "Plan(\"/xclient\", Value): all together make a command of 616 octets",
            ),
        ];
        for (xclient, mistake) in table {
            let (_, told) = lowered(&xclient);
            assert_eq!(told.len(), 1, "{xclient:?}: {told:?}");
            assert!(told[0].starts_with(mistake), "{xclient:?}: {told:?}");
        }
    }
}
