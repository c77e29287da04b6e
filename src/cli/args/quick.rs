//! The flags of `quick`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::plan::{LARGEST_SEED, ThresholdFlags};
use super::run::{OutputFlags, RunFlags};
use super::value;
use crate::plan::{ByteSize, Share, Span};
use crate::smtp::Secret;

/// The words behind `mailquake quick`.
#[derive(Args, Debug)]
#[command(after_help = "\
Plain numbers are seconds or bytes; 5m and 64KiB work too.

Examples:
  mailquake quick --sink -d 20 -c 20 --ramp-up 5
  mailquake quick -d 60 -c 200 -p 2525 --pipelining
  mailquake quick --burst-mode --burst-interval 10 --burst-duration 2
  mailquake quick -c 50 --emit-plan plan.toml     the equal plan, to build on")]
pub struct QuickArgs {
    /// The load.
    #[command(flatten)]
    pub load: LoadFlags,
    /// The bursts.
    #[command(flatten)]
    pub bursts: BurstFlags,
    /// The connections.
    #[command(flatten)]
    pub reuse: ReuseFlags,
    /// How slow the client is.
    #[command(flatten)]
    pub pace: PaceFlags,
    /// The encryption.
    #[command(flatten)]
    pub encryption: EncryptionFlags,
    /// The login.
    #[command(flatten)]
    pub login: LoginFlags,
    /// The server's name or address.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub host: String,
    /// The server's port.
    #[arg(long, short, value_name = "PORT", default_value_t = 2525, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Sends to the embedded server in place of HOST and PORT.
    #[arg(long, conflicts_with_all = ["host", "port"])]
    pub sink: bool,
    /// Watches neither this machine nor this process.
    #[arg(long)]
    pub no_monitor: bool,
    /// Writes the plan that these flags make to FILE (`-` is standard output) and sends nothing.
    #[arg(long, value_name = "FILE")]
    pub emit_plan: Option<PathBuf>,
    /// Writes the summary as JSON to FILE.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The results folder. Default: results/quick-TIME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The seed of all draws. Default: a drawn one, which is reported.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    pub seed: Option<u64>,
    /// What must hold.
    #[command(flatten)]
    pub thresholds: ThresholdFlags,
    /// How it is run.
    #[command(flatten)]
    pub run: RunFlags,
    /// What is shown.
    #[command(flatten)]
    pub shown: OutputFlags,
}

/// How much is sent, and for how long.
#[derive(Args, Clone, Debug)]
pub struct LoadFlags {
    /// How long the test lasts, ramp-up included.
    #[arg(long, short, value_name = "TIME", default_value = "300", value_parser = value::time)]
    pub duration: Span,
    /// The most connections at a time.
    #[arg(long, short = 'c', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// The connections at the beginning; at most the maximum.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub min_connections: u32,
    /// How long the connections take to grow to the maximum, or to half of it with bursts.
    #[arg(long, value_name = "TIME", default_value = "30", value_parser = value::time_or_none)]
    pub ramp_up: Span,
    /// The size of each message, its header included.
    #[arg(long, value_name = "SIZE", default_value = "1024")]
    pub message_size: ByteSize,
    /// Sends MAIL, RCPT and DATA in one group where the server offers it.
    #[arg(long)]
    pub pipelining: bool,
    /// Lets one connection in ten play malformed cases beside the mail of the others.
    ///
    /// With fewer than six connections there is none; `mailquake explain` lists the cases.
    #[arg(long)]
    pub malformed: bool,
}

/// Bursts from half of the maximum to the maximum.
#[derive(Args, Clone, Debug)]
pub struct BurstFlags {
    /// Sends in bursts: half of the maximum of connections, and all of them in each burst.
    #[arg(long)]
    pub burst_mode: bool,
    /// From the beginning of one burst to that of the next.
    #[arg(long, value_name = "TIME", default_value = "30", value_parser = value::time)]
    pub burst_interval: Span,
    /// How long each burst lasts; at most the interval.
    #[arg(long, value_name = "TIME", default_value = "5", value_parser = value::time)]
    pub burst_duration: Span,
}

/// A client that takes its time.
#[derive(Args, Clone, Debug)]
pub struct PaceFlags {
    /// Pauses before each command, or before each group with --pipelining. The times of a slow
    /// client stand in its own row.
    #[arg(long)]
    pub slow_client: bool,
    /// How long a slow client pauses.
    #[arg(long, value_name = "TIME", default_value = "0.1", value_parser = value::time)]
    pub slow_delay: Span,
}

/// How often a connection is used.
#[derive(Args, Clone, Debug)]
pub struct ReuseFlags {
    /// Sends several messages on each connection; this is the default.
    #[arg(long, overrides_with = "no_connection_reuse", action = ArgAction::SetTrue)]
    pub connection_reuse: bool,
    /// Opens a connection for each message.
    #[arg(long, overrides_with = "connection_reuse", action = ArgAction::SetTrue)]
    pub no_connection_reuse: bool,
    /// How many messages a connection carries where it is reused.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub messages_per_connection: u32,
}

/// How the connections are encrypted.
#[derive(Args, Clone, Debug)]
pub struct EncryptionFlags {
    /// Encrypts by STARTTLS. The certificate is not checked without --ca; that of the embedded
    /// server always is.
    #[arg(long)]
    pub use_tls: bool,
    /// A file with the roots, in PEM, that the server's certificate is checked against.
    #[arg(long, value_name = "FILE", requires = "use_tls", conflicts_with = "sink")]
    pub ca: Option<PathBuf>,
}

/// How sessions log in.
#[derive(Args, Clone, Debug)]
pub struct LoginFlags {
    /// Logs in as this user, by AUTH PLAIN.
    #[arg(long, value_name = "USER", requires = "password")]
    pub username: Option<String>,
    /// The user's password. Other users of this machine see it in the list of processes; they
    /// don't see the environment variable.
    #[arg(long, value_name = "PASSWORD", env = PASSWORD_VARIABLE, hide_env_values = true, value_parser = value::secret)]
    pub password: Option<Secret>,
    /// The share of sessions that try a wrong password on purpose, such as 0.05 or 5%.
    #[arg(long, value_name = "SHARE", default_value = "0.0", value_parser = value::share)]
    pub auth_failure_rate: Share,
}

/// The environment variable with the password of `quick`.
pub const PASSWORD_VARIABLE: &str = "MAILQUAKE_PASSWORD";

impl LoginFlags {
    /// What is said of flags that would have no effect.
    pub fn without_effect(&self, environment: Option<&str>) -> Option<&'static str> {
        if self.username.is_some() {
            return None;
        }
        let password = self.password.as_ref().map(Secret::expose);
        if password.is_some() && password != environment {
            return Some("`--password` needs `--username`");
        }
        let fails = self.auth_failure_rate.fraction() > 0.0;
        fails.then_some("`--auth-failure-rate` needs `--username`")
    }
}

impl ReuseFlags {
    /// How many messages a connection carries.
    pub fn messages(&self) -> u32 {
        if self.no_connection_reuse { 1 } else { self.messages_per_connection }
    }
}
