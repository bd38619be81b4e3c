//! A model: a GGUF file, validated, hashed and loaded once, shared by every session made from it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use once_cell::sync::OnceCell;

use crate::engine::{
    cpu, known_answer, memory_file, return_free_memory, AdapterWeights, Context, ContextOptions, Split,
    Vocab, Weights,
};
use crate::error::{Error, ErrorKind, Result};
use crate::gguf::{self, GgufFile, ModelFile, ModelHeader};
use crate::grammar::GrammarVocab;
use crate::policy::SegmenterSpec;
use crate::profile::{Choice, Profile};
use crate::steps;
use crate::template::ChatTemplate;

/// The bundled model `abacus` (`models/abacus/README.md`).
#[cfg(feature = "bundled")]
pub(crate) const BUNDLED: &[u8] = include_bytes!("../../models/abacus/abacus-q8_0.gguf");

/// Architectures proven exact by `make exactness`, as `general.architecture` spells them.
pub const PROVEN_ARCHITECTURES: &[&str] = &["llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3"];

/// Weight types proven exact by `make exactness`.
pub const PROVEN_TYPES: &[&str] = &[
    "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
    "IQ4_NL", "IQ4_XS",
];

/// Weight types that the profile `exact-2` has kernels for.
pub const KERNEL_TYPES: &[&str] = &[
    "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL",
    "IQ4_XS",
];

/// How far the opening of a model has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Hashing the file and checking its weights: bytes done, bytes in all.
    Hashing(u64, u64),
    /// Loading: fraction from 0 to 1.
    Loading(f32),
}

/// A loaded model. Cloning shares it.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    file: GgufFile,
    header: ModelHeader,
    sha256: [u8; 32],
    weights: Arc<Weights>,
    vocab: Vocab,
    template: OnceCell<Result<ChatTemplate>>,
    grammar_vocab: OnceCell<Result<Arc<GrammarVocab>>>,
}

impl Model {
    /// Opens a GGUF file.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &mut |_| true)
    }

    /// Opens a GGUF file: validates it, hashes it (SHA-256, the id Hugging Face shows), refuses NaN
    /// and infinite weights, and loads it. `progress` may cancel by answering false.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::Model`] naming the key or tensor at fault,
    /// [`ErrorKind::Cancelled`], [`ErrorKind::Unsupported`] on a processor below x86-64-v3.
    pub fn open_with(path: &Path, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Self> {
        cpu::check_instruction_set()?;
        Self::load(GgufFile::open(path)?, progress)
    }

    /// How outputs are cut into steps where a request does not say: by the markers that the chat template writes.
    #[must_use]
    pub fn segmenter(&self) -> SegmenterSpec {
        steps::of_template(self.template().ok().map(ChatTemplate::source))
    }

    /// The bundled model, loaded once for the process.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    #[cfg(feature = "bundled")]
    pub fn bundled() -> Result<Self> {
        static MODEL: OnceCell<Model> = OnceCell::new();
        MODEL
            .get_or_try_init(|| {
                cpu::check_instruction_set()?;
                Self::load(GgufFile::from_bytes(BUNDLED)?, &mut |_| true)
            })
            .cloned()
    }

    fn load(mut file: GgufFile, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Self> {
        let header = gguf::validate_model(&file)?;
        file.forget_arrays();
        let scan = gguf::scan(&file, &mut |done, all| progress(Progress::Hashing(done, all)))?;
        let cancel = AtomicBool::new(false);
        let mut report = |fraction: f32| {
            if !progress(Progress::Loading(fraction)) {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        let weights = match (file.file(), file.bytes()) {
            (Some(file), _) => Weights::load(file, &mut report, &cancel)?,
            (None, Some(bytes)) => Weights::load(&memory_file(bytes)?, &mut report, &cancel)?,
            (None, None) => return Err(Error::new(ErrorKind::Internal, "model", "neither file nor bytes")),
        };
        file.check_unchanged(&scan.sha256)?;
        return_free_memory();
        if !weights.is_causal_decoder() {
            return Err(Error::new(ErrorKind::Model, "general.architecture", "not a causal decoder"));
        }
        let weights = Arc::new(weights);
        let split = Split {
            recursive: header.tokenizer.recursive_split,
            quadratic: header.tokenizer.quadratic_split,
        };
        let vocab = Vocab::read(&weights, split)?;
        if vocab.len() != header.vocabulary as usize {
            return Err(Error::new(
                ErrorKind::Model,
                "tokenizer.ggml.tokens",
                format!("llama.cpp reads {} tokens, the file has {}", vocab.len(), header.vocabulary),
            ));
        }
        Ok(Model(Arc::new(Inner {
            file,
            header,
            sha256: scan.sha256,
            weights,
            vocab,
            template: OnceCell::new(),
            grammar_vocab: OnceCell::new(),
        })))
    }

    /// SHA-256 of the GGUF file: the receipt's `model`.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256
    }

    /// What the file says about itself.
    #[must_use]
    pub fn header(&self) -> &ModelHeader {
        &self.0.header
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocab(&self) -> &Vocab {
        &self.0.vocab
    }

    /// The model's own chat template.
    ///
    /// # Errors
    /// [`ErrorKind::Template`] if the file has none or it does not compile: there is no default.
    pub fn template(&self) -> Result<&ChatTemplate> {
        self.0
            .template
            .get_or_init(|| {
                ChatTemplate::new(
                    self.0.header.chat_template.as_deref().unwrap_or(""),
                    &self.0.vocab.bos_text(),
                    &self.0.vocab.eos_text(),
                )
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The vocabulary as grammars see it, built on first use.
    ///
    /// # Errors
    /// A vocabulary the grammar engine cannot read.
    pub fn grammar_vocab(&self) -> Result<&Arc<GrammarVocab>> {
        self.0
            .grammar_vocab
            .get_or_init(|| {
                let vocab = &self.0.vocab;
                let pieces: Vec<Vec<u8>> =
                    (0u32..).take(vocab.len()).map(|token| vocab.piece(token).to_vec()).collect();
                GrammarVocab::new(&pieces, vocab.eog(), vocab.control()).map(Arc::new)
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Whether answers of this model can be attested under `profile`: the known-answer test passes
    /// here, and the model's architecture and weight types are on the list of those proven.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], saying why not.
    pub fn check_attestable(&self, profile: Profile) -> Result<()> {
        if !profile.is_exact() {
            return Ok(());
        }
        let refuse = |why: String| Err(Error::new(ErrorKind::Unsupported, "profile", why));
        if !crate::profile::CAN_ATTEST_EXACT {
            return refuse(
                "this build lacks the pinned engine flags: the exact profile is compiled out".into(),
            );
        }
        let architecture = self.0.header.architecture.name();
        if !PROVEN_ARCHITECTURES.contains(&architecture) || self.0.weights.is_recurrent() {
            return refuse(format!("architecture `{architecture}` is not proven exact"));
        }
        if let Some(kind) = self.types_outside(PROVEN_TYPES).next() {
            return refuse(format!("weights of type {kind} are not proven exact"));
        }
        if profile == Profile::Exact2 {
            if let Some(kind) = self.types_outside(KERNEL_TYPES).next() {
                return refuse(format!("exact-2 has no kernels for weights of type {kind}; exact-1 has"));
            }
        }
        known_answer::check(profile)
    }

    /// Under which profile to compute: the one asked for, or the exact one that the model has. The weights and the graph decide
    /// that, so that it is the same on every machine.
    pub(crate) fn profile_for(&self, asked: Option<Profile>) -> Choice {
        let has_kernels = self.types_outside(KERNEL_TYPES).next().is_none();
        match asked {
            Some(profile) => profile.into(),
            None if has_kernels => Choice { first: Profile::Exact2, otherwise: Some(Profile::Exact1) },
            None => Profile::Exact1.into(),
        }
    }

    /// A context of `choice`, made with the options that `options` has for a profile.
    ///
    /// # Errors
    /// As [`Context::new`]: [`ErrorKind::Unsupported`] if the graph leaves every profile of the choice.
    pub(crate) fn context(
        &self,
        adapter: Option<&Adapter>,
        choice: Choice,
        options: impl Fn(Profile) -> ContextOptions,
        abort: &Arc<AtomicBool>,
    ) -> Result<Context> {
        let made_under = |profile| {
            let adapter = adapter.map(Adapter::weights);
            Context::new(self.weights(), adapter, self.vocab().len(), &options(profile), abort)
        };
        match (made_under(choice.first), choice.otherwise) {
            (Err(error), Some(otherwise)) if error.kind() == ErrorKind::Unsupported => made_under(otherwise),
            (made, _) => made,
        }
    }

    fn types_outside<'a>(&'a self, list: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.0.header.tensor_types.keys().map(|kind| kind.name()).filter(|name| !list.contains(name))
    }

    /// What was checked before it was loaded.
    #[must_use]
    pub fn checked(&self) -> ModelFile {
        ModelFile { header: self.header().clone(), sha256: self.sha256() }
    }

    /// `sha256`, what [`ModelHeader::describe`] says, `attestable`: under each profile null or why not, and
    /// `chatTemplateError`: why the template cannot be used, if it cannot.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Map, Value};
        let mut object: Map<String, Value> =
            self.checked().describe().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let refusal = |profile: Profile| {
            let why = self.check_attestable(profile).err();
            (profile.name().to_owned(), why.as_ref().map_or(Value::Null, Error::to_json))
        };
        object
            .insert("attestable".into(), Profile::ALL.into_iter().map(refusal).collect::<Map<_, _>>().into());
        let template = self.template().err();
        object.insert("chatTemplateError".into(), template.as_ref().map_or(Value::Null, Error::to_json));
        object.into()
    }

    /// The longest context this model may be attested with: models with long and short RoPE factors
    /// switch between them at their original context, which would change earlier positions.
    #[must_use]
    pub fn max_context(&self) -> u32 {
        let header = &self.0.header;
        if header.has_long_short_factors {
            header.rope_original_context
        } else {
            header.context
        }
    }

    /// Notices a file that was changed in place after it was opened.
    ///
    /// # Errors
    /// [`ErrorKind::Model`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.0.file.check_unchanged(&self.0.sha256)
    }

    pub(crate) fn weights(&self) -> &Arc<Weights> {
        &self.0.weights
    }

    pub(crate) fn file(&self) -> &GgufFile {
        &self.0.file
    }

    /// Whether two handles share one loaded model.
    #[must_use]
    pub fn is_same(&self, other: &Model) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A LoRA adapter for one model, applied at scale 1. Cloning shares it.
#[derive(Clone)]
pub struct Adapter(Arc<AdapterInner>);

struct AdapterInner {
    file: GgufFile,
    sha256: [u8; 32],
    weights: Arc<AdapterWeights>,
    model: Model,
}

impl Adapter {
    /// Opens a LoRA GGUF for `model`.
    ///
    /// # Errors
    /// As [`Model::open_with`], and [`ErrorKind::Model`] if it does not fit the model.
    pub fn open(path: &Path, model: &Model) -> Result<Self> {
        let file = GgufFile::open(path)?;
        gguf::validate_adapter(&file, model.file())?;
        let scan = gguf::scan(&file, &mut |_, _| true)?;
        let source = file.file().ok_or_else(|| Error::new(ErrorKind::Internal, "adapter", "not a file"))?;
        let weights = Arc::new(AdapterWeights::load(model.weights(), source)?);
        file.check_unchanged(&scan.sha256)?;
        Ok(Adapter(Arc::new(AdapterInner { file, sha256: scan.sha256, weights, model: model.clone() })))
    }

    /// SHA-256 of the adapter file: the receipt's `adapter`.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256
    }

    pub(crate) fn weights(&self) -> &Arc<AdapterWeights> {
        &self.0.weights
    }

    /// The model it was opened for.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    pub(crate) fn check_unchanged(&self) -> Result<()> {
        self.0.file.check_unchanged(&self.0.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attestlm_testkit::{ModelSpec, TensorType};

    /// The profile of a context of `choice`, or the kind of its error.
    fn made(model: &Model, choice: Choice) -> std::result::Result<Profile, ErrorKind> {
        let options =
            |profile| ContextOptions { profile, threads: 1, stream_tokens: 256, streams: 1, ubatch: 8 };
        let context = model.context(None, choice, options, &Arc::default());
        context.map(|context| context.profile()).map_err(|error| error.kind())
    }

    #[test]
    fn a_graph_without_kernels_has_the_other_profile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        let choice = Choice { first: Profile::Exact2, otherwise: Some(Profile::Exact1) };

        ModelSpec::tiny().write_to(&path).unwrap();
        let whole = Model::open(&path).unwrap();
        assert_eq!(whole.profile_for(None), choice);
        assert_eq!(made(&whole, choice), Ok(Profile::Exact2));

        let path = folder.path().join("part.gguf");
        ModelSpec::tiny().with_type(TensorType::Q2_K).write_to(&path).unwrap();
        let part = Model::open(&path).unwrap();
        assert_eq!(part.profile_for(None), Profile::Exact1.into());
        assert_eq!(made(&part, choice), Ok(Profile::Exact1));
        assert_eq!(made(&part, Profile::Exact2.into()), Err(ErrorKind::Unsupported));
    }
}
