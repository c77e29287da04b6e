//! A check that failed → what the user can do about it, where that is known.

use crate::engine::{Checked, Played, Verdict};
use crate::smtp::{Outcome, Step};

/// What to do.
pub(super) fn of(checked: &Checked) -> Option<String> {
    let address = checked.address.to_string();
    if checked.is_unconnected() {
        return Some(format!(
            "is the server running at {address}? `--sink` tries the plan with the embedded server"
        ));
    }
    match &checked.played {
        Played::Mail { verdict, .. } if !verdict.is_well() => {
            of_mail(verdict, &checked.client, &address)
        }
        Played::Mail { .. } => None,
        Played::Cases(cases) => {
            let wrong = cases.iter().find(|case| !case.is_well())?;
            let id = wrong.case.case().id;
            Some(format!("`mailquake explain {id}` tells what is right there, and why"))
        }
    }
}

fn of_mail(verdict: &Verdict, client: &str, address: &str) -> Option<String> {
    let words = verdict.words.as_str();
    let code = verdict.code.map(crate::smtp::Code::number);
    match (verdict.step, verdict.outcome, code) {
        (Step::Tls | Step::TlsResumed, _, _) => of_handshake(words, client),
        (Step::Starttls, _, None) => Some(format!(
            "the server at {address} has no STARTTLS: is it the right port? `tls` of client \
             `{client}` may be \"implicit\", or \"none\" for a session in clear"
        )),
        (Step::Auth, _, _) => Some(of_auth(&verdict.offered)),
        (Step::Greeting, Outcome::TimedOut, _) => {
            Some("does the server expect TLS at once? that is `tls = \"implicit\"`".to_owned())
        }
        (_, _, Some(530)) => {
            Some(format!("the server wants `tls` or `auth` of client `{client}` first"))
        }
        _ => None,
    }
}

/// What rustls says of a certificate.
fn of_handshake(words: &str, client: &str) -> Option<String> {
    // Where another authority has the same name, the signature tells them apart.
    if words.contains("UnknownIssuer") || words.contains("BadSignature") {
        Some(format!(
            "name the authority's certificate by `ca` in `tls` of client `{client}`, or trust any \
             certificate by `verify = \"none\"`"
        ))
    } else if words.contains("not valid for name") || words.contains("NotValidForName") {
        Some(format!("name the host of the certificate by `server_name` in `tls` of `{client}`"))
    } else if words.contains("InvalidContentType") || words.contains("corrupt message") {
        Some(format!(
            "the server speaks in clear there: `tls` of client `{client}` may be \"starttls\""
        ))
    } else {
        None
    }
}

/// The mechanisms that were offered (RFC 4954 3).
fn of_auth(offered: &[String]) -> String {
    let mut lists = offered.iter().filter_map(|line| {
        let (keyword, list) = line.split_once([' ', '='])?;
        keyword.eq_ignore_ascii_case("AUTH").then_some(list)
    });
    match lists.next_back() {
        Some(list) => format!("the server offers AUTH {list}"),
        None => "the server offers no AUTH; some do only behind TLS".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(step: Step, outcome: Outcome, words: &str, offered: &[&str]) -> Option<String> {
        let verdict = Verdict {
            outcome,
            step,
            code: None,
            words: words.to_owned(),
            recipients: Vec::new(),
            offered: offered.iter().map(|line| (*line).to_owned()).collect(),
        };
        of_mail(&verdict, "app", "127.0.0.1:25")
    }

    #[test]
    fn a_certificate_s_trouble_names_the_key_that_helps() {
        let table = [
            ("invalid peer certificate: UnknownIssuer", "`ca`"),
            ("invalid peer certificate: BadSignature", "`ca`"),
            ("certificate not valid for name \"a\"; certificate is valid for b", "`server_name`"),
            ("received corrupt message of type InvalidContentType", "starttls"),
        ];
        for (words, key) in table {
            let help = help(Step::Tls, Outcome::Tls, words, &[]).unwrap();
            assert!(help.contains(key), "{help}");
        }
        assert_eq!(help(Step::Tls, Outcome::Tls, "something else", &[]), None);
    }

    #[test]
    fn a_mechanism_that_is_not_offered_is_answered_with_those_that_are() {
        let offered = ["SIZE 100", "AUTH PLAIN LOGIN"];
        let with = help(Step::Auth, Outcome::Permanent, "", &offered);
        assert_eq!(with.as_deref(), Some("the server offers AUTH PLAIN LOGIN"));
        let without = help(Step::Auth, Outcome::Permanent, "", &offered[..1]).unwrap();
        assert!(without.contains("no AUTH"), "{without}");
    }
}
