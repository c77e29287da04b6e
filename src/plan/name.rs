//! The names of a plan: phases, clients, variables and the like.

/// The rule in words.
pub(super) const RULE: &str =
    "a name begins with a letter or `_` and has up to 64 letters, digits, `_` and `-`";

/// Whether a text matches `[A-Za-z_][A-Za-z0-9_-]{0,63}`.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_texts() {
        for name in ["a", "_", "warm-up", "A1_b-c", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for text in ["", "1a", "-a", "a b", "a.b", "ä", "a/1", &"x".repeat(65)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
