//! A request, and what a receipt commits to of it.

use attestlm::commitment::ContextInputs;
use attestlm::policy::{limits as policy, SamplingPolicy};
use attestlm::receipt::Domain;
use attestlm::request::{limits, MAX_LOGPROBS};
use serde_json::{json, Value};

use super::form::{
    address_of_a_person, boolean, bytes32, bytes32_not_zero, closed, decimal, field, integer, list_up_to,
    nullable, only_given, optional, real, text, text_up_to, uint32, uint64_or_number, up_to, whole, Field,
};
use crate::Failure;

pub fn request() -> Result<Value, Failure> {
    let mut fields = content();
    fields.extend(sampling()?);
    fields.extend(binding());
    let mut form = closed(&[], fields);
    let input = |input: &str| {
        let others: Vec<&str> = INPUTS.into_iter().filter(|other| *other != input).collect();
        // Only a chat template uses them.
        let template: &[&str] = if input == "messages" { &[] } else { &["tools", "date"] };
        let mut form = only_given(&[input], &[&others, template].concat());
        if input == "promptTokens" {
            form["properties"]["parseSpecial"] = json!({ "enum": [false, null] });
        }
        form
    };
    let rule = |rule: u8, given: &[&str], others: &[&str]| {
        let mut form = only_given(&[&["seedRule"], given].concat(), others);
        form["properties"]["seedRule"] = json!({ "const": rule });
        form
    };
    let mut no_rule = only_given(&[], &["clientEntropy", "providerSecret", "beacon"]);
    no_rule["properties"]["seedRule"] = json!({ "enum": [0, null] });
    form["allOf"] = json!([
        { "oneOf": INPUTS.map(input) },
        { "not": only_given(&["schema", "grammar"], &[]) },
        { "oneOf": [
            no_rule,
            rule(1, &["clientEntropy", "providerSecret"], &["beacon", "seed"]),
            rule(2, &["beacon"], &["clientEntropy", "providerSecret", "seed"]),
        ] },
    ]);
    Ok(form)
}

const INPUTS: [&str; 3] = ["messages", "prompt", "promptTokens"];

/// The three inputs, of which one is given.
fn inputs() -> [Field; 3] {
    // Unicode's Cc.
    let role = json!({ "type": "string", "minLength": 1, "maxLength": limits::ROLE_BYTES,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" });
    let message = whole(vec![
        field(
            "role",
            format!("Who speaks: 1 to {} bytes without control characters.", limits::ROLE_BYTES),
            role,
        ),
        field(
            "content",
            format!("What is said; all contents together at most {} bytes.", limits::TEXT_BYTES),
            json!({ "type": "string", "maxLength": limits::TEXT_BYTES }),
        ),
    ]);
    let not_empty = |mut form: Value| {
        form["minItems"] = 1.into();
        form
    };
    [
        field(
            "messages",
            format!(
                "A conversation of 1 to {} messages, rendered by the model's chat template.",
                limits::MESSAGES
            ),
            not_empty(list_up_to(limits::MESSAGES, message)),
        ),
        field(
            "prompt",
            format!("Text of 1 to {} bytes, tokenized as it is.", limits::TEXT_BYTES),
            text_up_to(limits::TEXT_BYTES),
        ),
        field(
            "promptTokens",
            format!("1 to {} token ids, taken as they are.", limits::PROMPT_TOKENS),
            not_empty(list_up_to(limits::PROMPT_TOKENS, uint32())),
        ),
    ]
}

fn date() -> Value {
    // From year 1.
    const YEAR: &str = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)";
    json!({ "type": "string", "format": "date",
        "pattern": format!("^{YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$") })
}

/// What decides the prompt.
fn content() -> Vec<Field> {
    let mut fields: Vec<Field> = inputs().into_iter().map(|(name, form)| (name, nullable(form))).collect();
    fields.extend([
        field(
            "tools",
            format!(
                "Any JSON, handed to the chat template; at most {} bytes in canonical form and {} levels.",
                limits::TOOLS_BYTES,
                limits::TOOLS_DEPTH
            ),
            json!({}),
        ),
        optional("date", "The day a chat template may write, `YYYY-MM-DD`.", date()),
        optional(
            "parseSpecial",
            "Whether control tokens in contents are read as such; false if absent: they are refused.",
            boolean(),
        ),
    ]);
    fields
}

/// What is drawn, and until when.
fn sampling() -> Result<Vec<Field>, Failure> {
    let default = SamplingPolicy::default();
    let penalty = || real(-policy::PENALTY, policy::PENALTY);
    let token = json!({ "pattern": format!("^(?:{})$", up_to(u32::MAX.into())) });
    let mut bans = list_up_to(policy::BANS, uint32());
    bans["uniqueItems"] = true.into();
    let stop = list_up_to(policy::STOPS, text_up_to(policy::STOP_BYTES));
    let source = json!({ "type": ["object", "boolean", "string", "null"], "minLength": 1, "maxLength": policy::GRAMMAR_BYTES });
    Ok(vec![
        optional("temperature", "0 to 100; 0, if absent, is greedy.", real(0, policy::TEMPERATURE)?),
        optional("topK", "Keep this many of the largest logits, a uint32; 0, if absent: all.", uint32()),
        optional(
            "topP",
            "Keep the smallest set of this probability, above 0 and at most 1; 1, if absent: all.",
            real(1, 1_000_000)?,
        ),
        optional("minP", "Keep tokens of this relative weight, 0 to 1; 0, if absent: all.", real(0, 1_000_000)?),
        optional(
            "repeatPenalty",
            "Divides the logits of repeated tokens, above 0 and at most 100; 1, if absent: off.",
            real(1, policy::REPEAT_PENALTY)?,
        ),
        optional(
            "presencePenalty",
            "Subtracted once from the logit of a repeated token, -100 to 100; 0, if absent: off.",
            penalty()?,
        ),
        optional(
            "frequencyPenalty",
            "Subtracted for each repetition of a token, -100 to 100; 0, if absent: off.",
            penalty()?,
        ),
        optional(
            "penaltyWindow",
            format!(
                "How many last tokens the penalties look at, 0 to {}; {} if absent.",
                policy::PENALTY_WINDOW,
                default.penalty_window
            ),
            integer(0, policy::PENALTY_WINDOW.into()),
        ),
        optional(
            "logitBias",
            format!(
                "What is added to logits, by token id: at most {} entries of -10000 to 10000.",
                policy::LOGIT_BIASES
            ),
            json!({ "type": "object", "maxProperties": policy::LOGIT_BIASES, "propertyNames": token,
                "additionalProperties": real(-policy::LOGIT_BIAS, policy::LOGIT_BIAS)? }),
        ),
        optional("bans", format!("Token ids that are never drawn, at most {}, none twice.", policy::BANS), bans),
        optional(
            "stop",
            format!("At most {} strings that end the answer, of 1 to {} bytes.", policy::STOPS, policy::STOP_BYTES),
            stop,
        ),
        field(
            "schema",
            format!(
                "A JSON schema that the output follows, or the text of one, at most {} bytes; not with `grammar`.",
                policy::GRAMMAR_BYTES
            ),
            source,
        ),
        optional(
            "grammar",
            format!("GBNF that the output follows, 1 to {} bytes.", policy::GRAMMAR_BYTES),
            text_up_to(policy::GRAMMAR_BYTES),
        ),
        optional("ignoreEog", "Whether to go on at an end-of-generation token; false if absent.", boolean()),
        optional(
            "maxTokens",
            format!("The longest output, 1 to {} tokens; {} if absent.", policy::TOKENS, default.max_tokens),
            integer(1, policy::TOKENS.into()),
        ),
        optional(
            "contextTokens",
            format!("The longest prompt and output, 1 to {} tokens; the session's if absent.", policy::TOKENS),
            integer(1, policy::TOKENS.into()),
        ),
        optional(
            "choices",
            format!("Answers to draw, 1 to {}; 1 if absent, and at temperature 0.", policy::CHOICES),
            integer(1, policy::CHOICES.into()),
        ),
        optional(
            "steps",
            format!(
                "How the output is cut into steps: false, the whole is the answer; or two markers, of 1 to {} bytes, what \
                 opens reasoning and what closes it. The model's, if absent.",
                policy::MARKER_BYTES
            ),
            json!({ "anyOf": [
                { "const": false },
                { "type": "array", "minItems": 2, "maxItems": 2, "items": text_up_to(policy::MARKER_BYTES) },
            ] }),
        ),
    ])
}

/// A seed, or one of these words.
pub fn seed(words: &[&str]) -> Value {
    let words: String = words.iter().map(|word| format!("{word}|")).collect();
    json!({ "anyOf": [
        { "type": "string", "pattern": format!("^(?:{words}0x[0-9a-fA-F]{{64}}|0*(?:{}))$", up_to(u64::MAX)) },
        integer(0, u64::MAX),
    ] })
}

/// A contract and its chain.
pub fn contract_domain() -> Value {
    let chain = json!({ "anyOf": [
        { "type": "string", "pattern": decimal(Domain::MAX_CHAIN_ID)["pattern"], "not": { "const": "0" } },
        integer(1, Domain::MAX_CHAIN_ID),
    ] });
    let mut contract = json!({ "allOf": [address_of_a_person()] });
    contract["not"] = json!({ "const": attestlm::hex::encode(&[0; 20]) });
    whole(vec![
        field("chainId", "The EIP-155 chain id, 1 to 2^53 - 1.", chain),
        field("verifyingContract", "The contract's address, 20 bytes, not zero.", contract),
    ])
}

/// Seed, nonce, and what the receipt is for.
fn binding() -> Vec<Field> {
    vec![
        optional(
            "seed",
            "`0x` and 64 hex digits, a decimal number below 2^64, or `random`; random if absent, none at temperature 0.",
            seed(&["random"]),
        ),
        optional(
            "seedRule",
            "How the seed is made: 0, if absent, `seed`; 1 `clientEntropy` and `providerSecret`; 2 `context` and `beacon`.",
            integer(0, 2),
        ),
        optional("clientEntropy", "The client's 32 random bytes, with `seedRule` 1.", bytes32()),
        optional("providerSecret", "The provider's 32 random bytes, with `seedRule` 1.", bytes32()),
        optional("beacon", "The beacon's 32 bytes, with `seedRule` 2.", bytes32()),
        optional("nonce", "32 bytes, not zero, that salt every commitment; random if absent.", bytes32_not_zero()),
        optional(
            "context",
            "What the receipt is for: 32 bytes, or the inputs they are the hash of; zero, nothing in particular, if absent.",
            json!({ "anyOf": [bytes32(), context_inputs()] }),
        ),
        optional(
            "domain",
            "The contract the receipt is for; none if absent.",
            contract_domain(),
        ),
        optional(
            "logprobs",
            "How many of the likeliest tokens the answer tells at each position, with their log-probabilities; none if absent.",
            integer(0, MAX_LOGPROBS.into()),
        ),
        optional("issuedAt", "Unix time in seconds; the time of signing if absent.", uint64_or_number()),
    ]
}

/// A job, and the receipt that another follows.
fn context_inputs() -> Value {
    let chain = json!({ "anyOf": [
        { "type": "string", "pattern": decimal(ContextInputs::MAX_CHAIN_ID)["pattern"] },
        integer(0, ContextInputs::MAX_CHAIN_ID),
    ] });
    closed(
        &[],
        [
            optional("chainId", "The job's chain, at most 2^53 - 1; 0, none, if absent.", chain),
            optional(
                "contract",
                "The contract that settles the job; zero, none, if absent.",
                address_of_a_person(),
            ),
            optional("jobId", "The job's id there, 32 bytes; zero, none, if absent.", bytes32()),
            optional(
                "previousDigest",
                "The digest of the receipt that this one follows, 32 bytes; zero, none, if absent.",
                bytes32(),
            ),
        ],
    )
}

/// The canonical request, as a disclosure holds it.
pub fn canonical() -> Value {
    let mut fields: Vec<Field> = inputs().into();
    fields.extend([
        field("tools", "What was handed to the chat template; null if nothing.", json!({})),
        field(
            "templateDigest",
            "keccak256 of the chat template's source, 32 bytes; null without messages.",
            nullable(bytes32()),
        ),
        field(
            "renderer",
            "Id and version of the template renderer; null without messages.",
            nullable(text()),
        ),
        field("tokenizer", "Id of the tokenizer rule; null with promptTokens.", nullable(text())),
        field("date", "The day a chat template may write, `YYYY-MM-DD`; null if none.", nullable(date())),
        field("parseSpecial", "Whether control tokens in contents were read as such.", boolean()),
    ]);
    let mut form =
        closed(&["tools", "templateDigest", "renderer", "tokenizer", "date", "parseSpecial"], fields);
    let input = |key: &str, null: &[&str], parsed: bool| {
        const NULLABLE: [&str; 5] = ["tools", "date", "templateDigest", "renderer", "tokenizer"];
        let mut form = json!({ "required": [key] });
        for other in INPUTS.iter().filter(|other| **other != key) {
            form["properties"][*other] = false.into();
        }
        for name in NULLABLE {
            if null.contains(&name) {
                form["properties"][name] = json!({ "type": "null" });
            } else if !matches!(name, "tools" | "date") {
                form["properties"][name] = json!({ "type": "string" });
            }
        }
        if !parsed {
            form["properties"]["parseSpecial"] = json!({ "const": false });
        }
        form
    };
    form["oneOf"] = json!([
        input("messages", &[], true),
        input("prompt", &["tools", "date", "templateDigest", "renderer"], true),
        input("promptTokens", &["tools", "date", "templateDigest", "renderer", "tokenizer"], false),
    ]);
    form
}
