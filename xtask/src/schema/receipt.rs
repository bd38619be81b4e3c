//! The receipt document.

use attestlm::abi::ZERO;
use attestlm::commitment::ContextInputs;
use attestlm::policy::limits;
use attestlm::receipt::{
    sampler_record, Domain, Finish, Kind, Receipt, DOMAIN_NAME, DOMAIN_VERSION, MAX_SIGNATURE,
};
use serde_json::{json, Value};

use super::form::{
    address, address_not_zero, boolean, bytes32, bytes32_not_zero, canonical_real, closed, field, integer,
    list, list_up_to, nullable, one_of, only, signature, text, text_up_to, uint32, uint64, whole, Field,
};
use super::request;
use crate::Failure;

pub fn document() -> Result<Value, Failure> {
    let mut fields = statement()?;
    fields.extend([
        field(
            "signature",
            "The signer's over the EIP-712 digest: 65 bytes, r, s and v, or, for a contract, whatever a contract wallet takes for one, \
             at most 8192 bytes; absent while it is still to be made.",
            json!({ "anyOf": [signature(), { "type": "string", "pattern": format!("^0x(?:[0-9a-f]{{2}}){{0,{MAX_SIGNATURE}}}$") }] }),
        ),
        field("signer", "The same 20 bytes as `message.signer`.", address()),
        field("disclosure", "What a verifier needs besides; every part may be withheld.", disclosure()?),
    ]);
    let mut form = closed(&["types", "primaryType", "domain", "message", "signer"], fields);
    // Without a contract there is no wallet to ask.
    form["if"] = json!({ "properties": { "domain": { "not": { "required": ["chainId"] } } } });
    form["then"] = json!({ "properties": { "signature": signature() } });
    Ok(form)
}

pub fn typed_data() -> Result<Value, Failure> {
    Ok(whole(statement()?))
}

/// What is signed.
fn statement() -> Result<Vec<Field>, Failure> {
    let plain = example(&Domain::None)?;
    let contract = example(&Domain::Contract { chain_id: 1, verifying_contract: [1; 20] })?;
    let mut domain = closed(
        &["name", "version"],
        [
            field("name", "The domain's name.", json!({ "const": DOMAIN_NAME })),
            field("version", "The domain's version.", json!({ "const": DOMAIN_VERSION })),
            field("chainId", "The EIP-155 chain id, 1 to 2^53 - 1.", integer(1, Domain::MAX_CHAIN_ID)),
            field(
                "verifyingContract",
                "The address of the verifier there, 20 bytes, not zero.",
                address_not_zero(),
            ),
        ],
    );
    domain["dependentRequired"] =
        json!({ "chainId": ["verifyingContract"], "verifyingContract": ["chainId"] });
    let fields = plain["types"]["Receipt"].as_array().ok_or("no types")?;
    let message = fields.iter().map(|entry| {
        let name = entry["name"].as_str().unwrap_or_default();
        let form = match (name, entry["type"].as_str().unwrap_or_default()) {
            ("kind", _) => one_of([Kind::Generated as u8, Kind::Scored as u8]),
            ("finish", _) => one_of((0..=u8::MAX).filter(|number| Finish::try_from(*number).is_ok())),
            (_, "bytes32") => bytes32(),
            (_, "uint32") => uint32(),
            (_, "uint64") => uint64(),
            (_, "address") => address(),
            (_, other) => return Err(format!("no form for {name}, a {other}")),
        };
        Ok(field(name, meaning(name)?, form))
    });
    Ok(vec![
        field(
            "types",
            "The EIP-712 types, those of the domain; compared, never used.",
            one_of([plain["types"].clone(), contract["types"].clone()]),
        ),
        field("primaryType", "The EIP-712 primary type.", json!({ "const": plain["primaryType"] })),
        field("domain", "What the signature is meant for: nothing, or the verifier of one chain.", domain),
        field("message", "The signed statement.", whole(message.collect::<Result<_, _>>()?)),
    ])
}

/// The typed data of some receipt, for its types.
fn example(domain: &Domain) -> Result<Value, Failure> {
    let receipt = Receipt {
        kind: Kind::Generated,
        model: ZERO,
        adapter: ZERO,
        profile: ZERO,
        sampler: ZERO,
        seed: ZERO,
        request: ZERO,
        prompt: ZERO,
        output: ZERO,
        trace: ZERO,
        steps: ZERO,
        prompt_count: 0,
        output_count: 0,
        finish: Finish::EndOfGeneration,
        issued_at: 0,
        context: ZERO,
        signer: [0; 20],
    };
    Ok(serde_json::from_str(&receipt.to_typed_data(domain)?)?)
}

fn meaning(field: &str) -> Result<&'static str, String> {
    Ok(match field {
        "kind" => "0 generated; 1 scored: the output was given.",
        "model" => "SHA-256 of the GGUF file.",
        "adapter" => "SHA-256 of the LoRA GGUF, or zero.",
        "profile" => "keccak256 of the execution profile's id.",
        "sampler" => "Hash of the sampler record; zero when scored.",
        "seed" => "Commitment to the seed; zero when greedy or scored.",
        "request" => "Commitment to the request.",
        "prompt" => "Commitment to the prompt's tokens.",
        "output" => "Commitment to the output's tokens.",
        "trace" => "Root over the output's tokens and logits digests.",
        "steps" => "Root over the output's steps; zero when scored.",
        "promptCount" => "Number of prompt tokens.",
        "outputCount" => "Number of output tokens.",
        "finish" => "Why the output ended: 0 to 5, or 255 when scored.",
        "issuedAt" => "Unix time in seconds, as the signer says.",
        "context" => "The job the receipt is for, or zero.",
        "signer" => "The account whose signature counts.",
        other => return Err(format!("no meaning for {other}")),
    })
}

pub fn shown() -> Value {
    let mut steps = list(uint32());
    steps["minItems"] = 1.into();
    whole(vec![field("steps", "Indices of the steps that stay readable.", steps)])
}

fn disclosure() -> Result<Value, Failure> {
    let salts = ["request", "prompt", "output", "trace", "steps", "seed"];
    let mut some_salts =
        closed(&[], salts.map(|salt| field(salt, format!("The salt of `{salt}`."), bytes32())));
    some_salts["minProperties"] = 1.into();
    let mut seed_inputs = closed(
        &["rule"],
        [
            field("rule", "The seed rule.", one_of([1, 2])),
            field("clientEntropy", "The client's 32 random bytes, with rule 1.", bytes32()),
            field("providerSecret", "The provider's 32 random bytes, with rule 1.", bytes32()),
            field("context", "The receipt's context, with rule 2.", bytes32()),
            field("beacon", "The beacon's 32 bytes, with rule 2.", bytes32()),
        ],
    );
    let rule = |rule: u8, present: &[&str], absent: &[&str]| {
        let mut form = only(present, absent);
        form["properties"]["rule"] = json!({ "const": rule });
        form
    };
    let (first, second) = (["clientEntropy", "providerSecret"], ["context", "beacon"]);
    seed_inputs["oneOf"] = json!([rule(1, &first, &second), rule(2, &second, &first)]);
    let mut proofs = list(step(super::proof::of_step().into()));
    proofs["minItems"] = 1.into();
    let mut form = closed(
        &["stream"],
        [
            field("profile", "The execution profile's readable id.", text()),
            field(
                "sampler",
                "The sampler record, or one of a later version; absent when scored.",
                json!({ "type": "object" }),
            ),
            field("seed", "The 32-byte seed; absent when greedy or scored.", bytes32()),
            field("seedInputs", "What the seed rule was fed; absent for rule 0.", json!({})),
            field("stream", "The choice's index, a uint32; 0 when there is one.", uint32()),
            field("nonce", "What every salt is derived from: 32 bytes, not zero.", bytes32_not_zero()),
            field("salts", "Instead of the nonce: the salts of what is shown.", some_salts),
            field("request", "The canonical request.", request::canonical()),
            field("promptTokens", "The prompt's token ids.", list(uint32())),
            field("outputTokens", "The output's token ids.", list(uint32())),
            field("steps", "The output's steps; absent when scored.", list(step(Vec::new()))),
            field(
                "stepProofs",
                "Instead of `steps`: some of them, each with its proof, by rising index.",
                proofs,
            ),
            field(
                "contextInputs",
                "What `context` hashes; absent where it is zero.",
                whole(context_inputs()),
            ),
        ],
    );
    // A record of a later version may have any members, and inputs of its seed rule besides.
    let version = json!({ "type": "integer", "minimum": sampler_record::VERSION + 1, "maximum": u32::MAX });
    form["if"] = json!({
        "required": ["sampler"],
        "properties": { "sampler": { "required": ["version"], "properties": { "version": version } } },
    });
    form["else"] = json!({
        "properties": { "sampler": sampler()?, "seedInputs": seed_inputs },
        "dependentRequired": { "seedInputs": ["seed"] },
    });
    form["not"] =
        json!({ "anyOf": [{ "required": ["nonce", "salts"] }, { "required": ["steps", "stepProofs"] }] });
    Ok(form)
}

/// The inputs of a receipt's context, in their one form.
fn context_inputs() -> Vec<Field> {
    vec![
        field(
            "chainId",
            "The job's chain, at most 2^53 - 1; 0: none.",
            integer(0, ContextInputs::MAX_CHAIN_ID),
        ),
        field("contract", "The contract that settles the job, 20 bytes; zero: none.", address()),
        field("jobId", "The job's id there; zero: none.", bytes32()),
        field("previousDigest", "The digest of the receipt this one follows; zero: none.", bytes32()),
    ]
}

/// A step: its members, besides `others`.
pub fn step(mut others: Vec<Field>) -> Value {
    others.extend([
        field("index", "Its place among the steps, from 0.", uint32()),
        field("kind", "0 answer, 1 reasoning.", one_of([0, 1])),
        field("firstToken", "Its first output token.", uint32()),
        field("endToken", "The output token after its last.", uint32()),
    ]);
    let names: Vec<String> = others.iter().map(|(name, _)| name.clone()).collect();
    others.extend([
        field("text", "Its text.", text()),
        field(
            "textHex",
            "Its text's bytes in lower-case hex, if they are not UTF-8.",
            json!({ "type": "string", "pattern": "^0x(?:[0-9a-f]{2})+$" }),
        ),
    ]);
    let mut form = closed(&names.iter().map(String::as_str).collect::<Vec<_>>(), others);
    form["oneOf"] = json!([only(&["text"], &["textHex"]), only(&["textHex"], &["text"])]);
    form
}

fn sampler() -> Result<Value, Failure> {
    let penalty = || canonical_real(-limits::PENALTY, limits::PENALTY);
    let bias = whole(vec![
        field("token", "The token's id, a uint32.", uint32()),
        field(
            "bias",
            "What is added to its logit, -10000 to 10000.",
            canonical_real(-limits::LOGIT_BIAS, limits::LOGIT_BIAS)?,
        ),
    ]);
    let grammar = whole(vec![
        field("kind", "What form the text has.", one_of(["jsonSchema", "gbnf"])),
        field(
            "text",
            format!("The grammar, 1 to {} bytes.", limits::GRAMMAR_BYTES),
            text_up_to(limits::GRAMMAR_BYTES),
        ),
        field(
            "engine",
            format!("Id and version of what reads it, 1 to {} bytes.", limits::GRAMMAR_ENGINE_BYTES),
            text_up_to(limits::GRAMMAR_ENGINE_BYTES),
        ),
    ]);
    let segmenter = whole(vec![
        field("id", "Which segmenter, a uint32: `docs/spec/steps-1.md`.", uint32()),
        field(
            "markers",
            format!(
                "At most {} of 1 to {} bytes; none for segmenter 0, two for 1 and 2.",
                limits::MARKERS,
                limits::MARKER_BYTES
            ),
            list_up_to(limits::MARKERS, text_up_to(limits::MARKER_BYTES)),
        ),
    ]);
    let mut bans = list_up_to(limits::BANS, uint32());
    bans["uniqueItems"] = true.into();
    Ok(whole(vec![
        field("version", "The record's version.", json!({ "const": sampler_record::VERSION })),
        field("temperature", "0 to 100; 0 is greedy.", canonical_real(0, limits::TEMPERATURE)?),
        field("topK", "How many of the largest logits are kept, a uint32; 0: all.", uint32()),
        field("topP", "The probability kept, above 0 and at most 1.", canonical_real(1, 1_000_000)?),
        field("minP", "The relative weight kept, 0 to 1.", canonical_real(0, 1_000_000)?),
        field(
            "repeatPenalty",
            "Above 0 and at most 100; 1: off.",
            canonical_real(1, limits::REPEAT_PENALTY)?,
        ),
        field("presencePenalty", "-100 to 100; 0: off.", penalty()?),
        field("frequencyPenalty", "-100 to 100; 0: off.", penalty()?),
        field(
            "penaltyWindow",
            format!("How many last tokens the penalties look at, 0 to {}.", limits::PENALTY_WINDOW),
            integer(0, limits::PENALTY_WINDOW.into()),
        ),
        field(
            "logitBias",
            format!("At most {} biases, by strictly rising token.", limits::LOGIT_BIASES),
            list_up_to(limits::LOGIT_BIASES, bias),
        ),
        field("bans", format!("At most {} token ids, strictly rising.", limits::BANS), bans),
        field("grammar", "The constraint on the output's text; null: none.", nullable(grammar)),
        field("ignoreEog", "Whether end-of-generation tokens are never drawn.", boolean()),
        field(
            "stop",
            format!("At most {} stop strings of 1 to {} bytes.", limits::STOPS, limits::STOP_BYTES),
            list_up_to(limits::STOPS, text_up_to(limits::STOP_BYTES)),
        ),
        field("maxTokens", format!("1 to {} tokens.", limits::TOKENS), integer(1, limits::TOKENS.into())),
        field("contextTokens", format!("1 to {} tokens.", limits::TOKENS), integer(1, limits::TOKENS.into())),
        field(
            "choices",
            format!("1 to {}; 1 when greedy.", limits::CHOICES),
            integer(1, limits::CHOICES.into()),
        ),
        field("seedRule", "How the seed was made, 0 to 2; 0 when greedy.", integer(0, 2)),
        field("segmenter", "How the output is cut into steps.", segmenter),
    ]))
}
