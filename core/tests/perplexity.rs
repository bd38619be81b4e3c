//! The bundled model's perplexity under each profile, on problems it never saw with their true solutions.
#![cfg(all(feature = "engine", feature = "bundled"))]

use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::{Context, ContextOptions, DecodeItem};
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::Token;

const HELD_OUT: &str = include_str!("../../models/abacus/heldout.jsonl");
const UBATCH: u32 = 512;

#[derive(serde::Deserialize)]
struct Problem {
    problem: String,
    answer: String,
    steps: Vec<String>,
}

/// Each problem as the model's template renders it, with its solution as the model was taught to write it; and where that begins.
fn texts(model: &Model) -> Vec<(Vec<Token>, usize)> {
    let problems = HELD_OUT.lines().take(300).map(|line| serde_json::from_str::<Problem>(line).unwrap());
    problems
        .map(|Problem { problem, answer, steps }| {
            let steps = steps.join("\n");
            let prompt = format!("<|bos|><|user|>{problem}<|end|><|assistant|>");
            let solution = format!("<think>\n{steps}\n</think>\n{answer}<|end|>");
            let [mut text, solution] = [prompt, solution].map(|text| model.vocab().tokenize(&text).unwrap());
            let begins = text.len();
            text.extend(solution);
            (text, begins)
        })
        .collect()
}

/// `exp` of the mean negative log-likelihood of the solutions' tokens: what comes before them the model was not taught.
fn perplexity(model: &Model, profile: Profile, texts: &[(Vec<Token>, usize)]) -> f64 {
    let options = ContextOptions { profile, threads: 2, stream_tokens: 512, streams: 1, ubatch: UBATCH };
    let mut context = Context::for_model(model, &options).unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for (text, begins) in texts {
        let _env = FloatEnv::enter();
        context.truncate(0, 0).unwrap();
        let items: Vec<DecodeItem> =
            text.iter().map(|token| DecodeItem { stream: 0, token: *token, logits: true }).collect();
        context.decode(&items).unwrap();
        for (at, next) in text.iter().enumerate().skip(*begins) {
            let logits = context.logits(at - 1).unwrap();
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
            sum += total.ln() - f64::from(logits[*next as usize] - most);
            count += 1.0;
        }
    }
    (sum / count).exp()
}

#[test]
fn is_the_same_under_every_profile() {
    let model = Model::bundled().unwrap();
    let texts = texts(&model);
    let tokens: usize = texts.iter().map(|(text, begins)| text.len() - begins).sum();
    let found = Profile::ALL.map(|profile| (profile, perplexity(&model, profile, &texts)));
    let (_, stock) = found[2];
    for (profile, perplexity) in found {
        println!(
            "{}: {perplexity:.5} over {tokens} tokens, {:+.4} % of stock",
            profile.name(),
            (perplexity / stock - 1.0) * 100.0
        );
    }
    // It reads what it was taught: another template would give a number without a meaning.
    assert!(stock < 1.5, "{stock}");
    for (profile, perplexity) in found {
        assert!((perplexity / stock - 1.0).abs() < 0.001, "{profile:?}: {perplexity}, stock {stock}");
    }
}
