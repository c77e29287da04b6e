//! Indexed corpora → the mail that a message takes, from memory or from where it stands.
//!
//! All corpora of a plan share one limit. One that fits into what is left of it is read as a whole
//! when it is opened; the others share the rest as caches. A cache keeps what comes again: in a
//! corpus that is used from end to end nothing does, and each mail is read anew.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::index::{Index, Place};
use super::spec::LARGEST_MAIL;
use super::{CorpusError, CorpusFormat, CorpusSpec, Letter, mbox};
use crate::draw::{Draw, Purpose};
use crate::message::rows::permuted;
use crate::message::{FeedOrder, Numbering, Order};

/// How many octets of mails are kept in memory, of all corpora of a plan.
pub(crate) const KEPT: u64 = 64 << 20;

/// An indexed corpus.
#[derive(Debug)]
pub(crate) struct Corpus {
    spec: CorpusSpec,
    index: Index,
    shelf: Shelf,
    /// What its order comes from.
    draw: Draw,
    key: u64,
    /// How many turns were taken.
    taken: AtomicU64,
}

/// Where its mails are.
#[derive(Debug)]
enum Shelf {
    /// All in memory.
    Loaded(Vec<Letter>),
    /// Where they stand, but for those that were read lately.
    Read { mbox: Option<File>, recent: Box<Recent> },
}

type Recent = Cache<usize, Arc<Letter>, Octets>;

/// What a mail takes of a cache.
#[derive(Clone, Debug)]
struct Octets;

impl Weighter<usize, Arc<Letter>> for Octets {
    fn weight(&self, _: &usize, letter: &Arc<Letter>) -> u64 {
        letter.weight()
    }
}

/// A mail for as long as a message is composed of it.
#[derive(Debug)]
pub(crate) enum Held<'a> {
    /// It is in memory anyhow.
    Loaded(&'a Letter),
    /// It was read, or comes from a cache.
    Read(Arc<Letter>),
}

impl Deref for Held<'_> {
    type Target = Letter;

    fn deref(&self) -> &Letter {
        match self {
            Self::Loaded(letter) => letter,
            Self::Read(letter) => letter,
        }
    }
}

/// Opens the corpora of a plan, which keep at most `kept` octets in memory beside their indexes.
/// The number of each is that of its message; `seed` orders them.
pub(crate) fn open_all<'a>(
    specs: impl Iterator<Item = (usize, &'a CorpusSpec)>,
    seed: u64,
    kept: u64,
) -> Result<Vec<(usize, Corpus)>, CorpusError> {
    let indexed = specs.map(|(key, spec)| Ok((key, spec, Index::of(spec)?)));
    let indexed: Vec<(usize, &CorpusSpec, Index)> = indexed.collect::<Result<_, CorpusError>>()?;
    let mut left = kept;
    let fits: Vec<bool> = indexed
        .iter()
        .map(|(_, _, index)| {
            let after = left.checked_sub(index.octets());
            left = after.unwrap_or(left);
            after.is_some()
        })
        .collect();
    let share = left / (fits.iter().filter(|fits| !**fits).count() as u64).max(1);
    let draw = Draw::new(seed).of(Purpose::Corpus);
    let opened = indexed.into_iter().zip(fits).map(|((key, spec, index), fits)| {
        let mbox = match spec.format {
            CorpusFormat::Mbox => Some(open(&spec.path)?),
            CorpusFormat::Eml | CorpusFormat::Maildir => None,
        };
        let recent = Box::new(cache(if fits { 0 } else { share }, &index));
        let shelf = Shelf::Read { mbox, recent };
        let mut corpus = Corpus {
            spec: spec.clone(),
            index,
            shelf,
            draw: draw.at(key as u64),
            key: key as u64,
            taken: AtomicU64::new(0),
        };
        if fits {
            corpus.shelf = Shelf::Loaded(corpus.read_all()?);
        }
        Ok((key, corpus))
    });
    opened.collect()
}

/// One shard, so that a mail may be as large as the whole cache.
fn cache(octets: u64, index: &Index) -> Recent {
    let mean = (index.octets() / index.len() as u64).max(1);
    let items = usize::try_from(octets / mean).unwrap_or(usize::MAX).min(index.len());
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(items)
        .weight_capacity(octets)
        .build();
    match options {
        Ok(options) => Cache::with_options(
            options,
            Octets,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        // Both capacities are set, which is all that could be missing.
        Err(_) => Cache::with_weighter(items, octets, Octets),
    }
}

impl Corpus {
    /// The mail at a position.
    pub(crate) fn letter(&self, n: usize) -> Result<Held<'_>, CorpusError> {
        match &self.shelf {
            Shelf::Loaded(letters) => match letters.get(n) {
                Some(letter) => Ok(Held::Loaded(letter)),
                None => Err(CorpusError::NoMail(self.spec.path.display().to_string())),
            },
            Shelf::Read { recent, .. } => {
                if let Some(letter) = recent.get(&n) {
                    return Ok(Held::Read(letter));
                }
                let letter = Arc::new(self.read(n)?);
                recent.insert(n, Arc::clone(&letter));
                Ok(Held::Read(letter))
            }
        }
    }

    /// The position of the class of the mail at a position. No mail is read for it.
    pub(crate) fn class(&self, n: usize) -> Option<usize> {
        self.index.class(n)
    }

    /// Takes the next turn, from 0, if its order is one of turns; each is given to one message.
    pub(crate) fn take_turn(&self) -> Option<u64> {
        match self.spec.order {
            FeedOrder::Sequential | FeedOrder::Shuffled => {
                Some(self.taken.fetch_add(1, Ordering::Relaxed))
            }
            FeedOrder::Random => None,
        }
    }

    /// How many octets a mail has on average.
    pub(crate) fn mean_octets(&self) -> u64 {
        self.index.octets() / (self.index.len() as u64).max(1)
    }

    /// Whether mails are read when their turn comes.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.shelf, Shelf::Read { .. })
    }

    /// How many mails there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.index.len()
    }

    /// How many octets its cache holds.
    #[cfg(test)]
    pub(super) fn kept(&self) -> u64 {
        match &self.shelf {
            Shelf::Loaded(_) => 0,
            Shelf::Read { recent, .. } => recent.weight(),
        }
    }

    /// Which mail a message takes: as its number says, and where numbers have gaps the next one,
    /// so that the corpus is gone through in its order.
    pub(crate) fn position(&self, order: &Order<'_>) -> usize {
        let count = self.index.len() as u64;
        let n = match order.numbering {
            // Messages are counted from 1.
            Numbering::Dense => order.seq.saturating_sub(1),
            Numbering::Sparse => {
                let taken = order.turns.and_then(|turns| turns.corpus);
                taken.or_else(|| self.take_turn()).unwrap_or_default()
            }
        };
        let block = n.checked_div(count).unwrap_or_default();
        let place = n.checked_rem(count).unwrap_or_default();
        let position = match self.spec.order {
            FeedOrder::Sequential => place,
            FeedOrder::Shuffled => permuted(self.draw.at(block), count, place),
            FeedOrder::Random => order.draw.of(Purpose::Corpus).at(self.key).below(count),
        };
        usize::try_from(position).unwrap_or_default()
    }

    fn read_all(&self) -> Result<Vec<Letter>, CorpusError> {
        (0..self.index.len()).map(|n| self.read(n)).collect()
    }

    fn read(&self, n: usize) -> Result<Letter, CorpusError> {
        let path = &self.spec.path;
        let raw = match (self.index.place(n, self.spec.format), &self.shelf) {
            (Some(Place::File(inner)), _) => read_file(&path.join(inner))?,
            (Some(Place::Within { offset, length }), Shelf::Read { mbox: Some(file), .. }) => {
                let mut raw = vec![0; length];
                file.read_exact_at(&mut raw, offset)
                    .map_err(|error| CorpusError::of(path, &error))?;
                mbox::unquote(&mut raw);
                raw
            }
            (Some(Place::Within { .. }) | None, _) => {
                return Err(CorpusError::NoMail(path.display().to_string()));
            }
        };
        Ok(Letter::new(&raw, &self.spec))
    }
}

fn open(path: &Path) -> Result<File, CorpusError> {
    File::open(path).map_err(|error| CorpusError::of(path, &error))
}

/// The whole file, which may have grown since it was indexed.
fn read_file(path: &PathBuf) -> Result<Vec<u8>, CorpusError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        File::open(path)?.take(LARGEST_MAIL + 1).read_to_end(&mut raw)?;
        Ok(raw)
    };
    let raw = read().map_err(|error| CorpusError::of(path, &error))?;
    if raw.len() as u64 > LARGEST_MAIL {
        return Err(CorpusError::TooLarge(path.display().to_string()));
    }
    Ok(raw)
}
