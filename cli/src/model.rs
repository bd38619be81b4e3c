//! `attestlm model`.

use std::fmt::Write as _;
use std::path::Path;

use attestlm::gguf::ModelFile;
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::{Error, ErrorKind};
use serde_json::Value;

use crate::args::ModelCommand;
use crate::fail::{Outcome, Status};
use crate::interrupt::Interrupt;
use crate::load;
use crate::terminal::{self, Progress};

pub fn run(command: &ModelCommand, as_json: bool) -> Outcome {
    let interrupt = Interrupt::listen()?;
    match command {
        ModelCommand::Info { gguf } => info(gguf.as_deref(), as_json, &interrupt),
        ModelCommand::Check { gguf } => check(gguf.as_deref(), as_json, &interrupt),
    }
}

fn info(path: Option<&Path>, as_json: bool, interrupt: &Interrupt) -> Outcome {
    let mut progress = Progress::new();
    let file = match path {
        Some(path) => ModelFile::check(path, &mut |done, total| {
            progress.show("hashing", done, total);
            !interrupt.is_raised()
        })?,
        None => Model::bundled()?.checked(),
    };
    let rows = file.describe();
    if as_json {
        terminal::print_json(&rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())?;
    } else {
        print(&rows)?;
    }
    Ok(Status::Done)
}

fn check(path: Option<&Path>, as_json: bool, interrupt: &Interrupt) -> Outcome {
    let model = load::model(path, interrupt)?;
    let refusals = Profile::ALL.map(|profile| (profile, model.check_attestable(profile).err()));
    // One exact profile is enough.
    let refused = !refusals.iter().any(|(profile, why)| profile.is_exact() && why.is_none());
    let status = if refused { Status::Unsupported } else { Status::Done };
    if as_json {
        terminal::print_json(&model.to_json())?;
        return Ok(status);
    }
    let mut rows = model.checked().describe();
    for (profile, why) in refusals {
        let answer = why.map_or_else(|| "yes".to_owned(), |why| format!("no: {}", why.message()));
        rows.push((attestable(profile), answer.into()));
    }
    if let Err(why) = model.template() {
        rows.push(("template error", why.to_string().into()));
    }
    print(&rows)?;
    Ok(status)
}

fn attestable(profile: Profile) -> &'static str {
    match profile {
        Profile::Exact1 => "attested, exact-1",
        Profile::Exact2 => "attested, exact-2",
        Profile::Fast1 => "attested, fast",
    }
}

fn print(rows: &[(&'static str, Value)]) -> std::result::Result<(), crate::fail::Failure> {
    let mut text = String::new();
    for (key, value) in rows {
        let shown = match value {
            Value::String(text) => crate::fail::one_line(text),
            Value::Null => "-".to_owned(),
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Value::Object(map) => {
                map.iter().map(|(k, v)| format!("{k} x {v}")).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        writeln!(text, "{key:18} {shown}")
            .map_err(|e| Error::new(ErrorKind::Internal, "text", e.to_string()))?;
    }
    terminal::print(&text)
}
