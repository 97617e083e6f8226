//! What targets become under a rule, through public names alone.

mod accounts;
mod fills;
mod support;
