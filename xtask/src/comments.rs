//! What the comment of every function in the header must say: what it does, who owns its results, which threads may
//! call it, how it fails, since when, and what it requires of the caller.

use crate::Failure;

/// Words of which a comment has one, if its function is of the kind.
struct Rule {
    what: &'static str,
    words: &'static [&'static str],
    applies: fn(&Function<'_>) -> bool,
}

const RULES: [Rule; 5] = [
    Rule { what: "since when", words: &["Since 0."], applies: |_| true },
    Rule {
        what: "which threads may call it",
        words: &["Any thread", "May run beside", "One thread at a time", "Exclusive", "Concurrency"],
        applies: |function| !function.name.ends_with("_free"),
    },
    Rule {
        what: "how it fails",
        words: &["Errors", "errors"],
        applies: |function| function.parameters.contains("attestlm_error_t **err"),
    },
    Rule {
        what: "who owns the result",
        words: &["the caller's, to be freed with"],
        applies: |function| function.parameters.matches("**").count() > 1,
    },
    Rule {
        what: "what it requires",
        words: &["Requires: "],
        applies: |function| function.parameters.contains('*'),
    },
];

/// A function that the header declares.
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// The type it answers.
    pub answer: &'a str,
    /// What stands between the parentheses, the closing one included.
    pub parameters: &'a str,
    /// The comment before it.
    pub comment: &'a str,
}

/// # Errors
/// Every function whose comment lacks something.
pub fn check(functions: &[Function<'_>]) -> Result<(), Failure> {
    let lacking: Vec<String> = functions.iter().flat_map(lacking).collect();
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(format!("comments in ffi/src lack something:\n{}", lacking.join("\n")).into())
    }
}

fn lacking(function: &Function<'_>) -> Vec<String> {
    let name = function.name;
    // Words may stand on two lines.
    let comment = function.comment.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lacking = Vec::new();
    if !comment.starts_with(&format!("{name}: ")) {
        lacking.push(format!("{name}: must begin with its name"));
    }
    for rule in &RULES {
        if (rule.applies)(function) && !rule.words.iter().any(|word| comment.contains(word.trim_end())) {
            lacking.push(format!("{name}: does not say {}", rule.what));
        }
    }
    lacking
}

/// The declarations; the comment belongs to the first one behind it.
///
/// # Errors
/// If there are none.
pub fn functions(header: &str) -> Result<Vec<Function<'_>>, Failure> {
    let mut functions = Vec::new();
    for piece in header.split("/*") {
        let (mut comment, code) = piece.split_once("*/").unwrap_or(("", piece));
        for declaration in code.split(';') {
            let Some((head, parameters)) = declaration.split_once('(') else { continue };
            let name = head.rsplit([' ', '*', '\n']).next().unwrap_or_default();
            if head.contains("typedef") {
                continue;
            }
            if !name.starts_with("attestlm_") {
                return Err(format!("the header declares `{name}`, whose name is not the interface's").into());
            }
            let answer = head.trim_end_matches(name).rsplit('\n').next().unwrap_or_default();
            functions.push(Function { name, answer, parameters, comment: std::mem::take(&mut comment) });
        }
    }
    if functions.is_empty() {
        return Err("the header declares no function".into());
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::functions;
    use crate::Failure;

    fn check(header: &str) -> Result<(), Failure> {
        super::check(&functions(header)?)
    }

    const GOOD: &str = "/*\n attestlm_a_b: does it.\n\n Any thread. Errors: none. Since 0.1.0.\n\n Requires: `a` is live.\n */\n\\
        attestlm_status_t attestlm_a_b(const attestlm_a_t *a,\n    attestlm_error_t **err);\n";

    #[test]
    fn a_whole_comment_passes() {
        check(GOOD).unwrap();
    }

    #[test]
    fn whatever_is_left_out_is_named() {
        for (left_out, named) in [
            ("attestlm_a_b: ", "must begin with its name"),
            ("Any thread. ", "which threads"),
            ("Errors: none. ", "how it fails"),
            ("Since 0.1.0.", "since when"),
            ("Requires: ", "what it requires"),
        ] {
            let error = check(&GOOD.replacen(left_out, "", 1)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let uncommented = GOOD.split_once("*/").unwrap().1;
        assert!(check(uncommented).is_err());
        assert!(check("").is_err());
        assert!(check(&GOOD.replace("attestlm_a_b", "other_b")).unwrap_err().to_string().contains("other_b"));
    }

    #[test]
    fn a_result_has_an_owner() {
        let with_result = GOOD.replace("    attestlm_error_t", "    attestlm_b_t **b, attestlm_error_t");
        assert!(check(&with_result).unwrap_err().to_string().contains("who owns"));
    }
}
