//! Where the time of the engine goes: by operation, measured node by node, beside a native build and beside what the machine
//! can do at most.

use std::collections::BTreeMap;
use std::time::Instant;

use attestlm::engine::{Context, DecodeItem, OpTime};
use attestlm::model::Model;
use attestlm::profile::Profile;
use serde_json::json;

use super::settle;
use crate::contestants::raw::Raw;
use crate::contestants::NATIVE;
use crate::peak::Peak;
use crate::plan::Plan;
use crate::protocol::Child;
use crate::report::Section;
use crate::shapes::Shape;
use crate::stats::{count, digits, median, ms};
use crate::{shapes, Result};

/// Operations below this share of the time are summed up.
const SHOWN: f64 = 0.005;
/// Tokens of the prompt before a decode.
const BEFORE: usize = 128;

/// A pass that is profiled.
struct Pass {
    name: String,
    /// Tokens read before.
    before: usize,
    /// Tokens at once.
    tokens: usize,
    /// How often.
    times: usize,
}

/// What a pass took in each round: as a whole, and by operation.
#[derive(Default)]
struct Took {
    whole: Vec<f64>,
    operations: BTreeMap<String, Vec<f64>>,
}

impl Took {
    fn add(&mut self, whole: f64, operations: impl IntoIterator<Item = (String, f64)>) {
        self.whole.push(whole);
        for (name, took) in operations {
            self.operations.entry(name).or_default().push(took);
        }
    }

    fn of(&self, name: &str) -> Option<f64> {
        self.operations.get(name).map(|times| median(times))
    }

    fn sum(&self) -> f64 {
        self.operations.values().map(|times| median(times)).sum()
    }
}

/// Measures.
///
/// # Errors
/// A failed decode, or the native build's error.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let mut section = Section::new("Where the time goes");
    section.paragraph(&format!(
        "`exact-2`, {} threads: each node of the graph is computed alone and timed (`Context::time_operations`; the \
         native build by llama.cpp's own callback); medians of {} rounds, in turns. The start and the end of the \
         threads' work on each node are in its time, so that a sum can be larger than the pass as a whole. Rates are \
         shares of what the same threads do at most, measured just before: read memory, and multiply and add integers of 8 bits. A product of one \
         column is bound by the former, of many by the latter; what lies in a cache can be read faster than memory.",
        plan.threads, plan.few_rounds,
    ));
    let mut shapes = vec![plan.main_shape.clone()];
    shapes.extend(plan.kernel_shapes.iter().filter(|shape| shape.name.ends_with("0.5 B Q4_K")).cloned());
    for shape in &shapes {
        of_shape(plan, shape, &mut section)?;
    }
    Ok(vec![section])
}

fn of_shape(plan: &Plan, shape: &Shape, section: &mut Section) -> Result<()> {
    let path = plan.model(shape)?;
    let model = Model::open(&path)?;
    let times = plan.decoded / 8;
    let pass = |name: &str, before, tokens, times| Pass { name: name.to_owned(), before, tokens, times };
    let passes = [
        pass("prefill, logits of the last token", 0, plan.first, 1),
        pass("decode", BEFORE, 1, times),
        pass("decode of a batch of 8", BEFORE, 8, times),
    ];
    let context = (BEFORE + 8 * times).max(plan.first).next_multiple_of(256);
    let mut raw = Raw::new(&model, Profile::Exact2, plan.threads, u32::try_from(context)?)?;
    let mut native = match plan.others.iter().find(|other| other.name == NATIVE) {
        Some(other) => {
            let mut child = other.start()?;
            child.ask(&json!({ "do": "load", "model": path, "threads": plan.threads, "context": context, "streams": 1 }))?;
            Some(child)
        }
        None => None,
    };
    let mut costs = Vec::new();
    for pass in &passes {
        eprintln!("operations: {}, {}", shape.name, pass.name);
        let peak = Peak::measure(plan.threads);
        let (mut ours, mut theirs) = (Took::default(), Took::default());
        let mut found = Vec::new();
        for _ in 0..plan.few_rounds {
            let (whole, operations) = pass.ours(&mut raw)?;
            ours.add(whole, operations.iter().map(|op| (op.name.clone(), ms(op.time))));
            found = operations;
            if let Some(native) = &mut native {
                pass.native(native, &mut theirs)?;
            }
        }
        table(section, shape, pass, &peak, &found, &ours, native.is_some().then_some(&theirs));
        costs.push(Cost::of(pass, &ours));
    }
    if let [prefill, decode, batch] = costs.as_slice() {
        section.paragraph(&bounds(shape, prefill, decode, batch));
    }
    Ok(())
}

impl Pass {
    /// Milliseconds of the pass as a whole, and its operations.
    fn ours(&self, raw: &mut Raw) -> Result<(f64, Vec<OpTime>)> {
        let prompt = shapes::prompt(self.before);
        let items: Vec<DecodeItem> = shapes::prompt(self.tokens)
            .into_iter()
            .enumerate()
            .map(|(i, token)| DecodeItem {
                stream: 0,
                token,
                logits: self.before > 0 || i + 1 == self.tokens,
            })
            .collect();
        let decode = |context: &mut Context| (0..self.times).try_for_each(|_| context.decode(&items));
        raw.forget()?;
        raw.read(&prompt)?;
        settle();
        let begun = Instant::now();
        decode(&mut raw.context)?;
        let whole = ms(begun.elapsed());
        raw.forget()?;
        raw.read(&prompt)?;
        settle();
        Ok((whole, raw.context.time_operations(decode)?))
    }

    fn native(&self, native: &mut Child, took: &mut Took) -> Result<()> {
        settle();
        let command =
            json!({ "do": "operations", "before": self.before, "tokens": self.tokens, "times": self.times });
        let answer = native.ask(&command)?;
        let number = |value: &serde_json::Value| value.as_f64().ok_or("an answer without times");
        let mut operations = Vec::new();
        for operation in answer["operations"].as_array().ok_or("an answer without operations")? {
            let name = operation["name"].as_str().ok_or("an operation without a name")?;
            operations.push((name.to_owned(), number(&operation["ms"])?));
        }
        took.add(number(&answer["ms"])?, operations);
        Ok(())
    }
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
    fn of(pass: &Pass, took: &Took) -> Self {
        let tokens = count(pass.tokens * pass.times);
        let sum = |of: &dyn Fn(&str) -> bool| -> f64 {
            took.operations.iter().filter(|(name, _)| of(name)).map(|(_, times)| median(times)).sum::<f64>()
                / tokens
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
fn bounds(shape: &Shape, prefill: &Cost, decode: &Cost, batch: &Cost) -> String {
    // A replay makes logits at every output position, a prefill at one.
    let replay = prefill.layers + prefill.rest + batch.output;
    format!(
        "{}: the layers' products with weights take {} ms of a token that is decoded alone, {} of one in a batch of 8, {} \
         of one in the prefill: what is left when the weights are read once for many tokens is arithmetic. The \
         output's product takes {} ms alone and {} in the batch; everything else {}, {} and {}. By these numbers a \
         replay, which makes logits at every position, takes {:.2} of the time of its generation, and 8 sequences \
         make {:.2} times the tokens of one, before anything of a session is added.",
        shape.name,
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

fn table(
    section: &mut Section,
    shape: &Shape,
    pass: &Pass,
    peak: &Peak,
    found: &[OpTime],
    ours: &Took,
    native: Option<&Took>,
) {
    let (all, times) = (ours.sum(), count(pass.times));
    let beside = |ours: f64, native: Option<f64>| match native {
        Some(native) => [digits(native / times), format!("{:.2}", native / ours)],
        None => ["-".to_owned(), "-".to_owned()],
    };
    let mut lines = Vec::new();
    let (mut nodes, mut rest, mut rest_nodes, mut named) = (0, 0.0, 0, 0.0);
    for op in found {
        let took = ours.of(&op.name).unwrap_or_default();
        nodes += op.nodes;
        if took / all < SHOWN {
            rest_nodes += op.nodes;
            rest += took;
            continue;
        }
        let share = |of: u64, most: f64| {
            #[allow(clippy::cast_precision_loss)] // far below 2^52
            let rate = of as f64 / (took / 1e3);
            if of == 0 {
                "-".to_owned()
            } else {
                format!("{:.0} %", rate / most * 100.0)
            }
        };
        let theirs = native.and_then(|native| native.of(&op.name));
        named += theirs.unwrap_or_default();
        let mut line = vec![
            op.name.clone(),
            (op.nodes / pass.times as u64).to_string(),
            digits(took / times),
            format!("{:.1} %", took / all * 100.0),
            share(op.bytes, peak.read),
            share(op.products, peak.products),
        ];
        line.extend(beside(took, theirs));
        lines.push(line);
    }
    let sum = |name: &str, nodes: String, took: f64, native: Option<f64>| {
        let share = format!("{:.1} %", took / all * 100.0);
        let mut line =
            vec![name.to_owned(), nodes, digits(took / times), share, String::new(), String::new()];
        line.extend(beside(took, native));
        line
    };
    let each = |nodes: u64| (nodes / pass.times as u64).to_string();
    lines.push(sum("everything else", each(rest_nodes), rest, native.map(|native| native.sum() - named)));
    lines.push(sum("sum", each(nodes), all, native.map(Took::sum)));
    let whole = median(&ours.whole);
    lines.push(sum("the pass as a whole", String::new(), whole, native.map(|native| median(&native.whole))));
    let at_most = |rate: f64, unit: &str| format!("{} {unit}", digits(rate / 1e9));
    lines.push(vec![
        "these threads at most".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        at_most(peak.read, "GB/s"),
        at_most(peak.products, "G/s"),
        String::new(),
        String::new(),
    ]);
    let tokens = if pass.tokens == 1 { "1 token".into() } else { format!("{} tokens", pass.tokens) };
    section.table(
        &[
            &format!("{}, **{}**, {tokens} a pass", shape.name, pass.name),
            "nodes",
            "ms",
            "share",
            "of read",
            "of multiply",
            "native, ms",
            "native / ours",
        ],
        &lines,
    );
}
