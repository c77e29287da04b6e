//! The machine → what a result must say about it to be comparable.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use sysinfo::System;

/// The machine that a run was made on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Environment {
    /// The kernel's name and version.
    pub kernel: Option<String>,
    /// The machine's name.
    pub hostname: Option<String>,
    /// How many threads can run at a time.
    pub cores: usize,
    /// How many descriptors this process may have; none: no limit.
    pub nofile: Option<u64>,
}

/// The machine as it is now.
pub fn environment() -> Environment {
    Environment {
        kernel: System::kernel_long_version().ok(),
        hostname: System::host_name().ok(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        nofile: getrlimit(Resource::Nofile).current,
    }
}

/// Raises the limit of open descriptors as far as an ordinary user may; the limit then in force,
/// none where there is none.
pub fn raise_nofile() -> std::io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_descriptors_rises_to_what_is_allowed() {
        let allowed = getrlimit(Resource::Nofile).maximum;

        let in_force = raise_nofile().unwrap();

        assert_eq!(in_force, allowed);
        assert_eq!(environment().nofile, allowed);
    }
}
