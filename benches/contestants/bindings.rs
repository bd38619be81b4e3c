//! The C interface and the bindings over it, all on one `libattestlm.so.0`: this checkout's, installed as users install it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::native::run;
use super::{Contestant, C, GO, NODE_BINDING, PYTHON};
use crate::Result;

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate lies in no checkout")?.to_owned())
}

/// Builds the library and every contestant in `target/bench-bindings`: C first, what it is compared with.
///
/// # Errors
/// What cargo, the compilers, Python, pip or npm say.
pub fn build(target: &Path) -> Result<Vec<Contestant>> {
    let root = root()?;
    let folder = target.join("bench-bindings");
    std::fs::create_dir_all(&folder)?;
    let installed = library(&root, target, &folder)?;
    Ok(vec![
        c(&root, &folder, &installed)?,
        go(&root, &folder, &installed)?,
        python(&root, &folder, &installed)?,
        node(&root, &installed)?,
    ])
}

/// Builds and installs the library; answers where.
fn library(root: &Path, target: &Path, folder: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "attestlm-ffi", "--target-dir"])
        .arg(target)
        .current_dir(root))?;
    let (libraries, installed) = (folder.join("lib"), folder.join("installed"));
    run(Command::new("scripts/libraries.sh").arg(target.join("release")).arg(&libraries).current_dir(root))?;
    run(Command::new("scripts/install.sh").arg(&libraries).args([&installed, &installed]).current_dir(root))?;
    Ok(installed)
}

/// What the linker is told so that the program finds the library.
fn search_path(installed: &Path) -> String {
    format!("-Wl,-rpath,{}", installed.join("lib").display())
}

fn c(root: &Path, folder: &Path, installed: &Path) -> Result<Contestant> {
    let program = folder.join("c");
    run(Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-I"])
        .arg(installed.join("include"))
        .arg("-o")
        .arg(&program)
        .arg(root.join("ffi/bench/contestant.c"))
        .arg("-L")
        .arg(installed.join("lib"))
        .args(["-lattestlm", "-lpthread", &search_path(installed)]))?;
    Ok(Contestant::program(C, program, Vec::new()))
}

fn go(root: &Path, folder: &Path, installed: &Path) -> Result<Contestant> {
    let program = folder.join("go");
    run(Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg("./bench")
        .current_dir(root.join("bindings/go"))
        .env("PKG_CONFIG_PATH", installed.join("lib/pkgconfig"))
        .env("CGO_LDFLAGS", format!("\"{}\"", search_path(installed))))?;
    Ok(Contestant::program(GO, program, Vec::new()))
}

fn python(root: &Path, folder: &Path, installed: &Path) -> Result<Contestant> {
    let environment = folder.join("python");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let (python, package) = (environment.join("bin/python"), root.join("bindings/python"));
    // The package itself is taken from the checkout: cffi is all it needs.
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"])
        .arg(package.join("requirements.txt"))
        .arg("cffi"))?;
    let script = package.join("bench/contestant.py").display().to_string();
    Ok(Contestant::program(PYTHON, python, vec![script])
        .with_variable("PYTHONPATH", &package)
        .with_variable("ATTESTLM_LIBRARY", &installed.join("lib/libattestlm.so.0")))
}

fn node(root: &Path, installed: &Path) -> Result<Contestant> {
    let package = root.join("bindings/node");
    // What is installed already is left to those who use it now.
    let written = |file: &str| package.join(file).metadata().and_then(|found| found.modified());
    let fresh = written("node_modules/.package-lock.json")
        .is_ok_and(|then| written("package-lock.json").is_ok_and(|asked| asked <= then));
    if !fresh {
        run(Command::new("npm")
            .args(["ci", "--prefer-offline", "--no-audit", "--no-fund"])
            .current_dir(&package))?;
    }
    let script = package.join("bench/contestant.mjs").display().to_string();
    Ok(Contestant::program(NODE_BINDING, "node".into(), vec![script])
        .with_variable("ATTESTLM_LIBRARY", &installed.join("lib/libattestlm.so.0")))
}
