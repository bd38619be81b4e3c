//! `attestlm model`.

use std::fmt::Write as _;
use std::path::Path;

use attestlm::gguf::{self, GgufFile, ModelHeader};
use attestlm::hex;
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::{Error, ErrorKind, Result};
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
    let (header, sha256) = match path {
        Some(path) => read(path, interrupt)?,
        None => {
            let model = Model::bundled()?;
            (model.header().clone(), model.sha256())
        }
    };
    let description = describe(&header, &sha256);
    print(&description, as_json)?;
    Ok(Status::Done)
}

/// Header and hash of a file, without loading it.
fn read(path: &Path, interrupt: &Interrupt) -> Result<(ModelHeader, [u8; 32])> {
    let file = GgufFile::open(path)?;
    let header = gguf::validate_model(&file)?;
    let mut progress = Progress::new();
    let scan = gguf::scan(&file, &mut |done, total| {
        progress.show("hashing", done, total);
        !interrupt.is_raised()
    })?;
    Ok((header, scan.sha256))
}

fn check(path: Option<&Path>, as_json: bool, interrupt: &Interrupt) -> Outcome {
    let model = load::model(path, interrupt)?;
    let mut description = describe(model.header(), &model.sha256());
    let mut status = Status::Done;
    for profile in Profile::ALL {
        let refusal = model.check_attestable(profile).err();
        if profile.is_exact() && refusal.is_some() {
            status = Status::Unsupported;
        }
        let answer =
            refusal.map_or_else(|| Value::from("yes"), |why| format!("no: {}", why.message()).into());
        description.push((attestable_key(profile), answer));
    }
    if let Err(why) = model.template() {
        description.push(("chatTemplateError", why.to_string().into()));
    }
    print(&description, as_json)?;
    Ok(status)
}

fn attestable_key(profile: Profile) -> &'static str {
    match profile {
        Profile::Exact1 => "attestableExact",
        Profile::Fast1 => "attestableFast",
    }
}

fn describe(header: &ModelHeader, sha256: &[u8; 32]) -> Vec<(&'static str, Value)> {
    let mut rows = vec![("sha256", hex::encode(sha256).into())];
    rows.extend(header.describe());
    rows
}

fn print(rows: &[(&'static str, Value)], as_json: bool) -> std::result::Result<(), crate::fail::Failure> {
    if as_json {
        let object: serde_json::Map<String, Value> =
            rows.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        return terminal::print_json(&Value::Object(object));
    }
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
