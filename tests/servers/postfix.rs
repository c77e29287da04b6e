//! Postfix → a server of one test with a port for each kind of client.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::certificate::Certificates;
use crate::dovecot::Dovecot;
use crate::maildir::Maildir;
use crate::process::{
    User, assert_root, await_listener, await_some, free_address, free_address_v6, open_folder,
    write_settings,
};

const MAIN_CF: &str = include_str!("conf/main.cf");
const MASTER_CF: &str = include_str!("conf/master.cf");

/// The ports of one Postfix, by what they expect of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Clear, with STARTTLS where the client wants it.
    pub(crate) plain: SocketAddr,
    /// The same at `::1`, where the machine has it.
    pub(crate) v6: Option<SocketAddr>,
    /// TLS from the first octet on.
    pub(crate) implicit: SocketAddr,
    /// STARTTLS with a certificate of the client's.
    pub(crate) certificate: SocketAddr,
    /// Only CRLF at the ends of lines.
    pub(crate) strict: SocketAddr,
    /// A login.
    pub(crate) login: SocketAddr,
    /// Whom the client stands for, by XCLIENT.
    pub(crate) xclient: SocketAddr,
    /// Whom the client stands for, by a header of the PROXY protocol.
    pub(crate) proxy: SocketAddr,
}

impl Ports {
    fn free() -> Self {
        Self {
            plain: free_address(),
            v6: free_address_v6(),
            implicit: free_address(),
            certificate: free_address(),
            strict: free_address(),
            login: free_address(),
            xclient: free_address(),
            proxy: free_address(),
        }
    }
}

/// A whole Postfix with a folder of its own for settings, queue, mail and log.
pub(crate) struct Postfix {
    ports: Ports,
    certificates: Certificates,
    child: Child,
    folder: TempDir,
    _logins: Dovecot,
}

impl Postfix {
    /// Starts one on free ports, and a Dovecot that checks its logins; needs the rights of root.
    pub(crate) fn start() -> Self {
        assert_root();
        let (folder, logins, ports) = (open_folder(), Dovecot::start(), Ports::free());
        let certificates = configure(folder.path(), &ports, &logins.logins());
        let child = Command::new("postfix")
            .arg("-c")
            .arg(folder.path().join("conf"))
            .arg("start-fg")
            .stdout(Stdio::null())
            .spawn()
            .expect("postfix is installed");
        let postfix = Self { ports, certificates, child, folder, _logins: logins };
        await_listener(ports.plain);
        postfix
    }

    /// Where it takes ordinary mail.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.ports.plain
    }

    pub(crate) const fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(crate) const fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Where mail for `maildir.test` is stored.
    pub(crate) fn maildir(&self) -> Maildir {
        Maildir::at(self.folder.path().join("mail/box"))
    }

    /// Everything that it told of itself.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("maillog")).unwrap()
    }

    /// How many messages it took from clients, once these are at least so many and its queue has
    /// come to rest. All of them must have been delivered.
    pub(crate) fn took(&self, at_least: u64) -> u64 {
        await_some("Postfix took or delivered fewer messages", || {
            let log = self.log();
            let lines = |word: &str| log.lines().filter(|line| line.contains(word)).count();
            let (taken, at_rest) = (taken(&log), lines("(queue active)") == lines(": removed"));
            let done = at_rest && taken >= at_least;
            assert_eq!(lines("status=bounced") + lines("status=deferred"), 0, "{log}");
            done.then_some(taken)
        })
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

/// How many whole messages came from clients: notifications that it writes itself have no client,
/// and a text that is cut off never reaches the queue.
fn taken(log: &str) -> u64 {
    let queued = |word: &'static str| {
        let ids = log.lines().filter_map(move |line| line.split(": ").nth(1).zip(Some(line)));
        ids.filter(move |(_, line)| line.contains(word)).map(|(id, _)| id)
    };
    let from_clients: HashSet<&str> = queued(": client=").collect();
    let whole = queued("(queue active)").filter(|id| from_clients.contains(id)).count();
    u64::try_from(whole).unwrap()
}

/// Writes the settings, and makes the folders that Postfix's own users must reach.
fn configure(folder: &Path, ports: &Ports, logins: &Path) -> Certificates {
    let nobody = User::named("nobody");
    for part in ["conf", "queue", "tls"] {
        std::fs::create_dir(folder.join(part)).unwrap();
    }
    User::named("postfix").folder(&folder.join("data"));
    nobody.folder(&folder.join("mail"));
    let main = [
        ("FOLDER", folder.to_str().unwrap()),
        ("DAEMONS", &daemons()),
        ("UID", &nobody.uid.to_string()),
        ("GID", &nobody.gid.to_string()),
        ("PROTOCOLS", if ports.v6.is_some() { "all" } else { "ipv4" }),
    ];
    write_settings(&folder.join("conf/main.cf"), MAIN_CF, &main);
    let master = [
        ("PLAIN", &*ports.plain.to_string()),
        ("IMPLICIT", &ports.implicit.to_string()),
        ("CERTIFICATE", &ports.certificate.to_string()),
        ("STRICT", &ports.strict.to_string()),
        ("LOGIN", &ports.login.to_string()),
        ("XCLIENT", &ports.xclient.to_string()),
        ("PROXY", &ports.proxy.to_string()),
        ("LOGINS", logins.to_str().unwrap()),
    ];
    let v6 = ports.v6.map(|address| format!("{address}  inet  n  -  n  -  -  smtpd\n"));
    let services = format!("{}{MASTER_CF}", v6.unwrap_or_default());
    write_settings(&folder.join("conf/master.cf"), &services, &master);
    Certificates::make(&folder.join("tls"))
}

/// Where this machine's Postfix keeps its programs.
fn daemons() -> String {
    let output = Command::new("postconf").args(["-d", "-h", "daemon_directory"]).output();
    String::from_utf8(output.expect("postconf is installed").stdout).unwrap().trim().to_owned()
}
