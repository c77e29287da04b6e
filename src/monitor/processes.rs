//! `/proc` → the processes of this machine, each by one small file.

use std::collections::HashMap;
use std::time::Duration;

use super::own::TICK;

/// The kernel keeps so many octets of a program's name.
const KEPT_OF_NAME: usize = 15;

/// A process as its `stat` file shows it (proc(5)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    /// The name of its program, cut by the kernel to 15 octets.
    pub(super) name: String,
    /// Whether it has ended and only its parent has not yet asked how.
    pub(super) has_ended: bool,
    /// When it began, in the kernel's ticks: tells two with one number apart.
    pub(super) started: u64,
    /// Its own processor time.
    pub(super) used: Duration,
    /// That of its children that have ended and were waited for, and of theirs.
    pub(super) used_by_ended: Duration,
    pub(super) threads: u64,
    /// Resident pages.
    pub(super) pages: u64,
}

/// The processes of a moment, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes(HashMap<u32, Process>);

impl Processes {
    /// All that may be read; one that ends meanwhile is left out.
    pub(super) fn now() -> Self {
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        Self::of(pids.filter_map(|pid| {
            read(pid, &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
        }))
    }

    pub(super) fn of(all: impl IntoIterator<Item = Process>) -> Self {
        let alive = all.into_iter().filter(|process| !process.has_ended);
        Self(alive.map(|process| (process.pid, process)).collect())
    }

    pub(super) fn get(&self, pid: u32) -> Option<&Process> {
        self.0.get(&pid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Process> {
        self.0.values()
    }

    /// Those whose program has this name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Process> {
        self.iter().filter(move |process| process.is_named(name))
    }

    /// Whether one descends from another.
    pub(super) fn descends(&self, pid: u32, from: u32) -> bool {
        let mut at = pid;
        // A chain of parents is no longer than there are processes, whatever was read meanwhile.
        for _ in 0..self.0.len() {
            match self.get(at).map(|process| process.parent) {
                Some(parent) if parent == from => return true,
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    }
}

impl Process {
    /// The kernel cuts long names, so the rest is looked up in the command line.
    fn is_named(&self, name: &str) -> bool {
        if name.len() <= KEPT_OF_NAME {
            return self.name == name;
        }
        name.starts_with(&self.name)
            && self.name.len() >= KEPT_OF_NAME.saturating_sub(3)
            && program(self.pid).is_some_and(|program| program == name)
    }
}

/// The last part of the path that a process was started by.
fn program(pid: u32) -> Option<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let first = line.split(|octet| *octet == 0).next()?;
    let path = String::from_utf8_lossy(first);
    Some(path.rsplit('/').next().unwrap_or_default().to_owned())
}

/// The name in parentheses may hold anything, so fields are counted from its end.
fn read(pid: u32, text: &str) -> Option<Process> {
    let (head, fields) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // The first field behind the name is number 3 of proc(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = |user: u64, system: u64| {
        TICK.saturating_mul(u32::try_from(user.saturating_add(system)).unwrap_or(u32::MAX))
    };
    Some(Process {
        pid,
        parent: u32::try_from(number(4)?).ok()?,
        name: name.to_owned(),
        has_ended: matches!(*fields.first()?, "Z" | "X" | "x"),
        started: number(22)?,
        used: ticks(number(14)?, number(15)?),
        used_by_ended: ticks(number(16)?, number(17)?),
        threads: number(20)?,
        pages: number(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_reads_from_its_stat_file() {
        let text = "42 (a) 1 b (c)) S 7 42 42 0 -1 4194304 9 0 0 0 150 50 30 20 20 0 7 0 99 1 11 1";

        let process = read(42, text).unwrap();

        let millis = [process.used, process.used_by_ended].map(|time| time.as_millis());
        assert_eq!(millis, [2000, 500]);
        assert_eq!((process.parent, process.started, process.threads), (7, 99, 7));
        assert_eq!(
            (process.name.as_str(), process.pages, process.has_ended),
            ("a) 1 b (c)", 11, false)
        );
        assert_eq!(read(42, "42 (a) S 7"), None);
    }

    #[test]
    fn one_that_has_ended_is_not_there() {
        let zombie = read(42, "42 (a) Z 7 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0 0").unwrap();

        assert!(Processes::of([zombie]).get(42).is_none());
    }

    #[test]
    fn this_process_is_among_those_that_are_read() {
        let all = Processes::now();

        let own = all.get(std::process::id()).unwrap();

        assert!(own.threads >= 2 && own.pages > 10, "{own:?}");
        assert!(all.descends(own.pid, own.parent), "{own:?}");
    }

    #[test]
    fn a_name_that_the_kernel_cuts_is_looked_up_in_full() {
        let own = std::process::id();
        let full = program(own).unwrap();
        assert!(full.len() > KEPT_OF_NAME, "a test's program has a long name: {full}");

        let all = Processes::now();

        // The kernel's name is that of the main thread.
        let main = all.get(own).unwrap().name.clone();
        assert_eq!(full.starts_with(&main), all.named(&full).any(|process| process.pid == own));
        assert_eq!(all.named(&format!("{full}x")).count(), 0);
    }
}
