//! Messages that take long to build → their mail, made by others ahead of time.
//!
//! A large message costs its worker a hundred microseconds and more, which would be the lag of
//! all its other starts. So each worker has such messages built on a thread of their own, in the
//! order in which it asks for them. What is built before anybody needs it is bounded in number
//! and octets; what is due is asked for whatever the bound, since its start waits for it.

mod budget;
mod builder;
mod commission;
mod maker;
mod promise;

pub(in crate::engine) use builder::Builder;
pub(in crate::engine) use commission::Commission;
pub(in crate::engine) use maker::{Maker, Means};
pub(in crate::engine) use promise::Promise;
