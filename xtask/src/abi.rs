//! The interface as a list that a change shows in: exported functions with their types, and statuses.

use std::path::PathBuf;

use crate::{header, root, Failure};

/// Where it lies.
pub fn path() -> PathBuf {
    root().join("ffi/abi/symbols.txt")
}

/// The list.
///
/// # Errors
/// As the header, or a header that holds no function.
pub fn text() -> Result<String, Failure> {
    let header = header::text()?;
    let mut lines: Vec<String> = Vec::new();
    let code = without_comments(&header);
    for statement in code.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let joined = words.join(" ");
        if let Some(at) = joined.find("attestlm_").filter(|_| joined.contains('(')) {
            // What stands before the first declaration of a block belongs to the block.
            let start = joined[..at].rfind(['{', '}']).map_or(0, |brace| brace + 1);
            lines.push(joined[start..].trim().to_owned());
        }
    }
    let functions = lines.iter().filter(|line| !line.starts_with("typedef")).count();
    if functions == 0 {
        return Err("the header declares no function".into());
    }
    for line in header.lines().filter(|line| line.starts_with("#define ATTESTLM_")) {
        if !line.contains("VERSION_") && !line.starts_with("#define ATTESTLM_VERSION ") {
            lines.push(line.to_owned());
        }
    }
    lines.sort();
    let mut text = format!(
        "# Written by `cargo run -p xtask -- abi`: {functions} functions. A change here is a change of the interface.\n"
    );
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("/*") {
        code.push_str(&rest[..begin]);
        rest = rest[begin..].find("*/").map_or("", |end| &rest[begin + end + 2..]);
    }
    code.push_str(rest);
    code.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}
