//! Passwords of keystores: from `ATTESTLM_PASSWORD`, or asked for without echo.

use attestlm::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

const VARIABLE: &str = "ATTESTLM_PASSWORD";

/// The password of an existing keystore.
///
/// # Errors
/// [`ErrorKind::Signer`]: the variable is not UTF-8, or it is not set and there is no terminal.
pub fn existing() -> Result<Zeroizing<String>> {
    match from_environment()? {
        Some(password) => Ok(password),
        None => ask("Password: "),
    }
}

/// The password of a new keystore, asked for twice.
///
/// # Errors
/// As [`existing`], an empty password, or two different ones.
pub fn new() -> Result<Zeroizing<String>> {
    let password = match from_environment()? {
        Some(password) => password,
        None => {
            let password = ask("New password: ")?;
            if *ask("The same again: ")? != *password {
                return Err(fail("the two passwords differ"));
            }
            password
        }
    };
    if password.is_empty() {
        return Err(fail("an empty password would leave the key unprotected"));
    }
    Ok(password)
}

fn from_environment() -> Result<Option<Zeroizing<String>>> {
    match std::env::var(VARIABLE) {
        Ok(password) => Ok(Some(Zeroizing::new(password))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(fail(format!("{VARIABLE} is not UTF-8"))),
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|e| fail(format!("set {VARIABLE}, or run on a terminal ({e})")))
}

fn fail(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Signer, "password", why)
}
