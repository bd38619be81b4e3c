//! The attacks: what each operator does, and what a replay without the client's knowledge can make of it.

use crate::cases::{FILTERED, GREEDY, HOT};
use crate::node::Node;
use crate::run_lies::Forged;
use crate::{cases::Case, paper_lies as paper, run_lies as run};

/// One way to lie.
pub struct Lie {
    /// What the operator does.
    pub what: &'static str,
    /// The adapter that the client asks for.
    pub adapter: Option<usize>,
    /// The policies under which this is a lie.
    pub policies: &'static [usize],
    /// What the operator makes of honest cases.
    pub make: fn(&mut Node<'_>, &[Case]) -> Forged,
    /// What can show it where bits cannot be compared.
    pub in_tolerance: InTolerance,
    /// Whether the stated signer's signature is not there.
    pub wrongly_signed: bool,
    /// Whether it is a lie only where the exact profile was asked for.
    pub exact_only: bool,
}

/// What can show a lie where bits cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InTolerance {
    /// Form, commitments, expectations or the rule of ends, if anything.
    Checked,
    /// The draws alone.
    Scored,
    /// The draws at one place, or a few.
    ScoredAtOnePlace,
    /// It differs from another lie in the trace alone, which is not compared.
    Same,
}

/// A kind of attack.
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// What a replay of the receipt alone cannot see.
    pub unseen: &'static str,
    /// The ways to lie.
    pub lies: Vec<Lie>,
}

const ANY: &[usize] = &[GREEDY, HOT, FILTERED];
const DRAWN: &[usize] = &[HOT, FILTERED];
const SEES_ALL: &str = "Nothing: the lie is in the receipt itself.";

fn lie(what: &'static str, make: fn(&mut Node<'_>, &[Case]) -> Forged) -> Lie {
    Lie {
        what,
        adapter: None,
        policies: ANY,
        make,
        in_tolerance: InTolerance::Checked,
        wrongly_signed: false,
        exact_only: false,
    }
}

impl Lie {
    fn under(self, policies: &'static [usize]) -> Self {
        Lie { policies, ..self }
    }

    fn of_adapter(self) -> Self {
        Lie { adapter: Some(0), ..self }
    }

    /// Form, commitments, expectations and ends are those of an honest receipt.
    fn scored(self) -> Self {
        Lie { in_tolerance: InTolerance::Scored, ..self }
    }

    fn scored_at_one_place(self) -> Self {
        Lie { in_tolerance: InTolerance::ScoredAtOnePlace, ..self }
    }

    fn same_in_tolerance(self) -> Self {
        Lie { in_tolerance: InTolerance::Same, ..self }
    }

    fn wrongly_signed(self) -> Self {
        Lie { wrongly_signed: true, ..self }
    }

    fn exact_only(self) -> Self {
        Lie { exact_only: true, ..self }
    }
}

/// All of them.
#[allow(clippy::too_many_lines)] // a table
pub fn all() -> Vec<Attack> {
    let attack = |name, unseen, lies| Attack { name, unseen, lies };
    vec![
        attack(
            "Model swap",
            "That another model was agreed on, where the receipt names the one that ran.",
            vec![
                lie("other weights, named as the client's", run::other_model).scored(),
                lie("one weight moved by one step of its type, named as the client's", run::nudged_model).scored(),
                lie("other weights' tokens, the trace that the client's model gives for them", run::other_model_true_trace).same_in_tolerance(),
                lie("other weights, named truly", run::other_model_named),
            ],
        ),
        attack(
            "Quantization swap",
            "That more bits were agreed on, where the receipt names the file that ran.",
            vec![
                lie("fewer bits, named as the client's", run::cheaper_model).scored(),
                lie("fewer bits' tokens, the trace that the client's model gives for them", run::cheaper_model_true_trace).same_in_tolerance(),
                lie("fewer bits, named truly", run::cheaper_model_named),
            ],
        ),
        attack(
            "Adapter swap or omission",
            "That an adapter was agreed on, where the receipt truly names none.",
            vec![
                lie("left out, and named", run::adapter_omitted).of_adapter().scored(),
                lie("another one, named as the client's", run::adapter_swapped).of_adapter().scored(),
                lie("one that nobody asked for, not named", run::adapter_added).scored(),
                lie("left out, and said so", run::adapter_omitted_named).of_adapter(),
            ],
        ),
        attack(
            "Seed",
            "Whose choice the seed was, and how many were tried before.",
            vec![
                lie("another one, stated as the client's", run::other_seed).under(DRAWN).scored(),
                lie("the best of four, stated truly", run::seed_ground).under(DRAWN),
            ],
        ),
        attack(
            "Temperature",
            "That another temperature was asked for, where the receipt states the one used.",
            vec![
                lie("1.2, stated as the client's", run::hotter).scored(),
                lie("0.85, stated as the client's 0.8", run::slightly_hotter).under(DRAWN).scored(),
                lie("1.2, stated truly", run::hotter_named),
            ],
        ),
        attack(
            "Top-p",
            "That another top-p was asked for, where the receipt states the one used.",
            vec![
                lie("off, stated as the client's 0.9", run::other_top_p).under(&[FILTERED]).scored(),
                lie("0.9, stated as the client's 1", run::other_top_p).under(&[HOT]).scored(),
                lie("another one, stated truly", run::other_top_p_named).under(DRAWN),
            ],
        ),
        attack(
            "Hidden system prompt",
            "A system prompt that the receipt truly commits to: only the client knows that it sent none.",
            vec![
                lie("committed to", run::system_prompt_named),
                lie("the client's request is committed to, the tokens that ran are disclosed", run::system_prompt_request_denied),
                lie("the client's request and tokens are committed to, with the trace that they give", run::system_prompt_hidden).scored(),
            ],
        ),
        attack(
            "Prompt edit",
            "What the client wrote, where the receipt truly commits to the edited prompt.",
            vec![
                lie("one digit, committed to", run::prompt_edited_named),
                lie("the client's request is committed to, the tokens that ran are disclosed", run::prompt_edited_request_denied),
                lie("the client's request and tokens are committed to, with the trace that they give", run::prompt_edited_hidden).scored(),
            ],
        ),
        attack(
            "One-token edit at a random place",
            SEES_ALL,
            vec![
                lie("another token, the rest kept, the trace that a pass over it gives", paper::one_token).scored_at_one_place(),
                lie("another token, the rest and the old trace kept", paper::one_token_old_trace).same_in_tolerance(),
                lie("the token that lost most narrowly, the rest drawn anew and true", paper::one_token_redrawn).scored_at_one_place(),
            ],
        ),
        attack(
            "Truncation",
            "That a longer answer was asked for, where the receipt states the smaller limit.",
            vec![
                lie("an end-of-generation token put at the cut", paper::cut_ended),
                lie("said to have reached the client's limit", paper::cut_at_limit),
                lie("a smaller maxTokens, stated", paper::cut_named),
                lie("a smaller contextTokens, stated", paper::cut_by_context),
            ],
        ),
        attack(
            "Appended text",
            "That a shorter answer was asked for, where the receipt states the higher limit.",
            vec![
                lie("the last eight tokens are the operator's, within every limit", paper::own_ending).scored_at_one_place(),
                lie("eight tokens behind the end", paper::goes_on),
                lie("in the step's text alone", paper::text_in_the_step),
                lie("eight tokens more, drawn, the higher limit stated", paper::longer_named),
            ],
        ),
        attack(
            "A signer other than the one stated",
            "Whether the signer is the one that was asked.",
            vec![
                lie("signed by another key than the stated signer's", paper::stated_signer).wrongly_signed(),
                lie("a true receipt of somebody else", paper::other_signer),
            ],
        ),
        attack(
            "Forged trace root",
            SEES_ALL,
            vec![
                lie("of digests that no logits have", paper::invented_trace),
                lie("one bit of one digest", paper::one_digest),
            ],
        ),
        attack(
            "A receipt re-used for another job",
            "That the job is another, or that the receipt is old.",
            vec![
                lie("as it is", paper::reused),
                lie("this job's context put in, signed anew", paper::relabelled),
            ],
        ),
        attack(
            "KV-cache quantization",
            SEES_ALL,
            vec![
                lie("keys in Q8_0, the kernels of exact-1", run::quantized_keys).scored(),
                lie("keys and values in Q8_0, stock kernels", run::quantized_cache).scored(),
                lie("the same tokens with the trace of an F16 cache", run::quantized_cache_true_trace).same_in_tolerance(),
            ],
        ),
        attack(
            "Fast profile sold as exact",
            "That the exact profile was asked for, where the receipt names the fast one: without `--tolerant` it is \
             `unverifiable`, which is not accepted either.",
            vec![
                lie("stock kernels, stated as exact-2", run::fast_as_exact).scored().exact_only(),
                lie("stock kernels' tokens, the trace of exact-2", run::fast_as_exact_true_trace).same_in_tolerance(),
                lie("stock kernels, stated truly", run::fast_named).exact_only(),
            ],
        ),
    ]
}
