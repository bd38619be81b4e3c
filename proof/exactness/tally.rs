//! What was compared, and what differed.

use attestlm::verdict::Verdict;

/// Counts of one row.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub cells: usize,
    pub receipts: usize,
    pub differing: usize,
    pub replays: usize,
    pub not_verified: usize,
    /// The first differences, described.
    pub examples: Vec<String>,
}

/// Differences described in full; the rest is counted.
const EXAMPLES: usize = 5;

impl Tally {
    /// One cell: its receipts, and how many of them are not the expected ones.
    pub fn cell(&mut self, what: &str, receipts: usize, differing: usize) {
        self.cells += 1;
        self.receipts += receipts;
        self.differing += differing;
        if differing > 0 {
            self.example(format!("{differing} of {receipts} receipts differ: {what}"));
        }
    }

    /// One replay of an honest receipt.
    pub fn replay(&mut self, verdict: Verdict) {
        self.replays += 1;
        if verdict != (Verdict::Verified { prefix_only: false }) {
            self.not_verified += 1;
            self.example(format!("replay: {verdict}"));
        }
    }

    fn example(&mut self, what: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(what);
        }
    }

    pub fn add(&mut self, other: Tally) {
        self.cells += other.cells;
        self.receipts += other.receipts;
        self.differing += other.differing;
        self.replays += other.replays;
        self.not_verified += other.not_verified;
        for example in other.examples {
            self.example(example);
        }
    }

    pub fn is_clean(&self) -> bool {
        self.differing == 0 && self.not_verified == 0
    }
}
