//! The command `attestlm`: turns flags into the library's calls and its results into text.

mod anchor;
mod args;
mod disclose;
mod fail;
mod files;
mod inspect;
mod interrupt;
mod key;
mod load;
mod model;
mod password;
mod profile;
mod request;
mod run;
mod score;
mod signing;
mod steps;
mod terminal;
mod verify;

use std::process::ExitCode;

use clap::error::ErrorKind as UsageKind;
use clap::Parser;

use args::{Cli, Command};
use attestlm::kernels::Isa;
use fail::{Failure, Outcome, Status};

fn main() -> ExitCode {
    // A fault of ours is one line too: a backtrace could show a prompt.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!(" ({}:{})", l.file(), l.line())).unwrap_or_default();
        terminal::note(&format!("internal: a fault of this program, please report it{place}"));
    }));
    let outcome = std::panic::catch_unwind(|| match Cli::try_parse() {
        Ok(cli) => dispatch(&cli),
        Err(error) => usage(&error),
    });
    let status = match outcome {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => {
            if let Some(line) = failure.line() {
                terminal::note(&line);
            }
            failure.status()
        }
        Err(_) => Status::Failed,
    };
    status.into()
}

fn dispatch(cli: &Cli) -> Outcome {
    // For trials: what is computed does not depend on it.
    if let Some(name) = std::env::var("ATTESTLM_ISA").ok().filter(|name| !name.is_empty()) {
        Isa::from_name(&name).and_then(Isa::choose).map_err(|error| {
            Failure::Error(attestlm::Error::new(error.kind(), "ATTESTLM_ISA", error.message()))
        })?;
    }
    match &cli.command {
        Command::Run(args) => run::run(args, cli.json),
        Command::Verify(args) => verify::run(args, cli.json),
        Command::Inspect(args) => inspect::run(args, cli.json),
        Command::Steps(args) => steps::run(args, cli.json),
        Command::Disclose(args) => disclose::run(args),
        Command::Anchor { command } => anchor::run(command),
        Command::Key { command } => key::run(command, cli.json),
        Command::Model { command } => model::run(command, cli.json),
        Command::Profile(args) => profile::run(args, cli.json),
        Command::Score(args) => score::run(args, cli.json),
    }
}

/// Help and version go to standard output; a wrong command line is one line, like every error.
fn usage(error: &clap::Error) -> Outcome {
    if matches!(error.kind(), UsageKind::DisplayHelp | UsageKind::DisplayVersion) {
        terminal::print(&error.render().to_string())?;
        return Ok(Status::Done);
    }
    let text = error.render().to_string();
    // The first paragraph says what is wrong; the others repeat the help.
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = first.strip_prefix("error: ").unwrap_or(&first);
    Err(Failure::Error(attestlm::Error::argument("usage", format!("{first} (see `attestlm --help`)"))))
}
