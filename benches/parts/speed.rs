//! Every contestant on the same files: prefill, decode, time to first token, load.

use serde_json::{json, Value};

use super::{memory, settle};
use crate::contestants::{Contestant, ATTESTED, NATIVE, RAW, RAW_1, STOCK};
use crate::plan::Plan;
use crate::protocol::{Child, COLD_TAIL};
use crate::report::{Section, Target};
use crate::shapes::Shape;
use crate::stats::{count, digits, median};
use crate::Result;

/// What is asked of each contestant in a round.
pub struct Task {
    /// As the table names it.
    pub heading: String,
    /// What is sent.
    pub command: Value,
    /// Tokens, where the table gives tokens a second.
    pub rate: Option<usize>,
    /// In how many rounds, if not in all.
    pub most: usize,
}

/// The measurements of one contestant.
pub struct Row {
    /// Who.
    pub name: &'static str,
    load: f64,
    /// By task, milliseconds of each round.
    pub times: Vec<Vec<f64>>,
    /// Peak memory in MB.
    pub memory: f64,
}

/// Measures.
///
/// # Errors
/// A contestant that fails, or fewer rounds than planned.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let mut ours: Vec<Contestant> =
        [ATTESTED, RAW, RAW_1, STOCK].into_iter().map(Contestant::own).collect::<Result<_>>()?;
    ours.extend(plan.others.iter().filter(|other| other.name == NATIVE).cloned());
    let peers: Vec<Contestant> = plan.others.iter().filter(|other| other.name != NATIVE).cloned().collect();
    let mut section = Section::new("Speed, beside what it is built on and beside peers");
    section.paragraph(&format!(
        "Tokens a second unless a heading says otherwise; medians. `attestlm` is a session: every answer has a \
         receipt and is signed, and a run in which a prompt read warm gives other logits than cold fails. Load is measured once, the file in the page cache; in `attestlm` it includes \
         SHA-256 and scan of the file and the known-answer test, in the raw loops the former two. \
         First token, cold: after a prompt of {} tokens, read whole; warm: all but its last {COLD_TAIL} tokens were \
         read before.",
        plan.first
    ));
    for (name, why) in &plan.missing {
        section.paragraph(&format!("`{name}`: not installed. {why}"));
    }
    let mut memory = Vec::new();
    let mut counts = vec![plan.threads];
    counts.extend((plan.threads > 1).then_some(1));
    for threads in counts {
        for shape in &plan.shapes {
            let wide = threads == plan.threads;
            eprintln!("speed: {}, {threads} threads", shape.name);
            let rounds = if wide { plan.rounds } else { plan.few_rounds };
            let tasks = tasks(plan, shape, threads);
            let mut rows = contest(plan, shape, threads, &ours, rounds, &tasks)?;
            if wide {
                rows.extend(contest(plan, shape, threads, &peers, plan.few_rounds, &tasks)?);
                if shape.file == plan.main_shape.file {
                    section.targets.extend(warm_target(plan, &rows));
                }
            }
            table(plan, &mut section, shape, threads, &rows);
            if wide {
                memory.push((shape.clone(), rows));
            }
        }
    }
    Ok(vec![section, memory::section(plan, &memory)?])
}

/// Prefills, the cold first token (a prefill too), the decode, the warm first token, in this order. With one
/// thread, where everything takes longest, one prefill and half of the decode.
pub fn tasks(plan: &Plan, shape: &Shape, threads: u32) -> Vec<Task> {
    let wide = threads == plan.threads;
    let decoded = if wide { plan.decoded } else { plan.decoded / 2 };
    let most = if shape.file == plan.main_shape.file { usize::MAX } else { plan.long_rounds };
    let prefill = |tokens: usize, command: Value, most: usize| Task {
        heading: format!("prefill {tokens}"),
        command,
        rate: Some(tokens),
        most,
    };
    let mut tasks = Vec::new();
    for tokens in &plan.prefills {
        if wide || Some(tokens) == plan.prefills.last() {
            tasks.push(prefill(*tokens, json!({"do": "prefill", "tokens": tokens}), usize::MAX));
        }
    }
    if wide {
        tasks.push(prefill(plan.first, json!({"do": "first", "tokens": plan.first, "warm": false}), most));
    }
    tasks.push(Task {
        heading: format!("decode {decoded}"),
        command: json!({"do": "decode", "tokens": decoded}),
        rate: Some(decoded),
        most: usize::MAX,
    });
    if wide {
        tasks.push(Task {
            heading: "first token warm, ms".into(),
            command: json!({"do": "first", "tokens": plan.first, "warm": true}),
            rate: None,
            most,
        });
    }
    tasks
}

/// Rounds of every task, the contestants one after the other in each, beginning with another each round.
///
/// # Errors
/// A contestant that fails, or fewer rounds than planned.
pub fn contest(
    plan: &Plan,
    shape: &Shape,
    threads: u32,
    contestants: &[Contestant],
    rounds: usize,
    tasks: &[Task],
) -> Result<Vec<Row>> {
    let path = plan.model(shape)?;
    let context = (plan.first + plan.decoded).next_multiple_of(256);
    let mut children: Vec<Child> = Vec::new();
    let mut rows = Vec::new();
    for contestant in contestants {
        let mut child = contestant.start()?;
        let load = child.time(&json!({
            "do": "load", "model": path, "threads": threads, "context": context
        }))?;
        // The first pass makes pages and buffers present.
        child.time(&json!({"do": "prefill", "tokens": 16}))?;
        children.push(child);
        rows.push(Row {
            name: contestant.name,
            load,
            times: vec![Vec::new(); tasks.len()],
            memory: f64::NAN,
        });
    }
    for round in 0..rounds {
        for (index, task) in tasks.iter().enumerate().filter(|(_, task)| round < task.most) {
            for turn in 0..children.len() {
                let who = (round + turn) % children.len();
                settle();
                let took = children[who].time(&task.command)?;
                rows[who].times[index].push(took);
            }
        }
    }
    for (row, child) in rows.iter_mut().zip(&children) {
        row.memory = child.peak_memory()?;
        if row.times.iter().zip(tasks).any(|(times, task)| times.len() != rounds.min(task.most)) {
            return Err(format!("{}: fewer rounds than planned", row.name).into());
        }
    }
    Ok(rows)
}

fn table(plan: &Plan, section: &mut Section, shape: &Shape, threads: u32, rows: &[Row]) {
    let tasks = tasks(plan, shape, threads);
    let title = format!("**{}, {threads} thread{}**", shape.name, if threads == 1 { "" } else { "s" });
    let cold = tasks.iter().position(|task| task.command["do"] == "first");
    let mut header = vec![title.as_str(), "load, ms"];
    header.extend(tasks.iter().map(|task| task.heading.as_str()));
    if cold.is_some() {
        header.push("first token cold, ms");
    }
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut line = vec![row.name.to_owned(), digits(row.load)];
            for (task, times) in tasks.iter().zip(&row.times) {
                line.push(digits(match task.rate {
                    Some(tokens) => count(tokens) / median(times) * 1e3,
                    None => median(times),
                }));
            }
            line.extend(cold.map(|cold| digits(median(&row.times[cold]))));
            line
        })
        .collect();
    section.table(&header, &lines);
}

fn warm_target(plan: &Plan, rows: &[Row]) -> Option<Target> {
    let row = rows.iter().find(|row| row.name == ATTESTED)?;
    let [.., cold, _, warm] = row.times.as_slice() else { return None };
    let ratios: Vec<f64> = warm.iter().zip(cold).map(|(warm, cold)| warm / cold).collect();
    let what = format!("first token, warm / cold, {} tokens", plan.first);
    let because = format!("Warm, {COLD_TAIL} tokens are still read, a draw and a receipt are made.");
    Some(Target::at_most(what, median(&ratios), 0.10).because(because))
}
