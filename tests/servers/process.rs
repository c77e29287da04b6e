//! Programs of Postfix → servers of one test, stopped when it ends.
//!
//! A server that cannot be started fails the test: these tests run only where they are asked
//! for, and then they must not pass by doing nothing.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take to start, to stop, and to write its log.
const PATIENCE: Duration = Duration::from_secs(30);

/// The settings of a Postfix that takes all mail from loopback and throws it away.
const MAIN_CF: &str = include_str!("main.cf");
const MASTER_CF: &str = include_str!("master.cf");

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
        let folder = tempfile::tempdir().unwrap();
        let counts = folder.path().join("counts");
        let mut command = Command::new("smtp-sink");
        // It refuses to serve as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let child = command
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

    /// How many messages it took, by its own count.
    pub(crate) fn messages(&self) -> u64 {
        let counts = std::fs::read_to_string(&self.counts).unwrap();
        let last = counts.rsplit("mesg=").next().unwrap_or_default();
        last.trim().parse().unwrap_or(0)
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A whole Postfix with a folder of its own for settings, queue and log.
pub(crate) struct Postfix {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Postfix {
    /// Starts one on a free port; needs the rights of root.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        configure(folder.path(), address.port());
        let child = Command::new("postfix")
            .arg("-c")
            .arg(folder.path().join("conf"))
            .arg("start-fg")
            .stdout(Stdio::null())
            .spawn()
            .expect("postfix is installed");
        let postfix = Self { address, child, folder };
        await_listener(address);
        postfix
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages it took and delivered, once its queue has come to rest.
    pub(crate) fn delivered(&self) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(self.folder.path().join("maillog")).unwrap();
            let lines = |word: &str| log.lines().filter(|line| line.contains(word)).count();
            let (taken, done) = (lines(": message-id="), lines(": removed"));
            if taken == done {
                assert_eq!(lines("status=bounced") + lines("status=deferred"), 0, "{log}");
                return u64::try_from(done).unwrap();
            }
            assert!(Instant::now() < deadline, "{taken} taken, {done} delivered");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn master(&self) -> Option<Pid> {
        let file = self.folder.path().join("queue/pid/master.pid");
        Pid::from_raw(std::fs::read_to_string(file).ok()?.trim().parse().ok()?)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        match self.master() {
            Some(master) => drop(kill_process(master, Signal::TERM)),
            None => drop(self.child.kill()),
        }
        let _ = self.child.wait();
    }
}

/// Writes the settings, and makes the folders that Postfix's own users must reach.
fn configure(folder: &Path, port: u16) {
    let path = folder.to_str().unwrap();
    for part in ["conf", "queue", "data"] {
        std::fs::create_dir(folder.join(part)).unwrap();
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.join("data");
    let status = Command::new("chown").arg("postfix").arg(&data).status().unwrap();
    assert!(status.success(), "Postfix's own user must own {}", data.display());
    let main = MAIN_CF.replace("@FOLDER@", path).replace("@DAEMONS@", &daemons());
    std::fs::write(folder.join("conf/main.cf"), main).unwrap();
    let master = MASTER_CF.replace("@PORT@", &port.to_string());
    std::fs::write(folder.join("conf/master.cf"), master).unwrap();
}

/// Where this machine's Postfix keeps its programs.
fn daemons() -> String {
    let output = Command::new("postconf").args(["-d", "-h", "daemon_directory"]).output();
    String::from_utf8(output.expect("postconf is installed").stdout).unwrap().trim().to_owned()
}

/// A port that was free a moment ago: these servers cannot be given port 0.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn await_listener(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nothing listens at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
