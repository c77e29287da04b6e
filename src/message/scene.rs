//! One message → the values and functions that its templates see.
//!
//! minijinja's functions belong to an environment and know nothing of the message they are
//! called for, so here they are values of the [`Scene`]: each call draws from the message's own
//! draw, from the template it stands in and from its number there. So the same draw gives the
//! same text, in whatever order templates are rendered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use minijinja::value::{Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::rows::Feeds;
use super::{Order, words};
use crate::draw::{Draw, Purpose};

/// The values of one message.
pub(crate) const VALUES: [&str; 8] =
    ["seq", "session", "user", "uuid", "now", "client", "phase", "feed"];

/// The functions of templates, with the name that a plan writes.
const FUNCTIONS: [(&str, Function); 6] = [
    ("range_int", Function::RangeInt),
    ("choice", Function::Choice),
    ("lorem", Function::Lorem),
    ("random_bytes", Function::RandomBytes),
    ("fake_name", Function::FakeName),
    ("fake_email", Function::FakeEmail),
];

/// The most words and octets that one call may make.
const MOST_WORDS: u64 = 100_000;
const MOST_OCTETS: u64 = 16 << 20;

/// 9999-12-31T23:59:59Z: later times have no RFC 3339 form.
const LAST_SECOND: u64 = 253_402_300_799;

/// Beyond the sites of templates, see [`Scene::enter`].
const UUID_SITE: u64 = u64::MAX;

/// The names of all functions.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

/// What the templates of one message see.
#[derive(Debug)]
pub(crate) struct Scene {
    start: Draw,
    seq: u64,
    client: Value,
    phase: Value,
    session: Option<u64>,
    user: Option<Value>,
    now: SystemTime,
    feeds: Arc<Feeds>,
    site: AtomicU64,
    calls: AtomicU64,
}

impl Scene {
    /// The scene of the message that an order asks for.
    pub(crate) fn new(order: &Order<'_>, feeds: Arc<Feeds>) -> Self {
        Self {
            start: order.draw,
            seq: order.seq,
            client: Value::from(order.client),
            phase: Value::from(order.phase),
            session: order.session,
            user: order.user.map(Value::from),
            now: order.now,
            feeds,
            site: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// Says which template is rendered next; each has draws of its own.
    pub(crate) fn enter(&self, site: u64) {
        self.site.store(site, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
    }

    fn draw_of(&self, site: u64) -> Draw {
        self.start.of(Purpose::Template).at(site)
    }

    fn next_draw(&self) -> Draw {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.draw_of(self.site.load(Ordering::Relaxed)).at(call)
    }

    fn uuid(&self) -> Value {
        let draw = self.draw_of(UUID_SITE);
        let bits = (u128::from(draw.at(0).bits()) << 64) | u128::from(draw.at(1).bits());
        let uuid = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        Value::from(uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()) as &str)
    }

    fn now(&self) -> Value {
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
        let now = self.now.clamp(SystemTime::UNIX_EPOCH, last);
        Value::from(humantime::format_rfc3339_millis(now).to_string())
    }
}

impl Object for Scene {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "seq" => Some(Value::from(self.seq)),
            "session" => self.session.map(Value::from),
            "user" => self.user.clone(),
            "uuid" => Some(self.uuid()),
            "now" => Some(self.now()),
            "client" => Some(self.client.clone()),
            "phase" => Some(self.phase.clone()),
            "feed" => Some(Value::from_object(FeedRows { scene: Arc::clone(self) })),
            name => {
                let (_, function) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
                Some(Value::from_object(Call { function: *function, scene: Arc::clone(self) }))
            }
        }
    }
}

/// The value `feed`: the row of each feed for this message.
#[derive(Debug)]
struct FeedRows {
    scene: Arc<Scene>,
}

impl Object for FeedRows {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.scene.feeds.row(key.as_str()?, self.scene.seq, self.scene.start)
    }
}

#[derive(Clone, Copy, Debug)]
enum Function {
    RangeInt,
    Choice,
    Lorem,
    RandomBytes,
    FakeName,
    FakeEmail,
}

/// A function, bound to the message that it is called for.
#[derive(Debug)]
struct Call {
    function: Function,
    scene: Arc<Scene>,
}

impl Object for Call {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let draw = self.scene.next_draw();
        match self.function {
            Function::RangeInt => range_int(draw, args),
            Function::Choice => choice(draw, args),
            Function::Lorem => Ok(words::lorem(draw, amount(args, MOST_WORDS)?).into()),
            Function::RandomBytes => Ok(words::letters(draw, amount(args, MOST_OCTETS)?).into()),
            Function::FakeName => from_args(args).map(|()| words::name(draw).into()),
            Function::FakeEmail => {
                let (domain,): (&str,) = from_args(args)?;
                Ok(words::email(draw, domain).into())
            }
        }
    }
}

fn range_int(draw: Draw, args: &[Value]) -> Result<Value, Error> {
    let (low, high): (i64, i64) = from_args(args)?;
    if low > high {
        return Err(invalid(format!("range_int({low}, {high}) is empty")));
    }
    Ok(Value::from(low.wrapping_add_unsigned(draw.within(0, high.abs_diff(low)))))
}

/// One of the arguments, or one element of the only argument if that is a list.
fn choice(draw: Draw, args: &[Value]) -> Result<Value, Error> {
    let list = match args {
        [list] if !list.is_kwargs() && list.as_str().is_none() => list.try_iter()?.collect(),
        options => options.to_vec(),
    };
    let chosen = usize::try_from(draw.below(list.len() as u64)).unwrap_or_default();
    list.into_iter().nth(chosen).ok_or_else(|| invalid("choice() has nothing to choose from"))
}

fn amount(args: &[Value], most: u64) -> Result<u64, Error> {
    let (count,): (u64,) = from_args(args)?;
    if count > most {
        return Err(invalid(format!("{count} is more than the {most} that one call may make")));
    }
    Ok(count)
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}
