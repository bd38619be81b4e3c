//! A verification: its terms, and what it reports.

use attestlm::profile::Profile;
use attestlm::receipt::{Finish, Kind};
use attestlm::verdict::Verdict;
use serde_json::{json, Value};

use super::form::{
    address_of_a_person, boolean, bytes32, bytes32_not_zero, closed, count, field, integer, list, nullable,
    one_of, only, optional, text, uint32, uint64_or_number, whole,
};
use super::request::{contract_domain, seed};
use crate::Failure;

/// The last finish of a generated receipt.
const LAST: u8 = Finish::Cancelled as u8;

/// Names of the ways in which a generated output ends.
pub fn finishes() -> Result<Vec<&'static str>, Failure> {
    (0..=LAST).map(|number| Ok(Finish::try_from(number)?.name())).collect()
}

pub fn terms() -> Result<Value, Failure> {
    let names: Vec<String> = finishes()?.iter().map(|name| name.replace(' ', "[ -]")).collect();
    let finish = json!({ "anyOf": [
        integer(0, LAST.into()),
        { "type": "string", "pattern": format!("^(?:[+]?0*[0-{LAST}]|{})$", names.join("|")) },
    ] });
    let profile =
        json!({ "anyOf": [one_of(Profile::choices()), { "type": "string", "pattern": "/" }, bytes32()] });
    Ok(closed(
        &[],
        [
            optional("signer", "Who must have signed: an address of 20 bytes.", address_of_a_person()),
            optional("model", "SHA-256 of the GGUF that must have run, 32 bytes.", bytes32()),
            optional(
                "adapter",
                "SHA-256 of the adapter that must have been applied, 32 bytes; zero: none.",
                bytes32(),
            ),
            optional("sampler", "Hash of the sampler record, 32 bytes.", bytes32()),
            optional("context", "The job the receipt must be for, 32 bytes.", bytes32()),
            optional(
                "domain",
                "The contract the receipt must be signed for, or that it is for none.",
                json!({ "anyOf": [contract_domain(), { "const": "none" }] }),
            ),
            optional(
                "issuedFrom",
                "The first second, Unix time, at which it may say that it was issued.",
                uint64_or_number(),
            ),
            optional("issuedUntil", "The last such second, not before `issuedFrom`.", uint64_or_number()),
            optional("seed", "The seed: 32 bytes as 0x hex, or a whole number below 2^64.", seed(&[])),
            optional(
                "clientEntropy",
                "The client's entropy, of which the seed must be made: rule 1.",
                bytes32(),
            ),
            optional(
                "providerCommitment",
                "What the provider had published of its secret, of which the seed must be made: rule 1.",
                bytes32(),
            ),
            optional("beacon", "The beacon, of which the seed must be made: rule 2.", bytes32()),
            optional("nonce", "The request's nonce, 32 bytes, not all zero.", bytes32_not_zero()),
            optional(
                "profile",
                "A whole profile id or its hash, or the name of one of this release's.",
                profile,
            ),
            optional("finish", "How the output must have ended: its name, or its number of 0 to 5.", finish),
            optional(
                "scored",
                "Whether a scored receipt is wanted; false if absent: it is invalid.",
                boolean(),
            ),
            optional("allowPrefix", "Whether a cancelled output is acceptable; false if absent.", boolean()),
            optional(
                "tolerant",
                "Whether to compare with tolerance where bits cannot be; false if absent.",
                boolean(),
            ),
            optional("signatureOnly", "Whether to replay nothing; false if absent.", boolean()),
            optional(
                "threads",
                "Worker threads of the replay; absent or 0: as many as affinity and cgroup quota allow.",
                uint32(),
            ),
        ],
    ))
}

pub fn report() -> Value {
    let word = || String::new();
    // Each with the members that belong to it.
    let verdicts: [(Verdict, &[&str]); 6] = [
        (Verdict::Verified { prefix_only: false }, &["prefixOnly"]),
        (Verdict::Diverged { position: None, what: word() }, &["position", "what"]),
        (Verdict::Invalid { what: word() }, &["what"]),
        (Verdict::Unverifiable { why: word() }, &["why"]),
        (Verdict::Consistent { score: 0.0 }, &["score"]),
        (Verdict::Inconsistent { score: 0.0 }, &["score"]),
    ];
    let members = ["prefixOnly", "position", "what", "why", "score"];
    let mut verdict = closed(
        &["name"],
        [
            field("name", "The verdict.", one_of(verdicts.iter().map(|(verdict, _)| verdict.name()))),
            field("prefixOnly", "Of `verified`: whether the output was cancelled, and only its prefix claimed.", boolean()),
            field("position", "Of `diverged`: the first output token that differs, from 0, or null.", nullable(count())),
            field("what", "Of `diverged`: what differs; of `invalid`: what is wrong, by field.", text()),
            field("why", "Of `unverifiable`: why it cannot be checked here.", text()),
            field(
                "score",
                "Of `consistent` and `inconsistent`: the mean clipped distance of the tokens, 0 and up; null: infinite.",
                json!({ "type": ["number", "null"], "minimum": 0 }),
            ),
        ],
    );
    let form = |(verdict, present): &(Verdict, &[&str])| {
        let absent: Vec<&str> = members.into_iter().filter(|member| !present.contains(member)).collect();
        let mut form = only(present, &absent);
        form["properties"]["name"] = json!({ "const": verdict.name() });
        form
    };
    verdict["oneOf"] = verdicts.iter().map(form).collect();
    whole(vec![
        field("verdict", "The verdict, and what belongs to it.", verdict),
        field(
            "kind",
            "0 generated, 1 scored; null if the receipt could not be read.",
            one_of([json!(Kind::Generated as u8), json!(Kind::Scored as u8), Value::Null]),
        ),
        field(
            "signer",
            "The signer's address with its EIP-55 checksum; null unless the signature was found good.",
            nullable(address_of_a_person()),
        ),
        field(
            "digest",
            "The receipt's EIP-712 digest, 32 bytes; null if it could not be read.",
            nullable(bytes32()),
        ),
        field("compared", "What was compared, in order.", list(text())),
        field("notCompared", "What was not compared, and why.", list(text())),
    ])
}
