//! A writer that is killed at any moment leaves its target whole or absent.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use attestlm::atomic_file::{write_new, write_replace, Access};

const DIRECTORY: &str = "ATTESTLM_TEST_KILL_DIRECTORY";

fn content(generation: u8) -> Vec<u8> {
    vec![generation; 256 * 1024]
}

/// The child: writes until it is killed. Does nothing when the tests run as usual.
#[test]
fn writer() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    for generation in (1..=255u8).cycle() {
        write_replace(&directory.join("replaced"), &content(generation), Access::Shared).unwrap();
        // Fails from the second time on; it must never damage what is there.
        let _ = write_new(&directory.join("new"), &content(generation), Access::Shared);
    }
}

#[test]
fn a_killed_writer_leaves_whole_files() {
    let (mut replaced, mut new) = (0, 0);
    for round in 0..20u64 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writer", "--exact", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + 7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, seen) in [("replaced", &mut replaced), ("new", &mut new)] {
            if let Ok(bytes) = std::fs::read(directory.path().join(name)) {
                *seen += 1;
                let generation = bytes.first().copied().unwrap_or(0);
                assert_eq!(bytes, content(generation), "{name} is torn after {round}");
                assert_ne!(generation, 0);
            }
        }
    }
    assert!(replaced > 0 && new > 0, "no round was long enough to write anything");
}
