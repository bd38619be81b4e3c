//! The parts of a run; each makes one or more sections of the report.

pub mod bindings;
pub mod growth;
pub mod interface;
pub mod kernels;
pub mod memory;
pub mod micro;
pub mod operations;
pub mod overhead;
pub mod replay;
pub mod sequences;
pub mod speed;

use std::thread::sleep;
use std::time::Duration;

/// Lets the workers of whoever computed last stop polling, so that they do not run beside the next.
pub fn settle() {
    sleep(Duration::from_millis(10));
}
