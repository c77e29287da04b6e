//! A draw → made-up words, names, and random text.
//!
//! The lists are part of what a seed means: a change of them changes every recorded plan's mail.

use crate::draw::Draw;

const LATIN: [&str; 64] = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
    "incididunt",
    "ut",
    "labore",
    "et",
    "dolore",
    "magna",
    "aliqua",
    "enim",
    "ad",
    "minim",
    "veniam",
    "quis",
    "nostrud",
    "exercitation",
    "ullamco",
    "laboris",
    "nisi",
    "aliquip",
    "ex",
    "ea",
    "commodo",
    "consequat",
    "duis",
    "aute",
    "irure",
    "in",
    "reprehenderit",
    "voluptate",
    "velit",
    "esse",
    "cillum",
    "eu",
    "fugiat",
    "nulla",
    "pariatur",
    "excepteur",
    "sint",
    "occaecat",
    "cupidatat",
    "non",
    "proident",
    "sunt",
    "culpa",
    "qui",
    "officia",
    "deserunt",
    "mollit",
    "anim",
    "id",
    "est",
    "laborum",
    "vitae",
];

const FIRST: [&str; 32] = [
    "Ada", "Alan", "Barbara", "Carlos", "Chen", "Dana", "Edsger", "Elena", "Fatima", "Grace",
    "Hana", "Ivan", "Jamal", "Jean", "Kofi", "Lena", "Linus", "Maria", "Mei", "Nadia", "Niklaus",
    "Olga", "Omar", "Priya", "Radia", "Rosa", "Sofia", "Tim", "Uma", "Vint", "Yuki", "Zoe",
];

const LAST: [&str; 32] = [
    "Adams", "Baker", "Costa", "Dijkstra", "Eriksson", "Fischer", "Garcia", "Hopper", "Ito",
    "Jones", "Kim", "Lovelace", "Mensah", "Novak", "Okafor", "Perlman", "Quinn", "Rossi", "Silva",
    "Turing", "Ueda", "Varga", "Wirth", "Xu", "Young", "Zhang", "Liskov", "Postel", "Cerf", "Borg",
    "Haddad", "Singh",
];

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// So many words in one line, as a sentence; nothing for none.
pub(crate) fn lorem(draw: Draw, words: u64) -> String {
    let mut text = String::new();
    for n in 0..words {
        if n > 0 {
            text.push(' ');
        }
        text.push_str(pick(draw.at(n), &LATIN));
    }
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
        text.push('.');
    }
    text
}

/// A first and a last name.
pub(crate) fn name(draw: Draw) -> String {
    format!("{} {}", pick(draw.at(0), &FIRST), pick(draw.at(1), &LAST))
}

/// An address of a made-up person in a domain.
pub(crate) fn email(draw: Draw, domain: &str) -> String {
    let (first, last) = (pick(draw.at(0), &FIRST), pick(draw.at(1), &LAST));
    let number = draw.at(2).below(10_000);
    format!("{}.{}{number}@{domain}", first.to_ascii_lowercase(), last.to_ascii_lowercase())
}

/// So many octets of random Base64 letters: they don't compress, and stand in any text.
pub(crate) fn letters(draw: Draw, octets: u64) -> String {
    (0..octets).map(|n| letter(draw.at(n / 10).bits() >> (6 * (n % 10)))).collect()
}

fn letter(bits: u64) -> char {
    BASE64.get((bits & 63) as usize).map_or('A', |octet| char::from(*octet))
}

fn pick(draw: Draw, words: &[&'static str]) -> &'static str {
    let at = usize::try_from(draw.below(words.len() as u64)).unwrap_or_default();
    words.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lorem_has_as_many_words_as_asked_for() {
        for words in [0, 1, 2, 500] {
            let text = lorem(Draw::new(1), words);
            assert_eq!(text.split_whitespace().count() as u64, words, "{text}");
        }
        assert!(lorem(Draw::new(1), 3).starts_with(|c: char| c.is_ascii_uppercase()));
    }

    #[test]
    fn random_letters_have_the_asked_length_and_differ() {
        let text = letters(Draw::new(1), 1000);

        assert_eq!(text.len(), 1000);
        assert_ne!(text, letters(Draw::new(2), 1000));
        let kinds: std::collections::BTreeSet<char> = text.chars().collect();
        assert_eq!(kinds.len(), 64);
    }

    #[test]
    fn a_made_up_address_stands_in_its_domain() {
        let address = email(Draw::new(5), "example.test");

        assert!(address.ends_with("@example.test"), "{address}");
        assert_eq!(super::super::order::check_recipient(&address), Ok(()));
    }
}
