//! Exact mode: every lie judged twice, by the receipt alone and with all that the client knows.

use std::fmt;

use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm_proof::Failure;

use crate::cases::{expectations, Case, POLICIES};
use crate::catalogue::{Attack, InTolerance, Lie};
use crate::node::{output_of, Node, BATCH};
use crate::paper_lies::SHORTEST;
use crate::pool::parallel;
use crate::subjects::Subject;

/// Tokens of an answer: a cut one still has [`SHORTEST`].
pub const TOKENS: u32 = 80;

/// How many runs of an attack there must be.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Runs of each attack whose statement is false.
    pub runs: usize,
    /// Models among them.
    pub models: usize,
}

/// Verdicts, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub verified: usize,
    pub diverged: usize,
    pub invalid: usize,
    pub unverifiable: usize,
    pub consistent: usize,
    pub inconsistent: usize,
}

impl Tally {
    pub fn count(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        match verdict {
            Verdict::Verified { .. } => self.verified += 1,
            Verdict::Diverged { .. } => self.diverged += 1,
            Verdict::Invalid { .. } => self.invalid += 1,
            Verdict::Unverifiable { .. } => self.unverifiable += 1,
            Verdict::Consistent { .. } => self.consistent += 1,
            Verdict::Inconsistent { .. } => self.inconsistent += 1,
            other => return Err(format!("a verdict this trial does not know: {other}").into()),
        }
        Ok(())
    }

    pub fn add(&mut self, other: &Tally) {
        self.verified += other.verified;
        self.diverged += other.diverged;
        self.invalid += other.invalid;
        self.unverifiable += other.unverifiable;
        self.consistent += other.consistent;
        self.inconsistent += other.inconsistent;
    }

    pub fn runs(&self) -> usize {
        self.caught() + self.verified + self.unverifiable + self.consistent
    }

    /// Shown to be false.
    pub fn caught(&self) -> usize {
        self.diverged + self.invalid + self.inconsistent
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.verified, "verified"),
            (self.diverged, "diverged"),
            (self.invalid, "invalid"),
            (self.unverifiable, "unverifiable"),
            (self.consistent, "consistent"),
            (self.inconsistent, "inconsistent"),
        ];
        let shown: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        f.write_str(&if shown.is_empty() { "none".into() } else { shown.join(", ") })
    }
}

/// What became of one lie on one subject.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The receipt alone.
    pub alone: Tally,
    /// With all that the client knows.
    pub client: Tally,
    /// Runs in which the lie changed nothing: the document is, byte for byte, the honest one.
    pub changed_nothing: usize,
    /// The least tokens of an answer.
    pub shortest: usize,
    /// Runs that the client did not catch, described.
    pub missed: Vec<String>,
}

/// The cases on which a lie is tried, `BATCH` at a time.
pub fn indices(policies: &[usize], from: usize) -> Vec<usize> {
    (from..from + BATCH).map(|n| n / policies.len() * POLICIES + policies[n % policies.len()]).collect()
}

/// Every attack on every subject: `[attack][lie][subject]`.
pub fn matrix(
    subjects: &[Subject],
    attacks: &[Attack],
    plan: Plan,
) -> Result<Vec<Vec<Vec<Outcome>>>, Failure> {
    // A subject at a time keeps its honest answers at hand for every attack.
    let items: Vec<(usize, &Subject)> = subjects.iter().enumerate().collect();
    let by_subject = parallel(&items, |(_, subject)| {
        let mut node = Node::new(subject, Profile::EXACT[0], TOKENS);
        attacks
            .iter()
            .map(|attack| {
                // As many that any `plan.models` subjects reach the runs of the attack.
                let quota = plan.runs.div_ceil(plan.models * attack.lies.len()).next_multiple_of(BATCH);
                attack.lies.iter().map(|lie| try_lie(&mut node, lie, quota)).collect::<Result<Vec<_>, _>>()
            })
            .collect::<Result<Vec<_>, _>>()
    })?;
    let gather = |a: usize, l: usize| by_subject.iter().map(|s| s[a][l].clone()).collect();
    Ok(attacks
        .iter()
        .enumerate()
        .map(|(a, attack)| (0..attack.lies.len()).map(|l| gather(a, l)).collect())
        .collect())
}

/// Tries a lie until `quota` runs changed something, or four times as many were tried.
fn try_lie(node: &mut Node<'_>, lie: &Lie, quota: usize) -> Result<Outcome, Failure> {
    let mut outcome = Outcome { shortest: usize::MAX, ..Outcome::default() };
    let mut tried = 0;
    while outcome.client.runs() < quota && tried < 4 * quota {
        let cases = node.cases(lie.adapter, &indices(lie.policies, tried))?;
        let forged = (lie.make)(node, &cases)?;
        if forged.len() != cases.len() {
            return Err(format!("{}: {} documents for {} cases", lie.what, forged.len(), cases.len()).into());
        }
        tried += cases.len();
        for (case, document) in cases.iter().zip(&forged) {
            // As it would be sent.
            let document = &Document::parse(document.to_json()?.as_bytes())?;
            let tokens = output_of(document)?.len().min(output_of(&case.honest)?.len());
            outcome.shortest = outcome.shortest.min(tokens);
            if tokens < SHORTEST {
                return Err(format!("{}: an answer of {tokens} tokens", lie.what).into());
            }
            let client = client_verdict(node, case, document)?;
            if document == &case.honest {
                // A true statement, whatever was run to find it: it must stand.
                outcome.changed_nothing += 1;
                if client != (Verdict::Verified { prefix_only: false }) {
                    outcome.missed.push(format!("case {}: a true statement is {client}", case.index));
                }
                continue;
            }
            let alone = alone_verdict(node.subject, document)?;
            outcome.alone.count(&alone)?;
            outcome.client.count(&client)?;
            if let Some(why) = unlike(lie, document, &alone, &client) {
                outcome
                    .missed
                    .push(format!("case {}: {why}; alone {alone}, with the client {client}", case.index));
            }
        }
    }
    Ok(outcome)
}

/// In what a lie did not end as it should: caught, and by what its kind says. A forger's own mistake would be
/// caught, too.
fn unlike(lie: &Lie, document: &Document, alone: &Verdict, client: &Verdict) -> Option<&'static str> {
    let signed = document.recover().is_ok_and(|by| by == document.receipt.signer);
    if signed == lie.wrongly_signed {
        return Some("the signature is not as the lie has it");
    }
    if !matches!(client, Verdict::Diverged { .. } | Verdict::Invalid { .. }) {
        return Some("not caught");
    }
    // What differs from an honest receipt in its draws or its trace alone is shown by the replay, or by
    // nothing.
    let diverged = |verdict: &Verdict| matches!(verdict, Verdict::Diverged { .. });
    if lie.in_tolerance != InTolerance::Checked && !(diverged(client) && diverged(alone)) {
        return Some("not caught by the replay");
    }
    None
}

/// What somebody finds who has nothing but the document and the files it names.
fn alone_verdict(subject: &Subject, document: &Document) -> Result<Verdict, Failure> {
    let options = VerifyOptions {
        model: subject.named(&document.receipt.model),
        adapter: subject.adapter_named(&document.receipt.adapter),
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Ok(verify(document, &Expectations::default(), &options)?.verdict)
}

/// What the client finds, with its own request, model and expectations.
fn client_verdict(node: &Node<'_>, case: &Case, document: &Document) -> Result<Verdict, Failure> {
    let subject = node.subject;
    let options = VerifyOptions {
        model: Some(&subject.model),
        adapter: case.adapter.map(|i| &subject.adapters[i]),
        threads: Some(1),
        ..VerifyOptions::default()
    };
    Ok(verify(document, &client_expectations(node, case), &options)?.verdict)
}

/// Everything the client of a case knows.
pub fn client_expectations(node: &Node<'_>, case: &Case) -> Expectations {
    let subject = node.subject;
    let adapter = case.adapter.map_or([0; 32], |i| subject.adapters[i].sha256());
    expectations(&case.request, &subject.model, adapter, &case.request.policy, node.profile)
}
