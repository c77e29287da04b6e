//! What the watched process used → a line of the page.

use super::{Page, entry};
use crate::format;
use crate::record::{Summary, WatchedFigures};

/// One line; nothing where no process was watched.
pub(super) fn line(summary: &Summary, page: Page<'_>) -> Vec<String> {
    let watched = summary.machine().and_then(|machine| machine.watched);
    watched.map_or_else(Vec::new, |watched| entry("watched", &words(&watched), page.width))
}

fn words(watched: &WatchedFigures) -> String {
    let descendants = match watched.processes_max.saturating_sub(1) {
        0 => String::new(),
        1 => " and 1 descendant".to_owned(),
        count => format!(" and {} descendants", format::count(count)),
    };
    let mut parts = vec![
        format!("{} (peak {})", cores(watched.cpu_mean), cores(watched.cpu_max)),
        format!("up to {}", format::octets(watched.memory_max_octets)),
    ];
    parts
        .extend(watched.descriptors_max.map(|most| format!("{} descriptors", format::count(most))));
    parts.push(format!("{} threads", format::count(watched.threads_max)));
    parts.extend(match watched.restarts {
        0 => None,
        1 => Some("restarted once".to_owned()),
        times => Some(format!("restarted {} times", format::count(times))),
    });
    parts.extend(watched.gone.then(|| "ended before the run did".to_owned()));
    let name = format::escape(&watched.process);
    format!("`{name}` (pid {}{descendants}): {}", watched.pid, parts.join(" · "))
}

fn cores(cores: f64) -> String {
    if cores < 1.0 {
        format!("{:.0} % of a core", cores * 100.0)
    } else {
        format!("{cores:.1} cores")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_told_with_what_it_used_and_what_became_of_it() {
        let master = WatchedFigures {
            process: "master".to_owned(),
            pid: 4242,
            processes_max: 13,
            cpu_mean: 0.43,
            cpu_max: 1.26,
            memory_max_octets: 118 << 20,
            descriptors_max: Some(1_204),
            threads_max: 13,
            restarts: 0,
            gone: false,
        };
        let lone = WatchedFigures {
            process: "exim\u{1b}[2J".to_owned(),
            processes_max: 1,
            descriptors_max: None,
            restarts: 2,
            gone: true,
            ..master
        };

        assert_eq!(
            words(&master),
            "`master` (pid 4242 and 12 descendants): 43 % of a core (peak 1.3 cores) · up to 118 MiB \
             · 1,204 descriptors · 13 threads"
        );
        assert_eq!(
            words(&lone),
            "`exim\\u{1b}[2J` (pid 4242): 43 % of a core (peak 1.3 cores) · up to 118 MiB · 13 threads \
             · restarted 2 times · ended before the run did"
        );
    }
}
