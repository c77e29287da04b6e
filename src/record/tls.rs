//! Handshakes → how many sessions came to which version and cipher.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that this program knows, or one that was read back from a folder.
type Name = Cow<'static, str>;

/// What sessions negotiated, by the names of RFC 8446 and RFC 5246.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct TlsCounts {
    versions: BTreeMap<Name, u64>,
    ciphers: BTreeMap<Name, u64>,
}

/// What one session negotiated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// What sessions negotiated.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TlsFigures {
    /// Handshakes by version.
    pub versions: BTreeMap<String, u64>,
    /// Handshakes by cipher suite.
    pub ciphers: BTreeMap<String, u64>,
}

impl TlsCounts {
    /// Counts a session's handshake.
    pub fn add(&mut self, Negotiated { version, cipher }: Negotiated) {
        *self.versions.entry(Cow::Borrowed(version)).or_default() += 1;
        *self.ciphers.entry(Cow::Borrowed(cipher)).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        super::cell::add_map(&mut self.versions, &other.versions);
        super::cell::add_map(&mut self.ciphers, &other.ciphers);
    }

    pub(super) fn figures(&self) -> TlsFigures {
        let named = |counts: &BTreeMap<Name, u64>| {
            counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
        };
        TlsFigures { versions: named(&self.versions), ciphers: named(&self.ciphers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cell, Portion, SpanEnd};

    #[test]
    fn what_was_negotiated_adds_up_over_cells_and_stands_in_the_figures() {
        let old = Negotiated { version: "TLSv1.2", cipher: "A" };
        let new = Negotiated { version: "TLSv1.3", cipher: "B" };
        let mut sum = Cell::default();
        let mut more = Cell::default();
        sum.tls.add(new);
        for session in [old, new, new] {
            more.tls.add(session);
        }

        sum.merge(&more);

        let portion = Portion {
            cell: sum,
            peak_open: 0,
            length: std::time::Duration::ZERO,
            end: SpanEnd::Time,
        };
        let json = serde_json::to_value(portion.figures()).unwrap();
        let expected = serde_json::json!({
            "versions": { "TLSv1.2": 1, "TLSv1.3": 3 }, "ciphers": { "A": 1, "B": 3 },
        });
        assert_eq!(json["tls"], expected);
    }
}
