//! The same masks everywhere.

use super::schemas::SCHEMAS;
use super::*;

/// A digest over the masks along fixed walks through several grammars.
fn digest() -> String {
    let mut hasher = blake3::Hasher::new();
    for text in SCHEMAS {
        let grammar = schema(text);
        let words = grammar.vocab().mask_words();
        for seed in 1..12u64 {
            let Some(bytes) = walk(&grammar, seed * 977, 200) else { continue };
            let mut matcher = grammar.matcher();
            for byte in bytes {
                for word in mask(&mut matcher, words).unwrap() {
                    hasher.update(&word.to_le_bytes());
                }
                matcher.accept(byte.into()).unwrap();
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn masks_are_the_same_in_other_threads_and_processes() {
    let here = digest();
    if std::env::var_os("ATTESTLM_TEST_DIGEST").is_some() {
        println!("digest={here}");
        return;
    }
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(digest)).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), here);
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "determinism::masks_are_the_same_in_other_threads_and_processes", "--nocapture"])
        .env("ATTESTLM_TEST_DIGEST", "1")
        .output()
        .unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    assert!(output.contains(&format!("digest={here}")), "{output}");
}

#[test]
fn matchers_of_one_grammar_do_not_disturb_each_other() {
    let grammar = schema(SCHEMAS[22]);
    let words = grammar.vocab().mask_words();
    let texts: Vec<Vec<u8>> = (1..200).filter_map(|s| walk(&grammar, s * 31, 300)).take(8).collect();
    assert!(texts.len() > 3);
    std::thread::scope(|scope| {
        for text in &texts {
            let mut shared = grammar.matcher();
            scope.spawn(move || {
                let mut alone = schema(SCHEMAS[22]).matcher();
                for &byte in text {
                    assert_eq!(mask(&mut shared, words).unwrap(), mask(&mut alone, words).unwrap());
                    shared.accept(byte.into()).unwrap();
                    alone.accept(byte.into()).unwrap();
                }
                assert!(shared.is_complete());
            });
        }
    });
}
