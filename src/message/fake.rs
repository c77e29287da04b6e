//! A draw and a script → made-up people, addresses and sentences.
//!
//! The library `fake` has names and streets in English, French and Chinese. For Greek, Cyrillic
//! and emoji it has none, so these have short lists here, as have the words of all scripts but
//! Chinese: what matters to a server is which letters come, not what they mean. The lists are
//! part of what a seed means, as those of `words.rs` are.

use std::convert::Infallible;

use fake::Fake as _;
use fake::faker::address::raw::{CityName, StreetName};
use fake::faker::lorem::raw::Word;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{EN, FR_FR, ZH_CN};
use fake::rand::TryRng;

use crate::draw::Draw;

/// The letters that made-up text is written with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Script {
    /// English, in US-ASCII.
    Ascii,
    /// French, in letters up to U+00FF.
    Latin1,
    /// Greek.
    Greek,
    /// Russian.
    Cyrillic,
    /// Simplified Chinese.
    Han,
    /// Pictures beyond the Basic Multilingual Plane: four octets each in UTF-8.
    Emoji,
}

/// All scripts by the names that a template gives them.
const SCRIPTS: [(&str, Script); 6] = [
    ("ascii", Script::Ascii),
    ("latin1", Script::Latin1),
    ("greek", Script::Greek),
    ("cyrillic", Script::Cyrillic),
    ("han", Script::Han),
    ("emoji", Script::Emoji),
];

impl Script {
    /// The script of a name, or the names that there are.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = SCRIPTS.iter().find(|(known, _)| *known == name);
        found.map(|(_, script)| *script).ok_or_else(|| SCRIPTS.map(|(known, _)| known).join(", "))
    }

    /// What stands between two words, and behind the last.
    const fn marks(self) -> (&'static str, &'static str) {
        match self {
            Self::Ascii | Self::Latin1 | Self::Greek | Self::Cyrillic => (" ", "."),
            Self::Han => ("", "。"),
            Self::Emoji => (" ", ""),
        }
    }
}

/// A person's name: of Chinese the family comes first.
pub(crate) fn name(draw: Draw, script: Script) -> String {
    let mut stream = Stream::of(draw);
    let (first, last) = match script {
        Script::Ascii => of_library(&mut stream, EN),
        Script::Latin1 => of_library(&mut stream, FR_FR),
        Script::Han => {
            let (first, last) = of_library(&mut stream, ZH_CN);
            return format!("{last}{first}");
        }
        Script::Greek => stream.both(&GREEK_FIRST, &GREEK_LAST),
        Script::Cyrillic => stream.both(&RUSSIAN_FIRST, &RUSSIAN_LAST),
        Script::Emoji => stream.both(&FACES, &PICTURES),
    };
    format!("{first} {last}")
}

fn of_library<L: fake::locales::Data + Copy>(
    stream: &mut Stream,
    locale: L,
) -> (&'static str, &'static str) {
    (FirstName(locale).fake_with_rng(stream), LastName(locale).fake_with_rng(stream))
}

/// Number, street and city, in one line.
pub(crate) fn address(draw: Draw, script: Script) -> String {
    let number = draw.at(0).within(1, 199);
    let mut stream = Stream::of(draw.at(1));
    match script {
        Script::Ascii => {
            let (street, city): (String, String) = (
                StreetName(EN).fake_with_rng(&mut stream),
                CityName(EN).fake_with_rng(&mut stream),
            );
            format!("{number} {street}, {city}")
        }
        Script::Latin1 => {
            let (street, city): (String, String) = (
                StreetName(FR_FR).fake_with_rng(&mut stream),
                CityName(FR_FR).fake_with_rng(&mut stream),
            );
            format!("{number} {street}, {city}")
        }
        Script::Han => {
            let (street, city): (String, String) = (
                StreetName(ZH_CN).fake_with_rng(&mut stream),
                CityName(ZH_CN).fake_with_rng(&mut stream),
            );
            format!("{city}{street}{number}号")
        }
        Script::Greek => {
            let (street, city) = stream.both(&GREEK_STREETS, &GREEK_CITIES);
            format!("{street} {number}, {city}")
        }
        Script::Cyrillic => {
            let (street, city) = stream.both(&RUSSIAN_STREETS, &RUSSIAN_CITIES);
            format!("{street}, {number}, {city}")
        }
        Script::Emoji => {
            let (street, city) = stream.both(&PICTURES, &PLACES);
            format!("{street} {number}, {city}")
        }
    }
}

/// So many words in one line, as a sentence; nothing for none.
pub(crate) fn sentence(draw: Draw, script: Script, words: u64) -> String {
    let mut text = String::new();
    let (between, end) = script.marks();
    for n in 0..words {
        let word = word(draw.at(n), script);
        if n > 0 {
            text.push_str(between);
            text.push_str(word);
        } else {
            push_capitalized(&mut text, word);
        }
    }
    if words > 0 {
        text.push_str(end);
    }
    text
}

fn word(draw: Draw, script: Script) -> &'static str {
    let mut stream = Stream::of(draw);
    match script {
        Script::Ascii => Word(EN).fake_with_rng(&mut stream),
        Script::Han => Word(ZH_CN).fake_with_rng(&mut stream),
        Script::Latin1 => stream.one(&FRENCH_WORDS),
        Script::Greek => stream.one(&GREEK_WORDS),
        Script::Cyrillic => stream.one(&RUSSIAN_WORDS),
        Script::Emoji => stream.one(&PICTURES),
    }
}

fn push_capitalized(text: &mut String, word: &str) {
    let mut letters = word.chars();
    text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
    text.push_str(letters.as_str());
}

/// The random numbers that the library asks for, each drawn at the next key.
struct Stream {
    draw: Draw,
    next: u64,
}

impl Stream {
    const fn of(draw: Draw) -> Self {
        Self { draw, next: 0 }
    }

    fn bits(&mut self) -> u64 {
        self.next += 1;
        self.draw.at(self.next).bits()
    }

    fn one(&mut self, words: &[&'static str]) -> &'static str {
        self.next += 1;
        let at = usize::try_from(self.draw.at(self.next).below(words.len() as u64));
        at.ok().and_then(|at| words.get(at)).copied().unwrap_or_default()
    }

    fn both(
        &mut self,
        one: &[&'static str],
        other: &[&'static str],
    ) -> (&'static str, &'static str) {
        (self.one(one), self.one(other))
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        for part in octets.chunks_mut(8) {
            let bits = self.bits().to_le_bytes();
            part.iter_mut().zip(bits).for_each(|(octet, bits)| *octet = bits);
        }
        Ok(())
    }
}

const GREEK_FIRST: [&str; 16] = [
    "Αλέξανδρος",
    "Άννα",
    "Βασίλης",
    "Γιώργος",
    "Δήμητρα",
    "Ελένη",
    "Ζωή",
    "Θανάσης",
    "Ιωάννα",
    "Κώστας",
    "Λυδία",
    "Μαρία",
    "Νίκος",
    "Όλγα",
    "Σοφία",
    "Χρήστος",
];
const GREEK_LAST: [&str; 16] = [
    "Παπαδόπουλος",
    "Βλάχος",
    "Αγγελόπουλος",
    "Νικολαΐδης",
    "Γεωργίου",
    "Δημητρίου",
    "Καραγιάννης",
    "Οικονόμου",
    "Αντωνίου",
    "Μακρής",
    "Ιωαννίδης",
    "Σταθόπουλος",
    "Χατζής",
    "Λάμπρου",
    "Ζέρβας",
    "Ψαράς",
];
const GREEK_STREETS: [&str; 8] =
    ["Ερμού", "Σταδίου", "Ακαδημίας", "Τσιμισκή", "Αθηνάς", "Κολοκοτρώνη", "Σόλωνος", "Αιόλου"];
const GREEK_CITIES: [&str; 8] =
    ["Αθήνα", "Θεσσαλονίκη", "Πάτρα", "Ηράκλειο", "Λάρισα", "Βόλος", "Ιωάννινα", "Χανιά"];
const GREEK_WORDS: [&str; 24] = [
    "και",
    "το",
    "ένα",
    "γράμμα",
    "έρχεται",
    "σήμερα",
    "από",
    "την",
    "πόλη",
    "με",
    "καλά",
    "νέα",
    "για",
    "όλους",
    "τους",
    "φίλους",
    "μας",
    "που",
    "περιμένουν",
    "στη",
    "θάλασσα",
    "κάθε",
    "χρόνο",
    "μαζί",
];
const RUSSIAN_FIRST: [&str; 16] = [
    "Анна",
    "Борис",
    "Вера",
    "Григорий",
    "Дарья",
    "Евгений",
    "Жанна",
    "Зинаида",
    "Иван",
    "Кирилл",
    "Любовь",
    "Михаил",
    "Наталья",
    "Ольга",
    "Пётр",
    "Юлия",
];
const RUSSIAN_LAST: [&str; 16] = [
    "Шевченко",
    "Бондаренко",
    "Кравченко",
    "Ткаченко",
    "Коваленко",
    "Лисенко",
    "Марченко",
    "Савченко",
    "Руденко",
    "Петренко",
    "Клименко",
    "Павленко",
    "Кузьменко",
    "Гончаренко",
    "Юрченко",
    "Щербань",
];
const RUSSIAN_STREETS: [&str; 8] = [
    "улица Ленина",
    "улица Мира",
    "Садовая улица",
    "Невский проспект",
    "Лесная улица",
    "улица Чехова",
    "Цветочный бульвар",
    "Школьный переулок",
];
const RUSSIAN_CITIES: [&str; 8] =
    ["Москва", "Казань", "Тверь", "Ярославль", "Омск", "Пермь", "Самара", "Калуга"];
const RUSSIAN_WORDS: [&str; 24] = [
    "и",
    "это",
    "письмо",
    "пришло",
    "сегодня",
    "из",
    "города",
    "с",
    "хорошими",
    "новостями",
    "для",
    "всех",
    "наших",
    "друзей",
    "которые",
    "ждут",
    "у",
    "моря",
    "каждый",
    "год",
    "вместе",
    "ещё",
    "объём",
    "щедрый",
];
const FRENCH_WORDS: [&str; 24] = [
    "été",
    "où",
    "déjà",
    "français",
    "être",
    "garçon",
    "naïf",
    "hôtel",
    "à",
    "forêt",
    "élève",
    "leçon",
    "maïs",
    "âme",
    "même",
    "très",
    "près",
    "là",
    "goût",
    "août",
    "dîner",
    "fête",
    "crème",
    "voilà",
];
const FACES: [&str; 16] = [
    "😀", "😃", "😄", "😁", "😆", "😅", "🤣", "😂", "🙂", "🙃", "😉", "😊", "😇", "🥰", "😍", "🤩",
];
const PICTURES: [&str; 16] = [
    "🍀", "🐳", "🦊", "🌻", "🍎", "🚀", "🎈", "🎁", "📬", "📨", "🔔", "🌍", "🍕", "🎵", "🧩", "🪁",
];
const PLACES: [&str; 8] = ["🏠", "🏢", "🏰", "🗼", "🏝", "🏔", "🌆", "🌉"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a letter belongs to a script.
    fn is_of(script: Script, letter: char) -> bool {
        match script {
            Script::Ascii => letter.is_ascii_alphabetic(),
            Script::Latin1 => letter <= '\u{ff}',
            Script::Greek => matches!(letter, '\u{370}'..='\u{3ff}'),
            Script::Cyrillic => matches!(letter, '\u{400}'..='\u{4ff}'),
            Script::Han => matches!(letter, '\u{4e00}'..='\u{9fff}'),
            Script::Emoji => letter >= '\u{1f000}',
        }
    }

    fn made(draw: Draw, script: Script) -> [String; 3] {
        [name(draw, script), address(draw, script), sentence(draw, script, 12)]
    }

    #[test]
    fn all_letters_are_of_the_script() {
        for (named, script) in SCRIPTS {
            for n in 0..500 {
                for text in made(Draw::new(n), script) {
                    let letters = text.chars().filter(|c| c.is_alphabetic() || *c >= '\u{1f000}');
                    let strange: Vec<char> = letters.filter(|c| !is_of(script, *c)).collect();
                    assert!(strange.is_empty(), "{named}: {text}: {strange:?}");
                    assert!(!text.contains(['{', '}', '\r', '\n']), "{named}: {text}");
                }
            }
        }
    }

    #[test]
    fn every_script_but_ascii_leaves_ascii() {
        for (named, script) in SCRIPTS {
            let text = (0..100).flat_map(|n| made(Draw::new(n), script)).collect::<String>();
            assert_eq!(text.is_ascii(), script == Script::Ascii, "{named}");
        }
    }

    #[test]
    fn a_draw_always_makes_the_same_and_another_draw_something_else() {
        for (named, script) in SCRIPTS {
            assert_eq!(made(Draw::new(7), script), made(Draw::new(7), script), "{named}");
            let people: std::collections::BTreeSet<String> =
                (0..100).map(|n| name(Draw::new(n), script)).collect();
            assert!(people.len() > 50, "{named}: {}", people.len());
        }
    }

    #[test]
    fn made_up_text_never_changes_between_versions() {
        let draw = Draw::new(42);
        let lines = SCRIPTS.map(|(named, script)| {
            format!(
                "{named}: {} | {} | {}\n",
                name(draw, script),
                address(draw, script),
                sentence(draw, script, 4)
            )
        });

        // A recorded plan and seed must give the same mail after every update of the library.
        expect_test::expect![[r"
            ascii: Vicente Koelpin | 32 Kulas Terrace, Gloriashire | Omnis qui eum vero.
            latin1: Valmont Hardy | 32 Impasse Jeanne, Gautier | Goût forêt forêt dîner.
            greek: Χρήστος Οικονόμου | Τσιμισκή 32, Ηράκλειο | Περιμένουν με με θάλασσα.
            cyrillic: Юлия Савченко | Невский проспект, 32, Ярославль | Каждый новостями новостями вместе.
            han: 吕冰颖 | 鸿祥市沈角32号 | 新要求飞机医院心想事成。
            emoji: 🤩 🎁 | 🎈 32, 🗼 | 🍕 🎈 🎈 🎵
        "]].assert_eq(&lines.concat());
    }

    #[test]
    fn a_sentence_has_as_many_words_as_asked_for() {
        for words in [0, 1, 7, 300] {
            let text = sentence(Draw::new(1), Script::Greek, words);
            assert_eq!(text.split_whitespace().count() as u64, words, "{text}");
        }
    }

    #[test]
    fn an_unknown_script_is_answered_with_those_that_there_are() {
        assert_eq!(Script::named("han"), Ok(Script::Han));
        assert_eq!(
            Script::named("latin"),
            Err("ascii, latin1, greek, cyrillic, han, emoji".to_owned())
        );
    }
}
