//! What clients ask for: one request a case, everything stated, so that nothing is left to the operator.

use attestlm::abi::keccak256;
use attestlm::hex;
use attestlm::model::Model;
use attestlm::policy::SamplingPolicy;
use attestlm::profile::Profile;
use attestlm::receipt::{sampler_record, Document};
use attestlm::request::Request;
use attestlm::seed::Seed;
use attestlm::verify::Expectations;
use attestlm_proof::{request, signer, Failure};
use serde_json::{json, Value};

/// Prompt and answer fit this.
pub const CONTEXT: u32 = 512;

/// The policies of the cases, in turn.
pub const POLICIES: usize = 3;
/// Greedy.
pub const GREEDY: usize = 0;
/// Temperature 0.8.
pub const HOT: usize = 1;
/// Temperature 0.8, top-k 40, top-p 0.9.
pub const FILTERED: usize = 2;

/// How tables call the policies.
pub const POLICY_NAMES: [&str; POLICIES] = ["greedy", "T 0.8", "T 0.8, top-k 40, top-p 0.9"];

/// A client's request and what an honest node answers.
#[derive(Clone)]
pub struct Case {
    /// Its number; it decides prompt, policy, seed, nonce and job.
    pub index: usize,
    /// What the client sent.
    pub request: Request,
    /// The adapter it asked for.
    pub adapter: Option<usize>,
    /// The honest answer.
    pub honest: Document,
}

/// The fields of case `index`'s request.
pub fn fields(index: usize, tokens: u32) -> Value {
    let word = |what: &str| hex::encode(&keccak256(format!("{what} {index}").as_bytes()));
    let mut fields = json!({
        "messages": [{ "role": "user", "content": question(index) }],
        "ignoreEog": true,
        "maxTokens": tokens,
        "contextTokens": CONTEXT,
        "seed": Seed::from_u64(1000 + index as u64).to_string(),
        "nonce": word("nonce"),
        "context": word("job"),
    });
    match index % POLICIES {
        GREEDY => fields["temperature"] = json!("0"),
        HOT => fields["temperature"] = json!("0.8"),
        _ => {
            fields["temperature"] = json!("0.8");
            fields["topK"] = json!(40);
            fields["topP"] = json!("0.9");
        }
    }
    fields
}

/// The request of case `index`.
pub fn asked(index: usize, tokens: u32) -> Result<Request, Failure> {
    request(fields(index, tokens))
}

/// A problem that the trained model knows how to answer; the others read any text.
fn question(index: usize) -> String {
    const NAMES: [&str; 4] = ["Tom", "Anna", "Ben", "Mia"];
    const THINGS: [&str; 3] = ["apples", "pens", "books"];
    let (name, thing) = (NAMES[index % NAMES.len()], THINGS[index / 4 % THINGS.len()]);
    format!(
        "{name} has {} {thing} and buys {} more. {name} gives away {} {thing}. How many {thing} does {name} have now?",
        10 + 7 * index % 83,
        2 + 5 * index % 41,
        1 + 3 * index % 11,
    )
}

/// Everything a client that knows what it asked for can demand.
pub fn expectations(
    request: &Request,
    model: &Model,
    adapter: [u8; 32],
    policy: &SamplingPolicy,
    profile: Profile,
) -> Expectations {
    Expectations {
        signer: Some(signer().address()),
        model: Some(model.sha256()),
        adapter: Some(adapter),
        sampler: Some(sampler_record::hash(policy)),
        profile: Some(profile.id()),
        context: Some(request.context.hash()),
        request: Some(request.clone()),
        ..Expectations::default()
    }
}

/// Whether a request's policy filters tokens.
pub fn is_filtered(request: &Request) -> bool {
    !request.policy.is_greedy() && request.policy.top_k > 0
}
