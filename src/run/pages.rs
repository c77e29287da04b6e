//! A results folder → `report.html` and `junit.xml` in it.

use std::path::Path;

use super::Reread;
use crate::record::{self, Chronicle, ChronicleError, FolderError, Results, Summary};
use crate::report::{self, CsvError, HtmlError, HtmlSource, JunitError};

/// A page could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// What was just written can't be read back.
    #[error(transparent)]
    Read(#[from] ChronicleError),
    /// The HTML can't be put together.
    #[error(transparent)]
    Html(#[from] HtmlError),
    /// The XML can't be put together.
    #[error(transparent)]
    Junit(#[from] JunitError),
    /// The CSV can't be put together.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The folder takes nothing.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Writes both pages of a run that is over; the second is tried where the first fails.
pub(super) fn write(
    folder: &Path,
    summary: &Summary,
    results: Results<'_>,
) -> Result<(), PageError> {
    let html = Chronicle::open(folder)
        .map_err(PageError::from)
        .and_then(|chronicle| html(&chronicle, u64::MAX, summary, results));
    write_both(folder, summary, html)
}

impl Reread {
    /// Writes both pages anew.
    pub fn write_pages(&self) -> Result<(), PageError> {
        write_both(self.chronicle.path(), &self.summary, self.html())
    }

    /// The page.
    pub fn html(&self) -> Result<String, PageError> {
        html(&self.chronicle, self.last_second(), &self.summary, self.results())
    }

    /// The series for spreadsheets.
    pub fn csv(&self) -> Result<String, PageError> {
        let rows = self.chronicle.series(self.last_second())?.map_while(Result::ok);
        Ok(report::series_csv(rows)?)
    }

    fn last_second(&self) -> u64 {
        self.last.unwrap_or(0)
    }

    fn results(&self) -> Results<'_> {
        Results {
            plan: self.chronicle.plan(),
            ledger: &self.ledger,
            spans: &self.spans,
            addresses: &self.chronicle.run().addresses,
        }
    }
}

fn html(
    chronicle: &Chronicle,
    last: u64,
    summary: &Summary,
    results: Results<'_>,
) -> Result<String, PageError> {
    let plan = chronicle.plan_text()?;
    let rows = chronicle.series(last)?.map_while(Result::ok);
    Ok(report::render_html(HtmlSource { summary, results, rows, plan: &plan })?)
}

fn write_both(
    folder: &Path,
    summary: &Summary,
    html: Result<String, PageError>,
) -> Result<(), PageError> {
    let html = html.and_then(|page| Ok(record::write_page(folder, &page)?));
    let junit = report::junit(summary)
        .map_err(PageError::from)
        .and_then(|xml| Ok(record::write_junit(folder, &xml)?));
    html.and(junit)
}
