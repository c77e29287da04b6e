//! What the clients of the embedded sink speak × what it speaks: where the two do not go together,
//! no session would ever begin.

use super::faults::Faults;
use crate::plan::model::{Client, Endpoint, SinkPlan, Target};
use crate::plan::{DiagnosticCode, escape};
use crate::smtp::TlsMode;

/// Tells each client of the sink that could not speak with it.
pub(super) fn check(clients: &[Client], targets: &[Target], sink: &SinkPlan, faults: &mut Faults) {
    for client in clients {
        let target = targets.get(client.target.index());
        if target.is_some_and(|target| target.endpoint == Endpoint::Sink) {
            check_tls(client, sink, faults);
            check_proxy(client, sink, faults);
            check_xclient(client, sink, faults);
        }
    }
    for target in targets.iter().filter(|target| target.endpoint == Endpoint::Sink) {
        if target.protocol != sink.protocol {
            let message = "the embedded sink and a target that it stands for speak the same";
            let help = format!("target `{}` has another `protocol`", target.name);
            faults.value_with_help(DiagnosticCode::Conflict, "/sink/protocol", message, &help);
        }
    }
}

fn check_proxy(client: &Client, sink: &SinkPlan, faults: &mut Faults) {
    let (message, help) = match (client.proxy.is_some(), sink.proxy) {
        (true, true) | (false, false) => return,
        (true, false) => (
            "the embedded sink reads no header of the PROXY protocol",
            "write `proxy = true` in `[sink]`",
        ),
        (false, true) => (
            "the embedded sink closes connections without a header of the PROXY protocol",
            "write `proxy` here, or `proxy = false` in `[sink]`",
        ),
    };
    let pointer = format!("/clients/{}/proxy", escape(&client.name));
    faults.value_with_help(DiagnosticCode::Conflict, &pointer, message, help);
}

fn check_xclient(client: &Client, sink: &SinkPlan, faults: &mut Faults) {
    if client.xclient.is_some() && !sink.xclient {
        let pointer = format!("/clients/{}/xclient", escape(&client.name));
        let message = "the embedded sink does not offer XCLIENT";
        let help = "write `xclient = true` in `[sink]`";
        faults.value_with_help(DiagnosticCode::Conflict, &pointer, message, help);
    }
}

fn check_tls(client: &Client, sink: &SinkPlan, faults: &mut Faults) {
    let asked = client.tls.as_ref().map(|tls| tls.mode);
    let offered = sink.tls.as_ref().map(|tls| tls.mode);
    let (message, help) = match (asked, offered) {
        (None | Some(TlsMode::Starttls), Some(TlsMode::Starttls))
        | (Some(TlsMode::Implicit), Some(TlsMode::Implicit))
        | (None, None) => return,
        (_, Some(TlsMode::Implicit)) => (
            "the embedded sink speaks TLS from the first octet",
            "write `tls = \"implicit\"` here, or `tls = \"starttls\"` in `[sink]`",
        ),
        (Some(TlsMode::Starttls), None) => {
            ("the embedded sink does not offer STARTTLS", "write `tls = \"starttls\"` in `[sink]`")
        }
        (Some(TlsMode::Implicit), None | Some(TlsMode::Starttls)) => (
            "the embedded sink does not speak TLS from the first octet",
            "write `tls = \"implicit\"` in `[sink]`, or `tls = \"starttls\"` here",
        ),
    };
    let pointer = format!("/clients/{}/tls", escape(&client.name));
    faults.value_with_help(DiagnosticCode::Conflict, &pointer, message, help);
}
