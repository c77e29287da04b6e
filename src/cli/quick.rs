//! The flags of `quick` → the text of the equal plan.
//!
//! The plan is made as text, not as a tree: what `--emit-plan` writes is what runs, and a user
//! who wants more goes on from there, so it is laid out and commented as one would write it.

use std::time::Duration;

use super::args::{PASSWORD_VARIABLE, QuickArgs};
use crate::plan::Span;

/// The plan that the flags mean, in TOML.
pub fn plan_text(args: &QuickArgs) -> String {
    let mut parts = vec![head(args), target(args), client(args)];
    if args.load.malformed {
        parts.push(MALFORMED.to_owned());
    }
    parts.push(MESSAGE.to_owned() + &size(args));
    parts.extend(accounts(args));
    parts.extend(phases(args).iter().map(Phase::text));
    if args.no_monitor {
        parts.push("[monitor]\nenabled = false\n".to_owned());
    }
    parts.join("\n")
}

const MESSAGE: &str = r#"[messages.quick]
from = "load@load.test"
to = "user{{ range_int(1, 10000) }}@example.test"
subject = "Message {{ seq }}"
text = "Message {{ seq }} of a load test."
"#;

const MALFORMED: &str = r#"[clients.rude] # plays malformed cases in place of sending mail
kind = "malformed"

[mixes]
beside = { quick = 9, rude = 1 }

[defaults]
mix = "beside"
"#;

fn head(args: &QuickArgs) -> String {
    let seed = args.seed.map(|seed| format!("seed = {seed}\n")).unwrap_or_default();
    let checks = &args.thresholds;
    let thresholds = if checks.thresholds.is_empty() && !checks.no_thresholds {
        String::new()
    } else {
        let list: Vec<String> = checks.thresholds.iter().map(|text| quoted(text)).collect();
        format!("thresholds = [{}] # over the whole run\n", list.join(", "))
    };
    format!(
        "# Made by `mailquake quick`; `mailquake run` does the same with this file.\n\
         version = 1\nname = \"quick\"\n{seed}{thresholds}"
    )
}

fn target(args: &QuickArgs) -> String {
    if args.sink {
        let users = args.login.username.as_ref().map_or("", |_| "users = \"accounts\"\n");
        return format!("[sink] # the embedded server takes the load\nrole = \"target\"\n{users}");
    }
    // An IPv6 address needs brackets before its port.
    let bare_ipv6 = args.host.contains(':') && !args.host.starts_with('[');
    let host = if bare_ipv6 { format!("[{}]", args.host) } else { args.host.clone() };
    format!("[target]\naddress = {}\n", quoted(&format!("{host}:{}", args.port)))
}

fn client(args: &QuickArgs) -> String {
    let pipelining = if args.load.pipelining {
        "\"auto\" # MAIL, RCPT and DATA in one group where it is offered"
    } else {
        "\"never\" # one command, one reply"
    };
    let reuse = match args.reuse.messages() {
        1 => "1 # a connection for each message".to_owned(),
        count => count.to_string(),
    };
    let pace = if args.pace.slow_client {
        format!("pace = {{ before_command = \"{}\" }}\n", args.pace.slow_delay)
    } else {
        String::new()
    };
    format!(
        "[clients.quick]\nmessages = \"quick\"\nmessages_per_connection = {reuse}\n\
         pipelining = {pipelining}\n{pace}{}",
        tls(args) + &auth(args)
    )
}

/// The embedded sink has a certificate of its own that its clients check it against.
fn tls(args: &QuickArgs) -> String {
    let encryption = &args.encryption;
    match &encryption.ca {
        _ if !encryption.use_tls => String::new(),
        _ if args.sink => "tls = \"starttls\"\n".to_owned(),
        Some(path) => {
            // The plan may be written to another folder than the one that the path begins at.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = quoted(&path.display().to_string());
            format!("tls = {{ mode = \"starttls\", ca = {path} }}\n")
        }
        None => "tls = { mode = \"starttls\", verify = \"none\" } # any certificate will do\n"
            .to_owned(),
    }
}

fn auth(args: &QuickArgs) -> String {
    let Some(user) = &args.login.username else { return String::new() };
    let who = if args.sink { "users = \"accounts\"".to_owned() } else { login(user) };
    let rate = args.login.auth_failure_rate;
    let fails =
        if rate.fraction() > 0.0 { format!(", failure_rate = \"{rate}\"") } else { String::new() };
    format!("auth = {{ mechanism = \"plain\", {who}{fails} }}\n")
}

/// The password itself is never written.
fn login(user: &str) -> String {
    format!("user = {}, password = \"env:{PASSWORD_VARIABLE}\"", quoted(user))
}

/// The user, where the embedded server must know it too.
fn accounts(args: &QuickArgs) -> Option<String> {
    let user = args.login.username.as_ref().filter(|_| args.sink)?;
    Some(format!("[feeds.accounts]\ninline = [{{ {} }}]\n", login(user)))
}

fn size(args: &QuickArgs) -> String {
    format!("size = \"{}\" # padded up to it\n", args.load.message_size)
}

/// One phase of the plan.
#[derive(Debug, Eq, PartialEq)]
struct Phase {
    name: &'static str,
    load: Load,
    duration: Span,
}

#[derive(Debug, Eq, PartialEq)]
enum Load {
    Ramp { from: u32, to: u32 },
    Steady { connections: u32 },
    Burst { base: u32, peak: u32, every: Span, burst: Span },
}

impl Phase {
    fn text(&self) -> String {
        let load = match &self.load {
            Load::Ramp { from, to } => {
                format!("kind = \"ramp\"\nconnections = {{ from = {from}, to = {to} }}\n")
            }
            Load::Steady { connections } => {
                format!("kind = \"steady\"\nconnections = {connections}\n")
            }
            Load::Burst { base, peak, every, burst } => format!(
                "kind = \"burst\"\nconnections = {{ base = {base}, peak = {peak} }}\n\
                 every = \"{every}\"\nburst = \"{burst}\"\n"
            ),
        };
        format!("[[phases]]\nname = \"{}\"\n{load}duration = \"{}\"\n", self.name, self.duration)
    }
}

/// A ramp, cut off where the test ends, and what is held after it.
fn phases(args: &QuickArgs) -> Vec<Phase> {
    let peak = args.load.max_connections;
    let held = if args.bursts.burst_mode { (peak / 2).max(1) } else { peak };
    let (whole, ramp_up) = (args.load.duration, args.load.ramp_up);
    let mut phases = Vec::new();
    if !ramp_up.duration().is_zero() {
        let from = args.load.min_connections.min(peak);
        let to = reached(from, held, whole.duration(), ramp_up.duration());
        phases.push(Phase {
            name: "ramp-up",
            load: Load::Ramp { from, to },
            duration: ramp_up.min(whole),
        });
    }
    let rest = whole.duration().saturating_sub(ramp_up.duration());
    if let Some(duration) = Span::new(rest).filter(|rest| !rest.duration().is_zero()) {
        phases.push(hold(args, held, duration));
    }
    phases
}

fn hold(args: &QuickArgs, held: u32, duration: Span) -> Phase {
    if !args.bursts.burst_mode {
        return Phase { name: "steady", load: Load::Steady { connections: held }, duration };
    }
    let every = args.bursts.burst_interval;
    let load = Load::Burst {
        base: held,
        peak: args.load.max_connections,
        every,
        burst: args.bursts.burst_duration.min(every),
    };
    Phase { name: "bursts", load, duration }
}

/// The level at which a ramp is cut off, or its end.
#[expect(clippy::cast_possible_truncation, reason = "between two u32")]
#[expect(clippy::cast_sign_loss, reason = "between two u32")]
fn reached(from: u32, to: u32, cut: Duration, ramp: Duration) -> u32 {
    let part = (cut.as_secs_f64() / ramp.as_secs_f64()).min(1.0);
    (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u32
}

/// A TOML string, its `$` doubled: a flag has no variables.
fn quoted(text: &str) -> String {
    toml::Value::String(text.replace('$', "$$")).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use expect_test::expect;

    use super::super::args::{Cli, Command};
    use super::*;

    fn quick(line: &str) -> QuickArgs {
        let words = ["mailquake", "quick"].into_iter().chain(line.split_whitespace());
        let Command::Quick(quick) = Cli::try_parse_from(words).unwrap().command else {
            panic!("{line}")
        };
        quick
    }

    fn secs(seconds: u64) -> Span {
        Span::new(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn no_flags_are_a_ramp_and_a_steady_load() {
        expect![[r#"
            # Made by `mailquake quick`; `mailquake run` does the same with this file.
            version = 1
            name = "quick"

            [target]
            address = "localhost:2525"

            [clients.quick]
            messages = "quick"
            messages_per_connection = 10
            pipelining = "never" # one command, one reply

            [messages.quick]
            from = "load@load.test"
            to = "user{{ range_int(1, 10000) }}@example.test"
            subject = "Message {{ seq }}"
            text = "Message {{ seq }} of a load test."
            size = "1KiB" # padded up to it

            [[phases]]
            name = "ramp-up"
            kind = "ramp"
            connections = { from = 10, to = 100 }
            duration = "30s"

            [[phases]]
            name = "steady"
            kind = "steady"
            connections = 100
            duration = "4m30s"
        "#]]
        .assert_eq(&plan_text(&quick("")));
    }

    #[test]
    fn every_flag_is_in_the_plan() {
        let line = "--sink -d 2m -c 40 --min-connections 4 --ramp-up 10 --message-size 64KiB \
                    --burst-mode --burst-interval 15 --burst-duration 3 --no-connection-reuse \
                    --pipelining --no-monitor --seed 7 --threshold message.max<1s";
        expect![[r#"
            # Made by `mailquake quick`; `mailquake run` does the same with this file.
            version = 1
            name = "quick"
            seed = 7
            thresholds = ["message.max<1s"] # over the whole run

            [sink] # the embedded server takes the load
            role = "target"

            [clients.quick]
            messages = "quick"
            messages_per_connection = 1 # a connection for each message
            pipelining = "auto" # MAIL, RCPT and DATA in one group where it is offered

            [messages.quick]
            from = "load@load.test"
            to = "user{{ range_int(1, 10000) }}@example.test"
            subject = "Message {{ seq }}"
            text = "Message {{ seq }} of a load test."
            size = "64KiB" # padded up to it

            [[phases]]
            name = "ramp-up"
            kind = "ramp"
            connections = { from = 4, to = 20 }
            duration = "10s"

            [[phases]]
            name = "bursts"
            kind = "burst"
            connections = { base = 20, peak = 40 }
            every = "15s"
            burst = "3s"
            duration = "1m50s"

            [monitor]
            enabled = false
        "#]]
        .assert_eq(&plan_text(&quick(line)));
    }

    #[test]
    fn the_levels_follow_the_flags() {
        let ramp = |from, to, duration| Phase {
            name: "ramp-up",
            load: Load::Ramp { from, to },
            duration: secs(duration),
        };
        let steady = |connections, duration| Phase {
            name: "steady",
            load: Load::Steady { connections },
            duration: secs(duration),
        };
        let bursts = |base, peak, every, burst, duration| Phase {
            name: "bursts",
            load: Load::Burst { base, peak, every: secs(every), burst: secs(burst) },
            duration: secs(duration),
        };
        let table = [
            ("-d 60 -c 50", vec![ramp(10, 50, 30), steady(50, 30)]),
            ("-d 60 -c 5", vec![ramp(5, 5, 30), steady(5, 30)]),
            ("-d 15 -c 110 --ramp-up 30", vec![ramp(10, 60, 15)]),
            ("-d 30 -c 50 --ramp-up 30", vec![ramp(10, 50, 30)]),
            ("-d 30 -c 50 --ramp-up 0", vec![steady(50, 30)]),
            ("-d 60 -c 51 --burst-mode", vec![ramp(10, 25, 30), bursts(25, 51, 30, 5, 30)]),
            (
                "-d 60 -c 1 --burst-mode --burst-interval 2",
                vec![ramp(1, 1, 30), bursts(1, 1, 2, 2, 30)],
            ),
        ];
        for (line, expected) in table {
            assert_eq!(phases(&quick(line)), expected, "{line}");
        }
    }

    #[test]
    fn encryption_is_checked_where_there_is_something_to_check_it_against() {
        for (line, expected) in [
            ("", ""),
            (
                "--use-tls",
                "tls = { mode = \"starttls\", verify = \"none\" } # any certificate will do\n",
            ),
            (
                "--use-tls --ca /etc/my/$ca.pem",
                "tls = { mode = \"starttls\", ca = \"/etc/my/$$ca.pem\" }\n",
            ),
            ("--use-tls --sink", "tls = \"starttls\"\n"),
        ] {
            assert_eq!(tls(&quick(line)), expected, "{line}");
        }
    }

    #[test]
    fn an_ipv6_host_gets_its_brackets() {
        for (host, address) in
            [("::1", "[::1]:2525"), ("[::1]", "[::1]:2525"), ("mx.test", "mx.test:2525")]
        {
            let text = target(&quick(&format!("--host {host}")));
            assert_eq!(text, format!("[target]\naddress = \"{address}\"\n"), "{host}");
        }
    }

    #[test]
    fn the_later_of_the_two_flags_on_reuse_wins() {
        let table = [
            ("", 10),
            ("--no-connection-reuse", 1),
            ("--no-connection-reuse --connection-reuse --messages-per-connection 3", 3),
            ("--connection-reuse --no-connection-reuse", 1),
        ];
        for (line, messages) in table {
            assert_eq!(quick(line).reuse.messages(), messages, "{line}");
        }
    }
}
