//! Sessions behind TLS, against servers with certificates of their own, under a paused clock.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream,
    DuplexStream,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::dialer::Route;
use super::{Dialer, Note, ServerAddress, Shared, work};
use crate::message::{Composer, CountRange, Form, RunIdentity};
use crate::plan::certificates::{Authority, Signed};
use crate::plan::{
    ClientId, Curve, Identity, Load, Phase, PhaseKind, Plan, Timeouts, Tls, TlsVersion, Verify,
};
use crate::record::{Cell, Portion, SpanEnd, StepCell};
use crate::smtp::{Ending, Outcome, Step, TlsMode};
use crate::timeline::{Timeline, fixture};

/// What the server does on a connection.
#[derive(Clone)]
enum Way {
    /// Shakes hands at once.
    Implicit(Arc<ServerConfig>),
    /// Offers STARTTLS; the text goes out in clear behind the 220.
    Starttls(Arc<ServerConfig>, &'static str),
    /// Reads and never answers.
    Silent,
    /// Reads something and closes.
    Dies,
    /// Greets in clear where a handshake should be.
    InClear,
}

#[derive(Clone)]
struct Servers(Way);

impl Dialer for Servers {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        // Narrow, so that texts go in several pieces; a server's last alert finds room.
        let (near, far) = tokio::io::duplex(4096);
        tokio::task::spawn_local(serve(self.0.clone(), far));
        Ok(near)
    }
}

async fn serve(way: Way, mut far: DuplexStream) -> io::Result<()> {
    match way {
        Way::Implicit(config) => {
            converse(TlsAcceptor::from(config).accept(far).await?, "220 hi\r\n").await
        }
        Way::Starttls(config, behind) => {
            starttls(&mut far, behind).await?;
            converse(TlsAcceptor::from(config).accept(far).await?, "").await
        }
        Way::Silent => far.read_to_end(&mut Vec::new()).await.map(drop),
        Way::Dies => far.read(&mut [0; 64]).await.map(drop),
        Way::InClear => converse(far, "220 hi\r\n").await,
    }
}

async fn starttls(far: &mut DuplexStream, behind: &str) -> io::Result<()> {
    far.write_all(b"220 hi\r\n").await?;
    for answer in ["250-hi\r\n250 STARTTLS\r\n", "220 go\r\n"] {
        while far.read_u8().await? != b'\n' {}
        let said = if answer.starts_with("220") { behind } else { "" };
        far.write_all(format!("{answer}{said}").as_bytes()).await?;
    }
    Ok(())
}

/// Takes every message.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, greeting: &str) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    stream.write_all(greeting.as_bytes()).await?;
    let mut in_text = false;
    loop {
        stream.flush().await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match (in_text, line.trim_end()) {
            (true, ".") => {
                in_text = false;
                "250 taken\r\n"
            }
            (true, _) => "",
            (false, "DATA") => {
                in_text = true;
                "354 go\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, line) if line.starts_with("EHLO") => "250-hi\r\n250 PIPELINING\r\n",
            (false, _) => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];

/// A server's part, with the versions that it speaks and whom its clients must be signed by.
fn server(
    own: Signed,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    Arc::new(builder.with_single_cert(own.chain, own.key).unwrap())
}

/// A client that trusts an authority and asks for `mx.test`.
fn client(mode: TlsMode, authority: &Authority) -> Tls {
    Tls {
        mode,
        verify: Verify::Roots([authority.certificate.clone()].into()),
        server_name: ServerName::try_from("mx.test").ok(),
        min: TlsVersion::Tls12,
        max: TlsVersion::Tls13,
        identity: None,
        resume: true,
    }
}

fn plan(tls: Tls, count: u64) -> Plan {
    let mut plan = fixture::plan(vec![Phase {
        kind: PhaseKind::Steady,
        count: Some(count),
        mix: fixture::only(ClientId(0)),
        ..fixture::phase(
            Load::Closed { connections: Curve::Linear { from: 1.0, to: 1.0 } },
            fixture::seconds(30),
        )
    }]);
    plan.phases[0].drain = Duration::from_mins(1);
    plan.clients[0].tls = Some(tls);
    let reply = Duration::from_secs(7);
    plan.targets[0].timeouts =
        Timeouts { connect: Duration::from_secs(2), reply, end_of_data: Duration::from_secs(20) };
    plan
}

/// All that came of a plan whose sessions go to these servers.
async fn run_plan(plan: Plan, way: Way) -> Cell {
    run_at(plan, Servers(way)).await
}

async fn run_at(plan: Plan, dialer: impl Dialer) -> Cell {
    let identity = RunIdentity { id: 1, seed: plan.seed };
    let composer = Composer::new(&plan.messages, &plan.feeds, identity).unwrap();
    let timeline = Arc::new(Timeline::new(&plan));
    let nowhere = ServerAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)));
    let shared = Arc::new(Shared::new(Arc::new(plan), timeline, vec![vec![nowhere]], 1));
    let (notes, mut told) = unbounded_channel();
    let (_order, ordered) = unbounded_channel();
    let work = work(shared, composer, dialer, notes, ordered);
    LocalSet::new().run_until(work).await.unwrap();
    let mut sum = Cell::default();
    while let Ok(note) = told.try_recv() {
        match note {
            Note::Handover(handover) => {
                handover.cells.iter().for_each(|(_, cell)| sum.merge(cell));
            }
            Note::Panicked(text) => panic!("{text}"),
            Note::CountReached(_) | Note::FeedUsedUp(_) | Note::FirstError(_) => {}
        }
    }
    let messages = &sum.messages;
    assert_eq!(messages.started, messages.ended.iter().sum::<u64>());
    sum
}

async fn run(tls: Tls, count: u64, way: Way) -> Cell {
    run_plan(plan(tls, count), way).await
}

fn step(cell: &Cell, step: Step) -> StepCell {
    cell.steps[step.index()].as_deref().cloned().unwrap_or_default()
}

/// Full and resumed handshakes.
fn handshakes(cell: &Cell) -> (u64, u64) {
    (step(cell, Step::Tls).ok, step(cell, Step::TlsResumed).ok)
}

/// The only kind of error, with its example.
fn error(cell: &Cell) -> (Outcome, Step, String) {
    let errors: Vec<_> = cell.errors.iter().collect();
    let [(key, error)] = errors[..] else { panic!("{errors:?}") };
    (key.outcome, key.step, error.example.clone())
}

#[tokio::test(start_paused = true)]
async fn messages_go_through_tls_and_a_second_session_resumes_the_first() {
    let authority = Authority::new();
    for (mode, ehlos) in [(TlsMode::Implicit, 1), (TlsMode::Starttls, 2)] {
        let config = server(authority.sign("mx.test"), BOTH, None);
        let way = match mode {
            TlsMode::Implicit => Way::Implicit(config),
            TlsMode::Starttls => Way::Starttls(config, ""),
        };
        let cell = run(client(mode, &authority), 30, way).await;

        assert_eq!(cell.messages.of(Outcome::Accepted), 30, "{:?}", cell.errors);
        assert_eq!(cell.sessions.opened, 3, "ten messages each");
        assert_eq!(handshakes(&cell), (1, 2), "{mode:?}");
        assert_eq!(step(&cell, Step::Ehlo).ok, 3 * ehlos, "{mode:?}");
        assert_eq!(cell.session.count(), 3);
        let json = serde_json::to_value(figures(cell)).unwrap();
        assert_eq!(json["tls"]["versions"], serde_json::json!({ "TLSv1.3": 3 }));
        assert_eq!(json["tls"]["ciphers"], serde_json::json!({ "TLS_AES_256_GCM_SHA384": 3 }));
    }
}

fn figures(cell: Cell) -> crate::record::Figures {
    Portion { cell, peak_open: 1, length: Duration::from_secs(1), end: SpanEnd::Time }.figures()
}

#[tokio::test(start_paused = true)]
async fn octets_are_those_of_smtp() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), BOTH, None);
    let secure = plan(client(TlsMode::Implicit, &authority), 20);
    let mut clear = secure.clone();
    clear.clients[0].tls = None;

    let secure = run_plan(secure, Way::Implicit(config)).await;
    let clear = run_plan(clear, Way::InClear).await;

    assert_eq!(secure.octets.sent, clear.octets.sent);
    assert_eq!(secure.octets.received, clear.octets.received);
    assert!(clear.octets.sent > 1000);
}

#[tokio::test(start_paused = true)]
async fn a_text_larger_than_all_buffers_arrives() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), BOTH, None);
    let mut plan = plan(client(TlsMode::Implicit, &authority), 3);
    let text = format!("Subject: x\n\n{}", "0123456789 0123456789 0123456789\n".repeat(10_000));
    plan.messages[0].form = Form::Raw { text: text.into() };

    let cell = run_plan(plan, Way::Implicit(config)).await;

    assert_eq!(cell.messages.of(Outcome::Accepted), 3, "{:?}", cell.errors);
    assert!(cell.octets.sent > 900_000);
}

#[tokio::test(start_paused = true)]
async fn without_resumption_every_handshake_is_a_full_one() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), BOTH, None);
    let tls = Tls { resume: false, ..client(TlsMode::Implicit, &authority) };

    let cell = run(tls, 50, Way::Implicit(config)).await;

    assert_eq!(handshakes(&cell), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn tls_1_2_resumes_too() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), &[&TLS12], None);

    let cell = run(client(TlsMode::Implicit, &authority), 30, Way::Implicit(config)).await;

    assert_eq!(handshakes(&cell), (1, 2));
    let json = serde_json::to_value(figures(cell)).unwrap();
    assert_eq!(json["tls"]["versions"], serde_json::json!({ "TLSv1.2": 3 }));
    let ciphers = serde_json::json!({ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 3 });
    assert_eq!(json["tls"]["ciphers"], ciphers);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_or_by_a_stranger_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (own, text) in [
        (authority.sign("other.test"), "not valid for name"),
        (stranger.sign("mx.test"), "UnknownIssuer"),
    ] {
        let config = server(own, BOTH, None);
        let tls = client(TlsMode::Implicit, &authority);

        let cell = run(tls, 1, Way::Implicit(config)).await;

        let (outcome, step_of_end, example) = error(&cell);
        assert_eq!((outcome, step_of_end), (Outcome::Tls, Step::Tls));
        assert!(example.contains(text), "{example}");
        assert_eq!(step(&cell, Step::Tls).refused, 1);
        assert_eq!((cell.sessions.opened, cell.sessions.failed), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn without_verification_any_certificate_will_do() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let config = server(stranger.sign("other.test"), BOTH, None);
    let tls =
        Tls { verify: Verify::Nothing, server_name: None, ..client(TlsMode::Starttls, &authority) };

    let cell = run(tls, 5, Way::Starttls(config, "")).await;

    assert_eq!(cell.messages.of(Outcome::Accepted), 5, "{:?}", cell.errors);
}

#[tokio::test(start_paused = true)]
async fn only_the_versions_of_the_plan_are_spoken() {
    let authority = Authority::new();
    let table = [
        (TlsVersion::Tls12, TlsVersion::Tls12, BOTH, Some("TLSv1.2")),
        (TlsVersion::Tls13, TlsVersion::Tls13, BOTH, Some("TLSv1.3")),
        (TlsVersion::Tls13, TlsVersion::Tls13, &[&TLS12], None),
        (TlsVersion::Tls12, TlsVersion::Tls12, &[&TLS13], None),
    ];
    for (min, max, spoken, expected) in table {
        let config = server(authority.sign("mx.test"), spoken, None);
        let tls = Tls { min, max, ..client(TlsMode::Implicit, &authority) };

        let cell = run(tls, 1, Way::Implicit(config)).await;

        if let Some(version) = expected {
            assert_eq!(figures(cell).tls.versions.get(version), Some(&1), "{min:?} {max:?}");
        } else {
            let (outcome, at, example) = error(&cell);
            assert_eq!((outcome, at), (Outcome::Tls, Step::Tls), "{example}");
            assert!(example.contains("ProtocolVersion"), "{example}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_certificate_is_shown_the_plans() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for versions in [&[&TLS12], &[&TLS13]] {
        let own = authority.sign("client.test");
        let good = Identity { chain: own.chain, key: own.key };
        let own = stranger.sign("client.test");
        let bad = Identity { chain: own.chain, key: own.key };
        for (identity, accepted) in [(Some(good), 3), (Some(bad), 0), (None, 0)] {
            let config = server(authority.sign("mx.test"), versions, Some(&authority));
            let identity = identity.map(Arc::new);
            let tls = Tls { identity, ..client(TlsMode::Implicit, &authority) };

            let cell = run(tls, 3, Way::Implicit(config)).await;

            assert_eq!(cell.messages.of(Outcome::Accepted), accepted, "{:?}", cell.errors);
            if accepted == 0 {
                // In TLS 1.3 the server's refusal comes behind the client's own handshake.
                let (outcome, at, example) = error(&cell);
                assert_eq!((outcome, at), (Outcome::Tls, Step::Tls), "{example}");
                assert!(example.starts_with("received fatal alert: "), "{example}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_in_the_handshake_is_given_up_at_the_limit() {
    let authority = Authority::new();

    let cell = run(client(TlsMode::Implicit, &authority), 1, Way::Silent).await;

    assert_eq!(error(&cell).0, Outcome::TimedOut);
    assert_eq!(error(&cell).1, Step::Tls);
    let handshake = step(&cell, Step::Tls);
    let age = handshake.time.censored().unwrap().max();
    assert!((6_990_000..7_060_000).contains(&age), "{age}");
    assert_eq!(cell.session.censored().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_in_the_handshake_has_disconnected() {
    let authority = Authority::new();

    let cell = run(client(TlsMode::Implicit, &authority), 1, Way::Dies).await;

    let closed = "the server closed the connection".to_owned();
    assert_eq!(error(&cell), (Outcome::Disconnected, Step::Tls, closed));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_in_clear_has_failed_the_handshake() {
    let authority = Authority::new();

    let cell = run(client(TlsMode::Implicit, &authority), 1, Way::InClear).await;

    let (outcome, at, example) = error(&cell);
    assert_eq!((outcome, at), (Outcome::Tls, Step::Tls), "{example}");
}

#[tokio::test(start_paused = true)]
async fn what_is_slipped_in_behind_the_reply_to_starttls_ends_the_session() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), BOTH, None);
    let way = Way::Starttls(config, "250 slipped in\r\n");

    let cell = run(client(TlsMode::Starttls, &authority), 1, way).await;

    let text = "octets in clear behind the reply to STARTTLS".to_owned();
    assert_eq!(error(&cell), (Outcome::Protocol, Step::Starttls, text));
    assert_eq!(handshakes(&cell), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_starttls_gets_no_mail() {
    let authority = Authority::new();

    let cell = run(client(TlsMode::Starttls, &authority), 1, Way::InClear).await;

    let text = "the server offers no STARTTLS".to_owned();
    assert_eq!(error(&cell), (Outcome::Tls, Step::Starttls, text));
    assert_eq!(step(&cell, Step::Quit).ok, 1);
    assert_eq!(step(&cell, Step::Mail).ok, 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_phase_cuts_a_handshake_too() {
    let authority = Authority::new();
    let mut plan = plan(client(TlsMode::Implicit, &authority), 1);
    plan.phases[0].duration = fixture::seconds(1);
    plan.phases[0].drain = Duration::from_secs(2);
    let began = Instant::now();

    let cell = run_plan(plan, Way::Silent).await;

    assert_eq!((error(&cell).0, error(&cell).1), (Outcome::TimedOut, Step::Tls));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_for_each_session_resumes_from_the_second_on() {
    let authority = Authority::new();
    let config = server(authority.sign("mx.test"), BOTH, None);
    let mut plan = plan(client(TlsMode::Implicit, &authority), 10);
    plan.clients[0].messages_per_connection = CountRange::exactly(1);

    let cell = run_plan(plan, Way::Implicit(config)).await;

    assert_eq!(handshakes(&cell), (1, 9));
    assert_eq!(step(&cell, Step::Quit).ok, 10);
}

/// Talks behind TLS, and keeps in mind which sessions ended with a `close_notify`.
#[derive(Clone)]
struct Watchful {
    config: Arc<ServerConfig>,
    orderly: Rc<RefCell<Vec<bool>>>,
}

impl Dialer for Watchful {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(4096);
        let Self { config, orderly } = self.clone();
        tokio::task::spawn_local(async move {
            let ended = serve(Way::Implicit(config), far).await;
            orderly.borrow_mut().push(ended.is_ok());
        });
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn who_closes_says_so_behind_tls_whether_by_quit_or_without() {
    let authority = Authority::new();
    for (ending, orderly) in [(Ending::Quit, true), (Ending::Close, true), (Ending::Reset, false)] {
        let config = server(authority.sign("mx.test"), BOTH, None);
        let watchful = Watchful { config, orderly: Rc::default() };
        let mut plan = plan(client(TlsMode::Implicit, &authority), 20);
        plan.clients[0].end = ending;

        let cell = run_at(plan, watchful.clone()).await;

        assert_eq!(cell.messages.of(Outcome::Accepted), 20, "{:?}", cell.errors);
        assert_eq!(*watchful.orderly.borrow(), [orderly; 2], "{ending:?}");
    }
}
