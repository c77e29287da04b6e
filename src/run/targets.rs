//! The plan's targets → the addresses that may be loaded and that answer.
//!
//! Nothing is sent to an address that is neither loopback nor allowed: that is decided for every
//! resolved address, before the first packet. Then each target but the embedded server is tried
//! with one connection that says nothing and closes; a server's own count has it beyond ours.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;

use ipnet::IpNet;

use super::RunError;
use crate::engine::ServerAddress;
use crate::plan::{Address, AddressPool, Client, Endpoint, Family, Plan, Target};

/// What the user vouches for beyond the plan.
#[derive(Clone, Debug, Default)]
pub struct Permits {
    /// Ranges that may be loaded.
    pub allow: Vec<IpNet>,
    /// Hosts with public addresses that the user has the right to load, as the plan names them.
    pub authorized: Vec<String>,
}

/// By target: the addresses that sessions go to.
pub(super) fn resolve(
    plan: &Plan,
    sink: Option<SocketAddr>,
    permits: &Permits,
) -> Result<Vec<Vec<ServerAddress>>, RunError> {
    // All are checked before one is connected to.
    let resolved: Result<Vec<_>, RunError> =
        plan.targets.iter().map(|target| candidates(target, sink, permits)).collect();
    let used = |index: usize| plan.clients.iter().any(|client| client.target.index() == index);
    let each = resolved?.into_iter().enumerate().zip(&plan.targets);
    let addresses = each
        .map(|((index, addresses), target)| match (&target.endpoint, used(index)) {
            // The embedded server runs in this process, and a connection to try it would stand in
            // its counters.
            (_, false) | (Endpoint::Sink, true) => Ok(addresses),
            (Endpoint::One(_), true) => Ok(vec![first_that_accepts(target, &addresses)?]),
            (Endpoint::Spread(_), true) => {
                first_that_accepts(target, &addresses).map(|_| addresses)
            }
        })
        .collect::<Result<Vec<_>, RunError>>()?;
    for client in &plan.clients {
        check_source(client, &addresses[client.target.index()])?;
    }
    Ok(addresses)
}

/// Whether a client's sessions can come from where the plan says, before one is opened.
pub(super) fn check_source(client: &Client, servers: &[ServerAddress]) -> Result<(), RunError> {
    let Some(source) = &client.source else { return Ok(()) };
    for server in servers {
        let Some(ip) = server.ip() else { continue };
        if source.count(Family::of(ip)) == 0 {
            return Err(RunError::NoSource { client: client.name.clone(), server: ip });
        }
    }
    ends(source).try_for_each(|ip| match TcpListener::bind((ip, 0)) {
        Ok(_) => Ok(()),
        Err(source) => Err(RunError::Source { client: client.name.clone(), ip, source }),
    })
}

/// The first and the last address of each range: where both are this machine's, all are.
fn ends(source: &AddressPool) -> impl Iterator<Item = IpAddr> {
    let ranges = source.ranges().iter();
    ranges.flat_map(|range| {
        let alone = AddressPool::new(vec![*range]);
        let family = Family::of(range.network());
        let last = u64::try_from(alone.count(family).saturating_sub(1)).unwrap_or(u64::MAX);
        [0, last].into_iter().filter_map(move |n| alone.nth(family, n))
    })
}

pub(super) fn candidates(
    target: &Target,
    sink: Option<SocketAddr>,
    permits: &Permits,
) -> Result<Vec<ServerAddress>, RunError> {
    let named = match &target.endpoint {
        Endpoint::Sink => return Ok(sink.into_iter().map(ServerAddress::from).collect()),
        Endpoint::One(address) => std::slice::from_ref(address),
        Endpoint::Spread(addresses) => addresses,
    };
    let mut all = Vec::new();
    for address in named {
        for resolved in resolved(target, address, permits)? {
            if !all.contains(&resolved) {
                all.push(resolved);
            }
        }
    }
    Ok(all)
}

/// What is this machine's own, as a Unix socket is, needs no permit.
fn resolved(
    target: &Target,
    address: &Address,
    permits: &Permits,
) -> Result<Vec<ServerAddress>, RunError> {
    let (host, port) = match address {
        Address::Host { host, port } => (host, *port),
        Address::Unix(path) => return Ok(vec![ServerAddress::Unix(path.clone())]),
    };
    let unresolved = |source| RunError::Resolve { host: host.clone(), source };
    let found = (host.as_str(), port).to_socket_addrs().map_err(unresolved)?;
    found
        .map(|found| permits.check(target, host, found.ip()).map(|()| ServerAddress::Tcp(found)))
        .collect()
}

fn first_that_accepts(
    target: &Target,
    addresses: &[ServerAddress],
) -> Result<ServerAddress, RunError> {
    let mut last = None;
    for address in addresses {
        let connected = match address {
            ServerAddress::Tcp(address) => {
                TcpStream::connect_timeout(address, target.timeouts.connect).map(drop)
            }
            ServerAddress::Unix(path) => UnixStream::connect(path).map(drop),
        };
        match connected {
            Ok(()) => return Ok(address.clone()),
            Err(error) => last = Some((address, error)),
        }
    }
    let target = target.name.clone();
    Err(match last {
        Some((address, source)) => RunError::Connect { target, address: address.clone(), source },
        None => RunError::NoAddress { target },
    })
}

impl Permits {
    fn check(&self, target: &Target, host: &str, ip: IpAddr) -> Result<(), RunError> {
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return Ok(());
        }
        let allowed = target.allow.iter().chain(&self.allow).any(|range| range.contains(&ip));
        let (host, target) = (host.to_owned(), target.name.clone());
        if !allowed {
            return Err(RunError::NotAllowed { target, host, ip });
        }
        let authorized = self.authorized.iter().any(|known| known.eq_ignore_ascii_case(&host));
        if is_public(ip) && !authorized {
            return Err(RunError::NotAuthorized { target, host, ip });
        }
        Ok(())
    }
}

/// Whether an address belongs to the open Internet: neither loopback, private, shared (RFC 6598)
/// nor link-local. Whatever is in doubt counts as public.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::Timeouts;
    use crate::smtp::Protocol;

    fn target(host: &str, allow: &[&str]) -> Target {
        let second = Duration::from_secs(1);
        Target {
            name: "default".to_owned(),
            endpoint: Endpoint::One(Address::Host { host: host.to_owned(), port: 25 }),
            protocol: Protocol::default(),
            timeouts: Timeouts { connect: second, reply: second, end_of_data: second },
            allow: allow.iter().map(|range| range.parse().unwrap()).collect(),
        }
    }

    fn verdict(host: &str, allow: &[&str], authorized: &[&str]) -> String {
        let authorized = authorized.iter().map(|host| (*host).to_owned()).collect();
        let permits = Permits { allow: Vec::new(), authorized };
        match candidates(&target(host, allow), None, &permits) {
            Ok(_) => "allowed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn loopback_is_always_allowed() {
        for host in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "localhost"] {
            assert_eq!(verdict(host, &[], &[]), "allowed", "{host}");
        }
    }

    #[test]
    fn every_other_address_must_be_inside_a_range() {
        assert!(verdict("10.20.3.4", &[], &[]).contains("10.20.3.4"));
        assert!(verdict("10.20.3.4", &["10.21.0.0/16"], &[]).contains("not allowed"));
        assert_eq!(verdict("10.20.3.4", &["10.20.0.0/16"], &[]), "allowed");
        assert!(verdict("0.0.0.0", &[], &[]).contains("not allowed"));
    }

    #[test]
    fn a_public_address_must_be_authorized_by_name_too() {
        let all = ["0.0.0.0/0", "::/0"];
        assert!(verdict("8.8.8.8", &all, &[]).contains("public"));
        assert!(verdict("2001:4860::8888", &all, &["8.8.8.8"]).contains("public"));
        for documentation in ["203.0.113.9", "2001:db8::1"] {
            assert!(verdict(documentation, &all, &[]).contains("public"), "{documentation}");
        }
        assert_eq!(verdict("8.8.8.8", &all, &["8.8.8.8"]), "allowed");
    }
}
