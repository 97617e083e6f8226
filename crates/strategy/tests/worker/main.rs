//! What a worker promises, seen through its public names.

mod conflation;
mod faults;
mod identity;
mod shards;
mod support;
mod times;
