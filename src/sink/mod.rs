//! The embedded server: accepts mail, counts it, and answers as `[sink]` says.
//!
//! [`Sink`] runs it on a thread of its own behind a TCP port; [`Server`] is the same as futures
//! for any stream, so that tests can run it in paused time beside what they test.

mod auth;
mod behaviour;
mod capabilities;
mod command;
mod content;
mod dialogue;
mod limits;
mod notification;
mod proxy;
mod queue;
mod server;
mod tally;
mod text;
mod tls;
mod xclient;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::plan::SinkPlan;
use tally::Tally;
use tls::Encryption;

pub use server::Server;
pub use tally::{Limited, SinkCounters, TlsSessions};
pub use tls::CertificateError;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Why the embedded server did not start.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address is in use, not of this machine, or not allowed.
    #[error("the sink cannot listen on `{address}`")]
    Listen {
        /// What the plan asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// It is to encrypt, and has nothing to show.
    #[error("the sink cannot encrypt")]
    Certificate(#[source] CertificateError),
    /// No thread, or nothing to wait for events with.
    #[error("the sink's thread cannot start")]
    Thread(#[source] io::Error),
}

/// The embedded server on a thread of its own; dropping it stops it.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    certificates: Arc<[CertificateDer<'static>]>,
    tally: Arc<Tally>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Sink {
    /// Starts a server that behaves as planned, with draws from the seed. It accepts connections
    /// when this returns.
    pub fn start(plan: &SinkPlan, seed: u64) -> Result<Self, SinkError> {
        let wanted = plan.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let (listener, address) =
            listen(wanted).map_err(|source| SinkError::Listen { address: wanted, source })?;
        let encryption = plan.tls.as_ref().map(Encryption::of).transpose()?;
        let certificates = encryption.as_ref().map(|own| Arc::clone(&own.chain));
        let tally = Arc::new(Tally::new());
        let (stop, stopped) = oneshot::channel();
        // One message at most: whether the runtime could be made, which only its thread can tell.
        let (ready, started) = mpsc::sync_channel(1);
        let (plan, counts) = (plan.clone(), Arc::clone(&tally));
        let thread = std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || match prepare(listener) {
                Ok((runtime, listener)) => {
                    // Nobody waits any more only if the starting thread is gone; so is `stop` then.
                    let _ = ready.send(Ok(()));
                    runtime.block_on(async {
                        let server = Server::counting(&plan, seed, counts, encryption);
                        server::serve(server, listener, stopped).await;
                    });
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })
            .map_err(SinkError::Thread)?;
        let certificates = certificates.unwrap_or_default();
        let sink = Self { address, certificates, tally, running: Some((stop, thread)) };
        match started.recv() {
            Ok(Ok(())) => Ok(sink),
            Ok(Err(error)) => Err(SinkError::Thread(error)),
            Err(mpsc::RecvError) => Err(SinkError::Thread(io::Error::other("it ended at once"))),
        }
    }

    /// Where the server listens, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server shows in handshakes, its own certificate first; nothing where it speaks in
    /// clear.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The same as a text in PEM, for clients to check the server against.
    pub fn certificates_pem(&self) -> String {
        tls::pem(&self.certificates)
    }

    /// What the server has seen so far.
    pub fn counters(&self) -> SinkCounters {
        self.tally.counters()
    }

    /// Stops accepting, ends the connections that are open, waits for the thread, and gives the
    /// final counts.
    pub fn stop(mut self) -> SinkCounters {
        self.end();
        self.tally.counters()
    }

    fn end(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // A panic of the thread has been reported by the panic hook; the counts stand.
            let _ = thread.join();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn prepare(
    listener: TcpListener,
) -> io::Result<(tokio::runtime::LocalRuntime, tokio::net::TcpListener)> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    Ok((runtime, listener))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};

    use super::*;
    use crate::plan::SinkReply;
    use crate::smtp::{Code, Step};

    fn plan() -> SinkPlan {
        SinkPlan::default()
    }

    /// All that the server says to these octets until it closes.
    fn replies(sink: &Sink, octets: &[u8]) -> String {
        let mut stream = TcpStream::connect(sink.address()).unwrap();
        stream.write_all(octets).unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).unwrap();
        replies
    }

    #[test]
    fn it_takes_messages_over_loopback_and_counts_them() {
        let sink = Sink::start(&plan(), 1).unwrap();
        let message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n".repeat(50);

        let said = replies(&sink, format!("EHLO a\r\n{message}QUIT\r\n").as_bytes());

        assert!(said.contains("\r\n250-PIPELINING\r\n"), "{said}");
        assert_eq!(said.matches("250 2.0.0 accepted\r\n").count(), 50);
        let counters = sink.stop();
        assert_eq!((counters.messages, counters.recipients, counters.octets), (50, 50, 150));
        assert_eq!((counters.connections, counters.open, counters.aborted), (1, 0, 0));
    }

    #[test]
    fn a_large_message_is_taken_whole() {
        let sink = Sink::start(&plan(), 1).unwrap();
        let text = "x".repeat(998) + "\r\n";
        let text = text.repeat(3000);

        let said = replies(
            &sink,
            format!("EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n{text}.\r\nQUIT\r\n")
                .as_bytes(),
        );

        assert!(said.ends_with("250 2.0.0 accepted\r\n221 2.0.0 bye\r\n"), "{said}");
        assert_eq!(sink.stop().octets, 3_000_000);
    }

    #[test]
    fn a_421_reaches_a_client_that_is_still_sending() {
        let reply =
            SinkReply { code: Code::CLOSING, enhanced: None, text: "4.3.2 down".to_owned() };
        let plan = SinkPlan { replies: vec![(Step::Ehlo, vec![(reply, 1.0)])], ..plan() };
        let sink = Sink::start(&plan, 1).unwrap();
        let mut stream = TcpStream::connect(sink.address()).unwrap();
        let octets = format!("EHLO a\r\n{}", "NOOP\r\n".repeat(20_000));
        stream.write_all(octets.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();

        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();

        assert_eq!(said, "220 sink.invalid ESMTP mailquake\r\n421 4.3.2 down\r\n");
        assert_eq!(sink.stop().aborted, 0);
    }

    #[test]
    fn stopping_ends_the_connections_that_are_open() {
        let sink = Sink::start(&plan(), 1).unwrap();
        let mut stream = TcpStream::connect(sink.address()).unwrap();
        let mut greeting = [0; 512];
        assert!(stream.read(&mut greeting).unwrap() > 0);
        assert_eq!(sink.counters().open, 1);

        let counters = sink.stop();

        assert_eq!(stream.read(&mut greeting).unwrap(), 0);
        assert_eq!((counters.open, counters.aborted), (0, 1));
    }

    #[test]
    fn an_address_in_use_is_named() {
        let first = Sink::start(&plan(), 1).unwrap();
        let taken = SinkPlan { listen: Some(first.address()), ..plan() };

        let error = Sink::start(&taken, 1).unwrap_err();

        let expected = format!("the sink cannot listen on `{}`", first.address());
        assert_eq!(error.to_string(), expected);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.starts_with("Address already in use"), "{source}");
    }
}
