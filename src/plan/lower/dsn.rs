//! `dsn` of a client → the parameters that it sends.

use super::faults::Faults;
use crate::plan::document::{Dsn as DsnTable, DsnCase, OneOrMany, Ret as RetName};
use crate::smtp::{Dsn, Notify, Ret};

/// What a client asks for.
pub(super) fn lower(table: Option<&DsnTable>, pointer: &str, faults: &mut Faults) -> Option<Dsn> {
    let table = table?;
    if *table == DsnTable::default() {
        faults.bad(pointer, "`dsn` asks for `notify`, `ret`, `envid` or `orcpt`");
    }
    let notify = table.notify.as_ref();
    Some(Dsn {
        notify: notify.map(|cases| lower_notify(cases, &format!("{pointer}/notify"), faults)),
        ret: table.ret.map(|name| match name {
            RetName::Full => Ret::Full,
            RetName::Hdrs => Ret::Headers,
        }),
        envid: table.envid.unwrap_or(false),
        orcpt: table.orcpt.unwrap_or(false),
    })
}

fn lower_notify(cases: &OneOrMany<DsnCase>, pointer: &str, faults: &mut Faults) -> Notify {
    let cases = cases.as_slice();
    let holds = |case: DsnCase| cases.contains(&case);
    match cases {
        [] => faults.bad(pointer, "a list of cases has at least one; `never` asks for none"),
        [_] => {}
        _ if holds(DsnCase::Never) => faults.bad(pointer, "`never` stands alone"),
        _ => {}
    }
    if holds(DsnCase::Never) {
        return Notify::Never;
    }
    Notify::When {
        success: holds(DsnCase::Success),
        failure: holds(DsnCase::Failure),
        delay: holds(DsnCase::Delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client asks for, and the mistakes with their places.
    fn lowered(table: &DsnTable) -> (Option<Dsn>, Vec<String>) {
        let mut faults = Faults::default();
        let dsn = lower(Some(table), "/dsn", &mut faults);
        let told = faults.into_diagnostics().into_iter();
        (dsn, told.map(|told| format!("{:?}: {}", told.place, told.message)).collect())
    }

    fn notify(cases: OneOrMany<DsnCase>) -> DsnTable {
        DsnTable { notify: Some(cases), ..DsnTable::default() }
    }

    #[test]
    fn cases_are_put_together() {
        let table = DsnTable {
            ret: Some(RetName::Hdrs),
            orcpt: Some(true),
            ..notify(OneOrMany::Many(vec![DsnCase::Delay, DsnCase::Success]))
        };
        let when = Notify::When { success: true, failure: false, delay: true };
        let dsn = Dsn { notify: Some(when), ret: Some(Ret::Headers), envid: false, orcpt: true };

        assert_eq!(lowered(&table), (Some(dsn), Vec::new()));
        let never = notify(OneOrMany::One(DsnCase::Never));
        assert_eq!(lowered(&never).0.unwrap().notify, Some(Notify::Never));
    }

    #[test]
    fn what_asks_for_nothing_or_for_both_is_refused() {
        let table = [
            (DsnTable::default(), "Plan(\"/dsn\", Value): `dsn` asks for"),
            (notify(OneOrMany::Many(Vec::new())), "Plan(\"/dsn/notify\", Value): a list of cases"),
            (
                notify(OneOrMany::Many(vec![DsnCase::Never, DsnCase::Delay])),
                "Plan(\"/dsn/notify\", Value): `never` stands alone",
            ),
        ];
        for (dsn, mistake) in table {
            let (_, told) = lowered(&dsn);
            assert_eq!(told.len(), 1, "{dsn:?}: {told:?}");
            assert!(told[0].starts_with(mistake), "{dsn:?}: {told:?}");
        }
    }
}
