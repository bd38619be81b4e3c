//! Benches only: `cargo bench -p attestlm-benches`.
