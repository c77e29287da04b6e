//! The texts of single flags → values.

use std::net::{Ipv4Addr, SocketAddr};

use crate::plan::{Share, ShareError, Span, SpanError, TargetAddress};
use crate::smtp::Secret;
use std::time::Duration;

/// Why a flag's text is not what it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FlagError {
    /// No `=`, or nothing before it.
    #[error("expected {0}")]
    NotAPair(&'static str),
    /// Not a finite number above zero.
    #[error("expected a number above zero, such as 0.5")]
    NotAFactor,
    /// A target without an address.
    #[error("expected [NAME=]HOST:PORT")]
    NotATarget,
    /// No identity of a run.
    #[error("expected 16 hexadecimal digits, as in the X-Mailquake-Run of a mail")]
    NotARun,
    /// No port, nor an address with one.
    #[error("expected a port, or IP:PORT such as 10.20.0.5:9464 or [::1]:9464")]
    NotAnAddress,
    /// Neither seconds nor a duration.
    #[error("expected seconds or a duration such as 5m: {0}")]
    NotATime(#[source] SpanError),
    /// No time at all.
    #[error("expected a time above zero")]
    NoTime,
}

/// A text that nothing shows again.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result")]
pub(super) fn secret(text: &str) -> Result<Secret, FlagError> {
    Ok(Secret::new(text))
}

/// A part of a whole.
pub(super) fn share(text: &str) -> Result<Share, ShareError> {
    text.parse()
}

/// `NAME=VALUE`.
pub(super) fn variable(text: &str) -> Result<(String, String), FlagError> {
    pair(text).ok_or(FlagError::NotAPair("NAME=VALUE"))
}

/// `PATH=VALUE`.
pub(super) fn setting(text: &str) -> Result<(String, String), FlagError> {
    pair(text).ok_or(FlagError::NotAPair("PATH=VALUE, such as phases.soak.rate=500/s"))
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// `[NAME=]ADDR`.
pub(super) fn target(text: &str) -> Result<TargetAddress, FlagError> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (Some(name.to_owned()), address),
        None => (None, text),
    };
    if address.is_empty() || name.as_ref().is_some_and(String::is_empty) {
        return Err(FlagError::NotATarget);
    }
    Ok(TargetAddress { name, address: address.to_owned() })
}

/// `[IP:]PORT`, of this machine alone where only the port is named.
pub(super) fn local_address(text: &str) -> Result<SocketAddr, FlagError> {
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| FlagError::NotAnAddress)
}

/// The identity of a run, as its mails bear it.
pub(super) fn run(text: &str) -> Result<u64, FlagError> {
    let is_whole = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| is_whole);
    number.ok_or(FlagError::NotARun)
}

/// A finite number above zero.
pub(super) fn factor(text: &str) -> Result<f64, FlagError> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        Ok(_) | Err(_) => Err(FlagError::NotAFactor),
    }
}

/// Plain seconds or a duration, above zero.
pub(super) fn time(text: &str) -> Result<Span, FlagError> {
    match time_or_none(text)? {
        span if span.duration().is_zero() => Err(FlagError::NoTime),
        span => Ok(span),
    }
}

/// Plain seconds or a duration.
pub(super) fn time_or_none(text: &str) -> Result<Span, FlagError> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| {
        let millis = (seconds * 1e3).round() / 1e3;
        Duration::try_from_secs_f64(millis).ok().and_then(Span::new)
    });
    match seconds {
        Some(span) => Ok(span),
        None => text.parse().map_err(FlagError::NotATime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_seconds() {
        let table = [("300", "5m"), ("0.25", "250ms"), ("5m", "5m"), ("1h30m", "1h30m")];
        for (text, written) in table {
            assert_eq!(time(text).unwrap().to_string(), written, "{text}");
        }
        assert_eq!(time("0"), Err(FlagError::NoTime));
        for text in ["-1", "soon", "1e30", "nan", "5M"] {
            let error = time(text).unwrap_err();
            assert!(matches!(error, FlagError::NotATime(_)), "{text}: {error}");
        }
    }

    #[test]
    fn only_a_port_is_one_of_this_machine() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            (":9464", "127.0.0.1:9464"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:9464", "0.0.0.0:9464"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            assert_eq!(local_address(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["", ":", "65536", "localhost:9464", "10.0.0.1", "::9464"] {
            assert_eq!(local_address(text), Err(FlagError::NotAnAddress), "{text}");
        }
    }

    #[test]
    fn a_run_has_sixteen_digits() {
        assert_eq!(run("00000000000000ff"), Ok(255));
        for text in ["", "ff", "+0000000000000ff", "000000000000000ff", "000000000000000g"] {
            assert_eq!(run(text), Err(FlagError::NotARun), "{text}");
        }
    }

    #[test]
    fn a_target_may_have_a_name() {
        let at = |name: Option<&str>, address: &str| {
            Ok(TargetAddress { name: name.map(str::to_owned), address: address.to_owned() })
        };
        assert_eq!(target("[::1]:25"), at(None, "[::1]:25"));
        assert_eq!(target("relay=10.0.0.1:25"), at(Some("relay"), "10.0.0.1:25"));
        for text in ["", "relay=", "=a:25"] {
            assert_eq!(target(text), Err(FlagError::NotATarget), "{text}");
        }
    }

    #[test]
    fn a_pair_is_split_at_its_first_sign() {
        assert_eq!(variable("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(variable("a="), Ok(("a".into(), String::new())));
        assert_eq!(variable("=b"), Err(FlagError::NotAPair("NAME=VALUE")));
    }
}
