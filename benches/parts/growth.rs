//! Growth with the length of the context.

use std::time::Instant;

use attestlm::model::Model;
use attestlm::profile::Profile;

use super::settle;
use crate::contestants::raw::Raw;
use crate::plan::Plan;
use crate::report::Section;
use crate::stats::{count, digits, ms};
use crate::{shapes, Result};

/// Tokens decoded at each length.
const DECODED: usize = 16;

/// Measures.
///
/// # Errors
/// A failed decode.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let shape = &plan.main_shape;
    let model = Model::open(&plan.model(shape)?)?;
    let mut section = Section::new("Growth with the context");
    section.paragraph(&format!(
        "{}, {} threads, the raw loop on `exact-2`: the time of a token with so many before it, over {DECODED} tokens, \
         and the time of reading a token on the way there from the line before. One pass.",
        shape.name, plan.threads
    ));
    let longest = plan.contexts.last().copied().unwrap_or(0) + DECODED;
    let mut raw =
        Raw::new(&model, Profile::Exact2, plan.threads, u32::try_from(longest.next_multiple_of(256))?)?;
    let prompt = shapes::prompt(longest);
    // The first pass makes pages and buffers present.
    raw.read(&prompt[..DECODED])?;
    raw.generate(1)?;
    raw.forget()?;
    let mut lines = Vec::new();
    let mut read = 0;
    for length in &plan.contexts {
        eprintln!("growth: {length} tokens");
        let next = prompt.get(read..*length).unwrap_or_default();
        settle();
        let begun = Instant::now();
        raw.read(next)?;
        let prefill = ms(begun.elapsed());
        settle();
        let each = ms(raw.generate(DECODED)?) / count(DECODED);
        // What was decoded is forgotten: the next prefill goes on where this one ended.
        raw.context.truncate(0, u32::try_from(*length)?)?;
        read = *length;
        let prefill = if next.is_empty() { f64::NAN } else { prefill / count(next.len()) };
        lines.push(vec![length.to_string(), digits(each), digits(prefill)]);
    }
    section.table(&["tokens before", "decode, ms a token", "prefill, ms a token"], &lines);
    Ok(vec![section])
}
