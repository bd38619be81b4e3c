//! Who signed, and what for.

use attestlm::hex;
use attestlm::receipt::{Domain, Finish, Receipt, Signature};
use attestlm::signer::Signer;
use attestlm::verdict::Verdict;
use attestlm::verify::Expectations;
use serde_json::json;

use crate::forger::*;

#[test]
fn another_signer_than_stated_is_caught() {
    let honest = hot();
    let (ours, theirs) = (honest.receipt.signer, forger().address());
    let name = |address: &[u8; 20]| hex::checksum_address(address);
    let mut cheat = honest.clone();
    cheat.signature = sign(honest.clone()).signature;
    let Verdict::Invalid { what } = check(&cheat) else { panic!() };
    assert!(what.starts_with("signature: ") && what.contains(&name(&ours)), "{what}");
    // Signed by the forger in its own name: only who expects somebody else notices.
    let own = sign(honest.clone());
    assert_eq!(check(&own), VERIFIED);
    let expected = Expectations { signer: Some(ours), ..Expectations::default() };
    let Verdict::Invalid { what } = expect(&own, &expected) else { panic!() };
    assert!(what.starts_with("signer: ") && what.contains(&name(&ours)) && what.contains(&name(&theirs)));

    // Every signed field is under the signature.
    let edits: [fn(&mut Receipt); 6] = [
        |r| r.issued_at += 1,
        |r| r.context[0] ^= 1,
        |r| r.finish = Finish::StopString,
        |r| r.trace[0] ^= 1,
        |r| r.model[31] ^= 1,
        |r| r.output_count += 1,
    ];
    for edit in edits {
        let mut cheat = honest.clone();
        edit(&mut cheat.receipt);
        invalid(&check(&cheat), "signature: made by ");
    }
}

#[test]
fn a_high_s_signature_is_refused() {
    // n - s; n is the order of secp256k1 (SEC 2).
    const N: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let n: [u8; 32] = hex::decode_array("n", N).unwrap();
    let mut document = hot();
    let mut borrow = 0i16;
    let Signature::Key(signature) = &mut document.signature else { panic!("a key's") };
    for (digit, n) in signature[32..64].iter_mut().zip(n).rev() {
        let difference = i16::from(n) - i16::from(*digit) - borrow;
        borrow = i16::from(difference < 0);
        *digit = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    signature[64] = 55 - signature[64];
    let Verdict::Invalid { what } = check(&document) else { panic!() };
    assert!(what.starts_with("signature: ") && what.contains("high s"), "{what}");
}

#[test]
fn a_contract_domain_with_a_foreign_signature_is_left_to_the_chain() {
    let domain = json!({ "chainId": 1, "verifyingContract": format!("0x{}", "11".repeat(20)) });
    let honest = made(json!({ "maxTokens": 4, "domain": domain }));
    let mut wallet = honest.clone();
    wallet.signature = sign(honest).signature;
    let report = report(&wallet, &Expectations::default(), &with(model()));
    unverifiable(&report.verdict, "erc1271");
    assert_eq!(report.signer, None);
    assert!(!report.compared.iter().any(|c| c == "signature"));
    assert!(report.compared.iter().any(|c| c == "commitment output"));
    // What is wrong besides is said.
    let mut edited = wallet.clone();
    disclosed(&mut edited).output_tokens.as_mut().unwrap()[0] ^= 1;
    invalid(&check(&edited), "output: ");
    invalid(&expect(&wallet, &Expectations { model: Some([3; 32]), ..Expectations::default() }), "model: ");
}

#[test]
fn the_domain_is_part_of_what_is_signed() {
    let mut moved = hot();
    moved.domain = Domain::Contract { chain_id: 5, verifying_contract: [4; 20] };
    unverifiable(&check(&moved), "erc1271");
    let domain = json!({ "chainId": 5, "verifyingContract": format!("0x{}", "04".repeat(20)) });
    let mut stripped = made(json!({ "maxTokens": 3, "domain": domain }));
    stripped.domain = Domain::None;
    invalid(&check(&stripped), "signature: made by ");
}
