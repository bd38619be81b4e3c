//! The header, from `ffi/`.

use std::path::PathBuf;

use cbindgen::{Builder, Config, DocumentationLength, DocumentationStyle, Language, Style};

use crate::{comments, root, types, Failure};

/// Where it lies.
pub fn path() -> PathBuf {
    root().join("include/attestlm.h")
}

const PREFACE: &str = include_str!("preface.txt");

/// The header's text.
///
/// # Errors
/// What cbindgen says.
pub fn text() -> Result<String, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let numbers: Vec<&str> = version.split('.').collect();
    let [major, minor, patch] = numbers[..] else { return Err("the version has not three parts".into()) };
    let mut config = Config {
        language: Language::C,
        style: Style::Type,
        header: Some(PREFACE.trim_end().to_owned()),
        include_guard: Some("ATTESTLM_H".into()),
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        no_includes: true,
        cpp_compat: true,
        line_length: 110,
        documentation_style: DocumentationStyle::C,
        documentation_length: DocumentationLength::Full,
        after_includes: Some(format!(
            "\n/* The header's version; the library's is attestlm_version(). */\n#define ATTESTLM_VERSION \"{version}\"\n\
             #define ATTESTLM_VERSION_MAJOR {major}\n#define ATTESTLM_VERSION_MINOR {minor}\n\
             #define ATTESTLM_VERSION_PATCH {patch}"
        )),
        usize_is_size_t: true,
        ..Config::default()
    };
    // Faults on purpose are no part of the interface.
    config.parse.parse_deps = false;
    config.export.exclude = testing()?;
    // For the linker alone (ffi/src/exit.rs).
    config.export.exclude.push("__wrap___cxa_atexit".into());
    let bindings = Builder::new().with_crate(root().join("ffi")).with_config(config).generate()?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes)?.replace("\n # Safety\n ", "\n Requires: ");
    let functions = comments::functions(&text)?;
    comments::check(&functions)?;
    types::check(&functions)?;
    Ok(text)
}

/// What `ffi/src/testing.rs` exports.
fn testing() -> Result<Vec<String>, Failure> {
    let source = std::fs::read_to_string(root().join("ffi/src/testing.rs"))?;
    let words = source.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut names: Vec<String> =
        words.filter(|w| w.starts_with("attestlm_testing_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}
