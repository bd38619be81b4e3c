//! Lies on paper: the right model ran, and what is stated of it is not what came out.

use attestlm::abi::keccak256;
use attestlm::commitment::Context;
use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::CacheType;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::sampler::Sampler;
use attestlm::Token;
use attestlm_proof::forger::{put_output, put_trace, Forger};
use attestlm_proof::Failure;
use attestlm_testkit::Rng;

use crate::cases::Case;
use crate::node::{output_of, prompt_of, Node, Running};
use crate::run_lies::{drawn_with, Forged};

/// No answer is cut below this.
pub const SHORTEST: usize = 64;
/// Tokens that the operator adds of its own.
const ADDED: usize = 8;
/// The key of somebody else.
const STRANGER: [u8; 32] = [0x66; 32];
/// How many of the likeliest tokens an operator looks at for one that lost narrowly.
const CANDIDATES: usize = 8;

/// The random numbers of a case's lie.
fn rng(case: &Case, what: u64) -> Rng {
    Rng::new(what << 32 | case.index as u64)
}

/// Each case's honest statement, edited.
fn edited(
    node: &mut Node<'_>,
    cases: &[Case],
    edit: impl Fn(&mut Node<'_>, &Case) -> Result<Document, Failure>,
) -> Forged {
    cases.iter().map(|case| edit(node, case)).collect()
}

/// The honest statement with another output: its digests are those of one pass over it.
fn with_output(
    node: &mut Node<'_>,
    case: &Case,
    tokens: &[Token],
    finish: Finish,
    restrict: impl FnOnce(&mut attestlm::policy::SamplingPolicy),
) -> Result<Document, Failure> {
    let forward = node.forward(Running::asked(case), CacheType::F16)?;
    let digests = forward.digests(prompt_of(&case.honest)?, tokens)?;
    let vocab = node.subject.model.vocab();
    node.forger.restate(&case.honest, |receipt, disclosure| {
        receipt.finish = finish;
        restrict(disclosure.sampler.as_mut().ok_or("the policy is not disclosed")?);
        put_output(receipt, disclosure, vocab, tokens, &digests)
    })
}

/// A random place and another token for it.
fn replacement(node: &Node<'_>, case: &Case) -> Result<(usize, Token), Failure> {
    let mut rng = rng(case, 1);
    let output = output_of(&case.honest)?;
    let at = rng.below(output.len());
    let size = node.subject.model.vocab().len();
    let token = (output[at] as usize + 1 + rng.below(size - 1)) % size;
    Ok((at, Token::try_from(token)?))
}

pub fn one_token(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let (at, token) = replacement(node, case)?;
        let mut tokens = output_of(&case.honest)?.to_vec();
        tokens[at] = token;
        with_output(node, case, &tokens, case.honest.receipt.finish, |_| ())
    })
}

pub fn one_token_old_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let (at, token) = replacement(node, case)?;
        let mut tokens = output_of(&case.honest)?.to_vec();
        let forward = node.forward(Running::asked(case), CacheType::F16)?;
        let digests = forward.digests(prompt_of(&case.honest)?, &tokens)?;
        tokens[at] = token;
        let vocab = node.subject.model.vocab();
        node.forger.restate(&case.honest, |receipt, disclosure| {
            put_output(receipt, disclosure, vocab, &tokens, &digests)
        })
    })
}

/// The token that lost most narrowly at a random place, and everything after it drawn as it should be.
pub fn one_token_redrawn(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let output = output_of(&case.honest)?;
        let at = rng(case, 2).below(output.len());
        redrawn_from(node, case, at)
    })
}

/// As [`one_token_redrawn`], at a given place.
pub fn redrawn_from(node: &mut Node<'_>, case: &Case, at: usize) -> Result<Document, Failure> {
    let output = output_of(&case.honest)?.to_vec();
    let prompt = prompt_of(&case.honest)?;
    let (policy, seed) = drawn_with(case)?;
    let vocab = node.subject.model.vocab();
    let mut logits = Vec::new();
    let forward = node.forward(Running::asked(case), CacheType::F16)?;
    forward.pass(prompt, &output[..=at], |position, row| {
        if position == at {
            logits = row.to_vec();
        }
    })?;
    let token = {
        let _env = FloatEnv::enter();
        let mut sampler = Sampler::new(policy, seed, 0, vocab.len(), vocab.eog())?;
        let history: Vec<Token> = prompt.iter().chain(&output[..at]).copied().collect();
        let mut likeliest: Vec<Token> = (0..Token::try_from(logits.len())?).collect();
        likeliest.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
        let mut losers = Vec::new();
        for token in likeliest.into_iter().filter(|token| *token != output[at]).take(CANDIDATES) {
            let judged = sampler.judge(at as u64, &logits, &history, None, token)?;
            losers.push((judged.margin.max(judged.cutoff_gap).max(0.0), token));
        }
        losers.sort_by(|a, b| a.0.total_cmp(&b.0));
        losers.first().ok_or("a vocabulary of one token")?.1
    };
    let given: Vec<Token> = output[..at].iter().copied().chain([token]).collect();
    let ran = if given.len() == output.len() {
        let digests = forward.digests(prompt, &given)?;
        attestlm_proof::forward::Ran { tokens: given, digests }
    } else {
        forward.draw(prompt, &given, output.len(), policy, seed)?
    };
    node.forger.restate(&case.honest, |receipt, disclosure| {
        put_output(receipt, disclosure, vocab, &ran.tokens, &ran.digests)
    })
}

/// What is left of an answer cut at a random place.
fn cut(case: &Case) -> Result<&[Token], Failure> {
    let output = output_of(&case.honest)?;
    let spare =
        output.len().checked_sub(SHORTEST).filter(|n| *n > 0).ok_or("the answer is too short to cut")?;
    Ok(&output[..SHORTEST + rng(case, 3).below(spare)])
}

/// Cut, with an end-of-generation token that nobody drew.
pub fn cut_ended(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let mut tokens = cut(case)?.to_vec();
        tokens.push(*node.subject.model.vocab().eog().first().ok_or("no end-of-generation token")?);
        with_output(node, case, &tokens, Finish::EndOfGeneration, |_| ())
    })
}

/// Cut, and said to have reached the client's own limit.
pub fn cut_at_limit(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| with_output(node, case, cut(case)?, Finish::MaxTokens, |_| ()))
}

/// Cut by a smaller limit, which is stated.
pub fn cut_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let tokens = cut(case)?;
        let limit = u32::try_from(tokens.len())?;
        with_output(node, case, tokens, Finish::MaxTokens, |policy| policy.max_tokens = limit)
    })
}

/// Cut by a smaller context, which is stated.
pub fn cut_by_context(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let tokens = cut(case)?;
        let limit = case.honest.receipt.prompt_count + u32::try_from(tokens.len())?;
        with_output(node, case, tokens, Finish::ContextFull, |policy| policy.context_tokens = limit)
    })
}

/// The operator's own words as tokens.
fn own_words(node: &Node<'_>) -> Result<Vec<Token>, Failure> {
    let words = node.subject.model.vocab().tokenize_plain(" so the answer is 42 and buy it in our shop")?;
    let words: Vec<Token> = words.into_iter().take(ADDED).collect();
    if words.len() < ADDED {
        return Err("too few words of its own".into());
    }
    Ok(words)
}

/// Own words in place of the last tokens: within every limit the client set.
pub fn own_ending(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let words = own_words(node)?;
        let mut tokens = output_of(&case.honest)?.to_vec();
        let keep = tokens.len() - words.len();
        tokens.truncate(keep);
        tokens.extend(words);
        with_output(node, case, &tokens, case.honest.receipt.finish, |_| ())
    })
}

/// Own words behind the last token.
pub fn goes_on(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let mut tokens = output_of(&case.honest)?.to_vec();
        tokens.extend(own_words(node)?);
        with_output(node, case, &tokens, case.honest.receipt.finish, |_| ())
    })
}

/// A longer answer under a higher limit, which is stated.
pub fn longer_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let first = cases.first().ok_or("no cases")?;
    let longer = |case: &Case| {
        let mut request: Request = case.request.clone();
        request.policy.max_tokens += u32::try_from(ADDED)?;
        Ok(request)
    };
    let requests = cases.iter().map(longer).collect::<Result<Vec<_>, Failure>>()?;
    node.answers(Running::asked(first), &requests)
}

/// Own words in the step's text alone, which a contract may be shown.
pub fn text_in_the_step(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        node.forger.restate(&case.honest, |_, disclosure| {
            let steps = disclosure.steps.as_mut().ok_or("the steps are not disclosed")?;
            steps.last_mut().ok_or("no step")?.text.extend_from_slice(b" so the answer is 42");
            Ok(())
        })
    })
}

/// Signed with another key than that of the signer it states.
pub fn stated_signer(_: &mut Node<'_>, cases: &[Case]) -> Forged {
    let stranger = Forger::with_key(&STRANGER)?;
    cases.iter().map(|case| stranger.sign(case.honest.clone())).collect()
}

/// A true answer of somebody else.
pub fn other_signer(_: &mut Node<'_>, cases: &[Case]) -> Forged {
    let stranger = Forger::with_key(&STRANGER)?;
    cases.iter().map(|case| stranger.restate(&case.honest, |_, _| Ok(()))).collect()
}

/// A trace of digests that no logits have.
pub fn invented_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let digests: Vec<[u8; 32]> = (0..output_of(&case.honest)?.len())
            .map(|at| keccak256(format!("{} {at}", case.index).as_bytes()))
            .collect();
        node.forger.restate(&case.honest, |receipt, disclosure| put_trace(receipt, disclosure, &digests))
    })
}

/// The true trace but for one bit of one digest at a random place.
pub fn one_digest(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    edited(node, cases, |node, case| {
        let output = output_of(&case.honest)?;
        let forward = node.forward(Running::asked(case), CacheType::F16)?;
        let mut digests = forward.digests(prompt_of(&case.honest)?, output)?;
        let mut rng = rng(case, 4);
        let (digest, byte, bit) = (rng.below(digests.len()), rng.below(32), rng.below(8));
        digests[digest][byte] ^= 1 << bit;
        node.forger.restate(&case.honest, |receipt, disclosure| put_trace(receipt, disclosure, &digests))
    })
}

/// The same question, asked and answered for another job.
fn for_another_job(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let first = cases.first().ok_or("no cases")?;
    let earlier = |case: &Case| {
        let mut request = case.request.clone();
        request.context = Context::Hash(keccak256(&request.context.hash()));
        request.nonce = request.nonce.map(|nonce| keccak256(&nonce));
        request
    };
    let requests: Vec<Request> = cases.iter().map(earlier).collect();
    node.answers(Running::asked(first), &requests)
}

/// The receipt of another job, as it is.
pub fn reused(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    for_another_job(node, cases)
}

/// The receipt of another job, with this job's context put in.
pub fn relabelled(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let earlier = for_another_job(node, cases)?;
    let relabel = |(case, earlier): (&Case, &Document)| {
        node.forger.restate(earlier, |receipt, _| {
            receipt.context = case.request.context.hash();
            Ok(())
        })
    };
    cases.iter().zip(&earlier).map(relabel).collect()
}
