//! The models that are measured: random weights in the shapes of real ones, written once.

use std::path::{Path, PathBuf};

use attestlm_testkit::{ModelSpec, TensorType};

use crate::Result;

/// A model to measure.
#[derive(Debug, Clone)]
pub struct Shape {
    /// As tables name it: `0.5 B Q8_0`.
    pub name: String,
    /// File name without its ending.
    pub file: String,
    /// What to write.
    pub spec: ModelSpec,
}

impl Shape {
    /// The shape with this size and type.
    pub fn new(size: Size, tensor_type: TensorType) -> Self {
        Shape {
            name: format!("{} {}", size.name(), tensor_type.name()),
            file: format!("{}-{}", size.file(), tensor_type.name().to_lowercase()),
            spec: size.spec().with_type(tensor_type),
        }
    }

    /// The file in `folder`, written if it is not there yet.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(format!("{}.gguf", self.file));
        if !path.exists() {
            eprintln!("writing {}", path.display());
            // A run that is stopped here must not leave half a model behind.
            let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
            self.spec.write_to(&unfinished)?;
            std::fs::rename(&unfinished, &path)?;
        }
        Ok(path)
    }

    /// What rows without a whole block of 256 weights are stored as.
    fn fallback(&self) -> String {
        let asked = self.spec.tensor_type;
        let inner = asked.for_columns(u64::from(self.spec.embedding));
        if inner == asked {
            return String::new();
        }
        format!(
            ", rows of {} in {}, for they hold no whole block of {} (so does `llama-quantize`)",
            self.spec.embedding,
            inner.name(),
            asked.name()
        )
    }

    /// A sentence about the model's dimensions.
    pub fn dimensions(&self) -> String {
        let s = &self.spec;
        format!(
            "{}: {}, {} layers, width {}, {} heads ({} for keys), feed-forward {}, vocabulary {}{}",
            self.name,
            s.architecture.name(),
            s.layers,
            s.embedding,
            s.heads,
            s.heads_kv,
            s.feed_forward,
            s.vocabulary,
            self.fallback()
        )
    }
}

/// The sizes that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A model of a few megabytes, for a run that only shows that everything works.
    Tiny,
    /// `SmolLM2` 135M.
    M135,
    /// Qwen2.5 0.5B.
    B05,
    /// Llama 3.2 1B.
    B1,
}

impl Size {
    fn name(self) -> &'static str {
        match self {
            Size::Tiny => "tiny",
            Size::M135 => "135 M",
            Size::B05 => "0.5 B",
            Size::B1 => "1 B",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Size::Tiny => "tiny",
            Size::M135 => "m135",
            Size::B05 => "b0.5",
            Size::B1 => "b1",
        }
    }

    fn spec(self) -> ModelSpec {
        match self {
            Size::Tiny => ModelSpec::tiny(),
            Size::M135 => ModelSpec::m135(),
            Size::B05 => ModelSpec::qwen2_5_0_5b(),
            Size::B1 => ModelSpec::llama3_2_1b(),
        }
    }
}

/// The tokens of a prompt: the same for every contestant.
pub fn prompt(tokens: usize) -> Vec<u32> {
    (0u32..).map(|i| (i * 37 + 11) % 256).take(tokens).collect()
}
