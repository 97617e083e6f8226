//! What the manifests say: crate arrows, owners of outside libraries, workspace lints.

use toml::{Table, Value};

use super::Finding;
use super::rules::{ARROWS, DEV_ARROWS, DEV_ONLY, DEV_OWNERS, FREE, OWNERS, SHARED};

/// When a dependency is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// In what users build; build scripts count as that.
    Normal,
    Dev,
}

#[derive(Debug)]
struct Dependency {
    /// The package's own name, whatever the manifest calls it.
    package: String,
    kind: Kind,
}

/// Reads a manifest.
pub(super) fn parse(text: &str) -> Result<Table, toml::de::Error> {
    text.parse()
}

/// Findings for the list of outside libraries in the root manifest.
pub(super) fn check_workspace(workspace: &Table) -> Vec<Finding> {
    let Some(listed) = workspace_dependencies(workspace) else { return Vec::new() };
    listed
        .iter()
        .map(|(key, value)| renamed(key, value))
        .filter(|package| ours(package).is_none() && !is_known(package))
        .map(|package| unknown("Cargo.toml", package))
        .collect()
}

/// Findings for the manifest of one member, whose renames may stand in `workspace`.
pub(super) fn check(file: &str, text: &str, workspace: &Table) -> Vec<Finding> {
    let manifest = match parse(text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::new(file, "is not a manifest", error.message())],
    };
    let mut findings = Vec::new();
    if !inherits_lints(&manifest) {
        let remedy = "add `[lints]` with `workspace = true`";
        findings.push(Finding::new(file, "does not use the workspace lints", remedy));
    }
    let name = manifest.get("package").and_then(|package| package.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or_default();
    if FREE.contains(&name) {
        return findings;
    }
    let folder = file.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml"));
    let Some(folder) = folder.filter(|&folder| ours(name) == Some(folder)) else {
        let remedy = "call it tickring-<folder> in crates/<folder>, or add it to FREE in \
                      tidy/rules.rs";
        findings.push(Finding::new(file, format!("package `{name}` has no place"), remedy));
        return findings;
    };
    for dependency in dependencies(&manifest, workspace) {
        let found = match ours(&dependency.package) {
            Some(target) => check_arrow(file, folder, target, dependency.kind),
            None => check_library(file, folder, &dependency),
        };
        findings.extend(found);
    }
    findings
}

fn check_arrow(file: &str, folder: &str, target: &str, kind: Kind) -> Option<Finding> {
    if !ARROWS.iter().any(|(from, _)| *from == folder) {
        let remedy = "add it to ARROWS in tidy/rules.rs and to docs/ARCHITECTURE.md";
        return Some(Finding::new(file, format!("crate `{folder}` is not known"), remedy));
    }
    let for_tests = kind == Kind::Dev && lists(DEV_ARROWS, folder, target);
    if for_tests || lists(ARROWS, folder, target) {
        return None;
    }
    let table = if kind == Kind::Dev { "DEV_ARROWS" } else { "ARROWS" };
    Some(Finding::new(
        file,
        format!("`{folder}` may not depend on `{target}`"),
        format!("turn the arrow round, or argue for it in {table} in tidy/rules.rs"),
    ))
}

fn check_library(file: &str, folder: &str, dependency: &Dependency) -> Option<Finding> {
    let package = dependency.package.as_str();
    if SHARED.contains(&package) {
        return None;
    }
    if DEV_ONLY.contains(&package) {
        let remedy = "move it to [dev-dependencies]";
        return (dependency.kind == Kind::Normal)
            .then(|| Finding::new(file, format!("`{package}` is for tests"), remedy));
    }
    let Some((_, owners)) = OWNERS.iter().find(|(library, _)| *library == package) else {
        return Some(unknown(file, package));
    };
    let for_tests = dependency.kind == Kind::Dev && lists(DEV_OWNERS, package, folder);
    if for_tests || owners.contains(&folder) {
        return None;
    }
    Some(Finding::new(
        file,
        format!("`{package}` belongs to {}", owners.join(" and ")),
        "use the owner's types, or argue for another owner in OWNERS in tidy/rules.rs",
    ))
}

/// Whether the row of `key` in `table` lists `value`.
fn lists(table: &[(&str, &[&str])], key: &str, value: &str) -> bool {
    table.iter().any(|(row, values)| *row == key && values.contains(&value))
}

fn unknown(file: &str, package: &str) -> Finding {
    let remedy = "name its owner in OWNERS (or SHARED, DEV_ONLY) in tools/xtask/src/tidy/rules.rs";
    Finding::new(file, format!("library `{package}` is not known"), remedy)
}

fn is_known(package: &str) -> bool {
    SHARED.contains(&package)
        || DEV_ONLY.contains(&package)
        || OWNERS.iter().any(|(library, _)| *library == package)
}

/// The folder of one of our crates, by its package name.
fn ours(package: &str) -> Option<&str> {
    package.strip_prefix("tickring-")
}

fn inherits_lints(manifest: &Table) -> bool {
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    lints.and_then(Value::as_bool) == Some(true)
}

fn workspace_dependencies(workspace: &Table) -> Option<&Table> {
    workspace.get("workspace")?.get("dependencies")?.as_table()
}

/// Every dependency of a manifest, those of single targets included.
fn dependencies(manifest: &Table, workspace: &Table) -> Vec<Dependency> {
    let mut found = Vec::new();
    collect(manifest, None, workspace, &mut found);
    for (target, table) in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
        // Code under `cfg(loom)` is a test, though cargo has no dev-dependency for it.
        let kind = (target == "cfg(loom)").then_some(Kind::Dev);
        if let Some(table) = table.as_table() {
            collect(table, kind, workspace, &mut found);
        }
    }
    found
}

fn collect(table: &Table, kind: Option<Kind>, workspace: &Table, found: &mut Vec<Dependency>) {
    let sections = [
        ("dependencies", Kind::Normal),
        ("build-dependencies", Kind::Normal),
        ("dev-dependencies", Kind::Dev),
    ];
    for (section, section_kind) in sections {
        let listed = table.get(section).and_then(Value::as_table);
        for (key, value) in listed.into_iter().flatten() {
            let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
            let value = match workspace_dependencies(workspace) {
                Some(listed) if inherited => listed.get(key).unwrap_or(value),
                _ => value,
            };
            let package = renamed(key, value).to_owned();
            found.push(Dependency { package, kind: kind.unwrap_or(section_kind) });
        }
    }
}

/// The package that a dependency's entry stands for: the key, unless `package` says otherwise.
fn renamed<'a>(key: &'a str, value: &'a Value) -> &'a str {
    value.get("package").and_then(Value::as_str).unwrap_or(key)
}

#[cfg(test)]
mod tests;
