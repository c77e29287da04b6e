//! The results of a run → `report.html`: one file that needs nothing but a browser.
//!
//! The page makes no request and says so to the browser by its Content-Security-Policy. All text
//! that is not ours is escaped twice over: what could move or turn text by [`format::escape`],
//! what could be markup by the template. Drawings are made of numbers alone.

mod buckets;
mod chart;
mod charts;
mod distribution;
mod facts;
mod page;
mod svg;
mod tables;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment};

use crate::record::{Results, SeriesRow, Summary};
use buckets::Buckets;
use page::View;

/// All that the page is made of.
pub struct Source<'a, Rows> {
    /// The result.
    pub summary: &'a Summary,
    /// What the distributions are taken from.
    pub results: Results<'a>,
    /// The series, in the order in which it was written. It is read once and not kept.
    pub rows: Rows,
    /// The plan in force, as in `plan.toml`.
    pub plan: &'a str,
}

/// The page could not be put together: a mistake of the program.
#[derive(Debug, thiserror::Error)]
#[error("the page can't be made")]
pub struct HtmlError(#[from] minijinja::Error);

/// The page.
pub fn render<Rows>(source: Source<'_, Rows>) -> Result<String, HtmlError>
where
    Rows: Iterator<Item = SeriesRow>,
{
    let Source { summary, results, rows, plan } = source;
    let buckets = Buckets::of(summary, rows);
    let view = View::of(summary, &results, &buckets, plan);
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", include_str!("page.html.j2"))?;
    let context = minijinja::context! {
        style => minijinja::Value::from_safe_string(include_str!("style.css").to_owned()),
        script => minijinja::Value::from_safe_string(include_str!("script.js").to_owned()),
        ..minijinja::Value::from(minijinja::value::Serde(&view))
    };
    Ok(environment.get_template("page")?.render(context)?)
}

#[cfg(test)]
mod tests;
