//! Streams → SMTP sessions: the embedded server as futures, over TCP or over a test's duplex.
//!
//! All sessions of a server live on one thread and share its buffers: a read is answered before
//! the next future runs, so a session keeps octets of its own only while it has to wait, for a
//! delayed answer or for a client that does not read. Replies are written at once and together;
//! only what the kernel does not take is waited for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
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

use super::behaviour::Behaviour;
use super::dialogue::{Act, Dialogue, Ending};
use super::tally::{Seat, SinkCounters, Tally};
use crate::plan::SinkPlan;

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
    pub fn new(plan: &SinkPlan, seed: u64) -> Self {
        Self::counting(plan, seed, Arc::new(Tally::new()))
    }

    pub(super) fn counting(plan: &SinkPlan, seed: u64, tally: Arc<Tally>) -> Self {
        let behaviour = Behaviour::new(plan, seed, Arc::clone(&tally));
        let timing = if behaviour.is_timed() { Timing::Timed } else { Timing::Immediate };
        let shared = Shared { behaviour, input: vec![0; READ], output: Vec::new() };
        Self { shared: Rc::new(RefCell::new(shared)), tally, started: Instant::now(), timing }
    }

    /// What the server has seen so far.
    pub fn counters(&self) -> SinkCounters {
        self.tally.counters()
    }

    /// Serves one connection to its end. A call that is dropped drops the connection.
    pub async fn attend<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let seat = Seat::taken(&self.tally);
        let dialogue = Dialogue::new();
        let unread = Vec::new();
        let unsent = Vec::new();
        let session = Session { server: self, stream, dialogue, unread, unsent };
        // Whatever ended it, an error of one connection concerns nobody but the count.
        if let Ok(Some(_)) = session.run().await {
            seat.end();
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
                Ok((stream, _)) => {
                    let server = server.clone();
                    sessions.spawn_local(async move { server.attend(prepared(stream)).await });
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

struct Session<'a, S> {
    server: &'a Server,
    stream: S,
    dialogue: Dialogue,
    /// Read, but not yet obeyed: an answer before it has to wait.
    unread: Vec<u8>,
    /// Answered, but not yet taken by the kernel.
    unsent: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Gives how the server ended the session; none: the client did.
    async fn run(mut self) -> io::Result<Option<Ending>> {
        let mut act = Some(poll_fn(|cx| self.poll_resume(cx)).await?);
        while let Some(next) = act {
            if !self.unsent.is_empty() {
                self.stream.write_all(&self.unsent).await?;
                self.unsent.clear();
            }
            act = match next {
                Act::Read => poll_fn(|cx| self.poll_read(cx)).await?,
                Act::Wait(due) => {
                    tokio::time::sleep_until(self.server.started + due).await;
                    Some(poll_fn(|cx| self.poll_resume(cx)).await?)
                }
                Act::Close(ending) => {
                    self.close(ending).await?;
                    return Ok(Some(ending));
                }
            };
        }
        Ok(None)
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
        Ok(())
    }

    /// Behind a 421 the client may still be sending; closing at once would reset the connection
    /// and take the reply away from it.
    async fn close(mut self, ending: Ending) -> io::Result<()> {
        match ending {
            Ending::Quit => Ok(()),
            Ending::Closing => {
                self.stream.shutdown().await?;
                let mut rest = [0; 1024];
                let drained = async {
                    while self.stream.read(&mut rest).await? > 0 {}
                    Ok(())
                };
                tokio::time::timeout(LINGER, drained).await.unwrap_or(Ok(()))
            }
        }
    }
}
