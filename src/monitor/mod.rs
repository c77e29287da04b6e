//! The host and this process → samples of what they used.
