//! The exit codes of the commands.

/// An exit code. The constants are fixed; `--threshold-exit-code` may put another number in the
/// place of [`ExitCode::THRESHOLD`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExitCode(u8);

impl ExitCode {
    /// Ran, the thresholds hold, the tester was fit.
    pub const OK: Self = Self(0);
    /// The tool failed: a bug, or results that cannot be written.
    pub const TOOL_FAILED: Self = Self(1);
    /// The command line is wrong.
    pub const USAGE: Self = Self(2);
    /// The plan is not valid.
    pub const PLAN: Self = Self(3);
    /// Could not start: a name, a connection, or a target that is not allowed.
    pub const NOT_STARTED: Self = Self(4);
    /// A threshold does not hold.
    pub const THRESHOLD: Self = Self(5);
    /// `check`: a transaction was refused, or did not go as the plan expects.
    pub const REFUSED: Self = Self(5);
    /// The tester missed its limits, so the figures describe the tester.
    pub const INVALID: Self = Self(6);
    /// Nothing was measured.
    pub const NOTHING_MEASURED: Self = Self(7);
    /// `compare` found a regression.
    pub const REGRESSION: Self = Self(8);
    /// Ended by SIGINT.
    pub const INTERRUPTED: Self = Self(130);
    /// Ended by SIGTERM.
    pub const TERMINATED: Self = Self(143);

    /// All codes, each number once.
    pub const ALL: [Self; 11] = [
        Self::OK,
        Self::TOOL_FAILED,
        Self::USAGE,
        Self::PLAN,
        Self::NOT_STARTED,
        Self::THRESHOLD,
        Self::INVALID,
        Self::NOTHING_MEASURED,
        Self::REGRESSION,
        Self::INTERRUPTED,
        Self::TERMINATED,
    ];

    /// The number that a user chose in place of [`ExitCode::THRESHOLD`].
    pub const fn chosen(number: u8) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }
}
