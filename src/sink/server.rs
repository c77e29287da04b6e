//! Streams → SMTP sessions: the embedded server as futures, over TCP or over a test's duplex.
//!
//! All sessions of a server live on one thread and share its buffers: a read is answered before
//! the next future runs, so a session keeps octets of its own only while it has to wait, for a
//! delayed answer or for a client that does not read. Replies are written at once and together;
//! only what the kernel does not take is waited for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::rustls::HandshakeKind;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::server::TlsStream;

use super::SinkError;
use super::behaviour::Behaviour;
use super::capabilities::Security;
use super::dialogue::{Act, Dialogue, Ending};
use super::tally::{Seat, SinkCounters, Tally};
use super::tls::{Encryption, Preread};
use crate::plan::SinkPlan;
use crate::smtp::Handshake;

/// The read buffer of a server; a read that does not fill it tells that nothing more is there.
const READ: usize = 64 * 1024;
/// For how long a client may go on sending after a 421.
const LINGER: Duration = Duration::from_secs(1);
/// The pause after a connection could not be accepted for want of descriptors or memory.
const SCARCITY: Duration = Duration::from_millis(50);

/// The embedded server for one thread, or for a test in paused time; clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Rc<RefCell<Shared>>,
    tally: Arc<Tally>,
    encryption: Option<Encryption>,
    started: Instant,
    timing: Timing,
}

/// Whether any answer can have to wait; if not, nobody looks at the clock.
#[derive(Clone, Copy, Debug)]
enum Timing {
    Immediate,
    Timed,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Server {
    /// A server that behaves as planned; its stalls and queues are counted from now.
    pub fn new(plan: &SinkPlan, seed: u64) -> Result<Self, SinkError> {
        let encryption = plan.tls.as_ref().map(Encryption::of).transpose()?;
        Ok(Self::counting(plan, seed, Arc::new(Tally::new()), encryption))
    }

    pub(super) fn counting(
        plan: &SinkPlan,
        seed: u64,
        tally: Arc<Tally>,
        encryption: Option<Encryption>,
    ) -> Self {
        let behaviour = Behaviour::new(plan, seed, Arc::clone(&tally));
        let timing = if behaviour.is_timed() { Timing::Timed } else { Timing::Immediate };
        let shared = Shared { behaviour, input: vec![0; READ], output: Vec::new() };
        let (shared, started) = (Rc::new(RefCell::new(shared)), Instant::now());
        Self { shared, tally, encryption, started, timing }
    }

    /// What the server has seen so far.
    pub fn counters(&self) -> SinkCounters {
        self.tally.counters()
    }

    /// Serves one connection to its end. A call that is dropped drops the connection.
    pub async fn attend<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        self.attend_from(stream, None).await;
    }

    /// The same for a client whose address is known.
    pub(super) async fn attend_from<S>(&self, stream: S, peer: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let dialogue = Dialogue::new(&self.shared.borrow().behaviour, peer);
        let mut bare = Session::new(self, Seat::taken(&self.tally), stream, dialogue);
        // An error of one connection concerns nobody; the seat has counted it.
        if let Ok(Sequel::Handshake) = bare.run().await {
            // Boxed, so that a session in clear is not as large as one behind TLS.
            let _ = Box::pin(bare.secured()).await;
        }
    }

    /// What the server shows in handshakes, its own certificate first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        self.encryption.as_ref().map_or(&[], |encryption| &encryption.chain)
    }

    /// A time beyond the clock's range never comes.
    async fn wait_until(&self, due: Duration) {
        match self.started.checked_add(due) {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }

    fn now(&self) -> Duration {
        match self.timing {
            Timing::Immediate => Duration::ZERO,
            Timing::Timed => self.started.elapsed(),
        }
    }
}

/// Accepts connections until `stop` says so or is dropped; then ends them all.
pub(super) async fn serve(server: Server, listener: TcpListener, mut stop: oneshot::Receiver<()>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let (server, peer) = (server.clone(), Some(peer.ip().to_canonical()));
                    sessions.spawn_local(async move {
                        server.attend_from(prepared(stream), peer).await;
                    });
                }
                Err(error) => after(&error).await,
            },
            Some(_) = sessions.join_next() => {}
        }
    }
    drop(listener);
    sessions.shutdown().await;
}

fn prepared(stream: TcpStream) -> TcpStream {
    // A socket that refuses the option is already closed, which its first read tells.
    let _ = stream.set_nodelay(true);
    stream
}

/// A connection that its client gave up is no reason to wait; running out of descriptors is.
async fn after(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tokio::time::sleep(SCARCITY).await;
    }
}

/// What follows a session.
enum Sequel {
    Nothing,
    /// A handshake, and the same session behind it.
    Handshake,
}

struct Session<'a, S> {
    seat: Seat,
    server: &'a Server,
    stream: S,
    dialogue: Dialogue,
    /// Read, but not yet obeyed: an answer before it has to wait.
    unread: Vec<u8>,
    /// Answered, but not yet taken by the kernel.
    unsent: Vec<u8>,
    /// Whether the stream holds nothing back that it has taken, as TLS may.
    flushed: bool,
    security: Security,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    /// A session that is about to begin, or to go on behind a handshake.
    fn new(server: &'a Server, seat: Seat, stream: S, dialogue: Dialogue) -> Self {
        let (unread, unsent) = (Vec::new(), Vec::new());
        let security = Security::Clear;
        Self { seat, server, stream, dialogue, unread, unsent, flushed: true, security }
    }

    /// To its end, or to where a handshake must come.
    async fn run(&mut self) -> io::Result<Sequel> {
        let mut act = Some(poll_fn(|cx| self.poll_resume(cx)).await?);
        while let Some(next) = act {
            if !self.unsent.is_empty() || !self.flushed {
                self.stream.write_all(&self.unsent).await?;
                self.stream.flush().await?;
                self.unsent.clear();
                self.flushed = true;
            }
            act = match next {
                Act::Read => poll_fn(|cx| self.poll_read(cx)).await?,
                Act::Wait(due) => {
                    self.server.wait_until(due).await;
                    Some(poll_fn(|cx| self.poll_resume(cx)).await?)
                }
                Act::StartTls => return Ok(Sequel::Handshake),
                Act::Close(ending) => {
                    return self.close(ending).await.map(|()| Sequel::Nothing);
                }
            };
        }
        Ok(Sequel::Nothing)
    }

    /// Shakes hands, and goes on behind it. There is no second handshake: the dialogue refuses it.
    async fn secured(self) -> io::Result<()> {
        let Self { seat, server, stream, mut dialogue, unread, .. } = self;
        let Some(encryption) = &server.encryption else { return Ok(()) };
        let stream = match encryption.acceptor.accept(Preread::new(unread, stream)).await {
            Ok(stream) => stream,
            Err(error) => {
                server.tally.failed_handshake();
                return Err(error);
            }
        };
        server.tally.handshake(kind(&stream));
        dialogue.secured();
        let security = Security::Encrypted;
        let mut session = Session { security, ..Session::new(server, seat, stream, dialogue) };
        session.run().await.map(drop)
    }

    /// Reads once and answers all of it; none at the client's end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Act>>> {
        let shared = &mut *self.server.shared.borrow_mut();
        let mut read = ReadBuf::new(&mut shared.input);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        let octets = read.filled();
        if octets.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let now = self.server.now();
        shared.output.clear();
        let (used, act) = self.dialogue.on(octets, now, &mut shared.behaviour, &mut shared.output);
        self.unread.extend_from_slice(&octets[used..]);
        self.write(cx, &shared.output)?;
        Poll::Ready(Ok(Some(act)))
    }

    /// Goes on after a wait with what was read before it.
    fn poll_resume(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Act>> {
        let shared = &mut *self.server.shared.borrow_mut();
        let now = self.server.now();
        shared.output.clear();
        let (used, act) =
            self.dialogue.on(&self.unread, now, &mut shared.behaviour, &mut shared.output);
        self.unread.drain(..used);
        self.write(cx, &shared.output)?;
        Poll::Ready(Ok(act))
    }

    /// Writes what the kernel takes now and keeps the rest.
    fn write(&mut self, cx: &mut Context<'_>, replies: &[u8]) -> io::Result<()> {
        if replies.is_empty() {
            return Ok(());
        }
        let sent = match Pin::new(&mut self.stream).poll_write(cx, replies) {
            Poll::Ready(sent) => sent?,
            Poll::Pending => 0,
        };
        self.unsent.extend_from_slice(&replies[sent..]);
        self.flushed = match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(|()| true)?,
            Poll::Pending => false,
        };
        Ok(())
    }

    /// Behind a 421 the client may still be sending; closing at once would reset the connection
    /// and take the reply away from it.
    async fn close(&mut self, ending: Ending) -> io::Result<()> {
        if ending != Ending::Unannounced {
            self.seat.settle();
        }
        match (ending, self.security) {
            (Ending::Unannounced, _) | (Ending::Quit, Security::Clear) => Ok(()),
            // The client learns that nobody has cut the session off (RFC 8446 6.1).
            (Ending::Quit, Security::Encrypted) => {
                let said = tokio::time::timeout(LINGER, self.stream.shutdown());
                said.await.unwrap_or(Ok(()))
            }
            (Ending::Closing, _) => {
                self.stream.shutdown().await?;
                // Boxed, since few sessions end so and all would be larger for it.
                let drained = Box::pin(tokio::time::timeout(LINGER, self.drain()));
                drained.await.unwrap_or(Ok(()))
            }
        }
    }

    /// Reads to the client's end.
    async fn drain(&mut self) -> io::Result<()> {
        let mut rest = [0; 1024];
        while self.stream.read(&mut rest).await? > 0 {}
        Ok(())
    }
}

fn kind<S>(stream: &TlsStream<S>) -> Handshake {
    match stream.get_ref().1.handshake_kind() {
        Some(HandshakeKind::Resumed) => Handshake::Resumed,
        Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => {
            Handshake::Full
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::plan::{Delay, Service, SinkLimits, SinkReply, SinkTls, Stall};
    use crate::smtp::{Code, Step, TlsMode};

    const MS: Duration = Duration::from_millis(1);
    const GROUP: &str = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    const TEXT: &str = "Subject: x\r\n\r\ny\r\n.\r\n";

    fn plan() -> SinkPlan {
        SinkPlan::default()
    }

    /// A client that sends octets and waits for so many lines of replies.
    struct Client {
        stream: DuplexStream,
        replies: String,
        started: Instant,
    }

    impl Client {
        /// Connects, greets, and waits for both answers.
        async fn connected(server: &Server) -> Self {
            let (stream, theirs) = tokio::io::duplex(1 << 20);
            let server = server.clone();
            tokio::task::spawn_local(async move { server.attend(theirs).await });
            let started = Instant::now();
            let mut client = Self { stream, replies: String::new(), started };
            client.ask("HELO a\r\n", 2).await;
            client
        }

        /// Gives the replies and when the last one came, in ms since the connection.
        async fn ask(&mut self, octets: &str, lines: usize) -> (String, u128) {
            self.stream.write_all(octets.as_bytes()).await.unwrap();
            self.replies.clear();
            while self.replies.lines().count() < lines || !self.replies.ends_with("\r\n") {
                let mut buffer = [0; 4096];
                let length = self.stream.read(&mut buffer).await.unwrap();
                assert!(length > 0, "closed after {:?}", self.replies);
                self.replies.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            }
            (self.replies.clone(), self.started.elapsed().as_millis())
        }

        /// Sends a message in two round trips; gives when its final reply came.
        async fn send(&mut self) -> u128 {
            self.ask(GROUP, 3).await;
            self.ask(TEXT, 1).await.1
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn without_settings_no_answer_takes_time() {
        let server = Server::new(&plan(), 1).unwrap();
        let mut client = Client::connected(&server).await;

        assert_eq!(client.send().await, 0);
        assert_eq!(server.counters().messages, 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_delayed_step_delays_what_stands_behind_it_and_nothing_before() {
        let latency = vec![(Step::Rcpt, Delay::Constant(20 * MS))];
        let server = Server::new(&SinkPlan { latency, ..plan() }, 1).unwrap();
        let mut client = Client::connected(&server).await;

        let (first, early) = client.ask(GROUP, 1).await;
        let (rest, late) = client.ask("", 2).await;

        assert_eq!((first.as_str(), early), ("250 2.1.0 sender ok\r\n", 0));
        assert_eq!(rest, "250 2.1.5 recipient ok\r\n354 end with a dot\r\n");
        assert_eq!(late, 20);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn five_messages_at_once_leave_one_server_one_by_one() {
        let service = Some(Service::Constant(10 * MS));
        let server = Server::new(&SinkPlan { servers: Some(1), service, ..plan() }, 1).unwrap();
        let mut clients = JoinSet::new();
        for _ in 0..5 {
            let mut client = Client::connected(&server).await;
            clients.spawn_local(async move { client.send().await });
        }

        let mut done = clients.join_all().await;
        done.sort_unstable();

        assert_eq!(done, [10, 20, 30, 40, 50]);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn without_servers_all_messages_are_worked_on_at_once() {
        let service = Some(Service::Constant(10 * MS));
        let server = Server::new(&SinkPlan { service, ..plan() }, 1).unwrap();
        let mut clients = JoinSet::new();
        for _ in 0..5 {
            let mut client = Client::connected(&server).await;
            clients.spawn_local(async move { client.send().await });
        }

        assert_eq!(clients.join_all().await, [10; 5]);
    }

    /// Case V3 of the known answers: s + max(0, S - P(1-p)).
    #[tokio::test(flavor = "local", start_paused = true)]
    async fn the_response_times_behind_a_stall_are_those_of_the_known_answer() {
        let stall = Some(Stall { every: 10_000 * MS, length: 1000 * MS });
        let service = Some(Service::Constant(MS));
        let server = Server::new(&SinkPlan { service, stall, ..plan() }, 1).unwrap();
        let started = Instant::now();
        let mut answers = JoinSet::new();
        for start in 0_u64..2500 {
            let mut client = Client::connected(&server).await;
            client.ask(GROUP, 3).await;
            answers.spawn_local(async move {
                let begin = started + Duration::from_millis(start * 4 + 2);
                tokio::time::sleep_until(begin).await;
                client.ask(TEXT, 1).await;
                begin.elapsed().as_millis()
            });
        }

        let mut times = answers.join_all().await;
        times.sort_unstable();

        // Percentiles of 2,500 starts 4 ms apart: exact to one gap.
        for (rank, expected) in [(2224, 1), (2374, 501), (2474, 901), (2497, 991)] {
            let time = times[rank];
            assert!(time.abs_diff(expected) <= 4, "rank {rank}: {time}, not {expected}");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn every_answer_inside_a_stall_waits_for_its_end() {
        let stall = Some(Stall { every: 100 * MS, length: 30 * MS });
        let server = Server::new(&SinkPlan { stall, ..plan() }, 1).unwrap();
        let mut client = Client::connected(&server).await;

        for (asked, answered) in [(69, 69), (70, 100), (185, 200)] {
            tokio::time::sleep_until(client.started + asked * MS).await;
            assert_eq!(client.ask("NOOP\r\n", 1).await.1, answered, "asked at {asked} ms");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_share_of_all_answers_is_exact_over_all_connections() {
        let code = Code::new(450).unwrap();
        let text = "4.7.1 greylisted".to_owned();
        let reply = SinkReply { code, enhanced: None, text };
        let replies = vec![(Step::Rcpt, vec![(reply, 0.25)])];
        let server = Server::new(&SinkPlan { replies, ..plan() }, 1).unwrap();
        for _ in 0..10 {
            let mut client = Client::connected(&server).await;
            client.ask("MAIL FROM:<a@b>\r\n", 1).await;
            client.ask(&"RCPT TO:<c@d>\r\n".repeat(200), 200).await;
        }

        assert_eq!(server.counters().refused["rcpt"]["450"], 500);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_does_not_read_loses_no_reply() {
        let server = Server::new(&plan(), 1).unwrap();
        let (mut stream, theirs) = tokio::io::duplex(64);
        tokio::task::spawn_local(async move { server.attend(theirs).await });
        let (mut reading, mut writing) = tokio::io::split(&mut stream);
        let mut replies = String::new();
        let commands = format!("{}QUIT\r\n", "NOOP\r\n".repeat(1000));

        let (sent, read) = tokio::join!(
            writing.write_all(commands.as_bytes()),
            reading.read_to_string(&mut replies)
        );

        assert!(sent.is_ok() && read.is_ok());
        assert_eq!(replies.matches("250 2.0.0 ok\r\n").count(), 1000);
        assert!(replies.ends_with("221 2.0.0 bye\r\n"));
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn commands_in_clear_behind_starttls_are_never_obeyed() {
        let tls = Some(SinkTls { mode: TlsMode::Starttls, identity: None });
        let plan = SinkPlan { tls, ..plan() };
        let injected = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n";
        for (first, second) in [(injected, ""), ("", injected), ("EHLO x", "\r\nNOOP\r\n")] {
            let server = Server::new(&plan, 1).unwrap();
            let mut client = Client::connected(&server).await;
            let asked = format!("STARTTLS\r\n{first}");
            client.stream.write_all(asked.as_bytes()).await.unwrap();
            let mut said = [0; 25];
            client.stream.read_exact(&mut said).await.unwrap();
            // The server may have given up already.
            let _ = client.stream.write_all(second.as_bytes()).await;
            let mut alert = Vec::new();
            client.stream.read_to_end(&mut alert).await.unwrap();

            let counters = server.counters();
            assert_eq!(said, *b"220 2.0.0 ready for TLS\r\n");
            assert_eq!(alert.first(), Some(&0x15), "an alert of TLS");
            assert_eq!((counters.commands, counters.messages, counters.tls.failed), (2, 0, 1));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn the_rate_is_that_of_all_connections_over_time() {
        let limits = SinkLimits { interval: Some(100 * MS), ..SinkLimits::default() };
        let server = Server::new(&SinkPlan { limits, ..plan() }, 1).unwrap();
        let mut taken = 0;
        for _ in 0..100 {
            let mut client = Client::connected(&server).await;
            let (said, _) = client.ask("MAIL FROM:<a@b>\r\n", 1).await;
            taken += u32::from(said.starts_with("250 "));
            tokio::time::sleep(50 * MS).await;
        }

        // Ten at once, and one each 100 ms of the 4.95 s between the first and the last.
        assert_eq!(taken, 10 + 49);
        assert_eq!(server.counters().limited.rate, 41);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_place_is_free_when_its_session_has_ended() {
        let limits = SinkLimits { connections: Some(2), ..SinkLimits::default() };
        let server = Server::new(&SinkPlan { limits, ..plan() }, 1).unwrap();
        let _first = Client::connected(&server).await;
        let mut second = Client::connected(&server).await;
        let (mut third, theirs) = tokio::io::duplex(1024);
        server.attend(theirs).await;
        let mut said = String::new();
        third.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "421 4.3.2 too many connections\r\n");

        second.ask("QUIT\r\n", 1).await;

        Client::connected(&server).await;
        assert_eq!(server.counters().limited.connections, 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn only_a_session_that_ends_in_order_is_not_aborted() {
        let server = Server::new(&plan(), 1).unwrap();
        let mut orderly = Client::connected(&server).await;
        orderly.ask("QUIT\r\n", 1).await;
        assert_eq!(orderly.stream.read(&mut [0; 8]).await.unwrap(), 0);
        let (ours, theirs) = tokio::io::duplex(1024);
        drop(ours);
        server.attend(theirs).await;

        let counters = server.counters();

        assert_eq!((counters.connections, counters.open, counters.aborted), (2, 0, 1));
    }
}
