//! Servers whose answers are known by a formula, in processes of their own and in real time.
//!
//! What is judged lies on plateaus, or where the curve is a slope that a noisy machine hardly
//! moves. A case may be tried twice more, because another program can take the processor from all
//! of them; that it was is said. The exact figures are judged in virtual time, by `cargo test`.

mod cases;
mod numbered;
mod stops;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::sums;

/// What all plans of these cases begin with.
const HEAD: &str = r#"version = 1
name = "answers"
seed = 7
[clients.app]
messages = "note"
[messages.note]
from = "from@load.test"
to = "to@example.test"
subject = "Note"
text = "One of many."
"#;

/// A process of a test, ended with it.
struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `mailquake sink` as a process of its own.
struct Sink {
    process: Process,
    address: String,
    /// Takes what else it says, so that it never waits for a reader.
    _said: JoinHandle<()>,
}

impl Sink {
    fn start(folder: &Path, settings: &str) -> Self {
        let plan = folder.join("sink.toml");
        let phase = "[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 1\ncount = 1\n";
        std::fs::write(&plan, format!("{HEAD}[sink]\n{settings}\n{phase}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailquake"))
            .args(["sink", "--listen", "127.0.0.1:0"])
            .arg(&plan)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let process = Process(child);
        let mut line = String::new();
        while !line.starts_with("listening on ") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the sink ended at once");
        }
        let address = line.trim_start_matches("listening on ").split(';').next().unwrap();
        let address = address.trim().to_owned();
        let said = std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
        Self { process, address, _said: said }
    }
}

/// A run in a process of its own.
struct Run {
    process: Process,
    folder: tempfile::TempDir,
}

impl Run {
    /// Begins to send at a rate, evenly, with further lines of the client.
    fn begin(address: &str, (per_second, seconds): (u32, u32), client: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join("plan.toml");
        let head = HEAD.replace("[messages.note]", &format!("{client}\n[messages.note]"));
        let target = format!(
            "[target]\naddress = \"{address}\"\n\
             timeouts = {{ connect = \"5s\", reply = \"5s\", end_of_data = \"5s\" }}\n"
        );
        let phase = format!(
            "[[phases]]\nname = \"a\"\nkind = \"steady\"\narrival = \"even\"\n\
             rate = \"{per_second}/s\"\nduration = \"{seconds}s\"\n"
        );
        std::fs::write(&plan, format!("{head}{target}{phase}")).unwrap();
        let mut command = crate::run::command(&plan, &folder.path().join("results"));
        let command = command.arg("--no-thresholds").stdin(Stdio::null());
        let process =
            Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        Self { process, folder }
    }

    /// Its exit code and its summary, whose sums hold.
    fn end(mut self) -> (i32, Value) {
        let child = std::mem::replace(&mut self.process.0, idle());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&stderr);
        let summary: Value = serde_json::from_slice(&stdout).expect(&told);
        sums::hold(&summary);
        drop(self.folder);
        (status.code().unwrap(), summary)
    }

    /// The same of one that must have been fit.
    fn figures(self) -> Result<Figures, String> {
        match self.end() {
            (0, summary) => Ok(Figures(summary)),
            (code, summary) => Err(format!("exit {code}: {}", summary["reason"])),
        }
    }
}

/// Stands where a process stood that somebody else waits for.
fn idle() -> Child {
    Command::new("true").spawn().unwrap()
}

/// What a run measured.
struct Figures(Value);

impl Figures {
    fn number(&self, name: &str) -> f64 {
        let pointer = format!("/all/{}", name.replace(' ', "/"));
        self.0.pointer(&pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// A time of the summary must be so many milliseconds: within 2 ms, or 5 %.
    fn is(&self, case: &str, name: &str, expected: f64) -> Result<(), String> {
        self.is_within(case, name, expected, expected)
    }

    /// A time behind a stall of so many milliseconds: within 5 % of that stall, and on the plateau
    /// beside it within 0.5 %.
    ///
    /// On the slope each session that came meanwhile waits for the server to serve those before
    /// it, which grows with the stall and not with the percentile.
    fn is_behind(&self, stall: f64, case: &str, name: &str, expected: f64) -> Result<(), String> {
        let is_on_slope = expected > stall * 0.05;
        self.is_within(case, name, expected, if is_on_slope { stall } else { stall / 10.0 })
    }

    fn is_within(&self, case: &str, name: &str, expected: f64, of: f64) -> Result<(), String> {
        let measured = self.number(name);
        row(case, name, &format!("{expected:.1} ms"), &format!("{measured:.2} ms"));
        let within = (measured - expected).abs() <= (of * 0.05).max(2.0);
        within.then_some(()).ok_or_else(|| format!("{name} is {measured}, not {expected}"))
    }
}

fn row(case: &str, what: &str, expected: &str, measured: &str) {
    println!("| {case} | {} | {expected} | {measured} |", what.replace("_ms", ""));
}

/// Tries a case, and twice more where the machine may have been in the way.
fn judge(case: &str, measure: impl Fn() -> Result<(), String>) {
    let mut failures = Vec::new();
    while let Err(failure) = measure() {
        println!("{case}: {failure}");
        failures.push(failure);
        assert!(failures.len() < 3, "{case}, three times: {failures:?}");
    }
}
