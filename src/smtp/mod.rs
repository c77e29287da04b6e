//! One session's wire: commands, replies, capabilities, the dialog. Knows no plan and does no I/O
//! but for the dialer.

mod auth;
mod capabilities;
mod cases;
mod chunk;
mod dialog;
mod dsn;
mod envelope;
mod event;
mod expectation;
mod lmtp;
mod outcome;
mod policy;
mod proxy;
mod reply;
mod reply_code;
mod step;
mod throttle;
mod tls;
mod transaction;
mod xclient;
mod xtext;

pub use auth::{
    Attempt, Auth, Breach, Exchange, Keyring, Keys, Login, Mechanism, Mechanisms, NONCE_LENGTH,
    Proof, Secret, Veil, attribute, cram_md5, decode, encode, nonce,
};
pub use capabilities::{BodyType, Capabilities, Keyword};
pub use cases::{
    ALIVE, Case, CaseEnd, CaseEnding, CaseEvent, CaseId, Codes, Cue, Group, Judgement, Patience,
    Piece, Play, Player, Rule,
};
pub use chunk::{Chunking, Mark};
pub use dialog::{Dialog, Manners};
pub use dsn::{Dsn, Notify, Ret};
pub use envelope::Envelope;
pub use event::{Act, End, Event, Input, LoginEnd};
pub use expectation::{CodeSet, CodeSetError, Expectations};
pub use lmtp::Protocol;
pub use outcome::{Outcome, Party, RecipientEnd};
pub use policy::{EhloName, EhloNameError, Ending, Pace, Pipelining, Writes};
pub use proxy::ProxyVersion;
pub use reply::{IllegalReply, LONGEST_REPLY, Reply};
pub use reply_code::{Class, Code, Enhanced};
pub use step::Step;
pub use throttle::Throttle;
pub use tls::{Handshake, TlsMode};
pub use xclient::{Proto, Xclient};
