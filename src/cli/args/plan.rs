//! Flags that change a plan → [`Overrides`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;
use crate::plan::{Destination, Overrides, PlannedThresholds, TargetAddress, VarsFile};

/// The largest seed: TOML has no larger number.
pub(super) const LARGEST_SEED: u64 = u64::MAX >> 1;

/// Flags that set single values of a plan.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Values of the plan")]
pub struct ValueFlags {
    /// Sets a variable of the plan; a number or true/false where it looks like one. Repeatable.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = value::variable)]
    pub vars: Vec<(String, String)>,
    /// Reads variables from a TOML or YAML file of `NAME = value`. Repeatable.
    ///
    /// Stronger than `[vars]` and `MAILQUAKE_VAR_NAME`, weaker than --var.
    #[arg(long = "vars", value_name = "FILE")]
    pub vars_files: Vec<PathBuf>,
    /// Sets any value of the plan, such as phases.soak.rate=500/s. Repeatable.
    ///
    /// Phases go by name, entries of other lists by number from 0. The value is TOML if it reads
    /// as such, else text.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = value::setting)]
    pub sets: Vec<(String, String)>,
    /// Lays this profile of the plan over it.
    ///
    /// Stronger than `[vars]`, weaker than `MAILQUAKE_VAR_NAME`.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The format of a plan from standard input.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub input_format: InputFormat,
}

/// The format of a plan from standard input.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum InputFormat {
    /// TOML.
    #[default]
    Toml,
    /// YAML, JSON included.
    Yaml,
}

/// Flags that say where a plan sends to.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Changes to the plan")]
pub struct DestinationFlags {
    /// Sends to ADDR (HOST:PORT, several with commas) in place of the plan's target. Repeatable.
    ///
    /// Without NAME it is the default target's, and the embedded server is off unless the plan
    /// has it as the next hop.
    #[arg(long = "target", value_name = "[NAME=]ADDR", value_parser = value::target)]
    pub targets: Vec<TargetAddress>,
    /// Sends to the embedded server in place of every target.
    #[arg(long, conflicts_with = "targets")]
    pub sink: bool,
}

/// All flags that change a plan.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Changes to the plan")]
pub struct PlanFlags {
    /// Where it sends to.
    #[command(flatten)]
    pub destination: DestinationFlags,
    /// Takes only this phase of the plan, or NAME/2 of a phase of several levels or repetitions.
    /// Repeatable; they run in the order of the file.
    #[arg(long = "phase", value_name = "NAME")]
    pub phases: Vec<String>,
    /// Multiplies all rates, connections and counts, such as 0.1.
    #[arg(long, value_name = "FACTOR", value_parser = value::factor)]
    pub scale: Option<f64>,
    /// Multiplies the times of all phases, such as 0.1; never timeouts.
    #[arg(long, value_name = "FACTOR", value_parser = value::factor)]
    pub time_scale: Option<f64>,
    /// The seed of all draws. Default: the plan's, else a drawn one, which is reported.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    pub seed: Option<u64>,
    /// What the flags say must hold.
    #[command(flatten)]
    pub thresholds: ThresholdFlags,
    /// Single values.
    #[command(flatten)]
    pub values: ValueFlags,
}

/// Flags that say what must hold.
#[derive(Args, Clone, Debug, Default)]
pub struct ThresholdFlags {
    /// Adds a check on the whole run, such as "message.p99 < 500ms". Repeatable.
    ///
    /// A plan that has none of its own loses the default ones by it.
    #[arg(long = "threshold", value_name = "CHECK")]
    pub thresholds: Vec<String>,
    /// Drops all checks of the plan, the default ones too; those of --threshold stay.
    #[arg(long)]
    pub no_thresholds: bool,
}

impl ThresholdFlags {
    /// What becomes of the plan's own checks.
    pub fn planned(&self) -> PlannedThresholds {
        if self.no_thresholds { PlannedThresholds::Drop } else { PlannedThresholds::Keep }
    }
}

impl ValueFlags {
    /// The changes, given what the environment and the files hold.
    pub fn overrides(
        &self,
        environment: Vec<(String, String)>,
        vars_files: Vec<VarsFile>,
    ) -> Overrides {
        Overrides {
            environment,
            vars_files,
            profile: self.profile.clone(),
            vars: self.vars.clone(),
            sets: self.sets.clone(),
            ..Overrides::default()
        }
    }
}

impl PlanFlags {
    /// The changes, given what the environment and the files hold.
    pub fn overrides(
        &self,
        environment: Vec<(String, String)>,
        vars_files: Vec<VarsFile>,
    ) -> Overrides {
        Overrides {
            phases: self.phases.clone(),
            seed: self.seed,
            scale: self.scale,
            time_scale: self.time_scale,
            destination: self.destination.destination(),
            planned_thresholds: self.thresholds.planned(),
            thresholds: self.thresholds.thresholds.clone(),
            ..self.values.overrides(environment, vars_files)
        }
    }
}

impl DestinationFlags {
    /// What it changes.
    pub fn destination(&self) -> Destination {
        if self.sink {
            Destination::Sink
        } else if self.targets.is_empty() {
            Destination::AsPlanned
        } else {
            Destination::Targets(self.targets.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn overrides(line: &str) -> Overrides {
        let words =
            ["mailquake", "preview", "plan.toml"].into_iter().chain(line.split_whitespace());
        let Command::Preview(preview) = Cli::try_parse_from(words).unwrap().command else {
            panic!("{line}")
        };
        preview.plan_flags.overrides(Vec::new(), Vec::new())
    }

    #[test]
    fn every_flag_becomes_its_override() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let at = |name: Option<&str>, address: &str| TargetAddress {
            name: name.map(str::to_owned),
            address: address.to_owned(),
        };
        let none = Overrides::default;
        let table = [
            ("", none()),
            (
                "--var a=1 --var b=x=y",
                Overrides { vars: vec![pair("a", "1"), pair("b", "x=y")], ..none() },
            ),
            (
                "--set phases.a.rate=5/s",
                Overrides { sets: vec![pair("phases.a.rate", "5/s")], ..none() },
            ),
            (
                "--seed 7 --scale 0.5 --time-scale 2",
                Overrides { seed: Some(7), scale: Some(0.5), time_scale: Some(2.0), ..none() },
            ),
            (
                "--target a:25 --target relay=b:25",
                Overrides {
                    destination: Destination::Targets(vec![
                        at(None, "a:25"),
                        at(Some("relay"), "b:25"),
                    ]),
                    ..none()
                },
            ),
            ("--sink", Overrides { destination: Destination::Sink, ..none() }),
            (
                "--no-thresholds --threshold message.max<1s",
                Overrides {
                    planned_thresholds: PlannedThresholds::Drop,
                    thresholds: vec!["message.max<1s".to_owned()],
                    ..none()
                },
            ),
        ];
        for (line, expected) in table {
            assert_eq!(overrides(line), expected, "{line}");
        }
    }
}
