//! What is done once for each token or once for each answer, each alone: `cargo bench --bench micro`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use attestlm::abi::Word;
use attestlm::merkle::{self, Tree};
use attestlm::micros::Micros;
use attestlm::model::Model;
use attestlm::policy::SamplingPolicy;
use attestlm::receipt::Document;
use attestlm::request::{Input, Request};
use attestlm::sampler::Sampler;
use attestlm::session::{Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::trace::logits_digest;
use attestlm::verify::{verify_signature, Expectations};
use attestlm_testkit::{ModelSpec, Rng};
use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};

/// The vocabularies of Llama 2, Llama 3 and Qwen2.5.
const VOCABULARIES: [usize; 3] = [32_000, 128_256, 151_936];

/// Logits as models have them: a bell of deviation 3.
fn logits(vocabulary: usize) -> Vec<f32> {
    let mut rng = Rng::new(7);
    (0..vocabulary).map(|_| 3.0 * rng.normal()).collect()
}

fn policies() -> [(&'static str, SamplingPolicy); 4] {
    let temperature = Micros::new(800_000).expect("in range");
    let drawn = SamplingPolicy { temperature, ..SamplingPolicy::default() };
    [
        ("greedy", SamplingPolicy::default()),
        ("top-k 40", SamplingPolicy { top_k: 40, ..drawn.clone() }),
        ("top-p 0.95", SamplingPolicy { top_p: Micros::new(950_000).expect("in range"), ..drawn.clone() }),
        ("temperature", drawn),
    ]
}

fn token(c: &mut Criterion) {
    let mut group = c.benchmark_group("token");
    for vocabulary in VOCABULARIES {
        let logits = logits(vocabulary);
        group.throughput(Throughput::Bytes(vocabulary as u64 * 4));
        group.bench_with_input(BenchmarkId::new("digest", vocabulary), &logits, |b, logits| {
            b.iter(|| logits_digest(black_box(logits)));
        });
        for (name, policy) in policies() {
            let mut sampler = Sampler::new(&policy, &[7; 32], 0, vocabulary, &[]).expect("a valid policy");
            let mut index = 0;
            group.bench_with_input(BenchmarkId::new(name, vocabulary), &logits, |b, logits| {
                b.iter(|| {
                    index += 1;
                    sampler.sample(index, black_box(logits), &[1, 2, 3], None)
                });
            });
        }
    }
    group.finish();
}

/// A receipt over an answer of 256 tokens.
fn document() -> Document {
    let path = std::env::temp_dir().join(format!("attestlm-micro-{}.gguf", std::process::id()));
    ModelSpec::nano().write_to(&path).expect("the folder for temporary files is writable");
    let model = Model::open(&path).expect("the model is valid");
    std::fs::remove_file(&path).expect("the file is ours");
    let mut session = Session::new(&model, &SessionOptions::default()).expect("a session");
    let mut request = Request::new(Input::Tokens((0..32).collect()));
    request.policy.max_tokens = 256;
    request.policy.ignore_eog = true;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random().expect("randomness"));
    let answers = session.generate(&request, Some(signer), &mut |_| true).expect("an answer");
    let answer = answers.into_iter().next().expect("one choice");
    answer.receipt.expect("a signer was given").expect("the session attests")
}

fn receipt(c: &mut Criterion) {
    let mut group = c.benchmark_group("receipt");
    let document = document();
    let signer = KeySigner::random().expect("randomness");
    group.bench_function("EIP-712 digest", |b| {
        b.iter(|| black_box(&document).receipt.digest(&document.domain));
    });
    let digest = document.receipt.digest(&document.domain);
    group.bench_function("sign", |b| b.iter(|| signer.sign_digest(black_box(&digest))));
    group.bench_function("check the signature", |b| {
        b.iter(|| black_box(&document).recover());
    });
    let text = document.to_json().expect("a document");
    group.bench_function("parse the document", |b| b.iter(|| Document::parse(black_box(text.as_bytes()))));
    // Form, signature and every commitment over 32 + 256 tokens.
    group.bench_function("check everything but the replay", |b| {
        b.iter(|| verify_signature(black_box(&document), &Expectations::default()));
    });
    group.finish();
}

fn merkle_tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("merkle");
    for leaves in [64u32, 1024] {
        let hashes: Vec<Word> = (0..leaves).map(|i| merkle::leaf(&[attestlm::abi::uint(i)])).collect();
        group.bench_with_input(BenchmarkId::new("tree", leaves), &hashes, |b, hashes| {
            b.iter(|| Tree::new([1; 32], black_box(hashes.clone())));
        });
        let tree = Tree::new([1; 32], hashes.clone()).expect("few leaves");
        group.bench_function(BenchmarkId::new("make a proof", leaves), |b| {
            b.iter(|| tree.proof(black_box(33)))
        });
        let (root, siblings) = (tree.root(), tree.proof(33).expect("a leaf"));
        group.bench_function(BenchmarkId::new("verify a proof", leaves), |b| {
            b.iter(|| merkle::verify(&[1; 32], &root, leaves, 33, &hashes[33], black_box(&siblings)));
        });
    }
    group.finish();
}

/// Calls of the C interface that do next to nothing.
fn interface(c: &mut Criterion) {
    use attestlm_ffi as abi;
    let mut group = c.benchmark_group("C interface");
    let (mut signer, mut address, mut error) = (std::ptr::null_mut(), [0; 20], std::ptr::null_mut());
    // SAFETY: results are writable.
    assert_eq!(unsafe { abi::attestlm_signer_random(&mut signer, &mut error) }, abi::ATTESTLM_OK);
    group.bench_function("a call that cannot fail", |b| b.iter(|| abi::attestlm_abi_version()));
    group.bench_function("an empty call", |b| {
        // SAFETY: the signer is live, results are writable.
        b.iter(|| unsafe {
            abi::attestlm_signer_address(black_box(signer), address.as_mut_ptr(), &mut error)
        });
    });
    // SAFETY: it is live, and not used afterwards.
    unsafe { abi::attestlm_signer_free(signer) };
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .without_plots();
    targets = token, receipt, merkle_tree, interface
}
criterion_main!(benches);
