//! Tells the crate how it was built: the compiler's own words, and the profile.

use std::io::{self, Write};
use std::process::Command;

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let compiler = Command::new(variable("RUSTC")).arg("--version").output();
    let version = compiler.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    let mut out = io::stdout().lock();
    writeln!(out, "cargo:rerun-if-changed=build.rs")?;
    for (name, value) in [
        ("RUSTC", version.unwrap_or_default()),
        ("PROFILE", variable("PROFILE")),
        ("OPT_LEVEL", variable("OPT_LEVEL")),
        ("TARGET", variable("TARGET")),
    ] {
        writeln!(out, "cargo:rustc-env=TICKRING_BUILT_{name}={value}")?;
    }
    Ok(())
}
