//! The embedded server: accepts mail, counts it, and answers as `[sink]` says.
//!
//! [`Sink`] runs it on a thread of its own behind a TCP port; [`Server`] is the same as futures
//! for any stream, so that tests can run it in paused time beside what they test.

mod behaviour;
mod command;
mod dialogue;
mod queue;
mod server;
mod tally;
mod text;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

use crate::plan::SinkPlan;
use tally::Tally;

pub use server::Server;
pub use tally::SinkCounters;

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
    /// No thread, or nothing to wait for events with.
    #[error("the sink's thread cannot start")]
    Thread(#[source] io::Error),
}

/// The embedded server on a thread of its own; dropping it stops it.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
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
                        let server = Server::counting(&plan, seed, counts);
                        server::serve(server, listener, stopped).await;
                    });
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })
            .map_err(SinkError::Thread)?;
        let sink = Self { address, tally, running: Some((stop, thread)) };
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
