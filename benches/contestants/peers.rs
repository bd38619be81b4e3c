//! Peers as their registries ship them: prebuilt, nothing compiled here.

use std::path::Path;
use std::process::Command;

use super::native::run;
use super::{Contestant, NODE, XLLAMACPP};
use crate::Result;

fn scripts() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Installs `xllamacpp` into a virtual environment in `folder`.
///
/// # Errors
/// What Python or pip say.
pub fn xllamacpp(folder: &Path) -> Result<Contestant> {
    let (environment, requirements) = (folder.join("python"), scripts().join("requirements.txt"));
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", "-r"])
        .arg(requirements))?;
    let script = scripts().join("xllamacpp_contestant.py");
    Ok(Contestant::program(XLLAMACPP, python, vec![script.display().to_string()]))
}

/// Installs `node-llama-cpp` into `folder`.
///
/// # Errors
/// What npm says.
pub fn node(folder: &Path) -> Result<Contestant> {
    let home = folder.join("node");
    std::fs::create_dir_all(&home)?;
    for file in ["package.json", "contestant.mjs"] {
        std::fs::copy(scripts().join(file), home.join(file))?;
    }
    // The scripts of the package would fetch and compile llama.cpp where the prebuilt one does not load;
    // its optional packages are the same library for other processors and for GPUs.
    run(Command::new("npm")
        .args(["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefix"])
        .arg(&home)
        .env("NODE_LLAMA_CPP_SKIP_DOWNLOAD", "true"))?;
    Ok(Contestant::program(NODE, "node".into(), vec![home.join("contestant.mjs").display().to_string()]))
}
