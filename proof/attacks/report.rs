//! The matrix as a document.

use std::fmt::Write;

use attestlm::verify::{DISTANCE_CLIP, TOLERANT_THRESHOLD};

use crate::cases::POLICY_NAMES;
use crate::catalogue::Attack;
use crate::exact;
use crate::exact::Tally;
use crate::honest::Honest;
use crate::paper_lies::SHORTEST;
use crate::roc::{self, Distances, Halves, Point, CLIPS, PREFIXES, RATES};
use crate::subjects::Subject;
use crate::tolerant::{Direction, Outcome, DIRECTIONS};

/// Everything that was measured.
pub struct Measured<'a> {
    pub subjects: &'a [Subject],
    pub attacks: &'a [Attack],
    /// `[attack][lie][subject]`.
    pub exact: Vec<Vec<Vec<exact::Outcome>>>,
    /// Honest answers, by direction.
    pub honest: [Honest; 2],
    /// `[direction][attack][lie]`.
    pub tolerant: [Vec<Vec<Option<Outcome>>>; 2],
}

/// A lie's curves in one direction.
struct Row<'a> {
    attack: &'a str,
    lie: &'a str,
    runs: usize,
    same_output: usize,
    curve: Vec<Point>,
    /// Of all runs, those that the shipped threshold shows.
    shipped: (usize, usize),
    /// One list, or one for each length.
    distances: &'a [Vec<Distances>],
}

const HEAD: &str = "<!-- Made by `make attacks` (proof/attacks/). Do not edit: run it again. -->

# Attack matrix

What an operator can try, and what a verification makes of it. The operator of every run controls its node: the software, the \
signing key and the whole document. It recomputes every commitment, the steps, the trace and the signature, so that \
nothing in a document contradicts anything else in it but the lie itself. Wherever it helps, the trace is the one that the \
stated model gives for the false tokens: one pass over them is cheaper than an answer.

Each forged document is written as JSON, read back and judged twice:

- **the receipt alone**: by somebody who has the document and the files that it names, and expects nothing;
- **with the client's knowledge**: its own request (messages, policy, seed, nonce, job), its own model file, and its expectations \
of signer, model, adapter, sampler, profile and context.

*Caught* is `diverged` or `invalid`. `unverifiable` is neither caught nor accepted.

A run counts only if its statement is false. Where a lie changes nothing (a model so certain that another temperature draws \
the same tokens from the same logits), the document is, byte for byte, the one an honest node signs: a true statement, \
however it was found. Such runs are counted apart, must be `verified`, and further ones are drawn in their place. What the \
honest node signs is generated separately, not taken from the verifier.
";

/// The document.
pub fn document(measured: &Measured<'_>) -> String {
    let mut text = String::from(HEAD);
    subjects(&mut text, measured);
    exact_table(&mut text, measured);
    honest_table(&mut text, &measured.honest[1]);
    text += TOLERANT;
    for (at, direction) in DIRECTIONS.iter().enumerate() {
        tolerant_tables(&mut text, measured, at, *direction);
    }
    unscored(&mut text, measured);
    text
}

/// Appends a line; writing to a string does not fail.
macro_rules! line {
    ($text:expr, $($part:tt)*) => {{
        let _ = writeln!($text, $($part)*);
    }};
}

fn subjects(text: &mut String, measured: &Measured<'_>) {
    line!(
        text,
        "\n## Models\n\n| model | parameters | layers | vocabulary | fewer bits |\n|---|---|---|---|---|"
    );
    for subject in measured.subjects {
        let header = subject.model.header();
        line!(
            text,
            "| {} | {} | {} | {} | {} |",
            subject.name,
            grouped(header.parameters),
            header.layers,
            header.vocabulary,
            subject.quantization
        );
    }
    line!(
        text,
        "\nabacus is the bundled, trained model; the others have random weights, rounded by ggml's quantizer. \"Other \
         weights\" of abacus are its own with one in a hundred moved by one step, as a short fine-tuning would; of the others, \
         another draw. Policies take turns: {}. Every answer has at least {SHORTEST} tokens.",
        POLICY_NAMES.join("; ")
    );
}

fn exact_table(text: &mut String, measured: &Measured<'_>) {
    line!(
        text,
        "\n## Exact mode\n\n| attack | runs | models | caught, the receipt alone | caught, with the client's knowledge | what \
         the receipt alone cannot show |\n|---|---|---|---|---|---|"
    );
    let mut all = [Tally::default(); 2];
    for (attack, lies) in measured.attacks.iter().zip(&measured.exact) {
        let [alone, client] = sums(lies.iter().flatten());
        all[0].add(&alone);
        all[1].add(&client);
        line!(
            text,
            "| {} | {} | {} | {} | **{}** | {} |",
            attack.name,
            client.runs(),
            models(lies),
            share(alone.caught(), alone.runs()),
            share(client.caught(), client.runs()),
            attack.unseen
        );
    }
    line!(
        text,
        "| **all** | {} | | {} | **{}** | |",
        grouped(all[1].runs() as u64),
        share(all[0].caught(), all[0].runs()),
        share(all[1].caught(), all[1].runs())
    );
    line!(
        text,
        "\n### Lie by lie\n\n| attack | what the operator does | runs | changed nothing | the receipt alone | with the client's \
         knowledge |\n|---|---|---|---|---|---|"
    );
    for (attack, lies) in measured.attacks.iter().zip(&measured.exact) {
        for (lie, outcomes) in attack.lies.iter().zip(lies) {
            let [alone, client] = sums(outcomes.iter());
            let nothing: usize = outcomes.iter().map(|o| o.changed_nothing).sum();
            line!(
                text,
                "| {} | {} | {} | {nothing} | {alone} | {client} |",
                attack.name,
                lie.what,
                client.runs()
            );
        }
    }
}

/// Verdicts of all subjects: alone and with the client's knowledge.
pub fn sums<'a>(outcomes: impl Iterator<Item = &'a exact::Outcome>) -> [Tally; 2] {
    let mut sums = [Tally::default(); 2];
    for outcome in outcomes {
        sums[0].add(&outcome.alone);
        sums[1].add(&outcome.client);
    }
    sums
}

/// On how many models an attack was run.
pub fn models(lies: &[Vec<exact::Outcome>]) -> usize {
    let subjects = lies.first().map_or(0, Vec::len);
    (0..subjects).filter(|s| lies.iter().any(|lie| lie[*s].client.runs() > 0)).count()
}

fn honest_table(text: &mut String, honest: &Honest) {
    line!(
        text,
        "\n## Honest receipts\n\n**{} replays with the client's knowledge, {} false alarms.** Answers have {} tokens or end \
         earlier by a stop string ({} of them do).\n\n| varied | replays |\n|---|---|",
        grouped(honest.replays as u64),
        honest.alarms.len(),
        honest.shortest,
        honest.stopped
    );
    let mut kinds: Vec<&str> = honest.by.keys().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    for kind in kinds {
        let values: Vec<String> = honest
            .by
            .iter()
            .filter(|((k, _), _)| *k == kind)
            .map(|((_, value), count)| format!("{value}: {}", grouped(*count as u64)))
            .collect();
        line!(text, "| {kind} | {} |", values.join("; "));
    }
}

const TOLERANT: &str = "
## Tolerant mode

Where bits cannot be compared, a receipt has a score: the mean clipped distance of its tokens from being drawn \
([tolerant.md](tolerant.md)). Of each model's honest receipts under each kind of policy a random half is taken: thresholds are chosen on those halves, and everything below is \
reported on the other half and on dishonest runs, none of which took part in choosing. Where nothing else is said, one threshold serves all models and \
policies. Dishonest runs whose *tokens* are the honest ones are counted apart: tokens are all that is compared here. Rates: \
FPR, the share of honest receipts above a threshold; TPR, that of dishonest ones.

A score of the first n tokens is that of an answer cut to n tokens by its limit. Attacks at one place (one token, the last eight) are \
made anew for each length, so that the place is within it.
";

fn tolerant_tables(text: &mut String, measured: &Measured<'_>, at: usize, direction: Direction) {
    let honest = Halves::of(measured.honest[at].distances.clone());
    let longest = PREFIXES[PREFIXES.len() - 1];
    line!(
        text,
        "\n### {} receipts replayed under {}\n\n{} honest receipts of {longest} tokens: {} to choose on, {} to report on. \
         Above a threshold that was chosen for an FPR on one half, there were on the other half:\n",
        direction.made.name(),
        direction.judged.name(),
        grouped((honest.choosing.len() + honest.judging.len()) as u64),
        grouped(honest.choosing.len() as u64),
        grouped(honest.judging.len() as u64),
    );
    thresholds(text, &honest);
    let rows = rows(measured, at, &honest);
    line!(
        text,
        "\nThe curve at {longest} tokens:\n\n| attack | what the operator does | runs | same tokens | area under the curve | \
         TPR at FPR 0 | 0.1 % | 1 % | 5 % | above the shipped threshold |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for row in &rows {
        let cells = match row.curve.last().filter(|point| point.runs > 0) {
            Some(point) => {
                let rates: Vec<String> = point.rates.iter().map(|(_, tpr)| percent(*tpr)).collect();
                format!("{:.4} | {} | {}", point.area, rates.join(" | "), share(row.shipped.0, row.shipped.1))
            }
            None => "no output differed | | | | |".into(),
        };
        line!(text, "| {} | {} | {} | {} | {cells} |", row.attack, row.lie, row.runs, row.same_output);
    }
    needed(text, measured, &rows, &honest);
    lengths(text, &rows);
    clips(text, &rows, &honest);
}

fn thresholds(text: &mut String, honest: &Halves) {
    let kinds = [("all policies", honest.clone()), ("no top-k or top-p", honest.only(|d| !d.filtered))];
    line!(text, "| policies | tokens | FPR 0 | 0.1 % | 1 % | 5 % | shipped |\n|---|---|---|---|---|---|---|");
    for (kind, honest) in kinds {
        for tokens in PREFIXES {
            let chosen = roc::scores(&honest.choosing, tokens, DISTANCE_CLIP);
            let judged = roc::scores(&honest.judging, tokens, DISTANCE_CLIP);
            let cells: Vec<String> = RATES
                .iter()
                .map(|rate| roc::threshold(&chosen, *rate))
                .chain([TOLERANT_THRESHOLD])
                .map(|threshold| {
                    format!("{} above {threshold:.4}", share(roc::above(&judged, threshold), judged.len()))
                })
                .collect();
            line!(text, "| {kind} | {tokens} | {} |", cells.join(" | "));
        }
    }
}

fn rows<'a>(measured: &'a Measured<'_>, at: usize, honest: &Halves) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (attack, lies) in measured.attacks.iter().zip(&measured.tolerant[at]) {
        for (lie, outcome) in attack.lies.iter().zip(lies) {
            let Some(outcome) = outcome.as_ref().filter(|o| !o.distances.is_empty()) else { continue };
            let Some(longest) = outcome.distances.last() else { continue };
            let scores: Vec<f64> = longest.iter().map(|d| roc::score(&d.each, DISTANCE_CLIP)).collect();
            rows.push(Row {
                attack: attack.name,
                lie: lie.what,
                runs: outcome.distances.iter().map(Vec::len).sum(),
                same_output: outcome.same_output,
                curve: roc::curve(honest, &outcome.distances, DISTANCE_CLIP),
                shipped: (roc::above(&scores, TOLERANT_THRESHOLD), scores.len()),
                distances: &outcome.distances,
            });
        }
    }
    rows
}

/// How many tokens tell a lie apart: with one threshold and with two, and model by model.
fn needed(text: &mut String, measured: &Measured<'_>, rows: &[Row<'_>], honest: &Halves) {
    let names: Vec<&str> = measured.subjects.iter().map(|s| s.name).collect();
    line!(
        text,
        "\nTokens needed for TPR >= 99 % at FPR <= 0.1 %, of {PREFIXES:?}, and in brackets the FPR at that length on the half \
         that took no part in choosing. The threshold is the largest score of the choosing half, where the FPR is 0; chance \
         puts it above 0.1 % on the other half now and then. -: more tokens, or never. *One threshold* holds for every model \
         and policy, also in the columns of single models; *two thresholds*: one for policies with top-k or top-p, one for \
         those without.\n\n| attack | what the operator does | one threshold | two thresholds | {} |\n|---|---|---|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for row in rows.iter().filter(|row| row.runs > 0) {
        let cell = |kind: &dyn Fn(&Distances) -> bool, kinds: &[&dyn Fn(&Distances) -> bool]| {
            let some: Vec<Vec<Distances>> =
                row.distances.iter().map(|list| list.iter().filter(|d| kind(d)).cloned().collect()).collect();
            match roc::tokens_needed(honest, &some, kinds) {
                Some(needed) => format!("{} ({})", needed.tokens, ratio(needed.false_alarms)),
                None if some.iter().all(Vec::is_empty) => "no run".to_owned(),
                None => "-".to_owned(),
            }
        };
        let by_model: Vec<String> =
            (0..names.len()).map(|subject| cell(&|d| d.subject == subject, &[&|_| true])).collect();
        line!(
            text,
            "| {} | {} | **{}** | **{}** | {} |",
            row.attack,
            row.lie,
            cell(&|_| true, &[&|_| true]),
            cell(&|_| true, &[&|d| d.filtered, &|d| !d.filtered]),
            by_model.join(" | ")
        );
    }
}

fn lengths(text: &mut String, rows: &[Row<'_>]) {
    let head: Vec<String> = PREFIXES.iter().map(|tokens| format!("{tokens} tokens")).collect();
    line!(
        text,
        "\nAt other lengths, area under the curve and TPR at the threshold chosen for FPR 0.1 %:\n\n| attack | what the operator \
         does | {} |",
        head.join(" | ")
    );
    line!(text, "|---|---|{}", "---|".repeat(PREFIXES.len()));
    for row in rows.iter().filter(|row| row.runs > 0) {
        let cell = |p: &Point| {
            format!("{:.3}, {}", p.area, p.rates.get(1).map_or_else(String::new, |r| percent(r.1)))
        };
        let cells: Vec<String> = row.curve.iter().map(cell).collect();
        line!(text, "| {} | {} | {} |", row.attack, row.lie, cells.join(" | "));
    }
}

/// Whether another clip would tell more apart.
#[allow(clippy::cast_precision_loss)] // counts
fn clips(text: &mut String, rows: &[Row<'_>], honest: &Halves) {
    line!(
        text,
        "\nOther clips, at {} tokens and the threshold chosen for FPR 0.1 % (shipped: {DISTANCE_CLIP}):\n\n| clip | mean TPR of the \
         lies above | lies with TPR >= 99 % | FPR on the other half |\n|---|---|---|---|",
        PREFIXES[PREFIXES.len() - 1]
    );
    for clip in CLIPS {
        let points: Vec<(f64, f64)> = rows
            .iter()
            .filter(|row| row.runs > 0)
            .filter_map(|row| {
                roc::curve(honest, row.distances, clip).last().and_then(|p| p.rates.get(1).copied())
            })
            .collect();
        let mean = points.iter().map(|(_, tpr)| tpr).sum::<f64>() / points.len().max(1) as f64;
        let good = points.iter().filter(|(_, tpr)| *tpr >= 0.99).count();
        let fpr = points.first().map_or(0.0, |(fpr, _)| *fpr);
        line!(text, "| {clip} | {} | {good} of {} | {} |", percent(mean), points.len(), percent(fpr));
    }
}

fn unscored(text: &mut String, measured: &Measured<'_>) {
    line!(
        text,
        "\n### Lies that no score is needed for, or no score can show\n\nJudged with the client's knowledge. Form, commitments, \
         expectations and the rule of ends do not depend on numerics and are not tolerated. The trace cannot be compared: a \
         forged one stands, and the report says that it was not compared.\n\n| attack | what the operator does | fast replayed \
         under exact | exact replayed under fast |\n|---|---|---|---|"
    );
    for (a, attack) in measured.attacks.iter().enumerate() {
        for (l, lie) in attack.lies.iter().enumerate() {
            let cells: Vec<String> = measured
                .tolerant
                .iter()
                .map(|direction| match &direction[a][l] {
                    Some(outcome) if outcome.distances.is_empty() => outcome.verdicts.to_string(),
                    _ => "no lie here".into(),
                })
                .collect();
            let scored =
                measured.tolerant.iter().any(|d| d[a][l].as_ref().is_some_and(|o| !o.distances.is_empty()));
            let measured_at_all = measured.tolerant.iter().any(|d| d[a][l].is_some());
            if measured_at_all && !scored {
                line!(text, "| {} | {} | {} |", attack.name, lie.what, cells.join(" | "));
            }
        }
    }
}

/// `count of all`, and the share of it.
#[allow(clippy::cast_precision_loss)] // counts
fn share(count: usize, all: usize) -> String {
    if all == 0 {
        return "none".into();
    }
    format!("{count} of {all} ({})", percent(count as f64 / all as f64))
}

/// A share as a percentage, of a count and all.
#[allow(clippy::cast_precision_loss)] // counts
fn ratio((count, all): (usize, usize)) -> String {
    percent(count as f64 / all.max(1) as f64)
}

/// A share as a percentage: never rounded to all or nothing.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".into(),
        p if p >= 100.0 => "100 %".into(),
        p if p < 0.1 => format!("{p:.2} %"),
        p if p > 99.9 => format!("{:.2} %", p.min(99.99)),
        p => format!("{p:.1} %"),
    }
}

/// A number with separators at thousands.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
