//! Tolerant mode: how far dishonest receipts stand from honest ones where bits cannot be compared.

use attestlm::profile::Profile;
use attestlm::verify::{distances, verify, VerifyOptions};
use attestlm_proof::Failure;

use crate::cases::is_filtered;
use crate::catalogue::{Attack, InTolerance, Lie};
use crate::exact::{client_expectations, indices, Tally};
use crate::node::{output_of, Node, BATCH};
use crate::pool::parallel;
use crate::roc::{Distances, PREFIXES};
use crate::subjects::Subject;

/// Which profile a receipt states, and under which it is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direction {
    pub made: Profile,
    pub judged: Profile,
}

/// Both of them.
pub const DIRECTIONS: [Direction; 2] = [
    Direction { made: Profile::Fast1, judged: Profile::EXACT[0] },
    Direction { made: Profile::EXACT[0], judged: Profile::Fast1 },
];

/// How many runs a lie gets on each subject.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Measured.
    pub scored: usize,
    /// Judged by what does not depend on numerics.
    pub checked: usize,
}

/// What became of one lie on one subject, or on all.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// One list of receipts; an attack at one place has one for each length.
    pub distances: Vec<Vec<Distances>>,
    /// Runs whose output is the honest one: nothing is left to compare.
    pub same_output: usize,
    /// Verdicts with all that the client knows, of lies that are not scored.
    pub verdicts: Tally,
}

/// Every lie in a direction: `[attack][lie]`, all subjects together, `None` where it does not apply.
pub fn measure(
    subjects: &[Subject],
    attacks: &[Attack],
    direction: Direction,
    plan: Plan,
) -> Result<Vec<Vec<Option<Outcome>>>, Failure> {
    let items: Vec<(usize, &Subject)> = subjects.iter().enumerate().collect();
    let by_subject =
        parallel(&items, |(number, subject)| on_subject(*number, subject, attacks, direction, plan))?;
    let mut all: Vec<Vec<Option<Outcome>>> =
        attacks.iter().map(|attack| attack.lies.iter().map(|_| None).collect()).collect();
    for subject in by_subject {
        for (all, found) in all.iter_mut().flatten().zip(subject.into_iter().flatten()) {
            match (all.as_mut(), found) {
                (_, None) => {}
                (None, found) => *all = found,
                (Some(all), Some(found)) => all.add(found),
            }
        }
    }
    Ok(all)
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        for (all, more) in self.distances.iter_mut().zip(other.distances) {
            all.extend(more);
        }
        self.same_output += other.same_output;
        self.verdicts.add(&other.verdicts);
    }
}

fn on_subject(
    number: usize,
    subject: &Subject,
    attacks: &[Attack],
    direction: Direction,
    plan: Plan,
) -> Result<Vec<Vec<Option<Outcome>>>, Failure> {
    let longest = PREFIXES[PREFIXES.len() - 1];
    let mut nodes = Vec::new();
    for tokens in PREFIXES {
        nodes.push(Node::new(subject, direction.made, u32::try_from(tokens)?));
    }
    let mut found = Vec::new();
    for attack in attacks {
        let mut of_attack = Vec::new();
        for lie in &attack.lies {
            let applies = !lie.exact_only || direction.made.is_exact();
            of_attack.push(match lie.in_tolerance {
                _ if !applies => None,
                InTolerance::Same => None,
                InTolerance::Checked => Some(checked(&mut nodes, lie, direction, plan.checked)?),
                InTolerance::Scored => {
                    let node = nodes.iter_mut().find(|n| n.tokens as usize == longest).ok_or("no node")?;
                    Some(scored(std::slice::from_mut(node), lie, direction, (number, plan.scored))?)
                }
                InTolerance::ScoredAtOnePlace => {
                    Some(scored(&mut nodes, lie, direction, (number, plan.scored))?)
                }
            });
        }
        found.push(of_attack);
    }
    Ok(found)
}

fn options<'a>(node: &Node<'a>, lie: &Lie, direction: Direction) -> VerifyOptions<'a> {
    let subject = node.subject;
    VerifyOptions {
        model: Some(&subject.model),
        adapter: lie.adapter.map(|i| &subject.adapters[i]),
        threads: Some(1),
        tolerant: true,
        profile: Some(direction.judged),
        ..VerifyOptions::default()
    }
}

/// The distances of receipts whose output is not the honest one, for each node's length.
fn scored(
    nodes: &mut [Node<'_>],
    lie: &Lie,
    direction: Direction,
    (subject, quota): (usize, usize),
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    for node in nodes {
        let mut list = Vec::new();
        let mut tried = 0;
        while list.len() < quota && tried < 2 * quota {
            let cases = node.cases(lie.adapter, &indices(lie.policies, tried))?;
            let forged = (lie.make)(node, &cases)?;
            tried += BATCH;
            for (case, document) in cases.iter().zip(&forged) {
                if output_of(document)? == output_of(&case.honest)? {
                    outcome.same_output += 1;
                } else {
                    let each = distances(document, &options(node, lie, direction))?;
                    list.push(Distances { subject, filtered: is_filtered(&case.request), each });
                }
            }
        }
        outcome.distances.push(list);
    }
    Ok(outcome)
}

/// The verdicts on lies that a check of form, commitments, expectations or ends may show.
fn checked(nodes: &mut [Node<'_>], lie: &Lie, direction: Direction, runs: usize) -> Result<Outcome, Failure> {
    let node = nodes.last_mut().ok_or("no node")?;
    let mut outcome = Outcome::default();
    for from in (0..runs).step_by(BATCH) {
        let cases = node.cases(lie.adapter, &indices(lie.policies, from))?;
        let forged = (lie.make)(node, &cases)?;
        for (case, document) in cases.iter().zip(&forged) {
            if document == &case.honest {
                outcome.same_output += 1;
                continue;
            }
            let report = verify(document, &client_expectations(node, case), &options(node, lie, direction))?;
            outcome.verdicts.count(&report.verdict)?;
        }
    }
    Ok(outcome)
}
