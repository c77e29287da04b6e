//! Logins → how many were let in, and how many were not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sparse;
use crate::smtp::LoginEnd;

/// What logins came to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct AuthCounts {
    #[serde(skip_serializing_if = "sparse::is_default")]
    accepted: u64,
    #[serde(skip_serializing_if = "sparse::is_default")]
    refused: u64,
    #[serde(skip_serializing_if = "sparse::is_default")]
    on_purpose: u64,
}

/// What logins came to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AuthFigures {
    /// Sessions that were let in.
    pub accepted: u64,
    /// Sessions that were not.
    pub refused: u64,
    /// Those of the refused that tried a wrong password on purpose.
    pub refused_on_purpose: u64,
}

impl AuthCounts {
    /// Counts a login.
    pub fn add(&mut self, end: LoginEnd) {
        match end {
            LoginEnd::Accepted => self.accepted += 1,
            LoginEnd::Refused => self.refused += 1,
            LoginEnd::RefusedOnPurpose => {
                self.refused += 1;
                self.on_purpose += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.on_purpose += other.on_purpose;
    }

    pub(super) const fn figures(self) -> AuthFigures {
        let Self { accepted, refused, on_purpose: refused_on_purpose } = self;
        AuthFigures { accepted, refused, refused_on_purpose }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_add_up_over_cells() {
        let mut sum = AuthCounts::default();
        let mut more = AuthCounts::default();
        sum.add(LoginEnd::Accepted);
        for end in [LoginEnd::Accepted, LoginEnd::Refused, LoginEnd::RefusedOnPurpose] {
            more.add(end);
        }

        sum.merge(more);

        let expected = AuthFigures { accepted: 2, refused: 2, refused_on_purpose: 1 };
        assert_eq!(sum.figures(), expected);
    }
}
