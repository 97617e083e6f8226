//! Benches of the hot operations; see `*.rs` beside this file.
