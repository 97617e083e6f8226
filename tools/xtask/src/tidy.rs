//! `cargo xtask tidy`: the rules that neither the compiler nor clippy knows.
//!
//! The rules are tables in `tidy/rules.rs`; the modules beside it apply them to text, so that each
//! is tested without a file.

mod layout;
mod manifest;
mod mask;
mod rules;
mod source;

use std::fmt;
use std::fs;
use std::path::Path;

/// One breach of a rule.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Finding {
    /// The file, with the line where that helps.
    place: String,
    what: String,
    remedy: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.place, self.what, self.remedy)
    }
}

/// Checks the tree at `root` and prints every finding; an error when there is one.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut findings = layout::check_top(&layout::names(root)?);
    let workspace = manifest::parse(&read(root, "Cargo.toml")?)
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    findings.extend(manifest::check_workspace(&workspace));
    let files = layout::files(root, &["crates", "benches", "tools"])?;
    for file in &files {
        if file.ends_with(".rs") {
            findings.extend(source::check(file, &read(root, file)?));
        } else if file.ends_with("Cargo.toml") && !layout::is_outside_workspace(file) {
            findings.extend(manifest::check(file, &read(root, file)?, &workspace));
        }
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("tidy: 1 finding".to_owned()),
        count => Err(format!("tidy: {count} findings")),
    }
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}
