//! Where the time of the engine goes: a profile by operation, measured node by node.

use std::time::Instant;

use attestlm::engine::{Context, DecodeItem, OpTime};
use attestlm::model::Model;
use attestlm::profile::Profile;

use super::settle;
use crate::contestants::raw::Raw;
use crate::plan::Plan;
use crate::report::Section;
use crate::stats::{count, digits, ms};
use crate::{shapes, Result};

/// Operations below this share of the time are summed up.
const SHOWN: f64 = 0.005;
/// Tokens of the prompt before a decode.
const BEFORE: usize = 128;

/// A pass that is profiled.
struct Pass {
    name: &'static str,
    /// Tokens read before.
    before: usize,
    /// Tokens at once.
    tokens: usize,
    /// How often.
    times: usize,
}

/// Measures.
///
/// # Errors
/// A failed decode.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let shape = &plan.main_shape;
    let model = Model::open(&plan.model(shape)?)?;
    let mut section = Section::new("Where the time goes");
    section.paragraph(&format!(
        "{} under `exact-2`, {} threads: each node of the graph is computed alone and timed \
         (`Context::time_operations`); the logits are the same bits. The start and the end of the threads' work on \
         each node are in its time, so that the sum is larger than the pass as a whole.",
        shape.name, plan.threads
    ));
    let times = plan.decoded / 8;
    let passes = [
        Pass { name: "prefill, logits of the last token", before: 0, tokens: BEFORE, times: 1 },
        Pass { name: "decode", before: BEFORE, tokens: 1, times },
        Pass { name: "decode of a batch of 8", before: BEFORE, tokens: 8, times },
    ];
    let mut costs = Vec::new();
    let context = u32::try_from((BEFORE + 8 * times).next_multiple_of(256))?;
    let mut raw = Raw::new(&model, Profile::Exact2, plan.threads, context)?;
    for pass in &passes {
        eprintln!("operations: {}", pass.name);
        let prompt = shapes::prompt(pass.before);
        let items: Vec<DecodeItem> = shapes::prompt(pass.tokens)
            .into_iter()
            .enumerate()
            .map(|(i, token)| DecodeItem {
                stream: 0,
                token,
                logits: pass.before > 0 || i + 1 == pass.tokens,
            })
            .collect();
        let decode = |context: &mut Context| (0..pass.times).try_for_each(|_| context.decode(&items));
        raw.forget()?;
        raw.read(&prompt)?;
        settle();
        let begun = Instant::now();
        decode(&mut raw.context)?;
        let whole = ms(begun.elapsed());
        raw.forget()?;
        raw.read(&prompt)?;
        settle();
        let found = raw.context.time_operations(decode)?;
        table(&mut section, pass, whole, &found);
        costs.push(Cost::of(pass, &found));
    }
    if let [prefill, decode, batch] = costs.as_slice() {
        section.paragraph(&bounds(prefill, decode, batch));
    }
    Ok(vec![section])
}

/// What a token costs in a pass, in milliseconds.
struct Cost {
    all: f64,
    /// Products with the weights of the layers.
    layers: f64,
    /// The product that makes the logits.
    output: f64,
    /// What is not a product with weights.
    rest: f64,
}

impl Cost {
    fn of(pass: &Pass, found: &[OpTime]) -> Self {
        let tokens = count(pass.tokens * pass.times);
        let sum = |of: &dyn Fn(&str) -> bool| -> f64 {
            found.iter().filter(|op| of(&op.name)).map(|op| ms(op.time)).sum::<f64>() / tokens
        };
        // Where input and output embeddings are one tensor, it has the input's name.
        let is_output = |name: &str| name.ends_with(" output") || name.ends_with(" token_embd");
        let is_product = |name: &str| name.starts_with("MUL_MAT") && !name.ends_with(" cache");
        let (all, products) = (sum(&|_| true), sum(&is_product));
        let output = sum(&|name| is_product(name) && is_output(name));
        Cost { all, layers: products - output, output, rest: all - products }
    }
}

/// What the profile says about the targets that depend on it.
fn bounds(prefill: &Cost, decode: &Cost, batch: &Cost) -> String {
    // A replay makes logits at every output position, a prefill at one.
    let replay = prefill.layers + prefill.rest + batch.output;
    format!(
        "The layers' products with weights take {} ms of a token that is decoded alone, {} of one in a batch of 8, {} \
         of one in the prefill: what is left when the weights are read once for many tokens is arithmetic. The \
         output's product takes {} ms alone and {} in the batch; everything else {}, {} and {}. By these numbers a \
         replay, which makes logits at every position, takes {:.2} of the time of its generation, and 8 sequences \
         make {:.2} times the tokens of one, before anything of a session is added.",
        digits(decode.layers),
        digits(batch.layers),
        digits(prefill.layers),
        digits(decode.output),
        digits(batch.output),
        digits(decode.rest),
        digits(batch.rest),
        digits(prefill.rest),
        replay / decode.all,
        decode.all / batch.all
    )
}

fn table(section: &mut Section, pass: &Pass, whole: f64, found: &[OpTime]) {
    let all: f64 = found.iter().map(|op| ms(op.time)).sum();
    let line = |name: &str, nodes: u64, time: f64| {
        vec![
            name.to_owned(),
            (nodes / pass.times as u64).to_string(),
            digits(time / count(pass.times)),
            format!("{:.1} %", time / all * 100.0),
        ]
    };
    let mut lines = Vec::new();
    let mut rest = (0, 0.0);
    for op in found {
        let time = ms(op.time);
        if time / all < SHOWN {
            rest = (rest.0 + op.nodes, rest.1 + time);
        } else {
            lines.push(line(&op.name, op.nodes, time));
        }
    }
    lines.push(line("everything else", rest.0, rest.1));
    lines.push(line("sum", found.iter().map(|op| op.nodes).sum(), all));
    let whole = digits(whole / count(pass.times));
    lines.push(vec!["the pass as a whole".into(), String::new(), whole, String::new()]);
    let tokens = if pass.tokens == 1 { "1 token".into() } else { format!("{} tokens", pass.tokens) };
    section.table(&[&format!("**{}**, {tokens} a pass", pass.name), "nodes", "ms", "share"], &lines);
}
