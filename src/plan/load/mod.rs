//! A plan's text and what the command line changes → a [`Loaded`] plan, or all that is wrong.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::complete::complete;
use super::document::Document;
use super::errors::PlanErrors;
use super::files::{self, Files};
use super::follow::Follow;
use super::gather::{Pieces, gather};
use super::lower::lower;
use super::secrets::{self, Environment, Vault};
use super::settle::{Overrides, escape_dollars, profile_names, settle};
use super::{Diagnostic, DiagnosticCode, Place, Plan, Source, escape};

/// So many mistakes of one kind are told; nobody reads more.
const MOST_MISTAKES: usize = 1000;

/// What a plan takes from where it runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The name that clients give of themselves by default.
    pub host: String,
    /// The seed of a plan that has none; cut to 63 bits.
    pub seed: u64,
    /// The folder that relative paths begin at: that of the plan's file, absolute.
    pub folder: PathBuf,
    /// Where `env:NAME` is looked up.
    pub environment: Environment,
}

/// A plan without a mistake.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to do.
    pub plan: Plan,
    /// The plan in force as a user would write it: variables, overrides and defaults filled in, and references
    /// in place of passwords.
    pub document: Document,
}

/// Loads a plan, and reads the files that it names. All mistakes of the text, of the overrides and
/// of the files are told at once.
pub fn load(
    source: &Source,
    overrides: &Overrides,
    surroundings: &Surroundings,
) -> Result<Loaded, PlanErrors> {
    let gathered = gather(source, &surroundings.folder);
    let (tree, pieces) = gathered.map_err(|errors| PlanErrors::new(source, errors))?;
    let mut errors = in_other_profiles(&tree, overrides);
    let mut settled = settle(tree, overrides, surroundings.seed, &mut errors);
    pieces.anchor(&mut settled.tree, &settled.origins);
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut document = Document::read(&settled.tree, &mut found);
    found.truncate(MOST_MISTAKES);
    complete(&mut document, source.name());
    files::anchor(&mut document, &surroundings.folder);
    let files = Files::of(&document).beside(&surroundings.folder);
    let mut later = Vec::new();
    let vault = Vault { environment: &surroundings.environment, files: &files };
    let plan = lower(&document, &surroundings.host, vault, &mut later);
    let follow = Follow::of(&found);
    found.extend(later.into_iter().filter(|error| !follow.explains(error)));
    errors.extend(settled.origins.trace(found));
    if errors.is_empty() {
        secrets::refer(&mut document);
        return Ok(Loaded { plan, document });
    }
    Err(refused(source, errors, &pieces).veiled(secrets::veil(&settled.tree)))
}

fn refused(source: &Source, mut errors: Vec<Diagnostic>, pieces: &Pieces) -> PlanErrors {
    pieces.place(&mut errors);
    PlanErrors::new(source, errors)
}

/// What is wrong with the keys and values of profiles that are not chosen. Their variables may be
/// there only when they are.
fn in_other_profiles(tree: &Value, overrides: &Overrides) -> Vec<Diagnostic> {
    let names = profile_names(tree);
    let others = names.into_iter().filter(|name| overrides.profile.as_ref() != Some(name));
    let mut errors = Vec::new();
    for name in others {
        let inside = format!("/profiles/{}/", escape(&name));
        let chosen = Overrides { profile: Some(name), ..overrides.clone() };
        let mut found = Vec::new();
        let settled = settle(tree.clone(), &chosen, 0, &mut found);
        let mut read = Vec::new();
        Document::read(&settled.tree, &mut read);
        read.truncate(MOST_MISTAKES);
        found.extend(settled.origins.trace(read));
        found.retain(|error| error.code != DiagnosticCode::Variable);
        errors.extend(found.into_iter().filter(|error| match &error.place {
            Place::Plan(pointer, _) => pointer.starts_with(&inside),
            Place::File { .. } | Place::Octets(_) | Place::Flag(_) => false,
        }));
    }
    errors
}

impl Loaded {
    /// The plan in force as TOML; it reads back to the same plan.
    pub fn plan_toml(&self) -> String {
        let mut tree = self.document.to_tree();
        escape_dollars(&mut tree);
        // Lowering refused what TOML can't hold: numbers of more than 63 bits.
        toml::to_string(&tree).unwrap_or_default()
    }

    /// A fingerprint of what the plan does, whatever it is done to and with which seed.
    pub fn hash(&self) -> String {
        let mut tree = self.document.to_tree();
        secrets::forget(&mut tree, &secrets::feeds(&self.document));
        if let Value::Object(sections) = &mut tree {
            sections.get_mut("clients").into_iter().for_each(forget_paths);
            sections.get_mut("messages").into_iter().for_each(shorten_paths);
            sections.get_mut("feeds").into_iter().for_each(keep_names);
            sections.get_mut("messages").into_iter().for_each(forget_templates);
            let texts = self.template_texts();
            if !texts.is_empty() {
                sections.insert("templates".to_owned(), Value::Array(texts));
            }
            for section in ["target", "targets", "sink", "monitor", "generator", "seed"] {
                sections.shift_remove(section);
            }
        }
        tree.sort_all_objects();
        let digest = Sha256::digest(tree.to_string().as_bytes());
        let hex: Vec<String> = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        format!("sha256:{}", hex.concat())
    }

    /// What the template files of all messages hold.
    fn template_texts(&self) -> Vec<Value> {
        let library = self.plan.messages.first().map(|recipe| recipe.library.texts());
        let texts = library.unwrap_or_default().into_values();
        texts.map(|text| Value::from(&*text)).collect()
    }
}

/// What stands in template files counts, not where they are.
fn forget_templates(messages: &mut Value) {
    let tables = messages.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for message in tables {
        let own = message.get_mut("template").into_iter().filter(|path| path.is_string());
        own.for_each(|path| *path = Value::Bool(true));
        let file = message.get_mut("text").and_then(|text| text.get_mut("file"));
        if let Some(path) = file {
            *path = Value::Bool(true);
        }
    }
}

/// Where a machine keeps its certificates is no part of what a plan does.
fn forget_paths(clients: &mut Value) {
    let tables = clients.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for tls in tables.filter_map(|client| client.get_mut("tls")?.as_object_mut()) {
        for key in ["ca", "certificate", "key"] {
            tls.entry(key).and_modify(|path| *path = Value::Null);
        }
    }
}

/// Where a machine keeps a corpus neither, but its name is.
fn shorten_paths(messages: &mut Value) {
    let tables = messages.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for corpus in tables.filter_map(|message| message.get_mut("corpus")) {
        let path = if corpus.is_object() { corpus.get_mut("path") } else { Some(corpus) };
        if let Some(Value::String(path)) = path {
            *path = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        }
    }
}

/// Of the path of a feed's file the name stays: another feed is another mail.
fn keep_names(feeds: &mut Value) {
    let tables = feeds.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for path in tables.filter_map(|feed| feed.get_mut("file")) {
        let name = path.as_str().and_then(|path| Path::new(path).file_name()?.to_str());
        *path = name.map_or(Value::Null, Value::from);
    }
}

#[cfg(test)]
mod tests;
