//! Numbers between bounds, digit by digit.

use super::charset::CharSet;
use super::rules::Expr;

/// Digits before and after the decimal point, each: what a double still tells apart.
const DIGITS: usize = 15;

/// A decimal magnitude used as a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Magnitude {
    /// Without leading zeros; zero is `[0]`.
    int: Vec<u8>,
    /// Without trailing zeros.
    frac: Vec<u8>,
    inclusive: bool,
}

impl Magnitude {
    fn zero(inclusive: bool) -> Self {
        Magnitude { int: vec![0], frac: Vec::new(), inclusive }
    }
}

/// One end of a range of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    negative: bool,
    magnitude: Magnitude,
}

impl Bound {
    /// Reads a JSON number without exponent and with at most 15 digits on each side of the point.
    pub(super) fn parse(number: &str, inclusive: bool) -> Result<Bound, &'static str> {
        let (sign, digits) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        if digits.contains(['e', 'E']) {
            return Err("write the bound without an exponent");
        }
        let (int, frac) = digits.split_once('.').unwrap_or((digits, ""));
        let values = |s: &str| s.bytes().map(|b| b.wrapping_sub(b'0')).collect::<Vec<u8>>();
        let (int, frac) = (values(int), values(frac.trim_end_matches('0')));
        if int.is_empty()
            || int.len() > DIGITS
            || frac.len() > DIGITS
            || int.iter().chain(&frac).any(|&d| d > 9)
        {
            return Err("a bound has at most 15 digits before and after the decimal point");
        }
        let negative = sign && (int != [0] || !frac.is_empty());
        Ok(Bound { negative, magnitude: Magnitude { int, frac, inclusive } })
    }
}

/// The numbers between the bounds, integers only unless `fractions`; without exponents, and
/// without negative zero.
pub(super) fn range(lo: Option<&Bound>, hi: Option<&Bound>, fractions: bool) -> Expr {
    let mut signs = Vec::new();
    let zero = Magnitude::zero(true);
    if hi.is_none_or(|b| !b.negative) {
        let from = lo.filter(|b| !b.negative).map_or(&zero, |b| &b.magnitude);
        signs.push(magnitudes(from, hi.map(|b| &b.magnitude), fractions));
    }
    let beyond_zero = Magnitude::zero(false);
    if lo.is_none_or(|b| b.negative) {
        let from = hi.filter(|b| b.negative).map_or(&beyond_zero, |b| &b.magnitude);
        let below = magnitudes(from, lo.map(|b| &b.magnitude), fractions);
        signs.push(Expr::Seq(vec![Expr::literal("-"), below]));
    }
    Expr::Alt(signs)
}

fn magnitudes(lo: &Magnitude, hi: Option<&Magnitude>, fractions: bool) -> Expr {
    let longest = hi.map_or(DIGITS, |m| m.int.len());
    let lengths = lo.int.len()..=longest;
    Expr::Alt(
        lengths
            .map(|length| {
                let lo = Some(lo).filter(|m| m.int.len() == length);
                let hi = hi.filter(|m| m.int.len() == length);
                Walk { length, fractions }.int(0, lo, hi)
            })
            .collect(),
    )
}

/// Numbers with `length` digits before the point.
///
/// `lo` and `hi` are bounds whose digits so far equal those written: a bound that was left
/// behind no longer matters. At most two bounds are followed, so that the result stays small,
/// and the recursion is at most 30 digits deep.
struct Walk {
    length: usize,
    fractions: bool,
}

type Tight<'a> = Option<&'a Magnitude>;

impl Walk {
    fn int(&self, at: usize, lo: Tight<'_>, hi: Tight<'_>) -> Expr {
        if at == self.length {
            return self.after_int(lo, hi);
        }
        let least = u8::from(at == 0 && self.length > 1);
        if lo.is_none() && hi.is_none() {
            let digits = u32::try_from(self.length - at - 1).unwrap_or(0);
            let rest = Expr::Repeat(Box::new(digit(0, 9)), digits, Some(digits));
            return Expr::Seq(vec![digit(least, 9), rest, self.after_int(None, None)]);
        }
        let digit_of = |m: &Magnitude| m.int.get(at).copied().unwrap_or(0);
        let next = |lo: Tight<'_>, hi: Tight<'_>| self.int(at + 1, lo, hi);
        branches(least, lo, hi, digit_of, next)
    }

    fn after_int(&self, lo: Tight<'_>, hi: Tight<'_>) -> Expr {
        let bare = if may_stop(0, lo, hi) { Expr::EMPTY } else { Expr::NEVER };
        if !self.fractions {
            return bare;
        }
        let fraction = Expr::Seq(vec![Expr::literal("."), self.frac(0, lo, hi)]);
        Expr::Alt(vec![bare, fraction])
    }

    fn frac(&self, at: usize, lo: Tight<'_>, hi: Tight<'_>) -> Expr {
        // Once all digits of an inclusive lower bound are written, anything may follow.
        let lo = lo.filter(|m| !(m.inclusive && m.frac.len() <= at));
        let left = u32::try_from(DIGITS - at).unwrap_or(0);
        if lo.is_none() && hi.is_none() {
            return Expr::Repeat(Box::new(digit(0, 9)), u32::from(at == 0), Some(left));
        }
        let stop = if at > 0 && may_stop(at, lo, hi) { Expr::EMPTY } else { Expr::NEVER };
        if left == 0 {
            return stop;
        }
        let digit_of = |m: &Magnitude| m.frac.get(at).copied().unwrap_or(0);
        let next = |lo: Tight<'_>, hi: Tight<'_>| self.frac(at + 1, lo, hi);
        Expr::Alt(vec![stop, branches(0, lo, hi, digit_of, next)])
    }
}

/// Whether a number that ends before fraction digit `at` lies within the bounds still tight.
fn may_stop(at: usize, lo: Tight<'_>, hi: Tight<'_>) -> bool {
    lo.is_none_or(|m| m.frac.len() <= at && m.inclusive)
        && hi.is_none_or(|m| m.frac.len() > at || m.inclusive)
}

/// One digit, at least `least`, and what follows: digits on a bound stay tight to it.
fn branches(
    least: u8,
    lo: Tight<'_>,
    hi: Tight<'_>,
    digit_of: impl Fn(&Magnitude) -> u8,
    next: impl Fn(Tight<'_>, Tight<'_>) -> Expr,
) -> Expr {
    let low = lo.map(&digit_of);
    let high = hi.map(&digit_of);
    let first = least.max(low.unwrap_or(0));
    let last = high.unwrap_or(9);
    let mut out = Vec::new();
    let mut free: Option<(u8, u8)> = None;
    for d in first..=last {
        let (on_lo, on_hi) = (low == Some(d), high == Some(d));
        if on_lo || on_hi {
            out.push(Expr::Seq(vec![digit(d, d), next(lo.filter(|_| on_lo), hi.filter(|_| on_hi))]));
        } else {
            free = Some((free.map_or(d, |f| f.0), d));
        }
    }
    if let Some((a, b)) = free {
        out.push(Expr::Seq(vec![digit(a, b), next(None, None)]));
    }
    Expr::Alt(out)
}

fn digit(lo: u8, hi: u8) -> Expr {
    Expr::Class(CharSet::new(vec![(u32::from(b'0' + lo), u32::from(b'0' + hi))]))
}
