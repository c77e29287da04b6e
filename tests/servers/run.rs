//! A plan and a target → the real program → its summary.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The command that runs a plan, with the summary on stdout.
pub(crate) fn command(plan: &Path, results: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailquake"));
    command.arg("run").arg(plan).arg("--out").arg(results);
    command.args(["--format", "json", "--progress", "none"]);
    command
}

/// The summary of a run that ended with exit 0.
pub(crate) fn summary(output: &Output) -> Summary {
    let told = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{out}");
    let summary = serde_json::from_slice(&output.stdout).expect("stdout is the summary");
    crate::sums::hold(&summary);
    Summary(summary)
}

/// Runs the text of a plan that has its target in it.
pub(crate) fn run(text: &str) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, text).unwrap();
    let mut command = command(&plan, &folder.path().join("results"));
    summary(&command.arg("--no-thresholds").output().unwrap())
}

/// What a run tells of itself.
pub(crate) struct Summary(pub(crate) Value);

impl Summary {
    /// A number that must be there.
    pub(crate) fn count(&self, pointer: &str) -> u64 {
        self.0
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("{pointer}: {self}"))
    }

    /// The figures of one client in the only phase.
    pub(crate) fn client(&self, name: &str) -> Self {
        let figures = self.0.pointer(&format!("/phases/0/clients/{name}"));
        Self(figures.unwrap_or_else(|| panic!("no client `{name}`: {self}")).clone())
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
