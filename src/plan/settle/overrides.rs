//! What the command line and the environment change in a plan.

/// Changes to a plan that do not stand in its file; the later a field, the later it is applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Variables from the environment: NAME of `MAILQUAKE_VAR_NAME`, text. Those that the plan
    /// does not use are passed over, for one environment serves many plans.
    pub environment: Vec<(String, String)>,
    /// Files of variables, the later over the earlier ones.
    pub vars_files: Vec<VarsFile>,
    /// Variables as `--var NAME=TEXT` gives them.
    pub vars: Vec<(String, String)>,
    /// Values at a path, as `--set PATH=TEXT` gives them.
    pub sets: Vec<(String, String)>,
    /// The profile that is laid over the plan.
    pub profile: Option<String>,
    /// The only phases that are kept: names, or `NAME/2` for a part of one. None: all.
    pub phases: Vec<String>,
    /// The seed in place of the plan's.
    pub seed: Option<u64>,
    /// By what all levels and counts are multiplied; finite, above zero.
    pub scale: Option<f64>,
    /// By what all times of phases are multiplied; finite, above zero. Never timeouts.
    pub time_scale: Option<f64>,
    /// Where the load goes.
    pub destination: Destination,
    /// What becomes of the thresholds that the plan has, defaults among them.
    pub planned_thresholds: PlannedThresholds,
    /// Further plan-wide thresholds.
    pub thresholds: Vec<String>,
}

/// A file of variables that has been read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VarsFile {
    /// Its path; one that ends in `.yaml`, `.yml` or `.json` holds YAML, any other TOML.
    pub name: String,
    /// What it holds: `NAME = value`, as in `[vars]`.
    pub text: String,
}

/// Where the load goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Destination {
    /// Where the plan says.
    #[default]
    AsPlanned,
    /// Some targets are elsewhere.
    Targets(Vec<TargetAddress>),
    /// The embedded server stands for every target.
    Sink,
}

/// The address of one target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetAddress {
    /// The target's name; none: the default target.
    pub name: Option<String>,
    /// `HOST:PORT`, or several with commas between them.
    pub address: String,
}

/// What becomes of the thresholds that a plan has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PlannedThresholds {
    /// They hold.
    #[default]
    Keep,
    /// All are taken out, and the defaults do not come in their place.
    Drop,
}
