//! The attack matrix.

fn main() {}
