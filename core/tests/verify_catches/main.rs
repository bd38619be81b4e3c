//! What a verification catches, by name and position, and what it must let stand.
//!
//! The forger of these tests has everything an operator has: the software, a key of its own, and the
//! will to recompute every commitment after an edit. What it lacks is another way to the same logits.
#![cfg(all(feature = "engine", feature = "bundled"))]
#![allow(clippy::type_complexity)] // tables of edits

#[path = "../common/mod.rs"]
mod common;

mod client;
mod forger;
mod honest;
mod hostile;
mod other_model;
mod other_output;
mod other_policy;
mod scored;
mod signatures;
mod tolerant;
mod withheld;
