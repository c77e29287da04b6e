//! Numbers and foreign text → the words that a person reads.
//!
//! A value is shown with the digits that carry meaning, three for what was measured, and never
//! rounded to a better one: 99.996 % is not 100 %, and one error in a million is not 0 %.

use std::fmt::Write as _;
use std::time::Duration;

/// What stands where nothing was taken.
pub const UNKNOWN: &str = "-";

/// The most decimals that tell a value from its limit.
const MOST_DECIMALS: usize = 9;

/// A length of time: `250 ms`, `20.3 s`, `4 m 05 s`, `1 h 30 m`.
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if length.is_zero() {
        return "0 s".to_owned();
    }
    if seconds < 1.0 {
        return format!("{} ms", significant(seconds * 1e3));
    }
    // 59.95 s would be shown as 60.0 s.
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = rounded(seconds);
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} m {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} m"),
    }
}

/// A position in a run, as a clock shows it: `0:07`, `12:34`, `1:00:00`.
pub fn clock(at: Duration) -> String {
    let whole = at.as_secs();
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A whole number with its thousands apart: `1,234`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number in few characters: `1,234`, `12.3k`, `4.56M`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn short_count(number: u64) -> String {
    match number {
        0..=9_999 => count(number),
        10_000..=999_499 => format!("{}k", significant(number as f64 / 1e3)),
        999_500..=999_499_999 => format!("{}M", significant(number as f64 / 1e6)),
        _ => format!("{}G", significant(number as f64 / 1e9)),
    }
}

/// How often a second, without the unit: `0.5`, `48.2`, `1,234`.
pub fn rate(per_second: f64) -> String {
    significant(per_second)
}

/// A level as a plan writes it: whole numbers without decimals.
pub fn level(level: f64) -> String {
    trimmed(&significant(level)).to_owned()
}

/// Octets in binary units: `512 B`, `1.5 KiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn octets(number: u64) -> String {
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut units = ["KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value >= 1023.5 {
        let Some(next) = units.next() else { break };
        value /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", significant(value))
}

/// A fraction of one in percent: `0.5 %`, `99.87 %`; 0 and 100 only where it is exactly so.
pub fn share(fraction: f64) -> String {
    let percent = fraction * 100.0;
    if !percent.is_finite() {
        UNKNOWN.to_owned()
    } else if percent > 0.0 && percent < 0.01 {
        "< 0.01 %".to_owned()
    } else if percent > 99.99 && percent < 100.0 {
        "> 99.99 %".to_owned()
    } else {
        format!("{} %", trimmed(&format!("{percent:.2}")))
    }
}

/// A latency given in milliseconds: `0.512 ms`, `12.3 ms`, from one second on `1.23 s`.
pub fn latency(millis: f64) -> String {
    if millis < 999.5 {
        format!("{} ms", significant(millis))
    } else {
        format!("{} s", significant(millis / 1e3))
    }
}

/// A percentile, largest or mean: the latency, `≥` its lower bound where messages without an
/// answer decide it, or `-` where it is not known.
pub fn percentile(millis: Option<f64>, at_least: Option<f64>) -> String {
    match (millis, at_least) {
        (Some(millis), _) => latency(millis),
        (None, Some(at_least)) => format!("≥ {}", latency(at_least)),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// A value in the unit that the results name: `ms`, `share`, `per_s`, `count`.
pub fn value(number: f64, unit: &str) -> String {
    match unit {
        "ms" => latency(number),
        "share" => share(number),
        "per_s" => format!("{}/s", rate(number)),
        _ => trimmed(&significant(number)).to_owned(),
    }
}

/// A value that is compared with a limit, with as many digits as it takes to stand on the same
/// side of the limit as the value itself does: 1.004 % is not shown as 1 % beside `<= 1%`.
pub fn value_beside(number: f64, limit: f64, unit: &str) -> String {
    let (factor, suffix, usual) = match unit {
        "ms" if number < 999.5 => (1.0, " ms", decimals(number)),
        "ms" => (1e-3, " s", decimals(number / 1e3)),
        "share" => (100.0, " %", 2),
        "per_s" => (1.0, "/s", decimals(number)),
        _ => (1.0, "", decimals(number)),
    };
    let (shown, limit) = (number * factor, limit * factor);
    for digits in usual..=MOST_DECIMALS {
        let text = format!("{shown:.digits$}");
        let same_side = text
            .parse::<f64>()
            .is_ok_and(|rounded| rounded.partial_cmp(&limit) == shown.partial_cmp(&limit));
        if same_side && digits > usual {
            return format!("{text}{suffix}");
        }
        if same_side {
            break;
        }
    }
    value(number, unit)
}

/// Text from elsewhere, safe to show: whatever moves a cursor, colours, or turns the direction of
/// writing is shown as an escape.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if is_unsafe(character) => {
                // Writing to a string does not fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Controls (C0, DEL, C1), line separators, and what is invisible or turns the direction of
/// writing (Unicode's `Bidi_Control`, zero-width and tag characters).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text cut to a number of characters, with `…` in place of what is left out.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Three significant digits below 1,000, whole numbers from there.
fn significant(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        UNKNOWN.to_owned()
    } else if size >= 999.5 {
        let whole = count(rounded(size));
        if number < 0.0 { format!("-{whole}") } else { whole }
    } else {
        trimmed_zero(format!("{number:.*}", decimals(number)))
    }
}

/// How many decimals make three significant digits.
fn decimals(number: f64) -> usize {
    let size = number.abs();
    if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else if size >= 0.9995 || size == 0.0 {
        2
    } else {
        3
    }
}

fn trimmed_zero(text: String) -> String {
    if text == "0.00" { "0".to_owned() } else { text }
}

/// A decimal without the zeros at its end.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates; callers pass sizes"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// A text broken between words; each line begins with `indent` spaces.
pub fn wrapped(text: &str, indent: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let long = indent + line.chars().count() + 1 + word.chars().count() > width;
        if long && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.into_iter().map(|line| format!("{:indent$}{line}", "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_people_say_them() {
        let table = [
            (0, "0 s"),
            (250, "250 ms"),
            (1_000, "1.0 s"),
            (20_340, "20.3 s"),
            (59_960, "1 m 00 s"),
            (245_000, "4 m 05 s"),
            (5_400_000, "1 h 30 m"),
        ];
        for (millis, expected) in table {
            assert_eq!(duration(Duration::from_millis(millis)), expected, "{millis}");
        }
        assert_eq!(clock(Duration::from_secs(3_607)), "1:00:07");
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), expected);
        }
    }

    #[test]
    fn short_counts_keep_three_digits() {
        let table = [
            (9_999, "9,999"),
            (12_345, "12.3k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (4_560_000, "4.56M"),
            (7_000_000_000, "7.00G"),
        ];
        for (number, expected) in table {
            assert_eq!(short_count(number), expected, "{number}");
        }
    }

    #[test]
    fn octets_come_in_binary_units() {
        let table = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.50 KiB"),
            (1_048_575, "1.00 MiB"),
            (5 << 30, "5.00 GiB"),
            (u64::MAX, "16,777,216 TiB"),
        ];
        for (number, expected) in table {
            assert_eq!(octets(number), expected, "{number}");
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_none_or_all() {
        let table = [
            (0.0, "0 %"),
            (0.000_001, "< 0.01 %"),
            (0.005, "0.5 %"),
            (0.9987, "99.87 %"),
            (0.999_999, "> 99.99 %"),
            (1.0, "100 %"),
            (1.25, "125 %"),
            (f64::NAN, "-"),
        ];
        for (fraction, expected) in table {
            assert_eq!(share(fraction), expected, "{fraction}");
        }
    }

    #[test]
    fn latencies_have_three_significant_digits() {
        let table = [
            (0.0, "0 ms"),
            (0.0512, "0.051 ms"),
            (0.512, "0.512 ms"),
            (1.234, "1.23 ms"),
            (9.999, "10.0 ms"),
            (99.97, "100 ms"),
            (212.4, "212 ms"),
            (999.6, "1.00 s"),
            (30_000.0, "30.0 s"),
        ];
        for (millis, expected) in table {
            assert_eq!(latency(millis), expected, "{millis}");
        }
    }

    #[test]
    fn a_percentile_without_an_answer_says_what_is_known() {
        assert_eq!(percentile(None, Some(30_000.0)), "≥ 30.0 s");
        assert_eq!(percentile(None, None), "-");
        assert_eq!(percentile(Some(1.5), None), "1.50 ms");
    }

    #[test]
    fn values_come_with_their_unit() {
        let table = [
            (212.4, "ms", "212 ms"),
            (0.0135, "share", "1.35 %"),
            (1_234.0, "per_s", "1,234/s"),
            (3.0, "count", "3"),
            (48_213.0, "count", "48,213"),
        ];
        for (number, unit, expected) in table {
            assert_eq!(value(number, unit), expected, "{number} {unit}");
        }
    }

    #[test]
    fn a_value_stands_on_its_own_side_of_the_limit() {
        let table = [
            (0.010_04, 0.01, "share", "1.004 %"),
            (0.989_96, 0.99, "share", "98.996 %"),
            (0.01, 0.01, "share", "1 %"),
            (0.02, 0.01, "share", "2 %"),
            (0.000_001, 0.0, "share", "0.0001 %"),
            (0.000_001, 0.01, "share", "< 0.01 %"),
            (500.3, 500.0, "ms", "500.3 ms"),
            (500.45, 500.4, "ms", "500.45 ms"),
            (1_000.4, 1_000.0, "ms", "1.0004 s"),
            (612.4, 500.0, "ms", "612 ms"),
            (1_233.9, 1_234.0, "per_s", "1233.9/s"),
            (1_300.2, 1_234.0, "per_s", "1,300/s"),
            (3.0, 3.0, "count", "3"),
        ];
        for (number, limit, unit, expected) in table {
            assert_eq!(value_beside(number, limit, unit), expected, "{number} {limit} {unit}");
        }
    }

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        let table = [
            ("450 4.7.1 greylisted", "450 4.7.1 greylisted"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{7f}", "\\u{7f}"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("Grüße, 日本", "Grüße, 日本"),
        ];
        for (text, expected) in table {
            assert_eq!(escape(text), expected, "{text:?}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("gut", 3), "gut");
    }
}
