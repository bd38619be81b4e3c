//! Where the time of the engine goes: a profile by operation, measured node by node.

use std::time::Instant;

use attestlm::engine::{Context, DecodeItem, OpTime};
use attestlm::model::Model;

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
        "{} under `exact-1`, {} threads: each node of the graph is computed alone and timed \
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
    let context = u32::try_from((BEFORE + 8 * times).next_multiple_of(256))?;
    let mut raw = Raw::new(&model, plan.threads, context)?;
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
    }
    Ok(vec![section])
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
