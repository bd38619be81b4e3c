//! Steps: an output cut into reasoning steps and the answer, each committed as a leaf of its
//! own, so that one can be shown and checked alone.

mod segment;

use crate::abi::{self, keccak_words, Word};
use crate::commitment::{self, labels};
use crate::error::{Error, Result};
use crate::hex;
use crate::json::{self, Object, Ordered};
use crate::merkle::{self, Tree};
use crate::receipt::{Receipt, PROOF_LIMITS};
use crate::ErrorKind;

pub use segment::{of_template, MARKERS};

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StepKind {
    /// The answer: always the last step, and only the last.
    Answer = 0,
    /// A reasoning step.
    Reasoning = 1,
}

impl TryFrom<u64> for StepKind {
    type Error = Error;

    fn try_from(value: u64) -> Result<Self> {
        match value {
            0 => Ok(StepKind::Answer),
            1 => Ok(StepKind::Reasoning),
            _ => Err(Error::argument("kind", "must be 0 (answer) or 1 (reasoning)")),
        }
    }
}

/// One step of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place among the steps, from 0.
    pub index: u32,
    /// What it is.
    pub kind: StepKind,
    /// Its first output token.
    pub first_token: u32,
    /// The token after its last.
    pub end_token: u32,
    /// The bytes of its tokens, as far as they belong to the output's text: not always UTF-8,
    /// since an output may end inside a character.
    pub text: Vec<u8>,
}

/// The whole output as one answer step, even when it is empty.
#[must_use]
pub fn whole_output(output_count: u32, text: Vec<u8>) -> Vec<Step> {
    vec![Step { index: 0, kind: StepKind::Answer, first_token: 0, end_token: output_count, text }]
}

/// Checks that `steps` tile an output of `output_count` tokens: indices from 0, each step
/// begins where the one before ends, the last ends at `output_count`, the last and no other
/// is the answer, and a reasoning step has a token.
///
/// # Errors
/// The first step that breaks a rule, by its index; [`ErrorKind::Receipt`].
pub fn check_tiling(steps: &[Step], output_count: u32) -> Result<()> {
    let Some(last) = steps.len().checked_sub(1) else {
        return Err(Error::new(ErrorKind::Receipt, "steps", "there is no answer step"));
    };
    let mut begin = 0;
    for (i, step) in steps.iter().enumerate() {
        let refuse = |why: &str| Err(Error::new(ErrorKind::Receipt, format!("steps[{i}]"), why));
        if step.index as usize != i {
            return refuse("the indices must count from 0");
        }
        if step.first_token != begin {
            return refuse("a step must begin where the one before ends, the first at 0");
        }
        check_kind(step.kind, i == last, step.first_token, step.end_token).or_else(refuse)?;
        begin = step.end_token;
    }
    if begin != output_count {
        return Err(Error::new(ErrorKind::Receipt, "steps", "the last step must end at outputCount"));
    }
    Ok(())
}

fn check_kind(kind: StepKind, last: bool, first: u32, end: u32) -> Result<(), &'static str> {
    match (kind, last) {
        (StepKind::Answer, true) if first <= end => Ok(()),
        (StepKind::Reasoning, false) if first < end => Ok(()),
        (StepKind::Answer, false) => Err("only the last step is the answer"),
        (StepKind::Reasoning, true) => Err("the last step must be the answer"),
        _ => Err("a step ends before it begins, or a reasoning step has no token"),
    }
}

/// Checks that steps shown without the others, each proven and in rising order, can be part of one tiling.
///
/// # Errors
/// The first step that does not fit the one before; [`ErrorKind::Receipt`].
pub(crate) fn check_shown(proofs: &[StepProof]) -> Result<()> {
    for (before, after) in
        proofs.iter().map(|proof| &proof.step).zip(proofs.iter().skip(1).map(|proof| &proof.step))
    {
        let between = after.index.saturating_sub(before.index).saturating_sub(1);
        let left = after.first_token.checked_sub(before.end_token);
        if left.is_none_or(|left| if between == 0 { left != 0 } else { left < between }) {
            let why = "must begin where the one before ends, or leave a token to each step between";
            return Err(Error::new(ErrorKind::Receipt, format!("step {}", after.index), why));
        }
    }
    Ok(())
}

/// The salt of step `index`'s text under the steps salt.
#[must_use]
pub fn text_salt(steps_salt: &Word, index: u32) -> Word {
    keccak_words(&[labels::STEP_TEXT_SALT, *steps_salt, abi::uint(index)])
}

fn leaf_hash(index: u32, kind: StepKind, first: u32, end: u32, text_commitment: &Word) -> Word {
    merkle::leaf(&[
        labels::STEP_LEAF,
        abi::uint(index),
        abi::uint(kind as u8),
        abi::uint(first),
        abi::uint(end),
        *text_commitment,
    ])
}

fn tree(steps_salt: &Word, steps: &[Step]) -> Result<Tree> {
    let hash = |step: &Step| {
        let text = commitment::bytes(labels::STEP_TEXT, &text_salt(steps_salt, step.index), &step.text);
        leaf_hash(step.index, step.kind, step.first_token, step.end_token, &text)
    };
    Tree::new(labels::STEPS_ROOT, steps.iter().map(hash).collect())
}

/// The receipt's `steps` field: the root over `steps` under the steps salt
/// ([`crate::commitment::Salts::steps`]).
///
/// # Errors
/// More than 2^32 - 1 steps.
pub fn root(steps_salt: &Word, steps: &[Step]) -> Result<Word> {
    Ok(tree(steps_salt, steps)?.root())
}

/// The proof of step `index`, its text shown.
///
/// # Errors
/// `index` is not below the number of steps.
pub fn proof(steps_salt: &Word, steps: &[Step], index: u32) -> Result<StepProof> {
    let tree = tree(steps_salt, steps)?;
    let siblings = tree.proof(index)?;
    let step = steps.get(index as usize).ok_or_else(|| Error::argument("index", "no such step"))?;
    Ok(StepProof { step: step.clone(), count: tree.count(), salt: text_salt(steps_salt, index), siblings })
}

/// That a receipt's output has this step: a claim of the receipt's signer, checked without a
/// model. It is not a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepProof {
    /// The step.
    pub step: Step,
    /// How many steps there are.
    pub count: u32,
    /// The salt of the step's text.
    pub salt: Word,
    /// The siblings on the way to the root, lowest first.
    pub siblings: Vec<Word>,
}

/// The `type` of a [`StepProof`] document.
pub const STEP_PROOF_TYPE: &str = "attestlm/step-proof-1";

impl StepProof {
    /// Whether the proof leads to `receipt`'s steps root, and the step can be part of a
    /// tiling of its output. The receipt's signature is not looked at here.
    ///
    /// # Errors
    /// What is wrong, [`ErrorKind::Receipt`].
    pub fn verify(&self, receipt: &Receipt) -> Result<()> {
        let refuse = |field: &'static str, why: &str| Err(Error::new(ErrorKind::Receipt, field, why));
        let step = &self.step;
        if receipt.kind != crate::receipt::Kind::Generated {
            return refuse("kind", "a scored receipt has no steps");
        }
        if step.index >= self.count {
            return refuse("index", "must be below the count");
        }
        let last = step.index == self.count - 1;
        check_kind(step.kind, last, step.first_token, step.end_token).or_else(|why| refuse("kind", why))?;
        // Every reasoning step has a token: those before this one, and those behind it.
        if step.first_token < step.index || (step.index == 0 && step.first_token != 0) {
            return refuse(
                "firstToken",
                "must be 0 for the first step, and leave a token to each step before",
            );
        }
        let behind = (self.count - 1 - step.index).saturating_sub(1);
        let left = receipt.output_count.checked_sub(step.end_token);
        if left.is_none_or(|left| if last { left != 0 } else { left < behind }) {
            return refuse(
                "endToken",
                "must leave a token to each reasoning step behind; the answer ends at outputCount",
            );
        }
        let text = commitment::bytes(labels::STEP_TEXT, &self.salt, &step.text);
        let leaf = leaf_hash(step.index, step.kind, step.first_token, step.end_token, &text);
        merkle::verify(&labels::STEPS_ROOT, &receipt.steps, self.count, step.index, &leaf, &self.siblings)
    }

    /// Reads a proof document.
    ///
    /// # Errors
    /// Anything but the one form of it, [`ErrorKind::Receipt`].
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::read(text).map_err(crate::receipt::malformed)
    }

    fn read(text: &[u8]) -> Result<Self> {
        let mut object = Object::new("", json::parse("step proof", text, PROOF_LIMITS)?)?;
        crate::receipt::expect_text(&mut object, "type", STEP_PROOF_TYPE)?;
        Self::take(object)
    }

    /// The members of a proof, all there are.
    pub(crate) fn take(mut object: Object) -> Result<Self> {
        let count = object.uint32("count")?;
        let proof = StepProof {
            step: read_step(&mut object)?,
            count,
            salt: object.bytes("salt")?,
            siblings: crate::receipt::words(&mut object, "siblings")?,
        };
        object.finish()?;
        Ok(proof)
    }

    /// The proof document, canonical.
    ///
    /// # Errors
    /// None in practice; the writer's depth limit is never met.
    pub fn to_json(&self) -> Result<String> {
        let mut members = vec![("type", STEP_PROOF_TYPE.into())];
        members.extend(self.members());
        Ordered::Object(members).to_text()
    }

    /// What [`Self::take`] reads.
    pub(crate) fn members(&self) -> Vec<(&'static str, Ordered)> {
        let mut members = vec![("count", self.count.into())];
        members.extend(write_step(&self.step));
        members.push(("salt", hex::encode(&self.salt).into()));
        members.push(("siblings", crate::receipt::word_list(&self.siblings)));
        members
    }
}

/// The members of a step in a document.
pub(crate) fn write_step(step: &Step) -> Vec<(&'static str, Ordered)> {
    vec![
        ("index", step.index.into()),
        ("kind", (step.kind as u8).into()),
        ("firstToken", step.first_token.into()),
        ("endToken", step.end_token.into()),
        match std::str::from_utf8(&step.text) {
            Ok(text) => ("text", text.into()),
            Err(_) => ("textHex", hex::encode(&step.text).into()),
        },
    ]
}

/// Takes the members of a step. `textHex` stands in for `text` where the bytes are not UTF-8,
/// and only there: one step has one form.
pub(crate) fn read_step(object: &mut Object) -> Result<Step> {
    let kind = object.integer("kind", u64::from(u8::MAX))?;
    let kind = StepKind::try_from(kind).map_err(|e| Error::argument(object.path("kind"), e.message()))?;
    let step = Step {
        index: object.uint32("index")?,
        kind,
        first_token: object.uint32("firstToken")?,
        end_token: object.uint32("endToken")?,
        text: if object.has("textHex") {
            let text = hex::decode(&object.path("textHex"), &object.string("textHex")?)?;
            if std::str::from_utf8(&text).is_ok() {
                return Err(Error::argument(
                    object.path("textHex"),
                    "bytes that are UTF-8 are written as text",
                ));
            }
            text
        } else {
            object.string("text")?.into_bytes()
        },
    };
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(index: u32, kind: StepKind, first_token: u32, end_token: u32) -> Step {
        Step { index, kind, first_token, end_token, text: format!("step {index}").into_bytes() }
    }

    fn three() -> Vec<Step> {
        vec![
            step(0, StepKind::Reasoning, 0, 4),
            step(1, StepKind::Reasoning, 4, 5),
            step(2, StepKind::Answer, 5, 9),
        ]
    }

    #[test]
    fn tilings() {
        check_tiling(&three(), 9).unwrap();
        check_tiling(&whole_output(9, vec![]), 9).unwrap();
        check_tiling(&whole_output(0, vec![]), 0).unwrap();
        assert_eq!(check_tiling(&[], 0).unwrap_err().field(), "steps");
        assert_eq!(check_tiling(&three(), 10).unwrap_err().field(), "steps");
        type Change = fn(&mut Step);
        let broken: [(usize, Change); 7] = [
            (0, |s| s.first_token = 1),
            (1, |s| s.first_token = 3),
            (1, |s| s.end_token = 4),
            (1, |s| s.kind = StepKind::Answer),
            (2, |s| s.kind = StepKind::Reasoning),
            (2, |s| s.index = 1),
            (2, |s| s.end_token = 4),
        ];
        for (at, change) in broken {
            let mut steps = three();
            change(&mut steps[at]);
            assert_eq!(check_tiling(&steps, 9).unwrap_err().field(), format!("steps[{at}]"));
        }
    }

    #[test]
    fn proofs_verify_and_refuse() {
        let (salt, mut steps) = ([5; 32], three());
        steps[1].text = vec![0xe2, 0x82]; // the output's text may be cut inside a character
        let receipt = Receipt {
            steps: root(&salt, &steps).unwrap(),
            output_count: 9,
            ..crate::receipt::tests::example()
        };
        for index in 0..3 {
            let proof = proof(&salt, &steps, index).unwrap();
            proof.verify(&receipt).unwrap();
            let text = proof.to_json().unwrap();
            assert_eq!(text.contains("textHex"), index == 1);
            assert_eq!(StepProof::parse(text.as_bytes()).unwrap(), proof);
            let changes: [fn(&mut StepProof); 8] = [
                |p| p.step.text.push(0),
                |p| p.salt[0] ^= 1,
                |p| p.step.index ^= 1,
                |p| p.step.end_token += 1,
                |p| p.step.first_token += 1,
                |p| p.count = 4,
                |p| p.siblings[0][31] ^= 1,
                |p| p.siblings.truncate(1),
            ];
            for (i, change) in changes.iter().enumerate() {
                let mut wrong = proof.clone();
                change(&mut wrong);
                assert!(wrong.verify(&receipt).is_err(), "change {i} of step {index}");
            }
        }
        let hex = r#""textHex": "0xe282""#;
        let text = proof(&salt, &steps, 1).unwrap().to_json().unwrap();
        assert!(text.contains(hex));
        let error = StepProof::parse(text.replace(hex, r#""textHex": "0x41""#).as_bytes()).unwrap_err();
        assert_eq!(error.field(), "textHex");
        assert!(proof(&salt, &steps, 3).is_err());
    }
}
