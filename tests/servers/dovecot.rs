//! Dovecot → a server of one test: LMTP into a Maildir, and logins for Postfix.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::maildir::Maildir;
use crate::process::{
    User, assert_root, await_listener, await_some, free_address, open_folder, write_settings,
};

const SETTINGS: &str = include_str!("conf/dovecot.conf");

/// How many users can log in: `user1@example.test` with `secret1`, and so on.
const USERS: u32 = 20;

/// A whole Dovecot with a folder of its own for settings, sockets, mail and log.
pub(crate) struct Dovecot {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Dovecot {
    /// Starts one on a free port; needs the rights of root.
    pub(crate) fn start() -> Self {
        assert_root();
        let (folder, address) = (open_folder(), free_address());
        let nobody = User::named("nobody");
        let path = folder.path();
        nobody.folder(&path.join("mail"));
        std::fs::write(path.join("users"), logins()).unwrap();
        let words = [
            ("FOLDER", path.to_str().unwrap()),
            ("PORT", &address.port().to_string()),
            ("UID", &nobody.uid.to_string()),
            ("GID", &nobody.gid.to_string()),
        ];
        write_settings(&path.join("dovecot.conf"), SETTINGS, &words);
        let child = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(path.join("dovecot.conf"))
            .stdout(Stdio::null())
            .spawn()
            .expect("dovecot is installed");
        let dovecot = Self { address, child, folder };
        await_listener(address);
        dovecot
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The Unix socket at which it speaks LMTP.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("lmtp.sock")
    }

    /// The Unix socket at which it checks logins.
    pub(crate) fn logins(&self) -> PathBuf {
        self.folder.path().join("auth.sock")
    }

    /// Where it stores what it takes.
    pub(crate) fn maildir(&self) -> Maildir {
        Maildir::at(self.folder.path().join("mail"))
    }

    /// How many copies it stored, one for each recipient, once these are at least so many.
    pub(crate) fn took(&self, at_least: u64) -> u64 {
        await_some("Dovecot stored fewer messages", || {
            let stored = self.maildir().count();
            (stored >= at_least).then_some(stored)
        })
    }
}

fn logins() -> String {
    let lines = (1..=USERS).map(|n| format!("user{n}@example.test:{{PLAIN}}secret{n}"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends the others; killed, it would leave them.
        if let Some(master) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(master, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
