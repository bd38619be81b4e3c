//! `attestlm profile`.

use std::fmt::Write as _;
use std::path::Path;

use attestlm::engine::{cpu, Context};
use attestlm::hex;
use attestlm::kernels::Isa;
use attestlm::profile::{self, Profile};
use serde_json::json;

use crate::args::ProfileArgs;
use crate::fail::{Outcome, Status};
use crate::interrupt::Interrupt;
use crate::load;
use crate::terminal;

pub fn run(args: &ProfileArgs, as_json: bool) -> Outcome {
    if let Some(path) = &args.ops {
        return operations(path.as_deref(), as_json);
    }
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
            "kernels": Isa::chosen().name(),
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
    let _ = writeln!(text, "{:18} {}", "exact-2 kernels", Isa::chosen().name());
    terminal::print(&text)?;
    Ok(status)
}

/// The operations of a model's graph. The status says whether `exact-2` has kernels for all.
fn operations(path: Option<&Path>, as_json: bool) -> Outcome {
    let model = load::model(path, &Interrupt::listen()?)?;
    let kinds = Context::operations(&model)?;
    let is_whole = kinds.iter().all(|kind| kind.outside.is_none());
    let status = if is_whole { Status::Done } else { Status::Unsupported };
    if as_json {
        let operations: Vec<_> = kinds
            .iter()
            .map(|kind| json!({ "name": kind.name, "nodes": kind.nodes, "outside": kind.outside }))
            .collect();
        terminal::print_json(&json!({ "operations": operations, "exact2": is_whole }))?;
        return Ok(status);
    }
    let mut text = String::new();
    for kind in &kinds {
        let _ = writeln!(text, "{:28} {:4}  {}", kind.name, kind.nodes, kind.outside.unwrap_or("exact-2"));
    }
    let verdict =
        if is_whole { "every operation is exact-2's" } else { "this model runs under exact-1 only" };
    let _ = writeln!(text, "{verdict}");
    terminal::print(&text)?;
    Ok(status)
}
