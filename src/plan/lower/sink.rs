//! `[sink]` → the embedded server.

use std::time::Duration;

use super::auth::Accounts;
use super::faults::Faults;
use super::tls;
use crate::plan::document::{
    Distribution, Percentiles, Protocol as ProtocolName, Role, Service as ServiceTable, ShortOr,
    Sink, SinkLimits as LimitsTable, SinkReject as RejectTable, SinkSteps, SinkTls as SinkTlsValue,
    Stall as StallTable, Table, TlsTable,
};
use crate::plan::files::Files;
use crate::plan::model::{
    Delay, Service, SinkLimits, SinkPlan, SinkReject, SinkReply, SinkRole, SinkStep, SinkTls, Stall,
};
use crate::plan::{DiagnosticCode, Share, Span, escape};
use crate::smtp::{Class, Code, Enhanced, Protocol};

use super::weights::at_least_one;

/// The longest text of a reply (RFC 5321 4.5.3.1.5, without the code and the line's end).
const LONGEST_TEXT: usize = 506;

/// The longest line of a text (RFC 5322 2.1.1).
const LONGEST_WORDS: usize = 998;
/// What a reply looks like.
const A_REPLY: &str = "write a 4xx or 5xx code and a text, such as `450 4.7.1 later`";

/// The server of `[sink]`.
pub(super) fn lower(
    sink: Option<&Sink>,
    files: &Files,
    accounts: Accounts<'_>,
    faults: &mut Faults,
) -> SinkPlan {
    let none = Sink::default();
    let sink = sink.unwrap_or(&none);
    let listen = sink.listen.as_deref().map(|text| (text, text.parse().ok()));
    if let Some((text, None)) = listen {
        let message = format!("`{text}` is not an address such as `127.0.0.1:2525`");
        faults.bad("/sink/listen", message);
    }
    SinkPlan {
        listen: listen.and_then(|(_, address)| address),
        role: match sink.role {
            Some(Role::Target) => SinkRole::Target,
            Some(Role::NextHop) => SinkRole::NextHop,
            Some(Role::Off) | None => SinkRole::Off,
        },
        protocol: match sink.protocol {
            Some(ProtocolName::Lmtp) => Protocol::Lmtp,
            Some(ProtocolName::Smtp) | None => Protocol::Smtp,
        },
        tls: sink.tls.as_ref().and_then(|tls| lower_tls(tls, files, faults)),
        proxy: sink.proxy == Some(true),
        xclient: sink.xclient == Some(true),
        limits: lower_limits(sink.limits.unwrap_or_default(), faults),
        users: sink.users.as_ref().map(|feed| accounts.of_feed(feed, "/sink/users", faults)),
        latency: by_step(sink.latency.as_ref())
            .map(|(step, delay)| (step, lower_delay(*delay, step, faults)))
            .collect(),
        replies: by_step(sink.replies.as_ref())
            .map(|(step, replies)| (step, lower_replies(replies, step, faults)))
            .collect(),
        rejects: lower_rejects(sink.reject.as_deref().unwrap_or_default(), faults),
        servers: at_least_one(sink.servers, "/sink/servers", faults),
        service: sink.service.and_then(|service| lower_service(service, faults)),
        stall: sink.stall.and_then(|stall| lower_stall(stall, faults)),
    }
}

/// A server's `tls` is a client's without what only a client has.
fn lower_tls(tls: &SinkTlsValue, files: &Files, faults: &mut Faults) -> Option<SinkTls> {
    let tls = match tls {
        ShortOr::Short(mode) => ShortOr::Short(*mode),
        ShortOr::Long(table) => ShortOr::Long(TlsTable {
            mode: table.mode,
            certificate: table.certificate.clone(),
            key: table.key.clone(),
            ..TlsTable::default()
        }),
    };
    let lowered = tls::lower(Some(&tls), "/sink/tls", files, faults)?;
    Some(SinkTls { mode: lowered.mode, identity: lowered.identity })
}

fn lower_limits(limits: LimitsTable, faults: &mut Faults) -> SinkLimits {
    let mut limit = |key: &str, number: Option<u32>| {
        at_least_one(number, &format!("/sink/limits/{key}"), faults)
    };
    let connections = limit("connections", limits.connections);
    let connections_per_address = limit("connections_per_address", limits.connections_per_address);
    let messages_per_connection = limit("messages_per_connection", limits.messages_per_connection);
    let interval = limits.rate.and_then(|rate| {
        let interval = Duration::try_from_secs_f64(1.0 / rate.per_second()).ok();
        if interval.is_none_or(|interval| interval.is_zero()) {
            faults.bad("/sink/limits/rate", "a limit is above zero, and at most 1000000000/s");
        }
        interval
    });
    SinkLimits { connections, connections_per_address, messages_per_connection, interval }
}

fn by_step<T>(steps: Option<&SinkSteps<T>>) -> impl Iterator<Item = (SinkStep, &T)> {
    let all = steps.map(|steps| {
        [
            (SinkStep::Greeting, &steps.greeting),
            (SinkStep::Ehlo, &steps.ehlo),
            (SinkStep::Starttls, &steps.starttls),
            (SinkStep::Auth, &steps.auth),
            (SinkStep::Mail, &steps.mail),
            (SinkStep::Rcpt, &steps.rcpt),
            (SinkStep::Data, &steps.data),
            (SinkStep::EndOfData, &steps.end_of_data),
            (SinkStep::Bdat, &steps.bdat),
            (SinkStep::Rset, &steps.rset),
            (SinkStep::Quit, &steps.quit),
        ]
    });
    all.into_iter().flatten().filter_map(|(step, value)| Some((step, value.as_ref()?)))
}

fn lower_delay(
    delay: ShortOr<Span, Percentiles<Span>>,
    step: SinkStep,
    faults: &mut Faults,
) -> Delay {
    let pointer = format!("/sink/latency/{}", step.name());
    match delay {
        ShortOr::Short(span) => Delay::Constant(span.duration()),
        ShortOr::Long(Percentiles { p50, p99 }) => {
            let mut lower = |key: &str, span: Option<Span>| {
                if span.is_none() {
                    faults.missing(&pointer, key);
                }
                span.map(Span::duration).unwrap_or_default()
            };
            let (low, high) = (lower("p50", p50), lower("p99", p99));
            if p50.is_some() && p99.is_some() && (low.is_zero() || low > high) {
                faults.bad(&pointer, "`p50` is above zero and at most `p99`");
            }
            Delay::LogNormal { p50: low, p99: high }
        }
    }
}

fn lower_replies(
    replies: &Table<Share>,
    step: SinkStep,
    faults: &mut Faults,
) -> Vec<(SinkReply, f64)> {
    let pointer = format!("/sink/replies/{}", step.name());
    let mut lowered = Vec::new();
    for (text, share) in replies.iter() {
        match lower_reply(text) {
            Some(reply) => lowered.push((reply, share.fraction())),
            None => faults.add(
                crate::plan::Diagnostic::key(
                    DiagnosticCode::BadValue,
                    format!("{pointer}/{}", escape(text)),
                    format!("`{}` is not a reply", text.escape_debug()),
                )
                .with_help(A_REPLY.to_owned()),
            ),
        }
    }
    let sum: f64 = lowered.iter().map(|(_, share)| share).sum();
    if sum > 1.0 + 1e-9 {
        faults.bad(&pointer, "the shares of a step's replies are more than 100%");
    }
    lowered
}

fn lower_rejects(table: &[RejectTable], faults: &mut Faults) -> Vec<SinkReject> {
    let mut lowered = Vec::new();
    for (index, reject) in table.iter().enumerate() {
        let pointer = format!("/sink/reject/{index}");
        let contains = reject.contains.as_deref();
        match contains.map(str::len) {
            None => faults.missing(&pointer, "contains"),
            Some(1..=LONGEST_WORDS) => {}
            Some(_) => {
                faults.bad(&format!("{pointer}/contains"), "words have 1 to 998 octets");
            }
        }
        let reply = reject.reply.as_deref();
        match reply.map(lower_reply) {
            None => faults.missing(&pointer, "reply"),
            Some(None) => faults.value_with_help(
                DiagnosticCode::BadValue,
                &format!("{pointer}/reply"),
                format!("`{}` is not a reply", reply.unwrap_or_default().escape_debug()),
                A_REPLY,
            ),
            Some(Some(reply)) => {
                let contains = contains.unwrap_or_default().to_owned();
                lowered.push(SinkReject { contains, reply });
            }
        }
    }
    lowered
}

fn lower_reply(reply: &str) -> Option<SinkReply> {
    let (code, text) = reply.split_once(' ').unwrap_or((reply, ""));
    let code = code.parse().ok().and_then(Code::new)?;
    let is_refusal = matches!(code.class(), Class::Temporary | Class::Permanent);
    let is_one_line = text.len() <= LONGEST_TEXT && !text.contains(char::is_control);
    (is_refusal && is_one_line).then(|| SinkReply {
        code,
        enhanced: Enhanced::at_start_of(text.as_bytes()),
        text: text.to_owned(),
    })
}

fn lower_service(service: ServiceTable, faults: &mut Faults) -> Option<Service> {
    let mean = above_zero(service.mean, ("/sink/service", "mean"), faults)?;
    Some(match service.dist {
        Some(Distribution::Exponential) => Service::Exponential(mean),
        Some(Distribution::Constant) | None => Service::Constant(mean),
    })
}

fn lower_stall(stall: StallTable, faults: &mut Faults) -> Option<Stall> {
    let every = above_zero(stall.every, ("/sink/stall", "every"), faults);
    let length = above_zero(stall.length, ("/sink/stall", "for"), faults);
    let (every, length) = (every?, length?);
    if length > every {
        faults.bad("/sink/stall/for", "a stop is at most as long as `every`");
    }
    Some(Stall { every, length })
}

/// A duration that must be there and above zero.
fn above_zero(
    span: Option<Span>,
    (table, key): (&str, &str),
    faults: &mut Faults,
) -> Option<Duration> {
    let Some(span) = span else {
        faults.missing(table, key);
        return None;
    };
    if span.duration().is_zero() {
        faults.bad(&format!("{table}/{key}"), "must be above zero");
        return None;
    }
    Some(span.duration())
}
