//! Receiver operating characteristic of the tolerant score.

use std::collections::BTreeMap;

use attestlm::verify::DISTANCE_CLIP;
use attestlm_testkit::Rng;

/// Tokens after which receipts are compared.
pub const PREFIXES: [usize; 5] = [8, 16, 32, 64, 128];

/// The distances of one receipt's tokens.
#[derive(Debug, Clone)]
pub struct Distances {
    /// Which model.
    pub subject: usize,
    /// Whether its policy filters tokens (top-k, top-p).
    pub filtered: bool,
    pub each: Vec<f64>,
}

/// Receipts in two halves: on one a threshold is chosen, on the other it is judged.
#[derive(Debug, Clone, Default)]
pub struct Halves {
    pub choosing: Vec<Distances>,
    pub judging: Vec<Distances>,
}

impl Halves {
    /// A random half of each model's receipts under each kind of policy, so that the halves are alike; the
    /// same for the same list.
    pub fn of(receipts: Vec<Distances>) -> Self {
        let mut kinds: BTreeMap<(usize, bool), Vec<Distances>> = BTreeMap::new();
        for receipt in receipts {
            kinds.entry((receipt.subject, receipt.filtered)).or_default().push(receipt);
        }
        let mut rng = Rng::new(1);
        let mut halves = Halves::default();
        for (_, mut kind) in kinds {
            for i in (1..kind.len()).rev() {
                kind.swap(i, rng.below(i + 1));
            }
            halves.judging.extend(kind.split_off(kind.len() / 2));
            halves.choosing.extend(kind);
        }
        halves
    }

    /// Those of a kind.
    pub fn only(&self, kind: impl Fn(&Distances) -> bool) -> Self {
        let some = |half: &[Distances]| half.iter().filter(|d| kind(d)).cloned().collect();
        Halves { choosing: some(&self.choosing), judging: some(&self.judging) }
    }
}

/// The score of the first `tokens` tokens of each receipt that has so many.
pub fn scores(receipts: &[Distances], tokens: usize, clip: f64) -> Vec<f64> {
    receipts.iter().filter_map(|d| d.each.get(..tokens)).map(|d| score(d, clip)).collect()
}

/// The shipped score: the mean of the clipped distances.
#[allow(clippy::cast_precision_loss)] // counts of tokens
pub fn score(distances: &[f64], clip: f64) -> f64 {
    distances.iter().map(|d| d.min(clip)).sum::<f64>() / distances.len().max(1) as f64
}

/// The smallest threshold above which at most the share `rate` of `honest` lies.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
pub fn threshold(honest: &[f64], rate: f64) -> f64 {
    let mut sorted = honest.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let allowed = (sorted.len() as f64 * rate).floor() as usize;
    sorted.get(allowed).copied().unwrap_or(f64::INFINITY)
}

/// The share of `scores` above `threshold`.
#[allow(clippy::cast_precision_loss)] // counts
pub fn share_above(scores: &[f64], threshold: f64) -> f64 {
    above(scores, threshold) as f64 / scores.len().max(1) as f64
}

/// How many of `scores` lie above `threshold`.
pub fn above(scores: &[f64], threshold: f64) -> usize {
    scores.iter().filter(|s| **s > threshold).count()
}

/// The area under the curve: how often a dishonest score is above an honest one, ties half.
#[allow(clippy::cast_precision_loss)] // counts
pub fn area(honest: &[f64], dishonest: &[f64]) -> f64 {
    let mut sorted = honest.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = dishonest
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|h| h < score);
            let up_to = sorted.partition_point(|h| h <= score);
            (below + up_to) as f64 / 2.0
        })
        .sum();
    wins / (honest.len().max(1) as f64 * dishonest.len().max(1) as f64)
}

/// An attack's curve at one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub tokens: usize,
    /// Dishonest receipts.
    pub runs: usize,
    pub area: f64,
    /// For each of [`RATES`]: false and true positive rates on the judging half.
    pub rates: Vec<(f64, f64)>,
}

/// False positive rates at which thresholds are chosen.
pub const RATES: [f64; 4] = [0.0, 0.001, 0.01, 0.05];

/// The curve at each length. Of dishonest receipts all are judged: none takes part in choosing.
pub fn curve(honest: &Halves, attacks: &[Vec<Distances>], clip: f64) -> Vec<Point> {
    PREFIXES
        .iter()
        .enumerate()
        .map(|(at, tokens)| {
            // An attack at one place is drawn anew for each length; any other is one list for all.
            let attack = &attacks[at.min(attacks.len() - 1)];
            let chosen = scores(&honest.choosing, *tokens, clip);
            let judged = scores(&honest.judging, *tokens, clip);
            let dishonest = scores(attack, *tokens, clip);
            let rates = RATES.map(|rate| {
                let threshold = threshold(&chosen, rate);
                (share_above(&judged, threshold), share_above(&dishonest, threshold))
            });
            Point {
                tokens: *tokens,
                runs: dishonest.len(),
                area: area(&judged, &dishonest),
                rates: rates.to_vec(),
            }
        })
        .collect()
}

/// What it takes to tell an attack apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needed {
    pub tokens: usize,
    /// False alarms and honest receipts of the judging half, at that length.
    pub false_alarms: (usize, usize),
}

/// The fewest tokens with a true positive rate of at least 99 %, the threshold being the largest score of the
/// choosing half (an FPR of 0 there), one for each of `kinds` of receipts.
#[allow(clippy::cast_precision_loss)] // counts
pub fn tokens_needed(
    honest: &Halves,
    attacks: &[Vec<Distances>],
    kinds: &[&dyn Fn(&Distances) -> bool],
) -> Option<Needed> {
    for (at, tokens) in PREFIXES.into_iter().enumerate() {
        let attack = &attacks[at.min(attacks.len() - 1)];
        let (mut caught, mut runs, mut false_alarms) = (0, 0, (0, 0));
        for kind in kinds {
            let honest = honest.only(kind);
            let some: Vec<Distances> = attack.iter().filter(|d| kind(d)).cloned().collect();
            let dishonest = scores(&some, tokens, DISTANCE_CLIP);
            let judged = scores(&honest.judging, tokens, DISTANCE_CLIP);
            let threshold = threshold(&scores(&honest.choosing, tokens, DISTANCE_CLIP), 0.0);
            caught += above(&dishonest, threshold);
            runs += dishonest.len();
            false_alarms.0 += above(&judged, threshold);
            false_alarms.1 += judged.len();
        }
        if runs > 0 && caught as f64 >= 0.99 * runs as f64 {
            return Some(Needed { tokens, false_alarms });
        }
    }
    None
}

/// The clips that are compared with the shipped one.
pub const CLIPS: [f64; 4] = [1.0, 2.0, DISTANCE_CLIP, 8.0];

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(scores: impl IntoIterator<Item = f64>) -> Vec<Distances> {
        scores
            .into_iter()
            .map(|score| Distances { subject: 0, filtered: false, each: vec![score; 128] })
            .collect()
    }

    #[test]
    fn a_threshold_lets_the_share_it_was_chosen_for_above() {
        let honest: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(threshold(&honest, 0.0), 999.0);
        for (rate, count) in [(0.0, 0), (0.001, 1), (0.01, 10), (0.05, 50)] {
            assert_eq!(above(&honest, threshold(&honest, rate)), count);
        }
        // A tie goes in favour of the honest ones.
        assert_eq!(above(&[1.0, 1.0, 1.0, 0.0], threshold(&[1.0, 1.0, 1.0, 0.0], 0.5)), 0);
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        assert_eq!(area(&[0.0, 1.0], &[2.0, 3.0]), 1.0);
        assert_eq!(area(&[2.0, 3.0], &[0.0, 1.0]), 0.0);
        assert_eq!(area(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(area(&[0.0, 2.0], &[1.0]), 0.5);
    }

    #[test]
    fn a_score_is_the_clipped_mean_of_a_prefix() {
        let one = Distances { subject: 0, filtered: false, each: vec![0.0, 9.0, 1.0, 0.0] };
        assert_eq!(scores(std::slice::from_ref(&one), 4, 4.0), [1.25]);
        assert_eq!(scores(std::slice::from_ref(&one), 2, 4.0), [2.0]);
        // A receipt that is shorter has no score at this length.
        assert!(scores(&[one], 5, 4.0).is_empty());
    }

    #[test]
    fn halves_share_the_receipts_and_are_the_same_each_time() {
        let all = receipts((0..101).map(f64::from));
        let halves = Halves::of(all.clone());
        assert_eq!((halves.choosing.len(), halves.judging.len()), (50, 51));
        let firsts = |list: &[Distances]| list.iter().map(|d| d.each[0]).collect::<Vec<_>>();
        let again = Halves::of(all);
        assert_eq!(firsts(&halves.choosing), firsts(&again.choosing));
        let mut both = [firsts(&halves.choosing), firsts(&halves.judging)].concat();
        assert!(both.windows(2).any(|w| w[0] > w[1]), "not shuffled");
        both.sort_by(f64::total_cmp);
        assert!(both.into_iter().eq((0..101).map(f64::from)));
    }

    #[test]
    fn tokens_needed_asks_for_99_of_100_and_counts_false_alarms() {
        let any: &dyn Fn(&Distances) -> bool = &|_| true;
        let mut honest = Halves::of(receipts((0..4000).map(|i| f64::from(i) / 4e5)));
        honest.judging = receipts((0..2000).map(|i| if i < 3 { 1.0 } else { 0.0 }));
        let needed = |below: i32| {
            let attack = receipts((0..100).map(|i| if i < below { 0.0 } else { 0.5 }));
            tokens_needed(&honest, &[attack], &[any])
        };
        assert_eq!(needed(1), Some(Needed { tokens: PREFIXES[0], false_alarms: (3, 2000) }));
        assert_eq!(needed(2), None);
    }

    #[test]
    fn each_kind_has_a_threshold_of_its_own() {
        let of = |score: f64, filtered| Distances { subject: 0, filtered, each: vec![score; 128] };
        // Honest filtered receipts score higher than dishonest unfiltered ones.
        let honest = Halves {
            choosing: vec![of(0.0, false), of(0.3, true)],
            judging: vec![of(0.0, false), of(0.2, true)],
        };
        let attack = [vec![of(0.1, false), of(0.4, true)]];
        let plain = |d: &Distances| !d.filtered;
        let filtered = |d: &Distances| d.filtered;
        assert_eq!(tokens_needed(&honest, &attack, &[&|_| true]), None);
        let both = tokens_needed(&honest, &attack, &[&plain, &filtered]);
        assert_eq!(both, Some(Needed { tokens: PREFIXES[0], false_alarms: (0, 2) }));
    }
}
