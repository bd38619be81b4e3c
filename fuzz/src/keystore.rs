//! Keystores: read, and decrypted where that is cheap.

use attestlm::signer::keystore::{decrypt, stated_address};
use attestlm::signer::Signer;
use serde_json::Value;

use crate::vectors;

/// Work of a key derivation that is worth an execution.
const CHEAP: u64 = 1 << 12;

/// Reads the bytes as a password, a line feed, and a keystore.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    let (password, text) = data.split_at(end);
    let stated = stated_address(text);
    if stated.is_ok() && is_cheap(text) {
        let password = std::str::from_utf8(password).unwrap_or_default();
        if let (Ok(signer), Ok(Some(address))) = (decrypt(text, password), stated) {
            assert_eq!(signer.address(), address);
        }
    }
}

fn is_cheap(text: &[u8]) -> bool {
    let Ok(keystore) = serde_json::from_slice::<Value>(text) else { return false };
    let parameters = &keystore["crypto"]["kdfparams"];
    let factor = |name: &str| parameters[name].as_u64().unwrap_or(1).max(1);
    ["n", "r", "p", "c"]
        .into_iter()
        .map(factor)
        .try_fold(1, u64::checked_mul)
        .is_some_and(|work| work <= CHEAP)
}

/// Keystores of `vectors/`, valid and not.
pub fn seeds() -> Vec<Vec<u8>> {
    let files = vectors::cases("keystore");
    let cases = files.iter().filter_map(|file| file["cases"].as_array()).flatten();
    cases
        .map(|case| {
            [vectors::bytes(&case["password"]), b"\n".to_vec(), vectors::bytes(&case["keystore"])].concat()
        })
        .collect()
}
