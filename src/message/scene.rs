//! One message → the values and functions that its templates see.
//!
//! minijinja's functions belong to an environment and know nothing of the message they are
//! called for, so here they are values of the [`Scene`]: each call draws from the message's own
//! draw, from the template it stands in and from its number there. So the same draw gives the
//! same text, in whatever order templates are rendered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use minijinja::value::{Kwargs, Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::fake::{self, Script};
use super::rows::Feeds;
use super::{Numbering, Order, Turns, words};
use crate::draw::{Draw, Purpose};

/// The values of one message.
pub(crate) const VALUES: [&str; 8] =
    ["seq", "session", "user", "uuid", "now", "client", "phase", "feed"];

/// The functions of templates, with the name that a plan writes.
const FUNCTIONS: [(&str, Function); 8] = [
    ("range_int", Function::RangeInt),
    ("choice", Function::Choice),
    ("lorem", Function::Lorem),
    ("random_bytes", Function::RandomBytes),
    ("fake_name", Function::FakeName),
    ("fake_email", Function::FakeEmail),
    ("fake_address", Function::FakeAddress),
    ("fake_sentence", Function::FakeSentence),
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
    numbering: Numbering,
    feeds: Arc<Feeds>,
    /// What its start has taken already.
    taken: Turns,
    /// By feed: its turn in this message, where that is not known from the number.
    turns: OnceLock<Box<[OnceLock<u64>]>>,
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
            numbering: order.numbering,
            feeds,
            taken: order.turns.cloned().unwrap_or_default(),
            turns: OnceLock::new(),
            site: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// Says which template is rendered next; each has draws of its own.
    pub(crate) fn enter(&self, site: u64) {
        self.site.store(site, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
    }

    /// How many messages had a row of this feed before: taken once, so that all templates of the
    /// message see the same row.
    fn turn(&self, feed: usize) -> Option<u64> {
        match self.numbering {
            Numbering::Dense => Some(self.seq.saturating_sub(1)),
            Numbering::Sparse => {
                if let Some(turn) = self.taken.of_feed(feed) {
                    return Some(turn);
                }
                let none_yet = || (0..self.feeds.len()).map(|_| OnceLock::new()).collect();
                let turn = self.turns.get_or_init(none_yet).get(feed)?;
                Some(*turn.get_or_init(|| self.feeds.take_turn(feed)))
            }
        }
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
        let scene = &self.scene;
        let feed = scene.feeds.position(key.as_str()?)?;
        scene.feeds.row(feed, scene.turn(feed)?, scene.start)
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
    FakeAddress,
    FakeSentence,
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
            Function::FakeName => fake_name(draw, args),
            Function::FakeAddress => fake_address(draw, args),
            Function::FakeSentence => fake_sentence(draw, args),
            Function::FakeEmail => {
                let (domain,): (&str,) = from_args(args)?;
                Ok(words::email(draw, domain).into())
            }
        }
    }
}

/// Without a script from the short list, as ever; with one from the library's.
fn fake_name(draw: Draw, args: &[Value]) -> Result<Value, Error> {
    let named: Named<1> = Named::of(args, ["script"])?;
    match named.script()? {
        None => Ok(words::name(draw).into()),
        Some(script) => Ok(fake::name(draw, script).into()),
    }
}

fn fake_address(draw: Draw, args: &[Value]) -> Result<Value, Error> {
    let named: Named<1> = Named::of(args, ["script"])?;
    Ok(fake::address(draw, named.script()?.unwrap_or(Script::Ascii)).into())
}

fn fake_sentence(draw: Draw, args: &[Value]) -> Result<Value, Error> {
    let named: Named<2> = Named::of(args, ["script", "words"])?;
    let [_, words] = &named.0;
    let words = match words {
        None => draw.at(0).within(5, 14),
        Some(words) => at_most(u64::try_from(words.clone())?, MOST_WORDS)?,
    };
    let script = named.script()?.unwrap_or(Script::Ascii);
    Ok(fake::sentence(draw.at(1), script, words).into())
}

/// Arguments that may be left out, in order or by their names; the first is a script.
struct Named<const N: usize>([Option<Value>; N]);

impl<const N: usize> Named<N> {
    fn of(args: &[Value], names: [&str; N]) -> Result<Self, Error> {
        let (in_order, by_name) = match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => (rest, Kwargs::try_from(last.clone())?),
            Some(_) | None => (args, std::iter::empty::<(&str, Value)>().collect()),
        };
        if in_order.len() > N {
            return Err(ErrorKind::TooManyArguments.into());
        }
        let mut values = std::array::from_fn(|at| in_order.get(at).cloned());
        for (value, name) in values.iter_mut().zip(names).filter(|(value, _)| value.is_none()) {
            *value = by_name.get(name)?;
        }
        by_name.assert_all_used()?;
        Ok(Self(values))
    }

    fn script(&self) -> Result<Option<Script>, Error> {
        let Some(value) = self.0.first().and_then(Option::as_ref) else { return Ok(None) };
        let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let script = Script::named(&name).map_err(|known| {
            invalid(format!("`{}` is no script; expected one of: {known}", name.escape_debug()))
        });
        script.map(Some)
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
    at_most(count, most)
}

fn at_most(count: u64, most: u64) -> Result<u64, Error> {
    if count > most {
        return Err(invalid(format!("{count} is more than the {most} that one call may make")));
    }
    Ok(count)
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}
