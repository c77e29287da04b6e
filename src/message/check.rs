//! A template of the plan → whether it can be used, before anything is sent.
//!
//! A check reads the names that a template uses, and then renders it once with made-up values
//! and the first rows of the feeds: so an unknown filter or a wrong argument is found too.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use super::mailbox::Mailbox;
use super::order::{check_recipient, check_sender};
use super::rows::Feeds;
use super::scene::{Scene, VALUES, function_names};
use super::template::{Template, TemplateError, Templates};
use super::{
    AddressError, Composer, FeedSpec, Form, Library, Mail, Numbering, Order, Recipe, RunIdentity,
};
use crate::draw::Draw;
use crate::smtp::BodyType;

/// What a template may use: rows of data, and the files beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Supplies<'a> {
    /// All feeds.
    pub feeds: &'a [FeedSpec],
    /// What reads files.
    pub library: &'a Arc<Library>,
}

/// Checks the template of a text.
///
/// The error says what is wrong, where in the template, and what would be right.
pub fn check_template(template: &Template, supplies: Supplies<'_>) -> Result<(), TemplateError> {
    trial(template, supplies).map(drop)
}

/// Checks the template of an envelope's sender, which may render to nothing.
pub fn check_sender_template(
    template: &Template,
    supplies: Supplies<'_>,
) -> Result<(), TemplateError> {
    check_mailbox_template(template, supplies, check_sender)
}

/// Checks the template of a recipient.
pub fn check_recipient_template(
    template: &Template,
    supplies: Supplies<'_>,
) -> Result<(), TemplateError> {
    check_mailbox_template(template, supplies, check_recipient)
}

fn check_mailbox_template(
    template: &Template,
    supplies: Supplies<'_>,
    check: fn(&str) -> Result<(), AddressError>,
) -> Result<(), TemplateError> {
    let Some(sample) = trial(template, supplies)? else { return Ok(()) };
    Mailbox::of(&sample).check(check).map_err(|reason| no_address(&sample, reason))
}

/// Checks the template of a header's value, which must stay on one line.
pub fn check_header_template(
    template: &Template,
    supplies: Supplies<'_>,
) -> Result<(), TemplateError> {
    if trial(template, supplies)?.is_some_and(|sample| sample.contains(['\r', '\n'])) {
        return Err(TemplateError::whole("a header's value can't hold a line break"));
    }
    Ok(())
}

/// Checks the name of a header (RFC 5322 3.6.8).
pub fn check_header_name(name: &str) -> Result<(), TemplateError> {
    let is_legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_legal) {
        return Ok(());
    }
    Err(TemplateError::whole(format!(
        "`{}` is no header name: up to 64 letters, digits and hyphens",
        name.escape_debug()
    )))
}

fn no_address(sample: &str, reason: AddressError) -> TemplateError {
    TemplateError::whole(format!("`{}` is no address: {reason}", sample.escape_debug()))
}

/// What the template renders to for a made-up message; none where it reads a feed without rows,
/// which is a mistake of its own.
fn trial(template: &Template, supplies: Supplies<'_>) -> Result<Option<String>, TemplateError> {
    let mut templates = Templates::on_trial(supplies.library);
    let snippet = templates.add_template(template)?;
    let text = templates.source(&snippet);
    let mut parts = templates.reachable(&snippet)?;
    let root = match (template, snippet.plain()) {
        (_, Some(_)) => None,
        (Template::File(path), None) => Some(path.clone()),
        (Template::Inline(_), None) => Some(supplies.library.inline(0)),
    };
    parts.extend(root.map(|path| (path, Arc::clone(&text))));
    check_names(&parts, supplies.feeds, &templates)?;
    let mut names = parts.keys().flat_map(|path| templates.names_in(path));
    if names.any(|name| reads_nothing(&name, supplies.feeds)) {
        return Ok(None);
    }
    let feeds = Arc::new(Feeds::new(supplies.feeds, 0));
    let scene = Arc::new(Scene::new(&sample_order(), feeds));
    templates
        .render_at(&snippet, &scene, 0)
        .map(|text| Some(text.into_owned()))
        .map_err(|error| templates.error(&error, &text))
}

/// Checks the names in all parts of a template: the texts of the files and of the plan, by their
/// paths.
fn check_names(
    parts: &BTreeMap<String, Arc<str>>,
    feeds: &[FeedSpec],
    templates: &Templates,
) -> Result<(), TemplateError> {
    for (path, text) in parts {
        // Also where the sample does not come by.
        templates.check_syntax(path, text)?;
        for name in templates.names_in(path) {
            let Err((message, help)) = check_name(&name, feeds, templates) else { continue };
            // What a part does not know may be set by the one that includes it.
            let root = name.split('.').next().unwrap_or_default();
            let elsewhere = parts.iter().filter(|(other, _)| *other != path);
            if root != "feed" && elsewhere.into_iter().any(|(_, text)| has_word(text, root)) {
                continue;
            }
            let (file, range) = (templates.file(path), locate(text, &name));
            return Err(TemplateError { message, file, range, help });
        }
    }
    Ok(())
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

/// Whether a template reads, by this name, a feed without rows.
fn reads_nothing(path: &str, feeds: &[FeedSpec]) -> bool {
    let mut parts = path.split('.');
    let of_feed = parts.next() == Some("feed");
    let named = |feed: &FeedSpec, name: Option<&str>| name.is_none_or(|name| name == feed.name);
    let name = parts.next();
    of_feed && feeds.iter().any(|feed| feed.rows.is_empty() && named(feed, name))
}

/// Whether a message can be composed for a session with a login, and not for one without.
pub fn needs_login(recipe: &Recipe, feeds: &[FeedSpec]) -> bool {
    // Neither padding nor the mails of a corpus say anything of what a template asks for.
    let form = match &recipe.form {
        Form::Corpus(_) => Form::Raw { text: String::new().into() },
        form @ (Form::Composed { .. } | Form::Raw { .. }) => form.clone(),
    };
    let recipe = Recipe { size: None, form, ..recipe.clone() };
    let identity = RunIdentity { id: 0, seed: 0 };
    let Ok(mut composer) = Composer::new(std::slice::from_ref(&recipe), feeds, identity) else {
        return false;
    };
    let mut works =
        |user| composer.compose(&Order { user, ..sample_order() }, &mut Mail::default()).is_ok();
    !works(None) && works(sample_order().user)
}

/// The order of a made-up message.
pub(crate) fn sample_order() -> Order<'static> {
    Order {
        message: 0,
        draw: Draw::new(0),
        seq: 0,
        numbering: Numbering::Dense,
        turns: None,
        client: "client",
        phase: "phase",
        session: Some(0),
        user: Some("user@example.test"),
        recipients: None,
        body: BodyType::SevenBit,
        now: SystemTime::UNIX_EPOCH,
    }
}

type Mistake = (String, Option<String>);

fn check_name(path: &str, feeds: &[FeedSpec], templates: &Templates) -> Result<(), Mistake> {
    let mut parts = path.split('.');
    let root = parts.next().unwrap_or_default();
    if root == "feed" {
        return match parts.next() {
            Some(feed) => check_field(feed, parts.next(), feeds),
            None => Ok(()),
        };
    }
    let built_in = templates.built_in();
    if VALUES.contains(&root)
        || function_names().any(|name| name == root)
        || built_in.contains(root)
    {
        return Ok(());
    }
    let known = VALUES.into_iter().chain(function_names());
    Err((format!("`{root}` is no value or function of templates"), nearest(root, known)))
}

fn check_field(feed: &str, field: Option<&str>, feeds: &[FeedSpec]) -> Result<(), Mistake> {
    let Some(spec) = feeds.iter().find(|spec| spec.name == feed) else {
        let hyphened = feeds
            .iter()
            .find(|spec| spec.name.strip_prefix(feed).is_some_and(|rest| rest.starts_with('-')));
        let help = match hyphened {
            Some(spec) => Some(format!("write `feed[\"{}\"]`: a hyphen means minus", spec.name)),
            None => nearest(feed, feeds.iter().map(|spec| spec.name.as_str())),
        };
        return Err((format!("there is no feed `{feed}`"), help));
    };
    let Some(field) = field else { return Ok(()) };
    if spec.rows.is_empty() || spec.rows.fields().any(|known| known == field) {
        return Ok(());
    }
    let help = nearest(field, spec.rows.fields());
    Err((format!("the feed `{feed}` has no field `{field}`"), help))
}

/// The known name that is most like `got`, or all of them.
fn nearest<'a>(got: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    let (distance, name) =
        known.iter().map(|name| (strsim::damerau_levenshtein(got, name), *name)).min()?;
    if distance <= (got.len().max(name.len()) / 3).max(1) {
        return Some(format!("did you mean `{name}`?"));
    }
    Some(format!("expected one of: {}", known.join(", ")))
}

/// Where a name stands in a tag of the template.
fn locate(text: &str, path: &str) -> Option<Range<usize>> {
    let continues = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(path).map(|(start, _)| start..start + path.len()).find(|range| {
        let (before, after) = (text.get(..range.start), text.get(range.end..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let begins = |c: char| continues(c) || matches!(c, '.' | '"' | '\'');
        let opened = before.rfind("{{").max(before.rfind("{%"));
        let closed = before.rfind("}}").max(before.rfind("%}"));
        opened > closed && !before.ends_with(begins) && !after.starts_with(continues)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::message::{FeedOrder, Table, WhenExhausted};

    fn check(
        text: &str,
        feeds: &[FeedSpec],
        how: fn(&Template, Supplies<'_>) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        how(&text.into(), Supplies { feeds, library: &Arc::default() })
    }

    fn check_template(text: &str, feeds: &[FeedSpec]) -> Result<(), TemplateError> {
        check(text, feeds, super::check_template)
    }

    fn check_recipient_template(text: &str, feeds: &[FeedSpec]) -> Result<(), TemplateError> {
        check(text, feeds, super::check_recipient_template)
    }

    fn feeds() -> Vec<FeedSpec> {
        let row = serde_json::json!({"name": "Ada", "user": "ada"});
        let rows = Table::of_rows(&[row.as_object().unwrap().clone()]);
        ["people", "my-list"]
            .map(|name| FeedSpec {
                name: name.into(),
                rows: rows.clone(),
                order: FeedOrder::Sequential,
                when_exhausted: WhenExhausted::Wrap,
            })
            .into()
    }

    fn mistake(text: &str) -> (String, Option<String>, Option<String>) {
        let error = check_template(text, &feeds()).unwrap_err();
        let place = error.range.map(|range| text.get(range).unwrap().to_owned());
        (error.message, place, error.help)
    }

    #[test]
    fn every_value_and_function_of_the_language_passes() {
        for text in [
            "",
            "plain",
            "{{ fake_name('han') }} {{ fake_address() }} {{ fake_address(script='emoji') }}",
            "{{ fake_sentence() }} {{ fake_sentence('greek', 3) }} {{ fake_sentence(words=2) }}",
            "{{ seq }} {{ session }} {{ uuid }} {{ now }} {{ client }} {{ phase }}",
            "{{ feed.people.name }} {{ feed['my-list'].name }}",
            "{{ range_int(1, 10) }} {{ choice('a', 'b') }} {{ choice([1, 2]) }} {{ lorem(5) }}",
            "{{ random_bytes(16) }} {{ fake_name() }} {{ fake_email('example.test') }}",
            "{% for n in range(3) %}{{ n }}{{ loop.index }}{% endfor %}",
            "{% set x = seq %}{{ x | upper }}{% if user is defined %}{{ user }}{% endif %}",
            "{# a comment #}{% raw %}{{ anything }}{% endraw %}",
            "{% macro m(a) %}{{ a }}{{ range_int(1, 2) }}{% endmacro %}{{ m(1) }}",
        ] {
            assert_eq!(check_template(text, &feeds()), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_found_with_its_place_and_the_nearest_one() {
        let (message, place, help) = mistake("sq {{ 1 }} {{ sq }}");

        assert_eq!(message, "`sq` is no value or function of templates");
        assert_eq!(place.as_deref(), Some("sq"));
        assert_eq!(help.as_deref(), Some("did you mean `seq`?"));
        let error = check_template("sq {{ 1 }} {{ sq }}", &feeds()).unwrap_err();
        assert_eq!(error.range, Some(14..16));
    }

    #[test]
    fn an_unknown_function_is_found_even_where_it_is_not_reached() {
        let (message, place, help) = mistake("{% if false %}{{ range_nit(1, 2) }}{% endif %}");

        assert_eq!(message, "`range_nit` is no value or function of templates");
        assert_eq!(place.as_deref(), Some("range_nit"));
        assert_eq!(help.as_deref(), Some("did you mean `range_int`?"));
    }

    #[test]
    fn unknown_feeds_and_fields_are_found() {
        let (message, place, help) = mistake("{{ feed.poeple.name }}");
        assert_eq!(message, "there is no feed `poeple`");
        assert_eq!(place.as_deref(), Some("feed.poeple.name"));
        assert_eq!(help.as_deref(), Some("did you mean `people`?"));

        let (message, _, help) = mistake("{{ feed.people.nmae }}");
        assert_eq!(message, "the feed `people` has no field `nmae`");
        assert_eq!(help.as_deref(), Some("did you mean `name`?"));

        let (_, _, help) = mistake("{{ feed.my-list.name }}");
        assert_eq!(help.as_deref(), Some("write `feed[\"my-list\"]`: a hyphen means minus"));
    }

    #[test]
    fn what_only_rendering_finds_is_found() {
        for (text, message) in [
            ("{{ seq | uper }}", "unknown filter"),
            ("a\n  {{ range_int(5, 1) }}", "range_int(5, 1) is empty"),
            ("{{ range_int('a', 1) }}", "cannot convert"),
            ("{{ fake_email() }}", "missing argument"),
            ("{{ choice() }}", "nothing to choose from"),
            ("{{ lorem(99999999) }}", "more than the 100000"),
            ("{{ seq.foo.bar }}", "undefined"),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "more than 1200000 steps",
            ),
            ("{% include 'x' %}", "`x` was not read when the plan was loaded"),
        ] {
            let error = check_template(text, &[]).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
        let (_, place, _) = mistake("a\n  {{ range_int(5, 1) }} b\n");
        assert_eq!(place.as_deref(), Some("range_int(5, 1)"));
    }

    #[test]
    fn a_template_that_cannot_be_read_is_found_with_its_line() {
        let (message, place, _) = mistake("one\ntwo {{ seq \nthree");

        assert!(message.starts_with("syntax error"), "{message}");
        assert!(place.is_some());
    }

    #[test]
    fn addresses_and_headers_are_checked_by_what_they_render_to() {
        assert_eq!(check("", &[], check_sender_template), Ok(()));
        assert_eq!(check_recipient_template("u{{ seq }}@b.test", &[]), Ok(()));
        assert_eq!(
            check_recipient_template("Ada <a b@c.test>", &[]).unwrap_err().message,
            "`Ada <a b@c.test>` is no address: \
             it holds a space, a control character or an angle bracket"
        );
        assert!(check_recipient_template("", &[]).is_err());
        assert!(check("a\nBcc: b@c.test", &[], check_header_template).is_err());
        assert!(check_header_name("X-Good_1").is_ok());
        for name in ["", "X:", "X Y", "X\r\nY", ".x", "Ü"] {
            assert!(check_header_name(name).is_err(), "{name:?}");
        }
    }

    fn library(files: fn(&Path) -> std::io::Result<Vec<u8>>) -> Arc<Library> {
        Arc::new(Library::reading(Path::new("/plans"), files))
    }

    /// The message, the file and what the place in it says.
    fn mistake_in(
        template: &Template,
        library: &Arc<Library>,
    ) -> (String, Option<String>, Option<String>) {
        let supplies = Supplies { feeds: &feeds(), library };
        let error = super::check_template(template, supplies).unwrap_err();
        let place = error.file.as_ref().zip(error.range);
        let place = place.map(|(file, range)| file.text.get(range).unwrap().to_owned());
        (error.message, error.file.map(|file| file.path.clone()), place)
    }

    fn files(path: &Path) -> std::io::Result<Vec<u8>> {
        let text = match path.to_str().unwrap() {
            "/plans/mail/good.j2" => {
                "{% import 'parts/macros.j2' as m %}{{ m.hello('é') }}\r\n{% set x = 1 %}{% include 'parts/x.j2' %}"
            }
            "/plans/mail/parts/macros.j2" => {
                "{% macro hello(who) %}Hi {{ who }} {{ seq }}{% endmacro %}"
            }
            "/plans/mail/parts/x.j2" => "{{ x }}",
            "/plans/mail/outer.j2" => "{% if seq > 9 %}{% include 'parts/wrong.j2' %}{% endif %}",
            "/plans/mail/parts/wrong.j2" => "one\ntwo {{ feed.people.nmae }}",
            "/plans/mail/late.j2" => "{% include 'parts/late.j2' %}",
            "/plans/mail/parts/late.j2" => "é\n{{ range_int(5, 1) }}",
            "/plans/mail/child.j2" => {
                "{% extends 'base.j2' %}{% block b %}{{ seq | uper }}{% endblock %}"
            }
            "/plans/mail/base.j2" => "{% block b %}{% endblock %}",
            "/plans/mail/gone.j2" => "é {% if seq > 9 %}{% include 'nowhere.j2' %}{% endif %}",
            "/plans/mail/syntax.j2" => "{% include 'parts/syntax.j2' %}",
            "/plans/mail/hidden.j2" => "{% if seq > 9 %}{% include 'parts/syntax.j2' %}{% endif %}",
            "/plans/mail/parts/syntax.j2" => "a\n{% if %}",
            _ => return Err(std::io::ErrorKind::NotFound.into()),
        };
        Ok(text.as_bytes().to_vec())
    }

    #[test]
    fn files_include_and_import_by_names_relative_to_themselves() {
        let library = library(files);
        let supplies = Supplies { feeds: &feeds(), library: &library };
        for template in
            [Template::File("/plans/mail/good.j2".into()), "{% include 'mail/good.j2' %}".into()]
        {
            assert_eq!(super::check_template(&template, supplies), Ok(()));
            assert_eq!(trial(&template, supplies).unwrap().unwrap(), "Hi é 0\r\n1");
        }
    }

    #[test]
    fn a_mistake_is_in_the_file_in_which_it_stands() {
        let library = library(files);
        for (root, message, path, place) in [
            ("outer", "the feed `people` has no field `nmae`", "parts/wrong", "feed.people.nmae"),
            ("late", "range_int(5, 1) is empty", "parts/late", "range_int(5, 1)"),
            ("child", "unknown filter", "child", "uper"),
            ("gone", "cannot read `mail/nowhere.j2`", "gone", "nowhere.j2"),
            ("syntax", "syntax error", "parts/syntax", "%}"),
            ("hidden", "syntax error", "parts/syntax", "%}"),
        ] {
            let template = Template::File(format!("/plans/mail/{root}.j2"));
            let found = mistake_in(&template, &library);

            assert!(found.0.contains(message), "{root}: {found:?}");
            assert_eq!(found.1, Some(format!("mail/{path}.j2")), "{root}: {found:?}");
            assert_eq!(found.2.as_deref(), Some(place), "{root}: {found:?}");
        }
        let (message, file, _) = mistake_in(&Template::File("/plans/none".into()), &library);
        assert!(message.starts_with("cannot read `none`"), "{message}");
        assert_eq!(file, None);
    }

    #[test]
    fn what_renders_to_too_much_is_refused() {
        let many = "{% set x = random_bytes(4000000) %}{% for n in range(17) %}{{ x }}{% endfor %}";

        let error = check_template(many, &[]).unwrap_err();

        assert_eq!(error.message, "it renders to more than 64 MiB");
        assert_eq!(check_template(&many.replace("17", "16"), &[]), Ok(()));
    }

    #[test]
    fn every_place_lies_inside_the_template() {
        for text in ["{{", "{{ ü", "{% if", "{{ ü.ä }}", "\n\n{{ a.b }}", "{{ x }}\r\n", "{{}}"]
        {
            let error = check_template(text, &[]).unwrap_err();
            let range = error.range.unwrap_or(0..0);
            assert!(text.get(range.clone()).is_some(), "{text:?} {range:?}");
        }
    }
    proptest::proptest! {
        #[test]
        fn any_template_passes_or_fails_at_a_place_inside_it(
            text in "(\\{\\{|\\}\\}|\\{%|%\\}|#|seq|feed|for|in|if|\\.|\\||\\(|\\)|\\[|'|[a-zé \r\n0-9-]){0,20}",
        ) {
            if let Err(error) = check_template(&text, &feeds()) {
                let range = error.range.unwrap_or(0..0);
                proptest::prop_assert!(text.get(range).is_some());
                proptest::prop_assert!(!error.message.is_empty());
            }
        }
    }
}
