//! `attestlm key`.

use attestlm::signer::keystore::{self, KeystoreCost};
use attestlm::signer::{format_address, KeySigner, Signer};
use serde_json::json;

use crate::args::KeyCommand;
use crate::fail::{Outcome, Status};
use crate::{files, password, terminal};

pub fn run(command: &KeyCommand, as_json: bool) -> Outcome {
    let (address, path) = match command {
        KeyCommand::New { keystore: path, light } => {
            files::check_new(path)?;
            let password = password::new()?;
            let key = KeySigner::random()?;
            let cost = if *light { KeystoreCost::LIGHT } else { KeystoreCost::STANDARD };
            keystore::save_new(path, &key, &password, cost)?;
            (key.address(), path)
        }
        KeyCommand::Address { keystore: path } => {
            let text = keystore::read(path)?;
            (keystore::decrypt(&text, &password::existing()?)?.address(), path)
        }
    };
    let address = format_address(&address);
    if as_json {
        terminal::print_json(&json!({ "address": address, "keystore": path.display().to_string() }))?;
    } else {
        terminal::print(&format!("{address}\n"))?;
    }
    Ok(Status::Done)
}
