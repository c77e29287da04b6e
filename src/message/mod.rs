//! Templates, feeds and MIME → the octets of one mail.

mod recipe;

pub use recipe::{CountRange, FeedOrder, FeedSpec, Form, Recipe, Recipients, SizeSpec};
