//! Finds out how the engine was really built. A user who compiles this crate outside its workspace
//! misses `.cargo/config.toml` and with it everything that pins the numerics: the exact profile is
//! then compiled out, loudly.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

fn main() {
    println!("cargo:rustc-check-cfg=cfg(attestlm_exact)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=engine/engine.cmake");
    println!("cargo:rerun-if-changed=engine/frozen.h");
    println!("cargo:rerun-if-env-changed=DEP_LLAMA_GGML_CMAKE_DIR");
    if std::env::var_os("CARGO_FEATURE_ENGINE").is_none() {
        return;
    }
    match pinned_build() {
        Ok(source) => {
            println!("cargo:rustc-cfg=attestlm_exact");
            println!("cargo:rustc-env=ATTESTLM_ENGINE_SOURCE={source}");
        }
        Err(why) => println!(
            "cargo:warning=attestlm: {why}. The exact profile is compiled out: nothing can be attested or \
             replayed under it. Build inside the AttestLM workspace or link the prebuilt library."
        ),
    }
}

/// Checks the CMake cache of the engine's build against the pinned settings; answers the path of
/// its sources.
fn pinned_build() -> Result<String, String> {
    let package = std::env::var("DEP_LLAMA_GGML_CMAKE_DIR")
        .map_err(|_| "the engine's build directory is unknown".to_owned())?;
    // …/out/lib/cmake -> …/out/build/CMakeCache.txt
    let cache_path = Path::new(&package)
        .ancestors()
        .nth(2)
        .map(|out| out.join("build/CMakeCache.txt"))
        .ok_or("the engine's build directory is unknown")?;
    let cache = std::fs::read_to_string(&cache_path).map_err(|e| format!("{}: {e}", cache_path.display()))?;
    let value = |key: &str| {
        cache.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.split(':').next() == Some(key)).then_some(value)
        })
    };
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("x86_64") {
        return Err("the exact profile is defined for x86-64 only".into());
    }
    if !value("CMAKE_PROJECT_INCLUDE").is_some_and(|path| path.ends_with("core/engine/engine.cmake")) {
        return Err("the engine was built without core/engine/engine.cmake".into());
    }
    for (key, wanted) in [
        ("CMAKE_BUILD_TYPE", "Release"),
        ("GGML_NATIVE", "OFF"),
        ("GGML_SSE42", "ON"),
        ("GGML_AVX", "ON"),
        ("GGML_AVX2", "ON"),
        ("GGML_FMA", "ON"),
        ("GGML_F16C", "ON"),
        ("GGML_BMI2", "ON"),
        ("GGML_AVX_VNNI", "OFF"),
        ("GGML_AVX512", "OFF"),
        ("GGML_OPENMP", "OFF"),
    ] {
        if value(key) != Some(wanted) {
            return Err(format!("the engine was built with {key}={}", value(key).unwrap_or("?")));
        }
    }
    // Cargo does not rebuild the sys crate when our files change.
    let mut wanted = String::new();
    for file in ["engine/engine.cmake", "engine/frozen.h"] {
        let bytes = std::fs::read(file).map_err(|e| format!("core/{file}: {e}"))?;
        for byte in Sha256::digest(&bytes) {
            let _ = write!(wanted, "{byte:02x}");
        }
    }
    if value("ATTESTLM_ENGINE_SHA256") != Some(wanted.as_str()) {
        return Err(
            "core/engine changed since the engine was built: run `cargo clean -p llama-cpp-sys-2`".into()
        );
    }
    value("CMAKE_HOME_DIRECTORY").map(str::to_owned).ok_or_else(|| "the engine's sources are unknown".into())
}
