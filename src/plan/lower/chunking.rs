//! `chunking` of a client, and what does not go with it.

use super::faults::Faults;
use crate::plan::document::{Chunking as ChunkingName, Client as ClientTable};
use crate::smtp::Chunking;

/// Whether a client's text goes by BDAT. A reply can't be expected to what is never sent.
pub(super) fn lower(client: &ClientTable, pointer: &str, faults: &mut Faults) -> Chunking {
    let expect = client.expect.clone().unwrap_or_default();
    let pointer = format!("{pointer}/expect");
    let mut refuse = |key: &str, named: bool, message: &str| {
        if named {
            faults.conflict(&pointer, key, message);
        }
    };
    match client.chunking.unwrap_or(ChunkingName::Never) {
        ChunkingName::Never => {
            let message = "BDAT is sent only with `chunking = \"auto\"` or `\"always\"`";
            refuse("bdat", expect.bdat.is_some(), message);
            Chunking::Never
        }
        ChunkingName::Auto => Chunking::Auto,
        ChunkingName::Always => {
            let message = "with `chunking = \"always\"` text goes by BDAT, never by DATA";
            refuse("data", expect.data.is_some(), message);
            refuse("end_of_data", expect.end_of_data.is_some(), message);
            Chunking::Always
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document::{CodeText, Expect, OneOrMany};

    fn mistakes(chunking: Option<ChunkingName>) -> Vec<String> {
        let code = || Some(OneOrMany::One(CodeText("550".to_owned())));
        let expect =
            Expect { data: code(), end_of_data: code(), bdat: code(), ..Expect::default() };
        let client = ClientTable { chunking, expect: Some(expect), ..ClientTable::default() };
        let mut faults = Faults::default();
        lower(&client, "/clients/a", &mut faults);
        let told = faults.into_diagnostics().into_iter();
        told.map(|told| format!("{} {:?}", told.code, told.place)).collect()
    }

    #[test]
    fn no_reply_is_expected_to_what_is_never_sent() {
        let conflict = |key: &str| format!("E014 Plan(\"/clients/a/expect/{key}\", Key)");

        assert_eq!(mistakes(None), [conflict("bdat")]);
        assert_eq!(mistakes(Some(ChunkingName::Auto)), Vec::<String>::new());
        let always = mistakes(Some(ChunkingName::Always));
        assert_eq!(always, [conflict("data"), conflict("end_of_data")]);
    }
}
