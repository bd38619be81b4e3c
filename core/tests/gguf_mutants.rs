//! Damaged files: the validator answers every one, with an error or a header.

use attestlm::gguf::{scan, validate_adapter, validate_model, GgufFile};
use attestlm_testkit::{mutate, LoraSpec, ModelSpec};
use proptest::prelude::*;
use std::collections::HashSet;

/// Opens bytes as a file, always the same one.
fn with_file<T>(bytes: &[u8], run: impl FnOnce(attestlm::Result<GgufFile>) -> T) -> T {
    use std::io::{Seek, Write};
    thread_local! {
        static FILE: std::cell::RefCell<tempfile::NamedTempFile> =
            std::cell::RefCell::new(tempfile::NamedTempFile::new().unwrap());
    }
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(bytes).unwrap();
        run(GgufFile::open(file.path()))
    })
}

#[test]
fn four_thousand_mutants_are_all_answered() {
    let base = ModelSpec::nano().to_bytes();
    let (mut passed, mut fields) = (0, HashSet::new());
    for n in 0..4000 {
        let mutant = mutate::mutant(&base, n);
        let answer = with_file(&mutant, |file| {
            let file = file?;
            validate_model(&file)?;
            scan(&file, &mut |_, _| true)
        });
        match answer {
            Ok(_) => passed += 1,
            Err(error) => {
                assert!(!error.message().is_empty());
                fields.insert(error.field().to_owned());
            }
        }
    }
    println!("{passed} passed, {} fields at fault", fields.len());
    // The mutants are worth something: some are harmless, and the others fail in many places.
    assert!((50..2000).contains(&passed), "{passed} mutants passed");
    assert!(fields.len() > 80, "{} fields at fault", fields.len());
}

#[test]
fn six_hundred_layers_are_refused() {
    let bytes = mutate::too_many_layers(&ModelSpec::nano().to_bytes());
    let error = with_file(&bytes, |file| validate_model(&file.unwrap()).unwrap_err());
    assert_eq!(error.to_string(), "llama.block_count: 600; must be from 1 to 512");
}

#[test]
fn a_thousand_broken_adapters_are_all_answered() {
    let model = ModelSpec::nano();
    let base = GgufFile::from_bytes(model.to_bytes().leak()).unwrap();
    let adapter = LoraSpec::default().to_gguf(&model).to_bytes();
    let mut refused = 0;
    for n in 0..1000 {
        let mutant = mutate::mutant(&adapter, n);
        let answer = with_file(&mutant, |file| validate_adapter(&file?, &base));
        refused += usize::from(answer.is_err());
    }
    assert!(refused > 500, "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_are_answered(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tail);
        with_file(&bytes, |file| drop(file.and_then(|file| validate_model(&file))));
    }
}
