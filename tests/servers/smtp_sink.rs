//! `smtp-sink` of Postfix → a server of one test, ended with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::process::{await_listener, await_some, free_address};

/// Postfix's `smtp-sink`.
pub(crate) struct SmtpSink {
    address: SocketAddr,
    child: Child,
    counts: PathBuf,
    _folder: TempDir,
}

impl SmtpSink {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        Self::start_at(free_address())
    }

    /// Starts one at an address that another one has left.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::start_with(address, &[])
    }

    /// Starts one that speaks LMTP, on a free port.
    pub(crate) fn start_lmtp() -> Self {
        Self::start_with(free_address(), &["-L"])
    }

    fn start_with(address: SocketAddr, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let counts = folder.path().join("counts");
        let mut command = Command::new("smtp-sink");
        // It refuses to serve as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let child = command
            .args(options)
            .args(["-c", &address.to_string(), "1024"])
            .stdout(std::fs::File::create(&counts).unwrap())
            .spawn()
            .expect("smtp-sink is installed");
        let sink = Self { address, child, counts, _folder: folder };
        await_listener(address);
        sink
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages it took, by its own count, once these are at least so many.
    pub(crate) fn took(&self, at_least: u64) -> u64 {
        await_some("smtp-sink counts fewer messages", || {
            let counts = std::fs::read_to_string(&self.counts).unwrap();
            let last = counts.rsplit("mesg=").next().unwrap_or_default();
            let messages = last.trim().parse().unwrap_or(0);
            (messages >= at_least).then_some(messages)
        })
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
