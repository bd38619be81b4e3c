//! alloy-sol-types, an independent EIP-712 and ABI implementation, agrees on every digest.

use alloy_sol_types::private::{Address, FixedBytes};
use alloy_sol_types::{eip712_domain, sol, Eip712Domain, SolStruct, SolValue};
use proptest::prelude::*;

use super::tests::any_receipt;
use super::{Domain, Receipt};

mod eth {
    use super::sol;
    sol! {
        struct Receipt {
            uint8 kind;
            bytes32 model;
            bytes32 adapter;
            bytes32 profile;
            bytes32 sampler;
            bytes32 seed;
            bytes32 request;
            bytes32 prompt;
            bytes32 output;
            bytes32 trace;
            bytes32 steps;
            uint32 promptCount;
            uint32 outputCount;
            uint8 finish;
            uint64 issuedAt;
            bytes32 context;
            address signer;
        }
    }
}

fn oracle(r: &Receipt) -> eth::Receipt {
    eth::Receipt {
        kind: r.kind as u8,
        model: FixedBytes(r.model),
        adapter: FixedBytes(r.adapter),
        profile: FixedBytes(r.profile),
        sampler: FixedBytes(r.sampler),
        seed: FixedBytes(r.seed),
        request: FixedBytes(r.request),
        prompt: FixedBytes(r.prompt),
        output: FixedBytes(r.output),
        trace: FixedBytes(r.trace),
        steps: FixedBytes(r.steps),
        promptCount: r.prompt_count,
        outputCount: r.output_count,
        finish: r.finish as u8,
        issuedAt: r.issued_at,
        context: FixedBytes(r.context),
        signer: Address::from(r.signer),
    }
}

fn oracle_domain(domain: &Domain) -> Eip712Domain {
    match domain {
        Domain::None => eip712_domain! { name: "AttestLM", version: "1", },
        Domain::Contract { chain_id, verifying_contract } => eip712_domain! {
            name: "AttestLM",
            version: "1",
            chain_id: *chain_id,
            verifying_contract: Address::from(*verifying_contract),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_digest_agrees(receipt in any_receipt(), chain_id in 1..=Domain::MAX_CHAIN_ID, contract in any::<[u8; 20]>()) {
        prop_assume!(contract != [0; 20]);
        let theirs = oracle(&receipt);
        prop_assert_eq!(Receipt::type_hash(), theirs.eip712_type_hash().0);
        prop_assert_eq!(receipt.struct_hash(), theirs.eip712_hash_struct().0);
        prop_assert_eq!(receipt.abi_encode().to_vec(), theirs.abi_encode());
        prop_assert_eq!(receipt.packed().to_vec(), theirs.abi_encode_packed());
        for domain in [Domain::None, Domain::contract(chain_id, contract).unwrap()] {
            let their_domain = oracle_domain(&domain);
            prop_assert_eq!(domain.separator(), their_domain.separator().0);
            prop_assert_eq!(receipt.digest(&domain), theirs.eip712_signing_hash(&their_domain).0);
        }
    }
}
