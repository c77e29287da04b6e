//! `source` and `proxy` of a client, and ranges of addresses wherever a plan names some.

use std::net::IpAddr;

use ipnet::IpNet;

use super::faults::Faults;
use crate::plan::document::{
    Client, Ending, OneOrMany, Proxy as ProxyTable, ProxyVersion as VersionName, ShortOr,
};
use crate::plan::model::Endpoint;
use crate::plan::{Address, AddressPool, Proxy};
use crate::smtp::ProxyVersion;

/// The range for benchmarks (RFC 2544): no client of its own has such an address.
const BENCHMARKS: &str = "198.18.0.0/15";

/// The addresses that a client's sessions come from.
pub(super) fn lower_source(
    client: &Client,
    endpoint: Option<&Endpoint>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<AddressPool> {
    let source = client.source.as_ref()?;
    if endpoint.is_some_and(is_unix_alone) {
        let message = "a session to a Unix socket comes from no address";
        faults.conflict(pointer, "source", message);
    }
    Some(pool(source, &format!("{pointer}/source"), faults))
}

/// What a Unix socket has no notion of.
pub(super) fn check_ending(
    client: &Client,
    endpoint: Option<&Endpoint>,
    pointer: &str,
    faults: &mut Faults,
) {
    if client.end == Some(Ending::Reset) && endpoint.is_some_and(is_unix_alone) {
        faults.conflict(pointer, "end", "a Unix socket knows no reset; `close` is the nearest");
    }
}

/// Whom a client's connections stand for.
pub(super) fn lower_proxy(client: &Client, pointer: &str, faults: &mut Faults) -> Option<Proxy> {
    let pointer = format!("{pointer}/proxy");
    let (version, clients) = match client.proxy.as_ref()? {
        ShortOr::Short(version) => (*version, None),
        ShortOr::Long(ProxyTable { version, clients }) => {
            if version.is_none() {
                faults.missing(&pointer, "version");
            }
            (version.unwrap_or_default(), clients.as_ref())
        }
    };
    let benchmarks = || AddressPool::new(BENCHMARKS.parse().into_iter().collect());
    let clients = clients
        .map_or_else(benchmarks, |ranges| pool(ranges, &format!("{pointer}/clients"), faults));
    let version = match version {
        VersionName::V1 => ProxyVersion::V1,
        VersionName::V2 => ProxyVersion::V2,
    };
    Some(Proxy { version, clients })
}

fn is_unix_alone(endpoint: &Endpoint) -> bool {
    let is_unix = |address: &Address| matches!(address, Address::Unix(_));
    match endpoint {
        Endpoint::Sink => false,
        Endpoint::One(address) => is_unix(address),
        Endpoint::Spread(addresses) => addresses.iter().all(is_unix),
    }
}

fn pool(texts: &OneOrMany<String>, pointer: &str, faults: &mut Faults) -> AddressPool {
    if texts.as_slice().is_empty() {
        faults.bad(pointer, "a list of addresses has at least one");
    }
    AddressPool::new(lower_ranges(texts.with_pointers(pointer), faults))
}

/// Reads single addresses and ranges.
pub(super) fn lower_ranges<'a>(
    texts: impl IntoIterator<Item = (String, &'a String)>,
    faults: &mut Faults,
) -> Vec<IpNet> {
    let mut ranges = Vec::new();
    for (pointer, text) in texts {
        match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(range) => ranges.push(range.trunc()),
            Err(_) => faults.bad(
                &pointer,
                format!("`{text}` is not an address or a range such as `10.20.0.0/16`"),
            ),
        }
    }
    ranges
}
