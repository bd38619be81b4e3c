//! `attestlm key`.

use attestlm::commitment::provider_commitment;
use attestlm::hex;
use attestlm::signer::keystore::{self, KeystoreCost};
use attestlm::signer::{format_address, parse_address, KeySigner, Signer};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::KeyCommand;
use crate::fail::{Outcome, Status};
use crate::request::value_or_file;
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
        KeyCommand::Commit { secret, signer } => return commit(secret, signer, as_json),
    };
    let address = format_address(&address);
    if as_json {
        terminal::print_json(&json!({ "address": address, "keystore": path.display().to_string() }))?;
    } else {
        terminal::print(&format!("{address}\n"))?;
    }
    Ok(Status::Done)
}

fn commit(secret: &str, signer: &str, as_json: bool) -> Outcome {
    let text = Zeroizing::new(value_or_file(secret)?);
    let secret = Zeroizing::new(hex::decode_array("secret", &text)?);
    let commitment = provider_commitment(&parse_address("signer", signer)?, &secret);
    let commitment = hex::encode(&commitment);
    if as_json {
        terminal::print_json(&json!({ "providerCommitment": commitment }))?;
    } else {
        terminal::print(&format!("{commitment}\n"))?;
    }
    Ok(Status::Done)
}
