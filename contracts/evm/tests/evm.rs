//! What the contracts say of a receipt is what the library says.

use std::path::PathBuf;

use alloy_sol_types::{SolCall, SolError};
use attestlm::anchor::Batch;
use attestlm::commitment::ContextInputs;
use attestlm::receipt::{Domain, Finish, Kind, Receipt};
use attestlm::signer::{KeySigner, Signer};
use attestlm::steps::{self, Step, StepKind, StepProof};
use attestlm::trace::{Show, Trace, TraceLeaf, TraceProof};
use attestlm_evm::abi;
use attestlm_evm::{Chain, Reverted, CHAIN};
use attestlm_testkit::Rng;
use revm::primitives::{Address, Bytes, FixedBytes, U256};
use serde_json::Value;

fn word(rng: &mut Rng) -> [u8; 32] {
    let mut word = [0; 32];
    word.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&rng.next_u64().to_le_bytes()));
    word
}

fn key(rng: &mut Rng) -> KeySigner {
    loop {
        if let Ok(key) = KeySigner::from_bytes(&word(rng)) {
            return key;
        }
    }
}

/// A receipt of this signer, all else by chance.
fn receipt(rng: &mut Rng, signer: &KeySigner) -> Receipt {
    let scored = rng.below(4) == 0;
    let output_count = 1 + u32::try_from(rng.below(1 << 30)).unwrap();
    Receipt {
        kind: if scored { Kind::Scored } else { Kind::Generated },
        model: word(rng),
        adapter: if rng.below(2) == 0 { [0; 32] } else { word(rng) },
        profile: word(rng),
        sampler: if scored { [0; 32] } else { word(rng) },
        seed: if scored || rng.below(2) == 0 { [0; 32] } else { word(rng) },
        request: word(rng),
        prompt: word(rng),
        output: word(rng),
        trace: word(rng),
        steps: if scored { [0; 32] } else { word(rng) },
        prompt_count: 1 + u32::try_from(rng.below(1 << 31)).unwrap(),
        output_count,
        finish: if scored {
            Finish::Scored
        } else {
            Finish::try_from(u8::try_from(rng.below(6)).unwrap()).unwrap()
        },
        issued_at: rng.next_u64(),
        context: if rng.below(2) == 0 { [0; 32] } else { word(rng) },
        signer: signer.address(),
    }
}

fn to_abi(receipt: &Receipt) -> abi::Receipt {
    abi::Receipt {
        kind: receipt.kind as u8,
        model: receipt.model.into(),
        adapter: receipt.adapter.into(),
        profile: receipt.profile.into(),
        sampler: receipt.sampler.into(),
        seed: receipt.seed.into(),
        request: receipt.request.into(),
        prompt: receipt.prompt.into(),
        output: receipt.output.into(),
        trace: receipt.trace.into(),
        steps: receipt.steps.into(),
        promptCount: receipt.prompt_count,
        outputCount: receipt.output_count,
        finish: receipt.finish as u8,
        issuedAt: receipt.issued_at,
        context: receipt.context.into(),
        signer: receipt.signer.into(),
    }
}

/// Nothing but what is always demanded.
fn any(receipt: &Receipt) -> abi::Terms {
    abi::Terms {
        signer: Address::ZERO,
        model: FixedBytes::ZERO,
        adapter: FixedBytes::ZERO,
        profile: FixedBytes::ZERO,
        sampler: FixedBytes::ZERO,
        context: FixedBytes::ZERO,
        scored: receipt.kind == Kind::Scored,
        allowPrefix: receipt.finish == Finish::Cancelled,
    }
}

struct Verifier {
    chain: Chain,
    at: Address,
}

impl Verifier {
    fn new() -> Self {
        let mut chain = Chain::new();
        let at = chain.deploy("AttestLM");
        Verifier { chain, at }
    }

    fn domain(&self) -> Domain {
        Domain::contract(CHAIN, self.at.into_array()).unwrap()
    }

    fn sign(&self, receipt: &Receipt, signer: &KeySigner) -> Bytes {
        signer.sign_digest(&receipt.digest(&self.domain())).unwrap().to_vec().into()
    }

    fn is_signed(&mut self, receipt: abi::Receipt, signature: Bytes) -> bool {
        self.chain.call(self.at, &abi::isSignedCall { receipt, signature }).unwrap().0
    }

    fn check(&mut self, receipt: &Receipt, signature: &Bytes, terms: abi::Terms) -> Result<(), Reverted> {
        let call = abi::checkCall { receipt: to_abi(receipt), signature: signature.clone(), terms };
        let (digest, _) = self.chain.call(self.at, &call)?;
        assert_eq!(digest, receipt.digest(&self.domain()), "the digest by which it is known");
        Ok(())
    }
}

fn with<E: SolError>(error: E) -> Result<(), Reverted> {
    Err(Reverted(error.abi_encode().into()))
}

fn unexpected(field: &str) -> Result<(), Reverted> {
    let mut name = [0; 32];
    name[..field.len()].copy_from_slice(field.as_bytes());
    with(abi::Unexpected { field: name.into() })
}

/// The cases of an area of the vectors, as many as the manifest says.
fn vectors(area: &str) -> Vec<(String, Value)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let read = |path: PathBuf| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let cases: Vec<(String, Value)> = std::fs::read_dir(root.join(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path)))
        .collect();
    assert_eq!(read(root.join("manifest.json"))[area]["count"], cases.len());
    cases
}

/// 10,000 receipts by chance: the digest, whose signature it is, and whose it is not.
#[test]
fn digests_and_signatures_are_the_librarys() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(6);
    for number in 0..10_000 {
        let signer = key(&mut rng);
        let receipt = receipt(&mut rng, &signer);
        receipt.check_form().unwrap();
        let (digest, _) =
            verifier.chain.call(verifier.at, &abi::digestCall { receipt: to_abi(&receipt) }).unwrap();
        assert_eq!(digest, receipt.digest(&verifier.domain()), "receipt {number}: {receipt:?}");
        let signature = verifier.sign(&receipt, &signer);
        verifier.check(&receipt, &signature, any(&receipt)).unwrap();
        // One bit of the signature or of a field.
        let mut other = signature.to_vec();
        other[rng.below(65)] ^= 1 << rng.below(8);
        assert!(!verifier.is_signed(to_abi(&receipt), other.into()), "receipt {number}");
        let mut bytes = receipt.abi_encode();
        bytes[rng.below(bytes.len())] ^= 1 << rng.below(8);
        if let Ok(changed) = Receipt::from_abi(&bytes) {
            assert!(!verifier.is_signed(to_abi(&changed), signature), "receipt {number}");
        }
    }
}

/// Well-formed for the contract is well-formed for the library.
#[test]
fn forms_are_the_librarys() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(7);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..4_000 {
        let signer = key(&mut rng);
        let mut receipt = receipt(&mut rng, &signer);
        for _ in 0..rng.below(3) {
            match rng.below(14) {
                0 => receipt.model = [0; 32],
                1 => receipt.profile = [0; 32],
                2 => receipt.request = [0; 32],
                3 => receipt.prompt = [0; 32],
                4 => receipt.output = [0; 32],
                5 => receipt.trace = [0; 32],
                6 => receipt.sampler = if rng.below(2) == 0 { [0; 32] } else { word(&mut rng) },
                7 => receipt.steps = if rng.below(2) == 0 { [0; 32] } else { word(&mut rng) },
                8 => receipt.seed = word(&mut rng),
                9 => receipt.prompt_count = 0,
                10 => receipt.output_count = 0,
                11 => {
                    (receipt.prompt_count, receipt.output_count) =
                        (u32::MAX - 5, 5 + u32::try_from(rng.below(2)).unwrap())
                }
                12 => {
                    receipt.finish =
                        [Finish::Scored, Finish::Cancelled, Finish::EndOfGeneration][rng.below(3)]
                }
                _ => receipt.kind = [Kind::Generated, Kind::Scored][rng.below(2)],
            }
        }
        let signature = verifier.sign(&receipt, &signer);
        let expected = receipt.check_form().is_ok();
        assert_eq!(verifier.is_signed(to_abi(&receipt), signature.clone()), expected, "{receipt:?}");
        if !expected {
            assert_eq!(verifier.check(&receipt, &signature, any(&receipt)), with(abi::Malformed {}));
        }
        *if expected { &mut good } else { &mut bad } += 1;
    }
    assert!(good > 500 && bad > 500, "{good} and {bad}");
    // A kind and a finish that the library cannot even hold.
    let signer = key(&mut rng);
    let receipt = receipt(&mut rng, &signer);
    for (kind, finish) in [(2, 0), (0, 6), (1, 254)] {
        let odd = abi::Receipt { kind, finish, ..to_abi(&receipt) };
        assert!(!verifier.is_signed(odd, verifier.sign(&receipt, &signer)));
    }
}

/// The signer could sign the digest of a word that is no uint64: no document has it, so no contract may.
#[test]
fn words_beyond_their_fields_are_no_receipt() {
    let mut rng = Rng::new(12);
    let mut verifier = Verifier::new();
    let signer = key(&mut rng);
    let receipt = receipt(&mut rng, &signer);
    let (terms, receipt) = (any(&receipt), to_abi(&receipt));
    let calls = [
        abi::digestCall { receipt: receipt.clone() }.abi_encode(),
        abi::isSignedCall { receipt: receipt.clone(), signature: vec![0; 65].into() }.abi_encode(),
        abi::checkCall { receipt, signature: vec![0; 65].into(), terms }.abi_encode(),
    ];
    for call in calls {
        for (word, bytes) in [(0, 1), (11, 4), (12, 4), (13, 1), (14, 8), (16, 20)] {
            for byte in [0, 31 - bytes] {
                let mut odd = call.clone();
                odd[4 + 32 * word + byte] = 1;
                assert_eq!(
                    verifier.chain.call_raw(verifier.at, odd),
                    Err(Reverted(Bytes::new())),
                    "word {word}"
                );
            }
        }
    }
}

#[test]
fn terms_are_demands() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(8);
    let signer = key(&mut rng);
    let receipt = Receipt {
        kind: Kind::Generated,
        finish: Finish::EndOfGeneration,
        ..loop {
            let receipt = receipt(&mut rng, &signer);
            if receipt.kind == Kind::Generated && receipt.context != [0; 32] && receipt.adapter != [0; 32] {
                break receipt;
            }
        }
    };
    let signature = verifier.sign(&receipt, &signer);
    let met = abi::Terms {
        signer: receipt.signer.into(),
        model: receipt.model.into(),
        adapter: receipt.adapter.into(),
        profile: receipt.profile.into(),
        sampler: receipt.sampler.into(),
        context: receipt.context.into(),
        scored: false,
        allowPrefix: false,
    };
    verifier.check(&receipt, &signature, met.clone()).unwrap();
    let other = FixedBytes::repeat_byte(7);
    for (terms, field) in [
        (abi::Terms { signer: Address::repeat_byte(7), ..met.clone() }, "signer"),
        (abi::Terms { model: other, ..met.clone() }, "model"),
        (abi::Terms { adapter: other, ..met.clone() }, "adapter"),
        // Beside a model none means none.
        (abi::Terms { adapter: FixedBytes::ZERO, ..met.clone() }, "adapter"),
        (abi::Terms { adapter: other, ..any(&receipt) }, "adapter"),
        (abi::Terms { profile: other, ..met.clone() }, "profile"),
        (abi::Terms { sampler: other, ..met.clone() }, "sampler"),
        (abi::Terms { context: other, ..met.clone() }, "context"),
        (abi::Terms { scored: true, ..met.clone() }, "kind"),
    ] {
        assert_eq!(verifier.check(&receipt, &signature, terms), unexpected(field), "{field}");
    }
    // Scored and cancelled ones only where they are asked for.
    let scored = Receipt {
        kind: Kind::Scored,
        finish: Finish::Scored,
        sampler: [0; 32],
        seed: [0; 32],
        steps: [0; 32],
        ..receipt
    };
    let signature = verifier.sign(&scored, &signer);
    verifier.check(&scored, &signature, any(&scored)).unwrap();
    assert_eq!(verifier.check(&scored, &signature, any(&receipt)), unexpected("kind"));
    let cancelled = Receipt { finish: Finish::Cancelled, ..receipt };
    let signature = verifier.sign(&cancelled, &signer);
    verifier.check(&cancelled, &signature, any(&cancelled)).unwrap();
    assert_eq!(verifier.check(&cancelled, &signature, any(&receipt)), unexpected("finish"));
}

/// The same digest under every domain of the vectors, wherever the verifier stands.
#[test]
fn vectors_of_receipts() {
    let mut seen = 0;
    for (name, case) in vectors("receipts") {
        let text = case["document"].to_string();
        let document = attestlm::receipt::Document::parse(text.as_bytes()).unwrap();
        let Domain::Contract { chain_id, verifying_contract } = document.domain else { continue };
        let mut verifier = Verifier::new();
        let at = Address::from(verifying_contract);
        verifier.chain.stand_at(verifier.at, at, chain_id);
        let receipt = to_abi(&document.receipt);
        let (digest, _) = verifier.chain.call(at, &abi::digestCall { receipt: receipt.clone() }).unwrap();
        assert_eq!(attestlm::hex::encode(&digest.0), case["expect"]["digest"].as_str().unwrap(), "{name}");
        let signature = document.signature.bytes().to_vec().into();
        let (signed, _) = verifier.chain.call(at, &abi::isSignedCall { receipt, signature }).unwrap();
        assert!(signed, "{name}");
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

fn step_proof(proof: &StepProof) -> abi::StepProof {
    abi::StepProof {
        count: proof.count,
        index: proof.step.index,
        kind: proof.step.kind as u8,
        firstToken: proof.step.first_token,
        endToken: proof.step.end_token,
        text: proof.step.text.clone().into(),
        salt: proof.salt.into(),
        siblings: proof.siblings.iter().map(|sibling| FixedBytes(*sibling)).collect(),
    }
}

/// `None` where the token itself is not opened: the contract wants it.
fn token_proof(proof: &TraceProof, salt: [u8; 32]) -> Option<abi::TokenProof> {
    Some(abi::TokenProof {
        index: proof.index,
        token: *proof.token.value()?,
        tokenSalt: salt.into(),
        digestCommitment: proof.digest.commitment().into(),
        siblings: proof.siblings.iter().map(|sibling| FixedBytes(*sibling)).collect(),
    })
}

#[test]
fn vectors_of_proofs() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(9);
    let signer = key(&mut rng);
    let (mut steps, mut tokens) = (0, 0);
    for (name, case) in vectors("merkle") {
        let output_count = u32::try_from(case["receipt"]["outputCount"].as_u64().unwrap()).unwrap();
        let root = attestlm::hex::decode_array("root", case["receipt"]["root"].as_str().unwrap()).unwrap();
        let scored = case["receipt"]["kind"] == 1;
        let receipt = Receipt {
            kind: if scored { Kind::Scored } else { Kind::Generated },
            finish: match (scored, output_count) {
                (true, _) => Finish::Scored,
                (_, 0) => Finish::Cancelled,
                _ => Finish::EndOfGeneration,
            },
            sampler: if scored { [0; 32] } else { [1; 32] },
            seed: [0; 32],
            // A scored receipt has no steps that could be claimed.
            steps: if scored { [0; 32] } else { root },
            trace: root,
            prompt_count: 1,
            output_count,
            ..receipt(&mut rng, &signer)
        };
        let signature = verifier.sign(&receipt, &signer);
        let (terms, at) = (any(&receipt), verifier.at);
        let proof = case["proof"].to_string();
        let valid = if case["tree"] == "steps" {
            let Ok(proof) = StepProof::parse(proof.as_bytes()) else {
                assert_eq!(case["valid"], false, "{name}");
                continue;
            };
            steps += 1;
            let call =
                abi::checkStepCall { receipt: to_abi(&receipt), signature, terms, proof: step_proof(&proof) };
            verifier.chain.call(at, &call).map(drop)
        } else {
            let Ok(parsed) = TraceProof::parse(proof.as_bytes()) else {
                assert_eq!(case["valid"], false, "{name}");
                continue;
            };
            // The contract takes the count from the receipt.
            let salt = case["proof"]["token"]["salt"].as_str();
            let salt = salt.map_or([0; 32], |salt| attestlm::hex::decode_array("salt", salt).unwrap());
            let Some(proof) = token_proof(&parsed, salt).filter(|_| parsed.count == output_count) else {
                continue;
            };
            tokens += 1;
            let call = abi::checkTokenCall { receipt: to_abi(&receipt), signature, terms, proof };
            verifier.chain.call(at, &call).map(drop)
        };
        match case["valid"] == true {
            true => assert_eq!(valid, Ok(()), "{name}"),
            false => assert_eq!(valid, with(abi::NotProven {}), "{name}"),
        }
    }
    assert!(steps > 15 && tokens > 10, "{steps} and {tokens}");
}

/// Trees of every size, proofs by the library, and each with one thing changed.
#[test]
fn proofs_by_chance() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(10);
    let signer = key(&mut rng);
    for number in 0..600 {
        let count = 1 + rng.below(if number % 10 == 0 { 300 } else { 9 });
        let mut begin = 0;
        let list: Vec<Step> = (0..count)
            .map(|index| {
                let last = index + 1 == count;
                let first_token = begin;
                begin += u32::try_from(rng.below(5) + usize::from(!last)).unwrap();
                let text = (0..rng.below(80)).map(|_| rng.next_u64() as u8).collect();
                let kind = if last { StepKind::Answer } else { StepKind::Reasoning };
                Step { index: index as u32, kind, first_token, end_token: begin, text }
            })
            .collect();
        let output_count = begin.max(1);
        let mut list = list;
        list.last_mut().unwrap().end_token = output_count;
        let salt = word(&mut rng);
        let leaves: Vec<TraceLeaf> = (0..output_count)
            .map(|_| TraceLeaf { token: rng.next_u64() as u32, digest: word(&mut rng) })
            .collect();
        let trace = Trace::new(salt, leaves).unwrap();
        let receipt = Receipt {
            kind: Kind::Generated,
            finish: Finish::EndOfGeneration,
            sampler: [1; 32],
            steps: steps::root(&salt, &list).unwrap(),
            trace: trace.root(),
            prompt_count: 1,
            output_count,
            ..receipt(&mut rng, &signer)
        };
        let signature = verifier.sign(&receipt, &signer);
        let (terms, at) = (any(&receipt), verifier.at);
        let proof = steps::proof(&salt, &list, rng.below(count) as u32).unwrap();
        let mut call = abi::checkStepCall {
            receipt: to_abi(&receipt),
            signature: signature.clone(),
            terms: terms.clone(),
            proof: step_proof(&proof),
        };
        verifier.chain.call(at, &call).unwrap();
        let shown = &mut call.proof;
        match rng.below(9) {
            0 => shown.index ^= 1,
            1 => shown.count += 1,
            2 => shown.kind ^= 1,
            3 => shown.firstToken += 1,
            4 => shown.endToken = shown.endToken.wrapping_sub(1),
            5 => shown.salt.0[3] ^= 1,
            6 => shown.siblings.push(FixedBytes::ZERO),
            7 if !shown.siblings.is_empty() => shown.siblings[0].0[0] ^= 1,
            _ => shown.text = [&shown.text[..], b" "].concat().into(),
        }
        assert_eq!(
            verifier.chain.call(at, &call).map(drop),
            with(abi::NotProven {}),
            "step of receipt {number}"
        );

        let index = rng.below(output_count as usize) as u32;
        let proof = trace.proof(index, Show::Token).unwrap();
        let shown = token_proof(&proof, attestlm::trace::token_salt(&salt, index)).unwrap();
        let mut call = abi::checkTokenCall { receipt: to_abi(&receipt), signature, terms, proof: shown };
        verifier.chain.call(at, &call).unwrap();
        match rng.below(4) {
            0 => call.proof.token ^= 1,
            1 => call.proof.index ^= 1,
            2 => call.proof.tokenSalt.0[0] ^= 1,
            _ => call.proof.digestCommitment.0[0] ^= 1,
        }
        assert_eq!(
            verifier.chain.call(at, &call).map(drop),
            with(abi::NotProven {}),
            "token of receipt {number}"
        );
    }
}

/// An account with code: its key's signature counts, and its own word.
#[test]
fn wallets_that_are_contracts() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(11);
    let signer = key(&mut rng);
    // Constructors that return code which answers any call with one word.
    let wallet = |verifier: &mut Verifier, answer: u32| {
        let mut code = vec![0x63];
        code.extend(answer.to_be_bytes());
        code.extend([0x60, 0xe0, 0x1b, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
        let mut creation = vec![0x60, code.len() as u8, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3];
        creation.extend(code);
        verifier.chain.deploy_code(creation)
    };
    let says_yes = wallet(&mut verifier, 0x1626_ba7e);
    let says_no = wallet(&mut verifier, 0xffff_ffff);
    let receipt = receipt(&mut rng, &signer);
    for (account, signed) in [(says_yes, true), (says_no, false), (Address::repeat_byte(9), false)] {
        let receipt = abi::Receipt { signer: account, ..to_abi(&receipt) };
        assert_eq!(
            verifier.is_signed(receipt.clone(), Bytes::from_static(b"whatever it takes")),
            signed,
            "{account}"
        );
        assert_eq!(verifier.is_signed(receipt.clone(), Bytes::new()), signed, "{account}");
        // As long as a document can hold, and not a byte longer.
        assert_eq!(verifier.is_signed(receipt.clone(), vec![1; 8192].into()), signed, "{account}");
        assert!(!verifier.is_signed(receipt, vec![1; 8193].into()), "{account}");
    }
    // s beyond half the order, and v of 0 or 1, are another spelling of a signature, which no reader takes.
    let signature = verifier.sign(&receipt, &signer).to_vec();
    let mut low_v = signature.clone();
    low_v[64] -= 27;
    assert!(!verifier.is_signed(to_abi(&receipt), low_v.into()));
    let order =
        U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
    let mut high = signature.clone();
    let s = order - U256::from_be_slice(&signature[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] ^= 27 ^ 28;
    assert!(!verifier.is_signed(to_abi(&receipt), high.into()));
}

#[test]
fn contexts_are_the_librarys() {
    let mut verifier = Verifier::new();
    let mut rng = Rng::new(12);
    for _ in 0..50 {
        let (chain_id, job, previous) = (rng.next_u64(), word(&mut rng), word(&mut rng));
        let contract = Address::from_slice(&word(&mut rng)[..20]);
        let call = abi::contextOfCall {
            chainId: U256::from(chain_id),
            contract_: contract,
            jobId: job.into(),
            previousDigest: previous.into(),
        };
        let (found, _) = verifier.chain.call(verifier.at, &call).unwrap();
        let inputs = ContextInputs {
            chain_id,
            contract: contract.into_array(),
            job_id: job,
            previous_digest: previous,
        };
        assert_eq!(found, inputs.hash());
    }
}

#[test]
fn anchors_are_kept_and_the_first_counts() {
    let mut chain = Chain::new();
    let registry = chain.deploy("ReceiptRegistry");
    let root = FixedBytes::repeat_byte(3);
    let of = |chain: &mut Chain, root| chain.call(registry, &abi::anchorOf_0Call { root }).unwrap().0;
    assert_eq!(of(&mut chain, root).by, Address::ZERO);
    chain.call(registry, &abi::anchorCall { root }).unwrap();
    let first = of(&mut chain, root);
    assert_eq!((first.by, first.time), (attestlm_evm::CALLER, 1));
    chain.call(registry, &abi::anchorCall { root }).unwrap();
    assert_eq!(of(&mut chain, root).time, first.time);
    assert_eq!(of(&mut chain, FixedBytes::ZERO).by, Address::ZERO);
}

/// The library's batches are those the registry takes apart.
#[test]
fn batches_are_the_librarys() {
    let mut chain = Chain::new();
    let registry = chain.deploy("ReceiptRegistry");
    let mut rng = Rng::new(11);
    for count in (1..=33).chain([1024]) {
        let digests: Vec<[u8; 32]> = (0..count).map(|_| word(&mut rng)).collect();
        let batch = Batch::new(&digests).unwrap();
        let root = FixedBytes(batch.root());
        let found = |chain: &mut Chain, digest: [u8; 32], proof: Vec<[u8; 32]>| {
            let proof = proof.into_iter().map(FixedBytes).collect();
            let call = abi::anchorOf_1Call { digest: FixedBytes(digest), root, proof };
            chain.call(registry, &call).unwrap().0.by
        };
        let proof = |digest: &[u8; 32]| batch.proof(digest).unwrap();
        assert_eq!(
            found(&mut chain, digests[0], proof(&digests[0])),
            Address::ZERO,
            "nobody anchored it yet"
        );
        chain.call(registry, &abi::anchorCall { root }).unwrap();
        for digest in digests.iter().step_by(1 + count / 40) {
            assert_eq!(found(&mut chain, *digest, proof(digest)), attestlm_evm::CALLER);
            assert_eq!(found(&mut chain, word(&mut rng), proof(digest)), Address::ZERO);
            let mut longer = proof(digest);
            longer.push([0; 32]);
            assert_eq!(found(&mut chain, *digest, longer), Address::ZERO);
        }
        // The root is no receipt of the batch, and neither is what stands below it.
        assert_eq!(found(&mut chain, batch.root(), Vec::new()), Address::ZERO);
    }
}
