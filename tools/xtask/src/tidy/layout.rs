//! Which files there are, and which may lie at the top.

use std::fs;
use std::path::Path;

use super::Finding;
use super::rules::{OUTSIDE_WORKSPACE, TOP, TOP_BUILT};

/// Findings for the names at the top of the workspace.
pub(super) fn check_top(names: &[String]) -> Vec<Finding> {
    names
        .iter()
        .filter(|name| {
            let name = name.as_str();
            !name.starts_with('.') && !TOP.contains(&name) && !TOP_BUILT.contains(&name)
        })
        .map(|name| {
            let remedy = "move it below crates, docs or tools, or add it to TOP in tidy/rules.rs";
            Finding::new(name, "does not belong at the top", remedy)
        })
        .collect()
}

/// Whether a manifest is of no concern to the workspace.
pub(super) fn is_outside_workspace(file: &str) -> bool {
    OUTSIDE_WORKSPACE.iter().any(|folder| file.starts_with(folder))
}

/// Every file below `folders`, as paths from `root` with slashes, sorted. Build folders and names
/// with a dot in front are passed over.
pub(super) fn files(root: &Path, folders: &[&str]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let mut open: Vec<String> = folders.iter().map(|&folder| folder.to_owned()).collect();
    while let Some(folder) = open.pop() {
        for name in names(&root.join(&folder))? {
            if name.starts_with('.') || name == "target" {
                continue;
            }
            let path = format!("{folder}/{name}");
            if root.join(&path).is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// The names in a folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        check_top(&names).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn the_top_holds_what_the_table_lists_and_dot_names() {
        assert_eq!(check(&["Cargo.toml", "crates", "LICENSE", ".ci", "target"]), [""; 0]);
    }

    #[test]
    fn anything_else_at_the_top_is_found() {
        assert_eq!(check(&["crates", "notes.txt", "src"]), ["notes.txt", "src"]);
    }

    #[test]
    fn the_files_of_this_package_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let files = files(&root, &["tools/xtask"]).unwrap();
        assert!(files.contains(&"tools/xtask/Cargo.toml".to_owned()));
        assert!(files.contains(&"tools/xtask/src/tidy/layout.rs".to_owned()));
    }

    #[test]
    fn the_fuzz_package_is_outside() {
        assert!(is_outside_workspace("tools/fuzz/Cargo.toml"));
        assert!(!is_outside_workspace("tools/xtask/Cargo.toml"));
    }
}
