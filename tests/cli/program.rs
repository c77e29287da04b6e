//! The program as a user runs it → its exit code and what it wrote.
//!
//! Each test works in a folder of its own, so that nothing is left behind; every program is
//! ended after a time in which it should long have ended by itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::sums::number;

use crate::sums;

/// How long a program may take: far longer than any of these tests needs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client, a message, and no thresholds; tests add phases.
pub(crate) const HEAD: &str = r#"version = 1
name = "small"
seed = 7

[clients.app]
messages = "note"

[messages.note]
from = "app@load.test"
to = "user@example.test"
subject = "{{ seq }} {{ client }}"
text = "A short note."
"#;

/// A folder with plans in it, in which the program is run.
pub(crate) struct Desk {
    folder: TempDir,
}

/// What a program that ended has left.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program that runs.
pub(crate) struct Running {
    child: Owned,
    errors: BufReader<ChildStderr>,
    output: JoinHandle<String>,
    seen: String,
}

/// A process that does not outlive its test.
pub(crate) struct Owned(pub(crate) Child);

/// `mailquake sink` as a process of its own.
pub(crate) struct SinkProcess {
    running: Running,
    pub(crate) address: SocketAddr,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with `plan.toml`: the usual head, and these lines.
    pub(crate) fn with_plan(rest: &str) -> Self {
        let desk = Self::new();
        desk.write("plan.toml", &format!("{HEAD}\n{rest}"));
        desk
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailquake"));
        command.args(words).current_dir(self.folder.path());
        for variable in ["NO_COLOR", "COLUMNS", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn mailquake(&self, words: &[&str]) -> Ran {
        Running::begin(self.command(words)).end()
    }

    /// Runs `plan.toml` into the folder `out`.
    pub(crate) fn run(&self, more: &[&str]) -> Ran {
        self.mailquake(&Self::run_words(more))
    }

    /// Begins to run `plan.toml` into the folder `out`.
    pub(crate) fn begin(&self, more: &[&str]) -> Running {
        Running::begin(self.command(&Self::run_words(more)))
    }

    pub(crate) fn run_words<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["run", "plan.toml", "--out", "out", "--format", "json"];
        // A busy machine lets the tester be late, which no test here is about.
        words.extend(["--set", "generator.limits.lag_p99=10s"]);
        words.extend(more);
        words
    }

    /// Waits until the run into `out` has told of a second in which it started a message.
    pub(crate) fn wait_for_a_row(&self) {
        let started = |line: &str| {
            let row: Option<Value> = serde_json::from_str(line).ok();
            row.and_then(|row| row["started"].as_u64()).is_some_and(|started| started > 0)
        };
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(self.path("out/series.ndjson"))
            .is_ok_and(|text| text.lines().any(started))
        {
            assert!(Instant::now() < deadline, "no message was started");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The summary in the folder `out`; its sums hold.
    pub(crate) fn summary(&self) -> Value {
        let summary = serde_json::from_str(&self.read("out/summary.json")).unwrap();
        sums::hold(&summary);
        summary
    }
}

impl Ran {
    /// The summary on standard output; its sums hold.
    pub(crate) fn summary(&self) -> Value {
        let summary = serde_json::from_str(&self.stdout).expect(&self.stderr);
        sums::hold(&summary);
        summary
    }

    /// The same of a run that ended with this code.
    pub(crate) fn ended(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        let summary = self.summary();
        assert_eq!(summary["exit_code"], code);
        summary
    }
}

impl Running {
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = Owned(command.spawn().unwrap());
        let mut output = child.0.stdout.take().unwrap();
        let errors = BufReader::new(child.0.stderr.take().unwrap());
        let output = thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, errors, output, seen: String::new() }
    }

    /// Gives it all of its standard input, for which it must have a pipe.
    pub(crate) fn hear(&mut self, text: &str) {
        self.child.0.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Reads standard error up to a line with this word, and gives the line.
    pub(crate) fn wait_for(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            let length = self.errors.read_line(&mut line).unwrap();
            assert!(length > 0, "it ended before it said `{word}`:\n{}", self.seen);
            self.seen.push_str(&line);
            if line.contains(word) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child.0)
    }

    /// Waits for its end, but not for ever.
    pub(crate) fn end(mut self) -> Ran {
        let pid = self.pid();
        let (tell, ended) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            let late = ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                let _ = kill_process(pid, Signal::KILL);
            }
            late
        });
        let mut stderr = self.seen;
        self.errors.read_to_string(&mut stderr).unwrap();
        let stdout = self.output.join().unwrap();
        let status = self.child.0.wait().unwrap();
        drop(tell);
        assert!(!guard.join().unwrap(), "it did not end by itself:\n{stdout}\n{stderr}");
        Ran { code: status.code(), stdout, stderr }
    }
}

impl SinkProcess {
    /// Starts one on a free port, with the `[sink]` of `plan.toml` if there is one.
    pub(crate) fn start(desk: &Desk) -> Self {
        Self::start_at(desk, "127.0.0.1:0")
    }

    /// Starts one at an address that another one has left.
    pub(crate) fn start_at(desk: &Desk, address: &str) -> Self {
        Self::begin(desk, address, &[])
    }

    /// Starts one on a free port with further flags.
    pub(crate) fn start_with(desk: &Desk, flags: &[&str]) -> Self {
        Self::begin(desk, "127.0.0.1:0", flags)
    }

    fn begin(desk: &Desk, address: &str, flags: &[&str]) -> Self {
        let mut words = vec!["sink", "--listen", address, "--format", "json"];
        words.extend(flags);
        words.extend(desk.path("plan.toml").exists().then_some("plan.toml"));
        let mut running = Running::begin(desk.command(&words));
        let line = running.wait_for("listening on ");
        let said = line.trim_start_matches("listening on ").split(';').next().unwrap();
        Self { address: said.parse().expect(&line), running }
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(self) {
        self.running.signal(Signal::KILL);
        assert_eq!(self.running.end().code, None);
    }

    /// Ends it in order; what it counted.
    pub(crate) fn counters(self) -> Value {
        self.running.signal(Signal::INT);
        let ran = self.running.end();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

/// A file of the repository.
pub(crate) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
