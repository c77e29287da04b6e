//! A text from a server, and secrets → the text without the secrets, in whatever form they stand.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in place of a secret.
pub(super) const COVER: &str = "[secret]";

/// Shorter forms are not looked for: they stand in any text by chance.
const SHORTEST: usize = 3;

/// The forms in which secrets could stand in a text.
#[derive(Clone, Default)]
pub struct Veil {
    /// The longest first.
    forms: Vec<Vec<u8>>,
}

impl Veil {
    /// Covers these texts: as they are, in hexadecimal digits, and in base64 wherever they stand
    /// in what was encoded.
    pub fn over<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms).collect();
        forms.retain(|form| form.len() >= SHORTEST);
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// The text with each secret replaced.
    pub fn cover(&self, text: &str) -> String {
        let mut covered = String::with_capacity(text.len());
        let mut kept = 0;
        for (start, end) in self.finds(text) {
            covered.push_str(text.get(kept..start).unwrap_or_default());
            covered.push_str(COVER);
            kept = end;
        }
        covered.push_str(text.get(kept..).unwrap_or_default());
        covered
    }

    /// The text of the same length, with stars in place of each secret.
    pub fn blot(&self, text: &str) -> String {
        let mut blotted = text.to_owned();
        for (start, end) in self.finds(text) {
            blotted.replace_range(start..end, &"*".repeat(end - start));
        }
        blotted
    }

    /// Where secrets stand, in their order and beside each other; case says nothing.
    fn finds(&self, text: &str) -> Vec<(usize, usize)> {
        let octets = text.as_bytes();
        let mut finds = Vec::new();
        let mut at = 0;
        while at < octets.len() {
            let begins = |form: &&Vec<u8>| {
                let there = octets.get(at..at + form.len());
                there.is_some_and(|there| there.eq_ignore_ascii_case(form))
            };
            match self.forms.iter().find(begins).map(|form| at + form.len()) {
                Some(end) => {
                    finds.push((text.floor_char_boundary(at), text.ceil_char_boundary(end)));
                    at = end;
                }
                None => at += 1,
            }
        }
        finds
    }
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let octets = secret.as_bytes();
    let mut forms = vec![octets.to_vec(), super::hex(octets).into_bytes()];
    for before in 0..3 {
        let shifted = [&[0; 3][..before], octets].concat();
        // The letters at both ends hold bits of what stands beside the secret too.
        let (first, last) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(text.as_bytes().get(first..last).map(<[u8]>::to_vec));
        }
    }
    forms
}

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Veil({} forms)", self.forms.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_covered_in_every_form() {
        let veil = Veil::over(["hunter22"]);
        let table = [
            ("no hunter22 here", "no [secret] here"),
            ("no HUNTER22", "no [secret]"),
            ("68756e7465723232", "[secret]"),
            ("68756E7465723232!", "[secret]!"),
            ("hunter22hunter22", "[secret][secret]"),
            ("hunter2", "hunter2"),
            ("", ""),
        ];
        for (text, covered) in table {
            assert_eq!(veil.cover(text), covered, "{text}");
        }
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}hunter22 and more"));
            let covered = veil.cover(&text);
            assert!(covered.contains(COVER), "{text}: {covered}");
        }
    }

    #[test]
    fn a_blotted_text_keeps_its_length() {
        assert_eq!(Veil::over(["geheim", "ä€x"]).blot("a geheim ä€x b"), "a ****** ****** b");
    }

    #[test]
    fn what_is_too_short_to_be_told_from_chance_is_left() {
        assert_eq!(Veil::over(["5", ""]).cover("535 no"), "535 no");
    }
}
