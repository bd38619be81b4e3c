//! Random-weight GGUF models and GGUF mutations, for tests and benches.
