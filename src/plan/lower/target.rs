//! `[target]` and `[targets]` → servers with their addresses.

use ipnet::IpNet;

use super::address;
use super::faults::Faults;
use super::route::lower_ranges;
use crate::plan::complete::DEFAULT_NAME;
use crate::plan::document::{Document, Protocol as ProtocolName, Role, Target as TargetTable};
use crate::plan::model::{Endpoint, Target, Timeouts};
use crate::plan::{Address, DiagnosticCode, Span, escape};
use crate::smtp::Protocol;

/// All targets, the default one first.
pub(super) fn lower_all(document: &Document, faults: &mut Faults) -> Vec<Target> {
    let role = document.sink.as_ref().and_then(|sink| sink.role);
    let default = document.target.iter().map(|target| (DEFAULT_NAME, "/target".to_owned(), target));
    let others = document.targets.iter().map(|(name, target)| {
        let pointer = format!("/targets/{}", escape(name));
        (name, pointer, target)
    });
    if role == Some(Role::Target) && document.target.as_ref().is_some_and(|t| t.address.is_some()) {
        let message = "the sink is the target only where `[target]` has no address";
        faults.value(DiagnosticCode::Conflict, "/sink/role", message);
    }
    default
        .chain(others)
        .map(|(name, pointer, target)| Target {
            name: name.to_owned(),
            endpoint: lower_endpoint(target, &pointer, role, faults),
            protocol: lower_protocol(target),
            timeouts: lower_timeouts(target, &pointer, faults),
            allow: lower_allow(target, &pointer, faults),
        })
        .collect()
}

fn lower_endpoint(
    target: &TargetTable,
    place: &str,
    role: Option<Role>,
    faults: &mut Faults,
) -> Endpoint {
    let pointer = format!("{place}/address");
    let Some(addresses) = &target.address else {
        if role != Some(Role::Target) {
            faults.value_with_help(
                DiagnosticCode::MissingKey,
                &pointer,
                "missing key `address`",
                "a target without an address is the sink, where that has `role = \"target\"`",
            );
        }
        return Endpoint::Sink;
    };
    let mut read: Vec<Address> = Vec::new();
    for (pointer, text) in addresses.with_pointers(&pointer) {
        match address::parse(text) {
            Ok(address) => read.push(address),
            Err(error) => faults.bad(&pointer, error.to_string()),
        }
    }
    if addresses.as_slice().is_empty() {
        faults.bad(&pointer, "a list of addresses has at least one");
    }
    if addresses.as_slice().len() > 1 && target.spread == Some(false) {
        let message = "sessions go to all addresses of a list in turn";
        let help = "leave `spread` out, or give one address";
        let spread = format!("{place}/spread");
        faults.value_with_help(DiagnosticCode::Conflict, &spread, message, help);
    }
    match <[Address; 1]>::try_from(read) {
        Ok([address]) if target.spread != Some(true) => Endpoint::One(address),
        Ok([address]) => Endpoint::Spread(vec![address]),
        Err(addresses) => Endpoint::Spread(addresses),
    }
}

const fn lower_protocol(target: &TargetTable) -> Protocol {
    match target.protocol {
        Some(ProtocolName::Lmtp) => Protocol::Lmtp,
        Some(ProtocolName::Smtp) | None => Protocol::Smtp,
    }
}

fn lower_timeouts(target: &TargetTable, pointer: &str, faults: &mut Faults) -> Timeouts {
    let timeouts = target.timeouts.unwrap_or_default();
    let mut lower = |key: &str, span: Option<Span>| {
        let timeout = span.map(Span::duration).unwrap_or_default();
        if span.is_some() && timeout.is_zero() {
            faults.bad(&format!("{pointer}/timeouts/{key}"), "a timeout is above zero");
        }
        timeout
    };
    Timeouts {
        connect: lower("connect", timeouts.connect),
        reply: lower("reply", timeouts.reply),
        end_of_data: lower("end_of_data", timeouts.end_of_data),
    }
}

fn lower_allow(target: &TargetTable, pointer: &str, faults: &mut Faults) -> Vec<IpNet> {
    let texts = target.allow.iter().flatten().enumerate();
    lower_ranges(texts.map(|(index, text)| (format!("{pointer}/allow/{index}"), text)), faults)
}
