//! Clients behind TLS × the embedded server behind TLS, under a paused clock.

use tokio_rustls::rustls::pki_types::ServerName;

use super::*;
use crate::plan::{SinkTls, Tls, TlsVersion, Verify};
use crate::smtp::TlsMode;

/// Thirty messages, ten for each session, of a client that trusts what the server shows.
async fn thirty(mode: TlsMode, max: TlsVersion) -> Outcomes {
    let mut planned = phase("a", steady(1.0), None);
    planned.count = Some(30);
    let mut plan = plan(vec![planned], 0.1);
    plan.sink.tls = Some(SinkTls { mode, identity: None });
    let server = Server::new(&plan.sink, plan.seed).unwrap();
    plan.clients[0].tls = Some(Tls {
        mode,
        verify: Verify::Roots(server.certificates().into()),
        server_name: ServerName::try_from("localhost").ok(),
        min: TlsVersion::Tls12,
        max,
        identity: None,
        resume: true,
    });
    let dialer = Pipes { server, made: Rc::default(), panics_at: None };
    LocalSet::new().run_until(run_here(plan, Vec::new(), dialer)).await
}

#[tokio::test(start_paused = true)]
async fn the_first_session_shakes_hands_in_full_and_the_others_resume_it() {
    for mode in [TlsMode::Starttls, TlsMode::Implicit] {
        for max in [TlsVersion::Tls12, TlsVersion::Tls13] {
            let outcomes = thirty(mode, max).await;

            let cell = outcomes.phase(0);
            assert_eq!(cell.messages.of(Outcome::Accepted), 30, "{mode:?}: {:?}", cell.errors);
            let tls = outcomes.sink.tls;
            assert_eq!((tls.full, tls.resumed, tls.failed), (1, 2, 0), "{mode:?} {max:?}");
            let ok = |step: Step| cell.steps[step.index()].as_deref().map_or(0, |step| step.ok);
            assert_eq!((ok(Step::Tls), ok(Step::TlsResumed)), (1, 2), "{mode:?} {max:?}");
            assert_eq!((outcomes.sink.connections, outcomes.sink.aborted), (3, 0), "{mode:?}");
        }
    }
}
