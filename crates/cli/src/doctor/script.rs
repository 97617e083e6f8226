//! The steps that would mend the host as a shell script.

use std::fmt::{self, Write as _};

use super::Examination;
use super::finding::{Finding, State, Step, quoted};

/// A script for `sh` that takes the steps which take effect at once, and names the others in comments.
///
/// It can be run again: what is as it should be is left alone. What the kernel refuses is told and
/// does not end it.
pub(crate) fn script(examination: &Examination) -> String {
    let mut out = String::new();
    write(&mut out, examination).expect("a string takes any text");
    out
}

fn write(out: &mut String, examination: &Examination) -> fmt::Result {
    let Examination { host, findings, verdict, .. } = examination;
    out.push_str(
        "#!/bin/sh\n# What `tickring doctor` would mend on this host. Nothing was changed yet.\n",
    );
    writeln!(out, "# Host: {}, Linux {}.", host.model, host.kernel)?;
    writeln!(out, "# Cores to keep quiet: {} ({}).", host.judged, host.chosen)?;
    writeln!(out, "# Verdict: {verdict}.")?;
    out.push_str(HEAD);
    let wrong: Vec<&Finding> = findings.iter().filter(|it| it.state > State::Ok).collect();
    for finding in &wrong {
        write_finding(out, finding)?;
    }
    write_boot(out, &wrong)?;
    if wrong.is_empty() {
        out.push_str("\n# Nothing to mend.\n");
    }
    Ok(())
}

fn write_finding(out: &mut String, finding: &Finding) -> fmt::Result {
    let Finding { id, title, state, read, why, mend, .. } = finding;
    writeln!(out, "\n# {id} ({}): {title}: {read}", state.word())?;
    writeln!(out, "# {why}")?;
    for step in mend {
        match step {
            Step::Write { value, path } => writeln!(out, "put {} {}", quoted(value), quoted(path))?,
            Step::Run(command) => writeln!(out, "{{ {command}; }} || refused {}", quoted(id))?,
            Step::Boot(_) | Step::Advice(_) => writeln!(out, "#   {step}")?,
        }
    }
    Ok(())
}

/// What only a boot changes, on one line to copy.
fn write_boot(out: &mut String, wrong: &[&Finding]) -> fmt::Result {
    let of = |step: &Step| match step {
        Step::Boot(parameters) => Some(parameters.clone()),
        _ => None,
    };
    let parameters: Vec<String> = wrong.iter().flat_map(|it| &it.mend).filter_map(of).collect();
    if parameters.is_empty() {
        return Ok(());
    }
    let line = parameters.join(" ");
    writeln!(
        out,
        "\n# For the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub):\n\
         #   {line}"
    )
}

/// Stops at mistakes of its own; says what it does.
const HEAD: &str = r#"# Takes effect until the next boot; docs/HOST.md tells how to keep it. Run it as root.
set -eu

# put VALUE FILE: writes where the file holds something else.
put() {
    if [ ! -e "$2" ]; then
        echo "left alone, not here: $2"
    elif grep -qxF -- "$1" "$2" 2>/dev/null || grep -qF -- "[$1]" "$2" 2>/dev/null; then
        echo "as it should be: $2"
    elif (printf '%s\n' "$1" > "$2") 2>/dev/null; then
        echo "set to $1: $2"
    else
        refused "$2"
    fi
}

refused() {
    echo "refused: $1" >&2
}
"#;
