//! A path of keys and indices → a failure of the format's deserializer at that place.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::plan::Part;

/// Goes down a path and fails at its end; succeeds where the path does not exist.
#[derive(Clone, Copy)]
pub(super) struct Locate<'path> {
    path: &'path [String],
    part: Part,
}

impl<'path> Locate<'path> {
    /// A search for the key or the value at the end of a path.
    pub(super) fn new(path: &'path [String], part: Part) -> Self {
        Self { path, part }
    }

    /// A scalar: the end of the path, or a path that leads nowhere.
    fn arrive<E: Error>(self) -> Result<(), E> {
        if self.path.is_empty() { Err(found()) } else { Ok(()) }
    }
}

fn found<E: Error>() -> E {
    E::custom("found")
}

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Locate<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a plan")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.arrive()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.arrive()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.arrive()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((wanted, path)) = self.path.split_first() else { return Err(found()) };
        let Ok(wanted) = wanted.parse::<usize>() else { return rest_of_list(access) };
        for _ in 0..wanted {
            if access.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        access.next_element_seed(Locate { path, ..self })?;
        rest_of_list(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((wanted, path)) = self.path.split_first() else { return Err(found()) };
        let is_last = path.is_empty();
        let key = WantedKey { wanted, fails: is_last && self.part == Part::Key };
        while let Some(is_wanted) = access.next_key_seed(key)? {
            if is_wanted {
                access.next_value_seed(Locate { path, ..self })?;
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A list that is left early would be an error of the format, at the wrong place.
fn rest_of_list<'de, A: SeqAccess<'de>>(mut access: A) -> Result<(), A::Error> {
    while access.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Compares a key with the wanted one, and fails there when the key itself is looked for.
#[derive(Clone, Copy)]
struct WantedKey<'path> {
    wanted: &'path str,
    fails: bool,
}

impl<'de> DeserializeSeed<'de> for WantedKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WantedKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        let is_wanted = key == self.wanted;
        if is_wanted && self.fails { Err(found()) } else { Ok(is_wanted) }
    }
}

/// Where the YAML token ends that begins at `start`; YAML's parser tells only beginnings.
pub(super) fn token_end(text: &str, start: usize) -> usize {
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let quote = line.chars().next().filter(|first| matches!(first, '"' | '\''));
    let quoted = quote.and_then(|quote| {
        let inside = line.get(1..)?;
        inside.find(quote).map(|length| length + 2)
    });
    if let Some(length) = quoted {
        return start + length;
    }
    let token = line.get(..token_length(line)).unwrap_or(line);
    start + token.trim_end().trim_end_matches([':', ',']).len()
}

/// Up to what ends a plain scalar on its line; brackets that open in it close in it.
fn token_length(line: &str) -> usize {
    let mut open = 0_usize;
    for (at, c) in line.char_indices() {
        let rest = line.get(at..).unwrap_or_default();
        match c {
            '[' | '{' => open += 1,
            ']' | '}' if open == 0 => return at,
            ']' | '}' => {
                open -= 1;
                if open == 0 && line.starts_with(['[', '{']) {
                    return at + 1;
                }
            }
            _ if open == 0 && [": ", " #", ", "].iter().any(|end| rest.starts_with(end)) => {
                return at;
            }
            _ => {}
        }
    }
    line.len()
}
