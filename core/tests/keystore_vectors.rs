//! The shared keystore cases (`vectors/keystore/cases.json`), and the files on disk.

#[path = "common/vectors.rs"]
mod vectors;

use std::time::{Duration, Instant};

use attestlm::signer::keystore::{self, KeystoreCost};
use attestlm::signer::{KeySigner, Signer};
use attestlm::{hex, ErrorKind};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let cases = vectors::listed("keystore");
    assert!(cases.len() >= 60, "a runner that finds nothing to run fails");
    cases
}

#[test]
fn every_case_decrypts_or_is_refused_for_the_stated_field() {
    for case in cases() {
        let name = &case["name"];
        let text = match &case["keystore"] {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let started = Instant::now();
        let result = keystore::decrypt(text.as_bytes(), case["password"].as_str().unwrap());
        match case["error"].as_str() {
            None => {
                let signer = result.unwrap_or_else(|e| panic!("{name}: {e}"));
                let key: String = signer.to_bytes().iter().map(|b| format!("{b:02x}")).collect();
                assert_eq!(format!("0x{key}"), case["privateKey"].as_str().unwrap(), "{name}");
                assert_eq!(
                    hex::checksum_address(&signer.address()),
                    case["address"].as_str().unwrap(),
                    "{name}"
                );
            }
            Some(field) => {
                let error = result.expect_err(&name.to_string());
                assert_eq!((error.kind(), error.field()), (ErrorKind::Signer, field), "{name}: {error}");
                // What is refused for its cost or form must be refused before the work.
                if !["password", "keystore.address"].contains(&field) {
                    assert!(
                        started.elapsed() < Duration::from_millis(100),
                        "{name} took {:?}",
                        started.elapsed()
                    );
                }
            }
        }
    }
}

#[test]
fn a_wrong_password_is_one_clear_error_without_the_password() {
    let key = KeySigner::random().unwrap();
    let text = keystore::encrypt(&key, "hunter2", KeystoreCost::LIGHT).unwrap();
    let error = keystore::decrypt(text.as_bytes(), "hunter3").unwrap_err();
    assert_eq!(error.to_string(), "password: wrong password (or a damaged keystore)");
}

#[test]
fn what_is_encrypted_decrypts_and_differs_each_time() {
    let key = KeySigner::random().unwrap();
    let first = keystore::encrypt(&key, "p", KeystoreCost::LIGHT).unwrap();
    let second = keystore::encrypt(&key, "p", KeystoreCost::LIGHT).unwrap();
    assert_ne!(first, second, "salt and initialization vector are fresh");
    for text in [&first, &second] {
        assert_eq!(*keystore::decrypt(text.as_bytes(), "p").unwrap().to_bytes(), *key.to_bytes());
        assert_eq!(keystore::stated_address(text.as_bytes()).unwrap(), Some(key.address()));
    }
}

#[test]
fn the_standard_cost_is_accepted_by_our_own_bounds() {
    let key = KeySigner::random().unwrap();
    let text = keystore::encrypt(&key, "p", KeystoreCost::STANDARD).unwrap();
    assert!(text.contains("262144"));
    assert_eq!(keystore::decrypt(text.as_bytes(), "p").unwrap().address(), key.address());
}

#[test]
fn files_are_new_private_and_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.json");
    let key = KeySigner::random().unwrap();
    keystore::save_new(&path, &key, "p", KeystoreCost::LIGHT).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(keystore::load(&path, "p").unwrap().address(), key.address());

    let before = std::fs::read(&path).unwrap();
    let error = keystore::save_new(&path, &key, "p", KeystoreCost::LIGHT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(std::fs::read(&path).unwrap(), before, "an existing keystore is never overwritten");

    let large = directory.path().join("large.json");
    std::fs::write(&large, vec![b' '; keystore::MAX_BYTES + 1]).unwrap();
    assert_eq!(keystore::load(&large, "p").unwrap_err().to_string(), "keystore: longer than 65536 bytes");
    assert_eq!(keystore::load(directory.path(), "p").unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(keystore::load(&directory.path().join("none"), "p").unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn text_that_is_no_keystore_is_refused() {
    let deep = "[".repeat(60_000);
    for text in ["", "{", "\"", "{}", "{\"version\":3,\"version\":3}", "\u{feff}{}", deep.as_str()] {
        let error = keystore::decrypt(text.as_bytes(), "p").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signer, "{error}");
    }
    assert!(keystore::decrypt(&[0xff, 0xfe], "p").is_err());
}
