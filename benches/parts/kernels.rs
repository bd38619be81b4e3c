//! The kernels of `exact-2` beside a native build of llama.cpp: a whole prefill and a decode, by type of the weights.

use serde_json::json;

use super::speed::{contest, Task};
use crate::contestants::{Contestant, NATIVE, RAW, RAW_1};
use crate::plan::Plan;
use crate::report::{Section, Target};
use crate::stats::{count, digits, median};
use crate::Result;

/// Measures.
///
/// # Errors
/// A contestant that fails.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let mut contestants = vec![Contestant::own(RAW)?];
    contestants.extend(plan.others.iter().find(|other| other.name == NATIVE).cloned());
    contestants.push(Contestant::own(RAW_1)?);
    let mut section = Section::new("Kernels, beside a native build");
    section.paragraph(&format!(
        "Decode and argmax on {} threads, of `exact-2`, of llama.cpp built for this processor with its defaults \
         (repacked weights, flash attention, every instruction set the processor has), and of `exact-1`. Tokens a \
         second, medians; ratios are medians of the rounds' ratios. None of the three does anything else.",
        plan.threads
    ));
    let tasks = [
        Task {
            heading: format!("prefill {}", plan.first),
            command: json!({"do": "prefill", "tokens": plan.first}),
            rate: Some(plan.first),
            most: usize::MAX,
        },
        Task {
            heading: format!("decode {}", plan.decoded / 2),
            command: json!({"do": "decode", "tokens": plan.decoded / 2}),
            rate: Some(plan.decoded / 2),
            most: usize::MAX,
        },
    ];
    let mut header = vec!["shape".to_owned()];
    for task in &tasks {
        header.extend(contestants.iter().map(|who| format!("{}, {}", task.heading, who.name)));
        header.push("exact-2 / native".to_owned());
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut lines = Vec::new();
    for shape in &plan.kernel_shapes {
        eprintln!("kernels: {}", shape.name);
        let rows = contest(plan, shape, plan.threads, &contestants, plan.rounds, &tasks)?;
        let mut line = vec![shape.name.clone()];
        for (at, task) in tasks.iter().enumerate() {
            let tokens = count(task.rate.unwrap_or(1));
            line.extend(rows.iter().map(|row| digits(tokens / median(&row.times[at]) * 1e3)));
            let ours = &rows[0].times[at];
            let Some(native) = rows.iter().find(|row| row.name == NATIVE) else {
                line.push("-".to_owned());
                continue;
            };
            let ratios: Vec<f64> =
                native.times[at].iter().zip(ours).map(|(native, ours)| native / ours).collect();
            line.push(format!("{:.2}", median(&ratios)));
            let what = format!("{} of exact-2 / native build, {}", task.heading, shape.name);
            section.targets.push(Target::at_least(what, median(&ratios), 1.0));
        }
        lines.push(line);
    }
    section.table(&header, &lines);
    Ok(vec![section])
}
