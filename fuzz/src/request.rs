//! Requests and the other JSON of a caller; a request that reads well is rendered, tokenized and its grammar
//! compiled, as a session does on submission.

use std::sync::LazyLock;

use attestlm::model::Model;
use attestlm::request::Request;
use attestlm::session::{Continuation, Session, SessionOptions, SharedSession};
use attestlm::verify::Terms;
use serde_json::json;

use crate::vectors;

static SESSION: LazyLock<SharedSession> = LazyLock::new(|| {
    let model = Model::bundled().expect("the bundled model");
    let options = SessionOptions { threads: Some(1), context_tokens: 256, ..SessionOptions::default() };
    SharedSession::new(Session::new(&model, &options).expect("a session")).expect("without jobs")
});

/// Reads the bytes as everything that a caller states.
pub fn run(data: &[u8]) {
    drop(SessionOptions::from_json(data));
    drop(Continuation::from_json(data));
    drop(Terms::from_json(data));
    let Ok(request) = Request::from_json(data) else { return };
    if let Ok(text) = request.to_json() {
        let again = Request::from_json(text.as_bytes()).expect("what was written can be read");
        assert_eq!(again.to_json().ok(), Some(text));
    }
    // Queued, and taken back.
    drop(SESSION.generate(&request, None));
}

/// Requests of the generations, and some of every other kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let rules =
        json!({ "prompt": "a", "temperature": "1", "grammar": "root ::= \"a\" [b-d]* (\"x\" | root){2,3}" });
    let schema = json!({ "prompt": "a", "schema": { "type": "object", "properties": { "n": { "type": "integer",
        "minimum": 3 }, "s": { "type": "string", "pattern": "^[a-z]{2,5}$" }, "a": { "type": "array", "items":
        { "anyOf": [{ "const": 1 }, { "enum": ["x", null] }] }, "maxItems": 2 } }, "required": ["n"] } });
    let rest = json!({ "messages": [{ "role": "system", "content": "s" }, { "role": "user", "content": "u" }],
        "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} } }], "date": "2026-01-02",
        "parseSpecial": true, "context": format!("0x{}", "11".repeat(32)), "domain": { "chainId": "1",
        "verifyingContract": format!("0x{}", "22".repeat(20)) }, "seedRule": 1, "clientEntropy":
        format!("0x{}", "33".repeat(32)), "providerSecret": format!("0x{}", "44".repeat(32)), "temperature": 1 });
    let options = json!({ "profile": "fast", "threads": 1, "contextTokens": 64, "streams": 2, "ubatch": 8,
        "oversubscribe": true });
    let terms = json!({ "signer": format!("0x{}", "22".repeat(20)), "profile": "exact", "finish": "cancelled",
        "scored": false, "allowPrefix": true, "tolerant": false, "signatureOnly": true, "threads": 1, "domain": "none",
        "issuedFrom": 1, "issuedUntil": "2", "seed": "7", "beacon": format!("0x{}", "11".repeat(32)) });
    let mut seeds: Vec<_> =
        vectors::cases("generations").iter().map(|case| vectors::bytes(&case["request"])).collect();
    seeds.extend(
        [rules, schema, rest, options, terms, json!({ "text": "x" }), json!({ "tokens": [1, 2] })]
            .map(|value| vectors::bytes(&value)),
    );
    seeds
}
