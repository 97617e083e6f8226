//! The tickring command.
fn main() {}
