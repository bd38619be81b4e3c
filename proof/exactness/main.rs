//! The exactness matrix.

fn main() {}
