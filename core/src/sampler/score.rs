//! What a given token was worth: the helpers of scoring, on the model's own logits, with no
//! policy applied.

use super::scan::{finite_magnitude, first_max};
use crate::error::{Error, Result};
use crate::Token;

/// `l - max - ln(sum exp(l - max))` of `token`, natural logarithm, summed in token order.
///
/// # Errors
/// [`ErrorKind::Logits`](crate::ErrorKind::Logits) for a NaN or infinite logit;
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for a token without a logit.
pub fn log_probability(logits: &[f32], token: Token) -> Result<f64> {
    let Some(&logit) = logits.get(token as usize) else {
        return Err(Error::argument(
            "token",
            format!("token {token} has no logit, there are {}", logits.len()),
        ));
    };
    let (max, _) = checked_max(logits)?;
    let max = f64::from(max);
    let sum = logits.iter().fold(0.0, |sum, &l| sum + libm::exp(f64::from(l) - max));
    Ok(f64::from(logit) - max - libm::log(sum))
}

/// The token with the largest logit, the smaller one of a tie.
///
/// # Errors
/// [`ErrorKind::Logits`](crate::ErrorKind::Logits) for a NaN or infinite logit;
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there are no logits.
pub fn greedy_token(logits: &[f32]) -> Result<Token> {
    checked_max(logits).map(|(_, token)| token)
}

fn checked_max(logits: &[f32]) -> Result<(f32, Token)> {
    if logits.len() > super::VOCAB_MAX {
        return Err(Error::argument("logits", format!("more than {} entries", super::VOCAB_MAX)));
    }
    finite_magnitude(logits)?;
    first_max(logits).ok_or_else(|| Error::argument("logits", "there are none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn log_probabilities_of_a_known_distribution() {
        // Equal logits: each of n tokens has probability 1 / n.
        let uniform = [5.0; 1000];
        assert!((log_probability(&uniform, 999).unwrap() + 1000_f64.ln()).abs() < 1e-12);
        // One token with all the weight.
        assert_eq!(log_probability(&[0.0, 1000.0], 1).unwrap(), 0.0);
        assert_eq!(log_probability(&[0.0, 1000.0], 0).unwrap(), -1000.0);
        let logits = [0.5, -1.25, 3.0];
        let sum: f64 = (0..3).map(|t| log_probability(&logits, t).unwrap().exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn wrong_inputs_are_errors() {
        assert_eq!(log_probability(&[1.0], 1).unwrap_err().field(), "token");
        assert_eq!(log_probability(&[f32::NAN], 1).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(log_probability(&[], 0).unwrap_err().field(), "token");
        assert_eq!(greedy_token(&[]).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(greedy_token(&[0.0, f32::NAN]).unwrap_err().kind(), ErrorKind::Logits);
        assert_eq!(log_probability(&[f32::NEG_INFINITY, 0.0], 1).unwrap_err().kind(), ErrorKind::Logits);
        assert_eq!(greedy_token(&[1.0, 2.0, 2.0]).unwrap(), 1);
    }
}
