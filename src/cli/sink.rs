//! `sink`: the embedded server by itself, until it is told to end.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use super::Done;
use super::args::{OutputFormat, SinkArgs, SinkTlsMode};
use super::inspect::json;
use super::messages::{Failure, note, print};
use super::{read, signals};
use crate::format;
use crate::monitor;
use crate::plan::{SinkPlan, SinkTls};
use crate::run::RunError;
use crate::sink::{Sink, SinkCounters};
use crate::smtp::TlsMode;
use crate::verdict::ExitCode;

/// Where it listens if nobody says.
const DEFAULT_PORT: u16 = 2525;

/// Serves until a signal comes, then tells what it counted.
pub(super) fn sink(args: &SinkArgs) -> Done {
    let mut told = signals::listen();
    let (mut plan, seed) = settings(args)?;
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
    plan.listen = args.listen.or(plan.listen).or(Some(default));
    plan.tls = args.tls.map(|mode| encrypted(mode, &plan)).or(plan.tls);
    if plan.tls.is_none() && args.certificate_out.is_some() {
        let message = "--certificate-out needs a sink that encrypts: add --tls starttls";
        return Err(Failure::Usage(message.to_owned()));
    }
    // A limit that can't be raised shows when connections are refused.
    let _ = monitor::raise_nofile();
    let sink = Sink::start(&plan, seed).map_err(RunError::Sink)?;
    if let Some(path) = &args.certificate_out {
        fs::write(path, sink.certificates_pem())
            .map_err(|error| Failure::Unwritable(path.clone(), error))?;
        note(&format!("the certificate is in {}", path.display()));
    }
    note(&format!("listening on {}; Ctrl-C ends it", sink.address()));
    // Without a listener for signals they end the process in their usual way.
    let _ = told.blocking_recv();
    let counters = sink.stop();
    print(&match args.format.format {
        OutputFormat::Text => text(&counters),
        OutputFormat::Json => json(&counters),
    });
    Ok(ExitCode::OK)
}

/// Encryption as the flag says, with the plan's certificate if it has one.
fn encrypted(mode: SinkTlsMode, plan: &SinkPlan) -> SinkTls {
    let mode = match mode {
        SinkTlsMode::Starttls => TlsMode::Starttls,
        SinkTlsMode::Implicit => TlsMode::Implicit,
    };
    SinkTls { mode, identity: plan.tls.as_ref().and_then(|tls| tls.identity.clone()) }
}

fn settings(args: &SinkArgs) -> Result<(SinkPlan, u64), Failure> {
    let Some(path) = &args.plan else {
        let plan = SinkPlan::default();
        return Ok((plan, 0));
    };
    let loaded = read::plan_values(path, &args.values, &args.format)?;
    Ok((loaded.plan.sink, loaded.plan.seed))
}

fn text(counters: &SinkCounters) -> String {
    let mut lines = vec![
        format!("messages     {}", format::count(counters.messages)),
        format!("recipients   {}", format::count(counters.recipients)),
        format!("octets       {}", format::octets(counters.octets)),
        format!("connections  {}", format::count(counters.connections)),
        format!("aborted      {}", format::count(counters.aborted)),
        format!("commands     {}", format::count(counters.commands)),
    ];
    if counters.chunks > 0 {
        lines.push(format!("chunks       {}", format::count(counters.chunks)));
    }
    let tls = &counters.tls;
    for (name, count) in [("full", tls.full), ("resumed", tls.resumed), ("failed", tls.failed)] {
        if count > 0 {
            lines.push(format!("tls          {name}: {}", format::count(count)));
        }
    }
    let limited = &counters.limited;
    for (name, count) in [
        ("connections", limited.connections),
        ("connections for each address", limited.connections_per_address),
        ("messages for each connection", limited.messages_per_connection),
        ("rate", limited.rate),
    ] {
        if count > 0 {
            lines.push(format!("limited      {name}: {}", format::count(count)));
        }
    }
    if let (Some(accepted), Some(refused)) = (counters.auth_accepted, counters.auth_refused) {
        let (accepted, refused) = (format::count(accepted), format::count(refused));
        lines.push(format!("auth         {accepted} accepted, {refused} refused"));
    }
    for (step, codes) in &counters.refused {
        for (code, count) in codes {
            lines.push(format!("refused      {step} {code}: {}", format::count(*count)));
        }
    }
    lines.join("\n") + "\n"
}
