//! The command line: every command and flag, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_STATUS: &str = "\
Exit status: 0 done (verify: verified or consistent); 1 failed (verify: diverged, inconsistent or invalid); \
2 wrong usage or unreadable input; 3 not possible with this build, machine or model (verify: unverifiable); \
130 cancelled.

Environment: ATTESTLM_PASSWORD is the password of a keystore; ATTESTLM_ISA (scalar, neon, avx2 or avx512) the instruction set \
that exact-2 computes by, which changes no result.";

/// Deterministic language-model answers with signed receipts that anyone with the model can replay.
#[derive(Parser)]
#[command(name = "attestlm", version, propagate_version = true, after_help = EXIT_STATUS)]
#[command(infer_subcommands = false, arg_required_else_help = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Print one JSON object to standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Answer a prompt, and write a signed receipt of the answer.
    Run(Box<Run>),
    /// Check a receipt: signature, commitments, expectations, and the replay.
    Verify(Box<Verify>),
    /// Show what a receipt says, without replaying it.
    Inspect(Inspect),
    /// Show, prove and check the steps of a receipt: its reasoning and its answer.
    Steps(Steps),
    /// Write a receipt of which only some steps are readable.
    Disclose(Disclose),
    /// Make ready to anchor receipts on a chain.
    Anchor {
        /// What to do about an anchor.
        #[command(subcommand)]
        command: AnchorCommand,
    },
    /// Make a signing key, or show the address of one.
    Key {
        /// What to do with a key.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Show or check a model file.
    Model {
        /// What to do with a model.
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Show the execution profiles, the known-answer test's result, and this machine.
    Profile(ProfileArgs),
    /// Log-probability of each token of a given continuation.
    Score(Box<Score>),
}

/// Which model, and how it is run.
#[derive(Args)]
pub struct Engine {
    /// GGUF file; without it the bundled model `abacus`.
    #[arg(long, value_name = "GGUF")]
    pub model: Option<PathBuf>,
    /// LoRA adapter (GGUF) for the model, applied at scale 1.
    #[arg(long, value_name = "LORA")]
    pub adapter: Option<PathBuf>,
    /// Worker threads, never more than the machine gives; by default as many as it gives.
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Numerics: what is exact can be replayed bit for bit, `fast` is only close.
    #[arg(long, value_enum, default_value_t = ProfileName::Exact)]
    pub profile: ProfileName,
}

/// An execution profile by its short name.
#[derive(Clone, Copy, ValueEnum)]
pub enum ProfileName {
    /// Whichever exact profile the model has: `exact-2`, or `exact-1` where that has no kernels for it.
    Exact,
    /// Bit for bit the same on every x86-64-v3 machine, by ggml's reference path.
    #[value(name = "exact-1")]
    Exact1,
    /// Bit for bit the same, by kernels of our own.
    #[value(name = "exact-2")]
    Exact2,
    /// Stock kernels; close, not equal.
    Fast,
}

/// What the model reads.
#[derive(Args)]
pub struct Prompt {
    /// A user message, put through the model's own chat template.
    #[arg(long, value_name = "TEXT", group = "input", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// JSON file with a list of messages, each {"role": …, "content": …}; `-` is standard input.
    #[arg(long, value_name = "FILE", group = "input")]
    pub messages: Option<PathBuf>,
    /// Token ids, separated by commas.
    #[arg(long, value_name = "IDS", group = "input", allow_hyphen_values = true)]
    pub prompt_tokens: Option<String>,
    /// Take the text of --prompt as it is, without a chat template.
    #[arg(long, conflicts_with_all = ["messages", "prompt_tokens"])]
    pub raw: bool,
    /// The date a chat template may ask for, YYYY-MM-DD; never taken from the clock.
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
}

/// How a receipt is made.
#[derive(Args)]
pub struct Signing {
    /// Write the signed receipt here; an answer's file is whole or absent.
    #[arg(long, value_name = "OUT.json")]
    pub receipt: Option<PathBuf>,
    /// Keystore V3 file to sign with (password: ATTESTLM_PASSWORD or a prompt); without it a fresh key.
    #[arg(long, value_name = "KEYSTORE")]
    pub key: Option<PathBuf>,
    /// Nonce that salts the commitments, 0x and 64 hex digits; by default random.
    #[arg(long, value_name = "0xHEX")]
    pub nonce: Option<String>,
    /// What the receipt is for: a job's chain, contract and id, which are disclosed; or a context's hash, 0x and 64 hex digits.
    #[arg(long, value_name = "CHAIN:CONTRACT:JOB|0xHEX")]
    pub context: Option<String>,
    /// Receipt that this one follows, for the same job: its digest goes into the context.
    #[arg(long, value_name = "RECEIPT", conflicts_with = "context")]
    pub after: Option<PathBuf>,
    /// Sign for a verifier contract: chain id and its address.
    #[arg(long, value_name = "CHAIN:CONTRACT")]
    pub domain: Option<String>,
    /// Time of issue in Unix seconds; by default now.
    #[arg(long, value_name = "SECONDS")]
    pub issued_at: Option<u64>,
}

/// `attestlm run`.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub input: Prompt,
    #[command(flatten)]
    pub signing: Signing,
    #[command(flatten)]
    pub sampling: Sampling,
}

/// How tokens are drawn, and when the output ends. Numbers are passed on as their decimal text.
#[derive(Args)]
#[command(next_help_heading = "Sampling")]
pub struct Sampling {
    /// Seed: 0x and 64 hex digits, a decimal number, or `random`.
    #[arg(long, value_name = "SEED", allow_hyphen_values = true)]
    pub seed: Option<String>,
    /// How the seed is made: `given`, `commitment:ENTROPY:SECRET` or `beacon:BEACON` (32 bytes each, as
    /// 0x hex; @FILE reads one from a file).
    #[arg(long, value_name = "RULE")]
    pub seed_rule: Option<String>,
    /// Temperature; 0 (the default) is greedy and needs no seed.
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    pub temperature: Option<String>,
    /// Keep the K most likely tokens; 0 is off.
    #[arg(long, value_name = "K")]
    pub top_k: Option<u32>,
    /// Keep the most likely tokens that together have probability P; 1 is off.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub top_p: Option<String>,
    /// Keep tokens at least P times as likely as the best; 0 is off.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub min_p: Option<String>,
    /// Penalty on tokens seen in the window (divides or multiplies logits); 1 is off.
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    pub repeat_penalty: Option<String>,
    /// Subtracted once from the logits of tokens in the window.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub presence_penalty: Option<String>,
    /// Subtracted from a token's logit for each time it is in the window.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub frequency_penalty: Option<String>,
    /// How many last tokens the penalties look at.
    #[arg(long, value_name = "N")]
    pub penalty_window: Option<u32>,
    /// Added to the logit of a token; may be given many times.
    #[arg(long, value_name = "ID=B", allow_hyphen_values = true)]
    pub logit_bias: Vec<String>,
    /// Token id that is never drawn; may be given many times.
    #[arg(long, value_name = "ID")]
    pub ban: Vec<u32>,
    /// Draw on past end-of-generation tokens.
    #[arg(long)]
    pub ignore_eog: bool,
    /// Text that ends the output; may be given many times.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// JSON schema the output must follow.
    #[arg(long, value_name = "FILE", conflicts_with = "grammar")]
    pub schema: Option<PathBuf>,
    /// GBNF grammar the output must follow.
    #[arg(long, value_name = "FILE")]
    pub grammar: Option<PathBuf>,
    /// End the output after this many tokens [default: 256].
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<u32>,
    /// Prompt and output together [default: 2048, or the model's own limit if that is smaller].
    #[arg(long, value_name = "N")]
    pub context_tokens: Option<u32>,
    /// What opens and what closes the reasoning, which is cut into steps [default: as the model's chat template writes].
    #[arg(long, num_args = 2, value_names = ["OPEN", "CLOSE"], allow_hyphen_values = true, conflicts_with = "no_steps")]
    pub markers: Option<Vec<String>>,
    /// Cut the output into no steps: the whole is the answer.
    #[arg(long)]
    pub no_steps: bool,
    /// Number of answers; their receipts are OUT.json, OUT.1.json, OUT.2.json, …
    #[arg(long, value_name = "N")]
    pub choices: Option<u32>,
}

/// `attestlm verify`.
#[derive(Args)]
pub struct Verify {
    /// The receipt; `-` is standard input. With --chain, receipts in their order.
    #[arg(required = true, value_name = "RECEIPT")]
    pub receipts: Vec<PathBuf>,
    /// Check that each receipt follows the one before it: its context names the other's digest.
    #[arg(long, conflicts_with_all = ["request", "expect_context"])]
    pub chain: bool,
    /// GGUF file to replay with; without it the bundled model, if the receipt is of it.
    #[arg(long, value_name = "GGUF")]
    pub model: Option<PathBuf>,
    /// LoRA adapter the receipt names.
    #[arg(long, value_name = "LORA")]
    pub adapter: Option<PathBuf>,
    /// Worker threads, never more than the machine gives.
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Check the signature, the commitments and the expectations only: no model, no replay.
    #[arg(long, conflicts_with_all = ["model", "adapter", "tolerant"])]
    pub signature_only: bool,
    /// Accept a replay on other numerics: answers `consistent` or `inconsistent`, with a score.
    #[arg(long)]
    pub tolerant: bool,
    /// Expect a scored receipt (its output was given, not generated).
    #[arg(long)]
    pub scored: bool,
    /// Accept the receipt of a cancelled answer: only its prefix is claimed.
    #[arg(long)]
    pub allow_prefix: bool,
    /// The request (JSON) this receipt must answer.
    #[arg(long, value_name = "FILE", help_heading = "Expectations")]
    pub request: Option<PathBuf>,
    /// Address that must have signed.
    #[arg(long, value_name = "ADDRESS", help_heading = "Expectations")]
    pub expect_signer: Option<String>,
    /// SHA-256 of the model file, 0x and 64 hex digits.
    #[arg(long, value_name = "HASH", help_heading = "Expectations")]
    pub expect_model: Option<String>,
    /// SHA-256 of the LoRA adapter's file; 0x and 64 zeros: none was applied.
    #[arg(long, value_name = "HASH", help_heading = "Expectations")]
    pub expect_adapter: Option<String>,
    /// Hash of the sampling policy.
    #[arg(long, value_name = "HASH", help_heading = "Expectations")]
    pub expect_sampler: Option<String>,
    /// `exact` for either exact profile, `exact-1`, `exact-2`, `fast`, or a whole id or its hash.
    #[arg(long, value_name = "ID", help_heading = "Expectations")]
    pub expect_profile: Option<String>,
    /// How the output must have ended: the number or the name.
    #[arg(long, value_name = "FINISH", help_heading = "Expectations")]
    pub expect_finish: Option<String>,
    /// The receipt's context.
    #[arg(long, value_name = "HASH", help_heading = "Expectations")]
    pub expect_context: Option<String>,
    /// The contract it must be signed for: chain id and address; `none`: for no contract.
    #[arg(long, value_name = "CHAIN:CONTRACT", help_heading = "Expectations")]
    pub expect_domain: Option<String>,
    /// It must say that it was issued in this second or later, Unix time.
    #[arg(long, value_name = "SECONDS", help_heading = "Expectations")]
    pub issued_from: Option<u64>,
    /// It must say that it was issued in this second or before, Unix time.
    #[arg(long, value_name = "SECONDS", help_heading = "Expectations")]
    pub issued_until: Option<u64>,
    /// The seed.
    #[arg(long, value_name = "SEED", help_heading = "Expectations")]
    pub expect_seed: Option<String>,
    /// Your entropy, of which the seed must be made (rule 1).
    #[arg(long, value_name = "0xHEX", help_heading = "Expectations")]
    pub expect_client_entropy: Option<String>,
    /// What the provider published of its secret, of which the seed must be made (rule 1).
    #[arg(long, value_name = "HASH", help_heading = "Expectations")]
    pub expect_provider_commitment: Option<String>,
    /// The beacon, of which the seed must be made (rule 2).
    #[arg(long, value_name = "0xHEX", help_heading = "Expectations")]
    pub expect_beacon: Option<String>,
    /// The request's nonce.
    #[arg(long, value_name = "0xHEX", help_heading = "Expectations")]
    pub expect_nonce: Option<String>,
}

/// `attestlm inspect`.
#[derive(Args)]
pub struct Inspect {
    /// The receipt; `-` is standard input.
    pub receipt: PathBuf,
}

/// `attestlm steps`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Steps {
    /// What to do with steps; without it they are shown.
    #[command(subcommand)]
    pub command: Option<StepsCommand>,
    /// The receipt; `-` is standard input.
    #[arg(required = true)]
    pub receipt: Option<PathBuf>,
}

/// `attestlm steps`, further.
#[derive(Subcommand)]
pub enum StepsCommand {
    /// Print the receipt with one step and its proof, and nothing else readable.
    Prove {
        /// The receipt; `-` is standard input.
        receipt: PathBuf,
        /// The step, from 0; `attestlm steps RECEIPT` numbers them.
        #[arg(long, value_name = "I")]
        step: u32,
    },
    /// Check the steps that a document shows, without a model: signature, signer, and each step's place under it.
    Verify {
        /// What `steps prove` or `disclose` wrote, or a whole receipt; `-` is standard input.
        proof: PathBuf,
        /// Address that must have signed: a step is the claim of its signer.
        #[arg(long, value_name = "ADDRESS")]
        expect_signer: String,
        /// Accept steps of a cancelled answer: only its prefix is claimed.
        #[arg(long)]
        allow_prefix: bool,
    },
}

/// `attestlm anchor`.
#[derive(Subcommand)]
pub enum AnchorCommand {
    /// Write the Merkle root of a folder's receipts and the proof of each: one transaction anchors them all.
    Prepare {
        /// The folder: every file in it named `*.json` is a receipt.
        directory: PathBuf,
        /// Write here instead of to standard output.
        #[arg(long, value_name = "OUT.json")]
        out: Option<PathBuf>,
    },
}

/// `attestlm disclose`.
#[derive(Args)]
pub struct Disclose {
    /// The receipt; `-` is standard input.
    pub receipt: PathBuf,
    /// The steps to show, from 0, separated by commas.
    #[arg(long, value_name = "I,…", required = true, value_delimiter = ',')]
    pub steps: Vec<u32>,
    /// Write the document here, a file that must not exist yet, instead of to standard output.
    #[arg(long, value_name = "OUT.json")]
    pub out: Option<PathBuf>,
}

/// `attestlm key`.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key and write it, encrypted, as a keystore V3 file that must not exist yet.
    New {
        /// The file to write.
        keystore: PathBuf,
        /// A cheaper password stretch, for tests and throw-away keys.
        #[arg(long)]
        light: bool,
    },
    /// Decrypt a keystore and print its address.
    Address {
        /// The file to read.
        keystore: PathBuf,
    },
    /// Print what a provider publishes of its secret before it knows the client's entropy (seed rule 1).
    Commit {
        /// The secret, 32 bytes as 0x hex, used once; @FILE reads it from a file.
        secret: String,
        /// The address that will sign: a commitment is of use to nobody else.
        #[arg(long, value_name = "ADDRESS")]
        signer: String,
    },
}

/// `attestlm model`.
#[derive(Subcommand)]
pub enum ModelCommand {
    /// What a model file says about itself; the file is validated and hashed, not loaded.
    Info {
        /// GGUF file; without it the bundled model.
        gguf: Option<PathBuf>,
    },
    /// Validate, hash and load a model file, and say whether its answers can be attested.
    Check {
        /// GGUF file; without it the bundled model.
        gguf: Option<PathBuf>,
    },
}

/// `attestlm profile`.
#[derive(Args)]
pub struct ProfileArgs {
    /// Instead: the operations of a model's graph (of the bundled one without a file), and which of them `exact-2` has kernels for.
    #[arg(long, value_name = "GGUF")]
    pub ops: Option<Option<PathBuf>>,
}

/// `attestlm score`.
#[derive(Args)]
pub struct Score {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub input: Prompt,
    /// The text to score.
    #[arg(long, value_name = "TEXT", group = "given", allow_hyphen_values = true)]
    pub continuation: Option<String>,
    /// The tokens to score, separated by commas.
    #[arg(long, value_name = "IDS", group = "given", allow_hyphen_values = true)]
    pub continuation_tokens: Option<String>,
    /// Prompt and continuation together [default: 2048, or the model's own limit if that is smaller].
    #[arg(long, value_name = "N")]
    pub context_tokens: Option<u32>,
    #[command(flatten)]
    pub signing: Signing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
