//! The environment and files → variables for a plan.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::VarsFile;

/// What the name of a variable in the environment begins with.
const PREFIX: &str = "MAILQUAKE_VAR_";

/// A file of variables that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't read the variables of `{}`", path.display())]
pub struct VarsFileError {
    path: PathBuf,
    source: io::Error,
}

/// The variables in an environment, by their names in a plan; what is no Unicode is passed over.
pub fn of_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(String, String)> {
    let read = |(name, text): (OsString, OsString)| {
        let name = name.into_string().ok()?.strip_prefix(PREFIX)?.to_owned();
        Some((name, text.into_string().ok()?))
    };
    environment.into_iter().filter_map(read).collect()
}

/// The texts of files of variables, in their order.
pub fn of_files(paths: &[PathBuf]) -> Result<Vec<VarsFile>, VarsFileError> {
    paths.iter().map(|path| of_file(path)).collect()
}

fn of_file(path: &Path) -> Result<VarsFile, VarsFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| VarsFileError { path: path.to_owned(), source })?;
    Ok(VarsFile { name: path.display().to_string(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_with_the_prefix_are_taken() {
        let environment = [("PATH", "/bin"), ("MAILQUAKE_VAR_peak", "5"), ("MAILQUAKE_X", "1")];

        let taken = of_environment(environment.map(|(name, text)| (name.into(), text.into())));

        assert_eq!(taken, [("peak".to_owned(), "5".to_owned())]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("a.toml");
        std::fs::write(&there, "a = 1").unwrap();
        let missing = folder.path().join("b.toml");

        let error = of_files(&[there.clone(), missing.clone()]).unwrap_err();

        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
        assert_eq!(of_files(&[there]).unwrap()[0].text, "a = 1");
    }
}
