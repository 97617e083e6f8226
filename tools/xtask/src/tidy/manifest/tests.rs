use super::*;

const WORKSPACE: &str = r#"
[workspace.dependencies]
tickring-event = { path = "crates/event" }
disruptor = "4.4"
spinner = { package = "disruptor", version = "4.4" }
"#;

/// The findings for crate `folder` with `sections` after its head.
fn findings(folder: &str, sections: &str) -> Vec<String> {
    let text =
        format!("[package]\nname = \"tickring-{folder}\"\n[lints]\nworkspace = true\n{sections}\n");
    let file = format!("crates/{folder}/Cargo.toml");
    let workspace = parse(WORKSPACE).unwrap();
    check(&file, &text, &workspace).iter().map(|finding| finding.what.clone()).collect()
}

#[track_caller]
fn accepts(folder: &str, sections: &str) {
    assert_eq!(findings(folder, sections), [""; 0]);
}

#[track_caller]
fn rejects(folder: &str, sections: &str, what: &str) {
    assert_eq!(findings(folder, sections), [what]);
}

#[test]
fn an_arrow_of_the_table_is_accepted() {
    accepts("book", "[dependencies]\ntickring-event.workspace = true");
    accepts("cli", "[dependencies]\ntickring-simulator.workspace = true");
}

#[test]
fn a_leaf_that_knows_another_leaf_is_found() {
    rejects(
        "ring",
        "[dependencies]\ntickring-event.workspace = true",
        "`ring` may not depend on `event`",
    );
}

#[test]
fn an_arrow_turned_round_is_found() {
    rejects(
        "event",
        "[dependencies]\ntickring-book.workspace = true",
        "`event` may not depend on `book`",
    );
}

#[test]
fn an_arrow_is_found_wherever_it_stands() {
    let what = "`book` may not depend on `ingest`";
    rejects("book", "[build-dependencies]\ntickring-ingest.workspace = true", what);
    rejects("book", "[dev-dependencies]\ntickring-ingest.workspace = true", what);
    rejects("book", "[target.'cfg(unix)'.dependencies]\ntickring-ingest.workspace = true", what);
    rejects(
        "book",
        "[dependencies]\ninnocent = { package = \"tickring-ingest\", path = \"../ingest\" }",
        what,
    );
}

#[test]
fn a_crate_that_the_table_does_not_know_is_found() {
    rejects(
        "novel",
        "[dependencies]\ntickring-event.workspace = true",
        "crate `novel` is not known",
    );
}

#[test]
fn an_owner_may_use_its_library_and_others_may_not() {
    let sections = "[dependencies]\ndisruptor.workspace = true";
    accepts("ring", sections);
    rejects("ingest", sections, "`disruptor` belongs to ring");
}

#[test]
fn a_renamed_library_keeps_its_owner() {
    let what = "`disruptor` belongs to ring";
    rejects("ingest", "[dependencies]\nspinner.workspace = true", what);
    rejects("ingest", "[dependencies]\nd = { package = \"disruptor\", version = \"4\" }", what);
}

#[test]
fn tests_do_not_borrow_the_libraries_of_others() {
    rejects("book", "[dev-dependencies]\nsimd-json = \"0.19\"", "`simd-json` belongs to ingest");
}

#[test]
fn tests_borrow_a_library_where_the_table_says_so() {
    accepts("ring", "[dev-dependencies]\ncore_affinity = \"0.8\"");
    let what = "`core_affinity` belongs to cli";
    rejects("ring", "[dependencies]\ncore_affinity = \"0.8\"", what);
    rejects("ingest", "[dev-dependencies]\ncore_affinity = \"0.8\"", what);
}

#[test]
fn the_two_sides_of_the_protocol_each_own_tungstenite() {
    let sections = "[dependencies]\ntungstenite.workspace = true";
    accepts("ingest", sections);
    accepts("simulator", sections);
    rejects("cli", sections, "`tungstenite` belongs to ingest and simulator");
}

#[test]
fn shared_words_are_for_all() {
    accepts("event", "[dependencies]\nthiserror.workspace = true\nserde = \"1\"");
}

#[test]
fn an_unknown_library_is_found_and_told_where_to_go() {
    rejects("ring", "[dependencies]\nleft-pad = \"1\"", "library `left-pad` is not known");
    let listed = parse("[workspace.dependencies]\nleft-pad = \"1\"\nserde = \"1\"").unwrap();
    let found = check_workspace(&listed);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "Cargo.toml: library `left-pad` is not known: name its owner in OWNERS (or SHARED, \
         DEV_ONLY) in tools/xtask/src/tidy/rules.rs"
    );
}

#[test]
fn a_test_library_stays_in_the_tests() {
    accepts("ring", "[dev-dependencies]\nproptest.workspace = true");
    accepts("ring", "[target.'cfg(loom)'.dependencies]\nloom = \"0.7\"");
    rejects("ring", "[dependencies]\nproptest.workspace = true", "`proptest` is for tests");
}

fn bare(file: &str, text: &str) -> Vec<String> {
    let findings = check(file, text, &Table::new());
    findings.into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_manifest_without_the_workspace_lints_is_found() {
    let what = "does not use the workspace lints";
    let package = "[package]\nname = \"tickring-event\"\n";
    let file = "crates/event/Cargo.toml";
    assert_eq!(bare(file, package), [what]);
    assert_eq!(bare(file, &format!("{package}[lints]\nworkspace = false")), [what]);
    assert_eq!(bare("tools/xtask/Cargo.toml", "[package]\nname = \"xtask\""), [what]);
}

#[test]
fn a_package_lies_in_the_folder_of_its_name() {
    let lints = "[lints]\nworkspace = true";
    let text = format!("[package]\nname = \"tickring-event\"\n{lints}");
    assert_eq!(bare("crates/event/Cargo.toml", &text), [""; 0]);
    let what = "package `tickring-event` has no place";
    assert_eq!(bare("crates/words/Cargo.toml", &text), [what]);
    assert_eq!(bare("tools/event/Cargo.toml", &text), [what]);
}

#[test]
fn packages_that_nothing_depends_on_are_free() {
    let sections = "[lints]\nworkspace = true\n[dependencies]\nsimd-json = \"0.19\"";
    let benches = format!("[package]\nname = \"tickring-benches\"\n{sections}");
    assert_eq!(bare("benches/Cargo.toml", &benches), [""; 0]);
    let crate_on_benches = "[dependencies]\ntickring-benches = { path = \"../../benches\" }";
    rejects("cli", crate_on_benches, "`cli` may not depend on `benches`");
}

#[test]
fn a_broken_manifest_is_found() {
    assert_eq!(bare("crates/event/Cargo.toml", "[package"), ["is not a manifest"]);
}
