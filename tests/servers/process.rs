//! What every server of these tests needs: a folder, free ports, patience, and an orderly end.
//!
//! A server that cannot be started fails the test: these tests run only where they are asked
//! for, and then they must not pass by doing nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start, to stop, and to write its log.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until there is an answer, and fails with `what` where none comes.
pub(crate) fn await_some<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until something takes connections there.
pub(crate) fn await_listener(address: SocketAddr) {
    await_some(&format!("nothing listens at {address}"), || TcpStream::connect(address).ok());
}

/// A port that was free a moment ago: these servers cannot be given port 0.
pub(crate) fn free_address() -> SocketAddr {
    free_port_of(Ipv4Addr::LOCALHOST.into()).expect("127.0.0.1 has free ports")
}

/// The same at `::1`, where the machine has it.
pub(crate) fn free_address_v6() -> Option<SocketAddr> {
    free_port_of(Ipv6Addr::LOCALHOST.into())
}

fn free_port_of(host: IpAddr) -> Option<SocketAddr> {
    TcpListener::bind((host, 0)).ok()?.local_addr().ok()
}

/// Fails where the servers could not change to users of their own.
pub(crate) fn assert_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "Postfix and Dovecot change to users of their own: run these tests as root"
    );
}

/// A folder that the servers' own users can enter.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A user of this machine whom one of the servers runs as.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// Finds one by name.
    pub(crate) fn named(name: &str) -> Self {
        let id = |what: &str| {
            let output = Command::new("id").args([what, name]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.trim().parse().unwrap_or_else(|_| panic!("there is no user `{name}`"))
        };
        Self { uid: id("-u"), gid: id("-g") }
    }

    /// Makes a folder that is this user's.
    pub(crate) fn folder(self, path: &Path) {
        std::fs::create_dir(path).unwrap();
        chown(path, Some(self.uid), None).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().uid(), self.uid);
    }
}

/// Writes a file of settings, with its `@WORDS@` filled in.
pub(crate) fn write_settings(path: &Path, template: &str, words: &[(&str, &str)]) {
    let fill =
        |text: String, (word, value): &(&str, &str)| text.replace(&format!("@{word}@"), value);
    let text = words.iter().fold(template.to_owned(), fill);
    std::fs::write(path, text).unwrap();
}
