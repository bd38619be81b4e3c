//! Whole generations on the bundled model, receipts and all, under each exact profile.

use std::sync::Arc;

use attestlm::hex;
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::request::Request;
use attestlm::session::{Continuation, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use serde_json::{json, Value};

use super::{Cases, CONTEXT};
use crate::Failure;

/// The published key that signs every generation.
const KEY: [u8; 32] = [0x46; 32];

/// Request, receipts and, for a score, the continuation.
///
/// # Errors
/// A generation that fails.
pub fn cases() -> Result<Cases, Failure> {
    let model = Model::bundled()?;
    let mut cases = Vec::new();
    for (profile, suffix) in [(Profile::Exact1, ""), (Profile::Exact2, "-exact-2")] {
        let mut session = Session::new(
            &model,
            &SessionOptions {
                profile: Some(profile),
                threads: Some(1),
                context_tokens: CONTEXT,
                streams: 2,
                ..SessionOptions::default()
            },
        )?;
        if let Some(why) = session.unattested() {
            return Err(why.to_string().into());
        }
        for (name, request, continuation) in requests() {
            let name = format!("{name}{suffix}");
            let case = generate(&mut session, profile, &request, continuation.as_ref());
            let case = case.map_err(|e| format!("{name}: {e}"))?;
            cases.push((name, case));
        }
    }
    Ok(cases)
}

/// Name, request and, for a score, the continuation.
fn requests() -> Vec<(&'static str, Value, Option<Value>)> {
    let chat = |text: &str| json!([{ "role": "user", "content": text }]);
    let apples =
        "Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?";
    let case = |name, fields: Value| {
        let mut request = json!({ "nonce": format!("0x{}", "5a".repeat(32)), "issuedAt": "1700000000" });
        if let (Some(all), Value::Object(fields)) = (request.as_object_mut(), fields) {
            all.extend(fields);
        }
        (name, request, None)
    };
    let mut cases = vec![
        case("greedy", json!({ "messages": chat(apples), "maxTokens": 60 })),
        case(
            "drawn",
            json!({ "messages": chat(apples), "maxTokens": 60, "temperature": "0.7", "seed": "7" }),
        ),
        case(
            "filtered",
            json!({ "prompt": "Tom has", "maxTokens": 40, "ignoreEog": true, "temperature": "1.2", "topK": 40, "topP": "0.9",
                "minP": "0.05", "seed": format!("0x{}", "c3".repeat(32)) }),
        ),
        case(
            "choices",
            json!({ "prompt": "Tom has", "maxTokens": 12, "ignoreEog": true, "temperature": "1", "seed": "9", "choices": 2 }),
        ),
        case(
            "penalties",
            json!({ "prompt": "1 2 3", "maxTokens": 24, "ignoreEog": true, "repeatPenalty": "1.3", "presencePenalty": "0.5",
                "frequencyPenalty": "0.25", "penaltyWindow": 16, "logitBias": { "70": "1.5" }, "bans": [65] }),
        ),
        case("stop", json!({ "messages": chat(apples), "maxTokens": 60, "stop": ["</think>"] })),
        case(
            "grammar",
            json!({ "prompt": "Answer: ", "maxTokens": 20, "grammar": "root ::= [0-9]+ \" apples\"", "temperature": "0.8",
                "seed": "3" }),
        ),
        case(
            "schema",
            json!({ "prompt": "JSON: ", "maxTokens": 40, "temperature": "0.8", "seed": "4",
                "schema": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] } }),
        ),
        case("whole", json!({ "messages": chat(apples), "maxTokens": 60, "steps": false })),
        case(
            "opened",
            json!({ "prompt": format!("<|user|>{apples}<|end|><|assistant|><think>\n"), "parseSpecial": true, "maxTokens": 60,
                "steps": ["<think>", "</think>"] }),
        ),
        case("tokens", json!({ "promptTokens": [70, 80, 90], "maxTokens": 8, "ignoreEog": true })),
        case(
            "context-full",
            json!({ "prompt": "Tom", "maxTokens": 100, "contextTokens": 24, "ignoreEog": true }),
        ),
        case(
            "for-a-contract",
            json!({ "prompt": "Tom", "maxTokens": 8, "ignoreEog": true, "context": format!("0x{}", "ab".repeat(32)),
                "domain": { "chainId": 11_155_111, "verifyingContract": format!("0x{}", "11".repeat(20)) } }),
        ),
    ];
    let (_, request, _) = case("", json!({ "prompt": "Tom has 2 apples" }));
    cases.push(("scored", request, Some(json!({ "text": " and 3 more" }))));
    cases
}

fn generate(
    session: &mut Session,
    profile: Profile,
    request: &Value,
    continuation: Option<&Value>,
) -> Result<Value, Failure> {
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::from_bytes(&KEY)?);
    let asked = Request::from_json(request.to_string().as_bytes())?;
    let mut case = json!({
        "key": hex::encode(&KEY),
        "options": { "contextTokens": CONTEXT, "profile": profile.name() },
        "request": request,
    });
    let mut receipts = Vec::new();
    match continuation {
        Some(continuation) => {
            let given = Continuation::from_json(continuation.to_string().as_bytes())?;
            let scored = session.score(&asked, &given, Some(signer))?;
            receipts.push(scored.receipt.ok_or("no receipt")??.to_json()?);
            case["continuation"] = continuation.clone();
        }
        None => {
            for answer in session.generate(&asked, Some(signer), &mut |_| true)? {
                receipts.push(answer.receipt.ok_or("no receipt")??.to_json()?);
            }
        }
    }
    case["receipts"] = receipts.into();
    Ok(case)
}
