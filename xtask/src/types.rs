//! Which types a function of the interface may take and answer: no struct by value, no enum, no bool, nothing whose
//! size depends on the platform but lengths and pointers, no variable arguments.

use crate::comments::Function;
use crate::Failure;

/// Types that are no pointer to an object.
const PLAIN: [&str; 12] = [
    "void",
    "void*",
    "int32_t",
    "uint32_t",
    "uint64_t",
    "double",
    "size_t",
    "uint64_t*",
    "uint8_t*",
    "const uint8_t*",
    "const char*",
    "attestlm_status_t",
];

/// # Errors
/// Every type that is not allowed.
pub fn check(functions: &[Function<'_>]) -> Result<(), Failure> {
    let wrong: Vec<String> = functions.iter().flat_map(wrong).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("types that the interface must not have:\n{}", wrong.join("\n")).into())
    }
}

fn wrong(function: &Function<'_>) -> Vec<String> {
    let parameters = function.parameters.trim_end_matches(')').split(',').map(str::trim);
    let types = parameters.filter(|parameter| *parameter != "void").map(without_name);
    types
        .chain([joined(function.answer)])
        .filter(|of| !is_allowed(of))
        .map(|of| format!("{}: {of}", function.name))
        .collect()
}

fn is_allowed(of: &str) -> bool {
    let object = of.strip_prefix("const ").unwrap_or(of);
    let name = object.trim_end_matches('*');
    let pointers = object.len() - name.len();
    PLAIN.contains(&of)
        || (name.starts_with("attestlm_") && name.ends_with("_t") && (1..=2).contains(&pointers))
        || (name.starts_with("attestlm_") && name.ends_with("_fn") && pointers == 0)
}

/// `const uint8_t *path` is of type `const uint8_t*`.
fn without_name(parameter: &str) -> String {
    let end = parameter.rfind([' ', '*']).map_or(0, |at| at + 1);
    joined(&parameter[..end])
}

fn joined(of: &str) -> String {
    of.split_whitespace().collect::<Vec<_>>().join(" ").replace(" *", "*")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::comments::Function;

    fn one<'a>(answer: &'a str, parameters: &'a str) -> Function<'a> {
        Function { name: "attestlm_a", answer, parameters, comment: "" }
    }

    #[test]
    fn plain_types_pass() {
        let parameters =
            "const uint8_t *a, size_t a_len,\n  attestlm_a_t **out, uint32_t n, attestlm_b_fn f, void *env)";
        check(&[
            one("attestlm_status_t ", parameters),
            one("void ", "attestlm_a_t *a)"),
            one("const char *", "void)"),
        ])
        .unwrap();
    }

    #[test]
    fn others_are_named() {
        for of in [
            "bool",
            "long",
            "int",
            "enum attestlm_kind",
            "attestlm_a_t",
            "struct a",
            "float",
            "char *",
            "...",
        ] {
            let parameters = format!("{of} x)");
            assert!(check(&[one("void ", &parameters)]).is_err(), "{of}");
        }
        assert!(check(&[one("attestlm_a_t ", "void)")]).is_err());
        assert!(check(&[one("bool ", "void)")]).is_err());
    }
}
