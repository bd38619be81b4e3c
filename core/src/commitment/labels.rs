//! The labels that keep every hash of a receipt apart from every other:
//! `LABEL_X = keccak256("attestlm/receipt-1/x")`, one per use. A label is the first word of
//! what is hashed; the words that follow it are given with each.

use crate::abi::Word;

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal $hash:literal;)*) => {
        $($(#[$doc])* pub const $name: Word = word($hash);)*

        /// Every label: the text after `attestlm/receipt-1/`, and its value.
        pub const TABLE: &[(&str, Word)] = &[$(($text, $name)),*];
    };
}

labels! {
    /// Key of one output of a request: `(nonce, uint256 stream)`.
    STREAM = "stream"
        "371a75bca3b4b18fcaca44e2e1199f1607750efc896c2e7baea773373797ec03";
    /// Nonce of one item of a batch: `(nonce, uint256 item)`.
    ITEM = "item"
        "64d76fe9e989b0b5ff8ebead98f170c765e2a4cfb85da2e9c8c5afd9bd702c7d";
    /// Salt of the request: `(nonce)`.
    REQUEST_SALT = "request-salt"
        "21dd8acc45b70a11ac440f1d6eaef3fd261870026808009b2aa4554befdc91b3";
    /// Commitment to the request's bytes: `(salt, keccak256(bytes))`.
    REQUEST = "request"
        "e807cae3828c18f6716a7b92c9dbaea7e8bf2435a398bf889aa957e5a45907f1";
    /// Salt of the prompt: `(nonce)`.
    PROMPT_SALT = "prompt-salt"
        "d9c13c9bdb405374501e6a0560e9a650094cb9c6b755f248b9be5027150a957f";
    /// Commitment to the prompt's tokens: `(salt, uint256 count, keccak256(tokens))`.
    PROMPT = "prompt"
        "bf7e7b28d1fc0662c1ee5909af58ecfd8611ddab761486c64351730e31fd8eac";
    /// Salt of the output: `(streamKey)`.
    OUTPUT_SALT = "output-salt"
        "bee754fb4ac0b03d6178860f7f7da14bad0eddd55b4824a7d46c99fbfae7a1f0";
    /// Commitment to the output's tokens: `(salt, uint256 count, keccak256(tokens))`.
    OUTPUT = "output"
        "5531b24338f3ebe8c02ebfbb5c439d4c0d86344816961132931e0e5b027e1a83";
    /// Salt of the trace: `(streamKey)`.
    TRACE_SALT = "trace-salt"
        "73100ca5a9beb20bf022e7a10bfd33d232b7dc9e2a1c43ac884f038d33aaf264";
    /// Salt of a trace leaf's token: `(traceSalt, uint256 index)`.
    TRACE_TOKEN_SALT = "trace-token-salt"
        "198add0f94061a7fefcafea6772c587909060f01c8decf56500eb1a7c8cfd7de";
    /// Commitment to a trace leaf's token: `(salt, uint256 token)`.
    TRACE_TOKEN = "trace-token"
        "4c9cd970c9f73470d61830c22bbfef2ae8074aca6174ca7be8c680fac37a12e9";
    /// Salt of a trace leaf's logits digest: `(traceSalt, uint256 index)`.
    TRACE_DIGEST_SALT = "trace-digest-salt"
        "cba2f1e0faf0ab30f75200d7f4b3c9d10719417e1db9f91dd5cc61a64aaf078f";
    /// Commitment to a trace leaf's logits digest: `(salt, bytes32 digest)`.
    TRACE_DIGEST = "trace-digest"
        "5fc0da6c4eb779fb9e138b0d3bdb02ae8c1449fcb6754c9f1b6b251cd854f4d7";
    /// Trace leaf: `(uint256 index, tokenCommitment, digestCommitment)`.
    TRACE_LEAF = "trace-leaf"
        "665540b212a5b0c9302638209deb3331549557c94e61bd37fa43bd3e1f78927a";
    /// Trace root: `(uint256 count, top)`.
    TRACE_ROOT = "trace-root"
        "fad7fcdedfb4c1e1f0006a691aa1f24a0a4f0a1724216f76322472b58b8193c0";
    /// Salt of the steps: `(streamKey)`.
    STEPS_SALT = "steps-salt"
        "0120c17b9dbc1f48b88d4847c8221aef70bf5782e7d8821fb51840112145eb12";
    /// Salt of a step's text: `(stepsSalt, uint256 index)`.
    STEP_TEXT_SALT = "step-text-salt"
        "612add02f3a9db6d1b34a82be1f96a5c4e99d640c745c970b1ed8cbc53a34b6e";
    /// Commitment to a step's text: `(salt, keccak256(bytes))`.
    STEP_TEXT = "step-text"
        "c7cd0cf5b14d9b56e54aee654afb3c3c023ecda7dab4c47f863dddf8df159f91";
    /// Step leaf: `(uint256 index, uint256 kind, uint256 firstToken, uint256 endToken, textCommitment)`.
    STEP_LEAF = "step-leaf"
        "0f07934258fab5f037e4d2dc762395420716b5b44f0a75446d3b46a6d0dae86d";
    /// Steps root: `(uint256 count, top)`.
    STEPS_ROOT = "steps-root"
        "9d69df98b159bca63ad423408504485a1fe2c0c29334384bb4d5542970ea681c";
    /// Salt of the seed: `(streamKey)`.
    SEED_SALT = "seed-salt"
        "cc90229b963d2f2fd782c7d4984231022a758bd22c7a217964fb918305bfe573";
    /// Commitment to the seed: `(salt, seed, uint256 stream, ruleInputsHash)`.
    SEED = "seed"
        "bc6751d144e3ae7b39aaa69d2894522f2062b06a8a7ba55cd41f6b82385dedc9";
    /// Hash of a seed rule's inputs: `(uint256 rule, input, input)`.
    SEED_INPUTS = "seed-inputs"
        "c925fbc988870343770bb84c8d37350814355f9d0ad98e50ebc153f64fb36095";
    /// Seed by rule 1: `(clientEntropy, providerSecret)`.
    SEED_RULE_1 = "seed-rule-1"
        "c456143244a50045bc1a02fa8204c50da2f04a8c83250a1ab75ae0cd5c535ab8";
    /// What a provider publishes of its secret, for rule 1: `(address signer, providerSecret)`.
    PROVIDER = "provider"
        "bfdbe2d0fa544efcb0ae21d4bcca4cc10c86ca87b204f1d980f613c4e1c68dca";
    /// Seed by rule 2: `(context, beacon)`.
    SEED_RULE_2 = "seed-rule-2"
        "33126f003f86ba1d21fff09fadcdbd43402c904d32ae26b00b9455b93ce02153";
    /// The sampler record's first word.
    SAMPLER = "sampler"
        "6618ed141a6c91918b07f3da7675972a8839f355bfc52e3527fb6be7ba615730";
    /// Context of a receipt: `(uint256 chainId, address contract, bytes32 jobId, bytes32 previousDigest)`.
    CONTEXT = "context"
        "213230fb66b19be25bc91f03c01d6eea0f6ddbe6ee35acec6478a9a09b60b866";
}

/// 64 lower-case hex digits as bytes, at compile time.
const fn word(hex: &str) -> Word {
    const fn digit(b: u8) -> u8 {
        match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            _ => panic!("not a lower-case hex digit"),
        }
    }
    let hex = hex.as_bytes();
    assert!(hex.len() == 64, "a word has 64 hex digits");
    let mut word = [0; 32];
    let mut i = 0;
    while i < 32 {
        word[i] = digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]);
        i += 1;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::keccak256;
    use std::collections::HashSet;

    #[test]
    fn every_label_is_the_hash_of_its_text() {
        for (text, value) in TABLE {
            assert_eq!(*value, keccak256(format!("attestlm/receipt-1/{text}").as_bytes()), "{text}");
        }
        assert_eq!(TABLE.iter().map(|(_, value)| value).collect::<HashSet<_>>().len(), TABLE.len());
    }

    /// The specification lists every label with its value.
    #[test]
    fn the_specification_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/receipt-1.md");
        let spec = std::fs::read_to_string(path).unwrap();
        for (text, value) in TABLE {
            let row = format!("| `{text}` | `{}` |", crate::hex::encode(value));
            assert!(spec.contains(&row), "missing in the specification: {row}");
        }
        assert_eq!(
            spec.lines().filter(|l| l.starts_with("| `") && l.contains("` | `0x")).count(),
            TABLE.len()
        );
    }
}
