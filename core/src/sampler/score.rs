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
    Distribution::of(logits)?.log_probability(logits, token)
}

/// The log-probability of `token`, as [`log_probability`], and the `alternatives` likeliest tokens with theirs, the
/// likeliest first, the smaller of a tie first.
///
/// # Errors
/// As [`log_probability`].
pub fn likeliest(logits: &[f32], token: Token, alternatives: usize) -> Result<(f64, Vec<(Token, f64)>)> {
    let distribution = Distribution::of(logits)?;
    let of_token = distribution.log_probability(logits, token)?;
    let mut best: Vec<(Token, f32)> = Vec::with_capacity(alternatives + 1);
    for (token, &logit) in (0..).zip(logits) {
        let at = best.partition_point(|(_, of)| *of >= logit);
        if at < alternatives {
            best.insert(at, (token, logit));
            best.truncate(alternatives);
        }
    }
    let best = best.into_iter().map(|(token, logit)| (token, distribution.of_logit(logit)));
    Ok((of_token, best.collect()))
}

/// What turns a logit into a log-probability.
struct Distribution {
    max: f64,
    log_sum: f64,
}

impl Distribution {
    fn of(logits: &[f32]) -> Result<Self> {
        let (max, _) = checked_max(logits)?;
        let max = f64::from(max);
        let sum = logits.iter().fold(0.0, |sum, &l| sum + libm::exp(f64::from(l) - max));
        Ok(Distribution { max, log_sum: libm::log(sum) })
    }

    fn of_logit(&self, logit: f32) -> f64 {
        f64::from(logit) - self.max - self.log_sum
    }

    fn log_probability(&self, logits: &[f32], token: Token) -> Result<f64> {
        let missing =
            || Error::argument("token", format!("token {token} has no logit, there are {}", logits.len()));
        logits.get(token as usize).map(|logit| self.of_logit(*logit)).ok_or_else(missing)
    }
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
    fn the_likeliest_in_order_a_tie_by_its_smaller_token() {
        let logits = [1.0, 3.0, -2.0, 3.0, 2.0];
        let (of_token, best) = likeliest(&logits, 2, 4).unwrap();
        assert_eq!(of_token, log_probability(&logits, 2).unwrap());
        assert_eq!(best.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3, 4, 0]);
        for (token, value) in best {
            assert_eq!(value, log_probability(&logits, token).unwrap());
        }
        assert_eq!(likeliest(&logits, 0, 0).unwrap().1, []);
        assert_eq!(likeliest(&logits, 0, 9).unwrap().1.len(), 5);
    }

    #[test]
    fn wrong_inputs_are_errors() {
        assert_eq!(log_probability(&[1.0], 1).unwrap_err().field(), "token");
        assert_eq!(log_probability(&[f32::NAN], 1).unwrap_err().kind(), ErrorKind::Logits);
        assert_eq!(log_probability(&[], 0).unwrap_err().field(), "logits");
        assert_eq!(greedy_token(&[]).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(greedy_token(&[0.0, f32::NAN]).unwrap_err().kind(), ErrorKind::Logits);
        assert_eq!(log_probability(&[f32::NEG_INFINITY, 0.0], 1).unwrap_err().kind(), ErrorKind::Logits);
        assert_eq!(greedy_token(&[1.0, 2.0, 2.0]).unwrap(), 1);
    }
}
