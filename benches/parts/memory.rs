//! Peak memory of every contestant.

use super::speed::{contest, tasks, Row};
use crate::contestants::{Contestant, ATTESTED, STOCK_LAYOUT};
use crate::plan::Plan;
use crate::report::{Section, Target};
use crate::shapes::Shape;
use crate::stats::digits;
use crate::Result;

/// The section, from the rows of every shape.
///
/// # Errors
/// If the floor fails.
pub fn section(plan: &Plan, measured: &[(Shape, Vec<Row>)]) -> Result<Section> {
    let mut section = Section::new("Memory");
    section.paragraph(
        "Peak resident memory (`VmHWM`) of each contestant's process in MB over everything above; mapped weights \
         count. Raw is libllama alone with the memory layout of `exact-1`: the same context, batch and cache, \
         no flash attention (which needs no buffer for scores), nothing repacked.",
    );
    let mut names: Vec<&str> = Vec::new();
    for row in measured.iter().flat_map(|(_, rows)| rows) {
        if !names.contains(&row.name) {
            names.push(row.name);
        }
    }
    let mut lines = Vec::new();
    let mut worst: Option<(f64, &Shape)> = None;
    for (shape, rows) in measured {
        let tasks = tasks(plan, shape, plan.threads);
        let raw = contest(plan, shape, plan.threads, &[Contestant::own(STOCK_LAYOUT)?], 1, &tasks)?;
        let raw = raw.first().map_or(f64::NAN, |raw| raw.memory);
        let of = |name: &str| rows.iter().find(|row| row.name == name).map_or(f64::NAN, |row| row.memory);
        let ratio = of(ATTESTED) / raw;
        if !ratio.is_finite() {
            return Err(format!("{}: peak memory was not measured", shape.name).into());
        }
        if worst.is_none_or(|(most, _)| ratio > most) {
            worst = Some((ratio, shape));
        }
        let mut line = vec![shape.name.clone(), digits(raw), format!("{ratio:.3}")];
        line.extend(names.iter().map(|name| digits(of(name))));
        lines.push(line);
    }
    let mut header = vec!["shape", "raw", "attestlm / raw"];
    header.extend(&names);
    section.table(&header, &lines);
    if let Some((ratio, shape)) = worst {
        section.targets.push(
            Target::at_most(format!("peak memory / raw, worst shape ({})", shape.name), ratio, 1.05)
                .because("What is added does not grow with the weights: the table has every shape."),
        );
    }
    Ok(section)
}
