//! Pinned digests: what every build on every machine must compute for each family and weight type.
//!
//! They came out of one build, gcc's; no independent source exists for a random model's logits. Every other
//! build, by another compiler or of another day, must agree: a change of one bit anywhere changes them.

use std::collections::BTreeMap;

use attestlm::hex;
use attestlm::profile::Profile;
use attestlm::session::SessionOptions;
use attestlm_proof::{model, receipt, request, tokens, Failure};
use attestlm_testkit::LoraSpec;
use serde_json::json;

use crate::family::Family;
use crate::matrix::attesting;
use crate::profile::{base, pinned_digests, proven, types};

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
    let (file, text) = pinned_digests();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, digest) =
                line.rsplit_once(' ').ok_or_else(|| format!("{file}: a line without a digest"))?;
            Ok((name.to_owned(), digest.to_owned()))
        })
        .collect()
}

/// The text of the file.
pub fn to_text(digests: &BTreeMap<String, String>) -> String {
    let option = if proven() == Profile::Exact2 { " --exact-2" } else { "" };
    let mut text = format!(
        "# Written by `exactness{option} --write-digests`: family, weight type, keccak256 of two trace roots (without and with an adapter).\n",
    );
    for (name, digest) in digests {
        text += &format!("{name} {digest}\n");
    }
    text
}
