//! What the compiled engine still takes from outside: no mathematics of the C library, no environment.
#![cfg(feature = "engine")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions of libm, without the suffixes `f` and `l`. Missing are sqrt, floor and ceil: IEEE 754
/// leaves them one result, and compilers make instructions of them.
const LIBM: &[&str] = &[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "copysign",
    "cos",
    "cosh",
    "drem",
    "erf",
    "erfc",
    "exp",
    "exp10",
    "exp2",
    "expm1",
    "fabs",
    "fdim",
    "fma",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "gamma",
    "hypot",
    "ilogb",
    "j0",
    "j1",
    "jn",
    "ldexp",
    "lgamma",
    "lgamma_r",
    "llrint",
    "llround",
    "log",
    "log10",
    "log1p",
    "log2",
    "logb",
    "lrint",
    "lround",
    "modf",
    "nan",
    "nearbyint",
    "nextafter",
    "nexttoward",
    "pow",
    "pow10",
    "remainder",
    "remquo",
    "rint",
    "round",
    "roundeven",
    "scalb",
    "scalbln",
    "scalbn",
    "significand",
    "sin",
    "sincos",
    "sinh",
    "tan",
    "tanh",
    "tgamma",
    "trunc",
    "y0",
    "y1",
    "yn",
];

/// Functions that read or set the environment or the floating-point environment.
const ENVIRONMENT: &[&str] = &[
    "getenv",
    "secure_getenv",
    "__secure_getenv",
    "environ",
    "__environ",
    "setenv",
    "putenv",
    "unsetenv",
    "feenableexcept",
    "fesetenv",
    "fesetround",
];

fn forbidden() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ENVIRONMENT.iter().map(|name| (*name).to_owned()).collect();
    for name in LIBM {
        for suffix in ["", "f", "l"] {
            names.insert(format!("{name}{suffix}"));
            // What -ffast-math made of them in older C libraries.
            names.insert(format!("__{name}{suffix}_finite"));
        }
    }
    names
}

/// Whether a symbol is libm's or the environment's; the vector variants of libmvec have a prefix.
fn is_forbidden(symbol: &str, forbidden: &BTreeSet<String>) -> bool {
    let name = symbol.split('@').next().unwrap_or(symbol);
    forbidden.contains(name) || name.starts_with("_ZGV")
}

/// The libraries of the newest engine build beside this test's executable.
fn libraries() -> Vec<PathBuf> {
    let executable = std::env::current_exe().unwrap();
    // …/<profile>/deps/<test> -> …/<profile>/build
    let build = executable.ancestors().nth(2).unwrap().join("build");
    let newest = std::fs::read_dir(&build)
        .unwrap_or_else(|e| panic!("{}: {e}", build.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("llama-cpp-sys-2-")))
        .map(|path| path.join("out/lib"))
        .filter_map(|lib| Some((modified(&lib.join("libggml-cpu.a"))?, lib)))
        .max();
    let (_, lib) = newest.unwrap_or_else(|| panic!("no engine build below {}", build.display()));
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(lib)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "a"))
        .collect();
    libraries.sort();
    libraries
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// The undefined symbols of a static library, those that another of its members defines included.
fn undefined_symbols(library: &Path) -> BTreeSet<String> {
    let output = Command::new("nm")
        .arg("--undefined-only")
        .arg(library)
        .output()
        .unwrap_or_else(|e| panic!("this test needs `nm` (package binutils): {e}"));
    assert!(output.status.success(), "nm: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["U" | "w" | "v", symbol] => Some(symbol.to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_engine_takes_neither_mathematics_nor_environment_from_the_c_library() {
    let libraries = libraries();
    let names: Vec<_> = libraries.iter().map(|l| l.file_name().unwrap().to_string_lossy()).collect();
    for wanted in ["libggml-base.a", "libggml-cpu.a", "libggml.a", "libllama.a"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not among {names:?}");
    }
    let forbidden = forbidden();
    let mut all = BTreeSet::new();
    let mut found = Vec::new();
    for library in &libraries {
        let symbols = undefined_symbols(library);
        assert!(!symbols.is_empty(), "nm shows no symbol of {}", library.display());
        found.extend(
            symbols
                .iter()
                .filter(|symbol| is_forbidden(symbol, &forbidden))
                .map(|symbol| format!("{symbol} in {}", library.display())),
        );
        all.extend(symbols);
    }
    assert!(found.is_empty(), "the engine still takes from the C library: {found:#?}");
    // What stands in their place is there: the redirection was at work, and nm was read aright.
    for ours in ["attestlm_expf", "attestlm_powf", "attestlm_tanhf", "attestlm_getenv"] {
        assert!(all.contains(ours), "{ours} is not called by the engine");
    }
}

/// RCPPS, RSQRTPS and their like approximate, each processor maker in its own way; the 14- and 28-bit ones
/// are beyond x86-64-v3 besides.
fn is_approximation(mnemonic: &str) -> bool {
    let name = mnemonic.strip_prefix('v').unwrap_or(mnemonic);
    name.starts_with("rcp") || name.starts_with("rsqrt")
}

#[test]
fn the_engine_has_no_instruction_that_processors_are_free_to_approximate() {
    let mut fused = 0;
    for library in libraries() {
        let output = Command::new("objdump")
            .args(["--disassemble", "--no-show-raw-insn", "--no-addresses"])
            .arg(&library)
            .output()
            .unwrap_or_else(|e| panic!("this test needs `objdump` (package binutils): {e}"));
        assert!(output.status.success(), "objdump: {}", String::from_utf8_lossy(&output.stderr));
        let code = String::from_utf8_lossy(&output.stdout);
        for line in code.lines().filter(|line| line.starts_with('\t')) {
            let mnemonic = line.split_whitespace().next().unwrap_or_default();
            assert!(!is_approximation(mnemonic), "{line} in {}", library.display());
            fused += usize::from(mnemonic.starts_with("vfmadd"));
        }
    }
    // The disassembly was read aright: ggml's dot products fuse.
    assert!(fused > 100, "only {fused} fused instructions");
    assert!(is_approximation("vrsqrtps") && is_approximation("rcpss") && is_approximation("vrcp14ps"));
    assert!(!is_approximation("rcll") && !is_approximation("vsqrtps"));
}

#[test]
fn the_list_knows_what_it_looks_for() {
    let forbidden = forbidden();
    for symbol in ["expf", "pow@GLIBC_2.29", "sinl", "getenv", "secure_getenv@GLIBC_2.17", "_ZGVdN8v_expf"] {
        assert!(is_forbidden(symbol, &forbidden), "{symbol}");
    }
    for symbol in ["sqrt", "sqrtf", "floorf", "ceil", "attestlm_expf", "memcpy", "_ZSt4cout"] {
        assert!(!is_forbidden(symbol, &forbidden), "{symbol}");
    }
}
