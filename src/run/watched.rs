//! The samples of the watched process → when it ended or came back, and what it used in all.

use super::environment::Stretch;
use crate::monitor::{Watch, WatchedSample};
use crate::plan::WatchedProcess;
use crate::record::WatchedFigures;

/// The watched process as it was seen so far.
#[derive(Debug, Default)]
pub(super) struct WatchedUse {
    cpu: Stretch,
    figures: WatchedFigures,
}

/// What became of the watched process between two looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// It has ended; its number.
    Gone(u32),
    /// It is there again; its number.
    Back(u32),
}

impl WatchedUse {
    /// One that was found before the start, and of which nothing else is known yet.
    pub(super) fn new(figures: WatchedFigures) -> Self {
        Self { cpu: Stretch::default(), figures }
    }

    /// Adds a sample; what became of the process since the one before.
    pub(super) fn look(&mut self, sample: Option<&WatchedSample>, covers_s: f64) -> Vec<Turn> {
        let figures = &mut self.figures;
        let known = (!figures.gone).then_some(figures.pid);
        let now = sample.map(|sample| sample.pid);
        let gone = known.filter(|known| now != Some(*known)).map(Turn::Gone);
        let back = now.filter(|now| known != Some(*now)).map(Turn::Back);
        figures.gone = now.is_none();
        figures.restarts += u64::from(back.is_some());
        if let Some(sample) = sample {
            self.cpu.add(sample.cpu, covers_s);
            figures.pid = sample.pid;
            figures.processes_max = figures.processes_max.max(sample.processes);
            figures.memory_max_octets = figures.memory_max_octets.max(sample.memory);
            figures.descriptors_max = figures.descriptors_max.max(sample.descriptors);
            figures.threads_max = figures.threads_max.max(sample.threads);
        }
        gone.into_iter().chain(back).collect()
    }

    /// What it used in all.
    pub(super) fn figures(&self) -> WatchedFigures {
        WatchedFigures {
            cpu_mean: self.cpu.mean(),
            cpu_max: self.cpu.max(),
            ..self.figures.clone()
        }
    }
}

/// The process of the plan as it was found.
pub(super) fn found(watch: &Watch) -> WatchedFigures {
    let process = match watch.wanted() {
        WatchedProcess::Pid(pid) => pid.to_string(),
        WatchedProcess::Name(name) => name.clone(),
    };
    WatchedFigures { process, pid: watch.pid().unwrap_or_default(), ..WatchedFigures::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> WatchedUse {
        let process = "master".to_owned();
        WatchedUse::new(WatchedFigures { process, pid: 42, ..WatchedFigures::default() })
    }

    fn sample(pid: u32, cpu: f64, memory: u64) -> WatchedSample {
        WatchedSample { pid, processes: 3, cpu, memory, descriptors: Some(20), threads: 4 }
    }

    #[test]
    fn means_and_peaks_are_of_the_time_that_it_was_there() {
        let mut watched = master();

        let turns = [
            watched.look(Some(&sample(42, 0.5, 100)), 1.0),
            watched.look(Some(&sample(42, 1.5, 50)), 1.0),
            watched.look(None, 1.0),
            watched.look(None, 1.0),
        ];
        let figures = watched.figures();

        assert_eq!(turns, [vec![], vec![], vec![Turn::Gone(42)], vec![]]);
        assert_eq!((figures.process.as_str(), figures.pid, figures.gone), ("master", 42, true));
        assert!((figures.cpu_mean - 1.0).abs() < 1e-9 && (figures.cpu_max - 1.5).abs() < 1e-9);
        assert_eq!((figures.memory_max_octets, figures.descriptors_max), (100, Some(20)));
    }

    #[test]
    fn a_restart_is_told_whether_or_not_it_was_seen_to_be_gone() {
        let mut watched = master();

        let turns = [
            watched.look(Some(&sample(43, 0.0, 1)), 1.0),
            watched.look(None, 1.0),
            watched.look(Some(&sample(44, 0.0, 1)), 1.0),
        ];

        assert_eq!(
            turns,
            [vec![Turn::Gone(42), Turn::Back(43)], vec![Turn::Gone(43)], vec![Turn::Back(44)]]
        );
        assert_eq!((watched.figures().restarts, watched.figures().gone), (2, false));
    }
}
