//! Pinned digests: what every build on every machine must compute for each family and weight type.
//!
//! They came out of one build, gcc's; no independent source exists for a random model's logits. Every other
//! build, by another compiler or of another day, must agree: a change of one bit anywhere changes them.

use std::collections::BTreeMap;

use attestlm::hex;
use attestlm::session::SessionOptions;
use attestlm_proof::{model, receipt, request, tokens, Failure};
use attestlm_testkit::LoraSpec;
use serde_json::json;

use crate::family::Family;
use crate::matrix::attesting;
use crate::profile::{base, types};

const PINNED: &str = include_str!("digests.txt");

/// `family type` and the trace root of one answer, for every family and type.
pub fn compute() -> Result<BTreeMap<String, String>, Failure> {
    let mut digests = BTreeMap::new();
    for family in Family::ALL {
        for kind in types() {
            let spec = family.spec(kind);
            let model = model(&spec)?;
            let adapter = attestlm_proof::adapter(&LoraSpec::default(), &spec, &model)?;
            let options = SessionOptions { threads: Some(1), context_tokens: 512, ..base() };
            let mut roots = Vec::new();
            for adapter in [None, Some(adapter)] {
                let mut session = attesting(&model, &SessionOptions { adapter, ..options.clone() })?;
                let request = request(json!({
                    "promptTokens": tokens(150, 6), "maxTokens": 24, "contextTokens": 512,
                    "temperature": 0.8, "topP": 0.95, "ignoreEog": true,
                }))?;
                roots.extend(receipt(&mut session, &request)?.receipt.trace);
            }
            let digest = attestlm::abi::keccak256(&roots);
            digests.insert(format!("{} {}", family.name(), kind.name()), hex::encode(&digest));
        }
    }
    Ok(digests)
}

/// The pinned ones.
pub fn pinned() -> Result<BTreeMap<String, String>, Failure> {
    PINNED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, digest) = line.rsplit_once(' ').ok_or("digests.txt: a line without a digest")?;
            Ok((name.to_owned(), digest.to_owned()))
        })
        .collect()
}

/// The text of the file.
pub fn to_text(digests: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# Written by `exactness --write-digests`: family, weight type, keccak256 of two trace roots (without and with an adapter).\n",
    );
    for (name, digest) in digests {
        text += &format!("{name} {digest}\n");
    }
    text
}
