//! `attestlm profile`.

use std::fmt::Write as _;

use attestlm::engine::cpu;
use attestlm::hex;
use attestlm::profile::{self, Profile};
use serde_json::json;

use crate::fail::{Outcome, Status};
use crate::terminal;

pub fn run(as_json: bool) -> Outcome {
    let known_answer = profile::check_machine();
    let outcome = known_answer.as_ref().map_or_else(ToString::to_string, |()| "passed".to_owned());
    let status = if known_answer.is_ok() { Status::Done } else { Status::Unsupported };
    let profiles: Vec<_> =
        Profile::ALL.into_iter().map(|p| (p.name(), p.id(), hex::encode(&p.hash()))).collect();
    if as_json {
        let profiles: Vec<_> =
            profiles.iter().map(|(name, id, hash)| json!({ "name": name, "id": id, "hash": hash })).collect();
        terminal::print_json(&json!({
            "profiles": profiles,
            "knownAnswerTest": outcome,
            "cpu": cpu::name(),
            "threads": cpu::available_threads(),
        }))?;
        return Ok(status);
    }
    let mut text = String::new();
    for (name, id, hash) in profiles {
        let _ = writeln!(text, "{name:18} {id}\n{:18} {hash}", "");
    }
    let _ = writeln!(text, "{:18} {outcome}", "known-answer test");
    let _ = writeln!(text, "{:18} {}", "cpu", cpu::name());
    let _ = writeln!(text, "{:18} {}", "threads", cpu::available_threads());
    terminal::print(&text)?;
    Ok(status)
}
