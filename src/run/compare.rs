//! Results folders of two sides → what changed between them.

use std::path::{Path, PathBuf};

use super::{Reread, RereadError, reread};
use crate::record::PlanIdentity;
use crate::verdict::compare::{Comparison, Sample, Tolerance, Unfit, compare};

/// Whether runs of different plans are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plans {
    /// They are refused.
    Alike,
    /// Phases of the same name are taken as the same.
    Any,
}

/// Why folders can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A folder can't be read.
    #[error(transparent)]
    Unreadable(#[from] RereadError),
    /// A run says nothing of the server.
    #[error("`{}` can't be compared", folder.display())]
    Unfit {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: Unfit,
    },
    /// The runs are of different plans.
    #[error("`{}` is a run of another plan than {other}", folder.display())]
    OtherPlan {
        /// Which.
        folder: PathBuf,
        /// Than what, in words.
        other: String,
    },
}

impl CompareError {
    /// What to do about it.
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::OtherPlan { .. } => Some(
                "`mailquake compare --different-plans` compares phases of the same name all the same",
            ),
            Self::Unfit { .. } => Some("a run that says nothing of the server can't be a side"),
            Self::Unreadable(_) => None,
        }
    }
}

/// Runs of one plan that others are compared with.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    samples: Vec<Sample>,
    /// The folder that was read first, and its plan.
    first: Option<(PathBuf, PlanIdentity)>,
}

impl Baseline {
    /// Reads the folders.
    pub fn read(folders: &[PathBuf], plans: Plans) -> Result<Self, CompareError> {
        let mut baseline = Self::default();
        for folder in folders {
            let (plan, sample) = baseline.alike(folder, plans)?;
            baseline.first.get_or_insert_with(|| (folder.clone(), plan));
            baseline.samples.push(sample);
        }
        Ok(baseline)
    }

    /// Whether a plan with this hash is that of the baseline; the error names the baseline's
    /// folder.
    pub fn check_plan(&self, hash: &str) -> Result<(), CompareError> {
        match &self.first {
            Some((folder, own)) if own.hash != hash => Err(CompareError::OtherPlan {
                folder: folder.clone(),
                other: "the one that is to be run".to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Compares the runs of other folders with it.
    pub fn compare(
        &self,
        folders: &[PathBuf],
        plans: Plans,
        tolerance: Tolerance,
    ) -> Result<Comparison, CompareError> {
        let samples = folders.iter().map(|folder| Ok(self.alike(folder, plans)?.1));
        let samples = samples.collect::<Result<Vec<Sample>, CompareError>>()?;
        Ok(compare(&self.samples, &samples, tolerance))
    }

    /// A folder's plan and sample, unless the plan must be the baseline's and is another one.
    fn alike(&self, folder: &Path, plans: Plans) -> Result<(PlanIdentity, Sample), CompareError> {
        let (plan, sample) = read(folder)?;
        match &self.first {
            Some((first, own)) if plans == Plans::Alike && own.hash != plan.hash => {
                let other = format!("`{}`", first.display());
                Err(CompareError::OtherPlan { folder: folder.to_owned(), other })
            }
            Some(_) | None => Ok((plan, sample)),
        }
    }
}

/// A run's plan and what is compared of it. The seconds are read once more, as a stream.
fn read(folder: &Path) -> Result<(PlanIdentity, Sample), CompareError> {
    let Reread { chronicle, summary, .. } = reread(folder)?;
    let unfit = |source| CompareError::Unfit { folder: folder.to_owned(), source };
    let mut sample = Sample::new(&summary).map_err(unfit)?;
    for second in chronicle.seconds()? {
        sample.fold(&second?.frame, chronicle.plan());
    }
    Ok((summary.plan, sample))
}
