//! The native build: the llama.cpp inside the sys crate, built for this very processor with everything
//! as llama.cpp builds it. Never linked into the product.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Contestant, NATIVE};
use crate::Result;

/// Builds the contestant in `folder`.
///
/// # Errors
/// If cargo does not know the sys crate, or cmake or the compiler fail.
pub fn build(folder: &Path) -> Result<Contestant> {
    let source = engine_source()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("native");
    // What .cargo/config.toml pins for the product must not reach this build.
    let clean = |command: &mut Command| {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GGML_") || name == "CMAKE_PROJECT_INCLUDE" {
                command.env_remove(&name);
            }
        }
    };
    let mut configure = Command::new("cmake");
    configure
        .arg("-S")
        .arg(&here)
        .arg("-B")
        .arg(folder)
        .args(["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON"])
        .arg(format!("-DENGINE_SOURCE={}", source.display()));
    clean(&mut configure);
    run(&mut configure)?;
    let mut build = Command::new("cmake");
    build.arg("--build").arg(folder).args(["--target", "contestant", "-j", "2"]);
    clean(&mut build);
    run(&mut build)?;
    Ok(Contestant::program(NATIVE, folder.join("contestant"), Vec::new()))
}

/// Where cargo keeps the llama.cpp of the sys crate.
///
/// # Errors
/// If cargo does not know it.
pub fn engine_source() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(manifest)
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "llama-cpp-sys-2")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata does not list llama-cpp-sys-2")?;
    Ok(Path::new(manifest).with_file_name("llama.cpp"))
}

/// Runs a command quietly; its output is shown if it fails.
///
/// # Errors
/// If it cannot start or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let tail: Vec<&str> = text.lines().rev().take(20).collect();
    Err(format!("{command:?} failed:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")).into())
}
