//! How much a run measures.

use std::path::PathBuf;

use attestlm_testkit::TensorType;

use crate::contestants::Contestant;
use crate::shapes::{Shape, Size};
use crate::Result;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Rounds of everything that decides a target.
    pub rounds: usize,
    /// Rounds of peers, of one thread and of side shows.
    pub few_rounds: usize,
    /// Rounds of long prompts where they decide no target: they take most of a run.
    pub long_rounds: usize,
    /// The shapes.
    pub shapes: Vec<Shape>,
    /// The shapes whose kernels are compared with a native build's.
    pub kernel_shapes: Vec<Shape>,
    /// The shape of everything but speed and memory.
    pub main_shape: Shape,
    /// The shape that bindings are measured on, besides the bundled model.
    pub bindings_shape: Option<Shape>,
    /// Threads of everything that decides a target.
    pub threads: u32,
    /// Tokens of the prefills.
    pub prefills: Vec<usize>,
    /// Tokens of a decode.
    pub decoded: usize,
    /// Tokens of the prompt whose time to first token is measured.
    pub first: usize,
    /// Tokens of the answers that are replayed.
    pub replayed: Vec<u32>,
    /// The number of them that decides the target.
    pub replayed_target: u32,
    /// Sequences at once; the first is what the others are compared with.
    pub sequences: Vec<u32>,
    /// The number of them that decides the target.
    pub sequences_target: u32,
    /// Tokens of each sequence.
    pub sequence_tokens: u32,
    /// Tokens before, where growth with the context is measured.
    pub contexts: Vec<usize>,
    /// Where models lie.
    pub models: PathBuf,
    /// Contestants that are not this binary.
    pub others: Vec<Contestant>,
    /// Those that could not be had, and why.
    pub missing: Vec<(&'static str, String)>,
}

impl Plan {
    /// The whole run.
    pub fn full(models: PathBuf, threads: u32) -> Self {
        let shapes = [TensorType::Q8_0, TensorType::Q4_K]
            .into_iter()
            .flat_map(|kind| [Size::M135, Size::B05, Size::B1].map(|size| Shape::new(size, kind)))
            .collect();
        Plan {
            rounds: 5,
            few_rounds: 3,
            long_rounds: 2,
            shapes,
            kernel_shapes: [TensorType::Q8_0, TensorType::Q4_0, TensorType::Q4_K, TensorType::Q6_K]
                .into_iter()
                .flat_map(|kind| [Size::B05, Size::B1].map(|size| Shape::new(size, kind)))
                .collect(),
            main_shape: Shape::new(Size::B05, TensorType::Q8_0),
            bindings_shape: Some(Shape::new(Size::M135, TensorType::Q8_0)),
            threads,
            prefills: vec![16, 128],
            decoded: 128,
            first: 512,
            replayed: vec![64, 256, 1024],
            replayed_target: 256,
            sequences: vec![1, 4, 8, 16],
            sequences_target: 8,
            sequence_tokens: 16,
            contexts: vec![0, 512, 1024, 2048],
            models,
            others: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// A run of seconds that shows that everything works.
    pub fn short(models: PathBuf, threads: u32) -> Self {
        let tiny = Shape::new(Size::Tiny, TensorType::Q8_0);
        Plan {
            rounds: 1,
            few_rounds: 1,
            long_rounds: 1,
            shapes: vec![tiny.clone(), Shape::new(Size::Tiny, TensorType::Q4_K)],
            kernel_shapes: vec![tiny.clone()],
            main_shape: tiny,
            bindings_shape: None,
            prefills: vec![16],
            decoded: 16,
            first: 64,
            replayed: vec![16, 32],
            replayed_target: 32,
            sequences: vec![1, 4],
            sequences_target: 4,
            sequence_tokens: 8,
            contexts: vec![0, 256],
            ..Self::full(models, threads)
        }
    }

    /// The path of a shape's file, written if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn model(&self, shape: &Shape) -> Result<PathBuf> {
        shape.write(&self.models)
    }
}
