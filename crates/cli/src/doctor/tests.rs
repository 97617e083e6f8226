//! Made-up hosts are judged as they deserve.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::finding::Step;
use super::fixture::Tree;
use super::text::Page;
use super::verdict::Word;
use super::*;

/// A finding's state and what was read.
#[track_caller]
fn found(examination: &Examination, id: &str) -> (State, String) {
    let finding = examination.findings.iter().find(|it| it.id == id);
    let finding = finding.unwrap_or_else(|| panic!("no finding is called {id}"));
    (finding.state, finding.read.clone())
}

#[track_caller]
fn check(tree: &Tree, id: &str, state: State, read: &str) {
    assert_eq!(found(&tree.examine(), id), (state, read.to_owned()), "{id}");
}

#[test]
fn every_check_has_an_id_of_its_own_and_says_why() {
    let ids: BTreeSet<&str> = checks().map(|it| it.id).collect();
    assert_eq!(ids.len(), checks().count());
    for Check { id, title, good, why, .. } in checks() {
        assert!(id.split('.').count() == 2, "{id}");
        assert!(!title.is_empty() && !good.is_empty(), "{id}");
        assert!(why.ends_with('.') && why.split_whitespace().count() > 8, "{id}: {why}");
    }
}

#[test]
fn checks_of_one_group_stand_together() {
    let mut groups: Vec<&str> = checks().filter_map(|it| it.id.split('.').next()).collect();
    groups.dedup();
    let distinct: BTreeSet<&str> = groups.iter().copied().collect();
    assert_eq!(groups.len(), distinct.len());
}

#[test]
fn an_ideal_host_has_nothing_to_mend() {
    let examination = Tree::ideal().examine();
    for finding in &examination.findings {
        assert_eq!(finding.state, State::Ok, "{}: {}", finding.id, finding.read);
        assert!(finding.mend.is_empty(), "{}", finding.id);
    }
    assert_eq!(examination.verdict.word, Word::Ready);
    assert_eq!(examination.host.judged, "2-15");
    assert_eq!(examination.host.kernel, "6.12.0-made-up");
    assert!(script::script(&examination).contains("# Nothing to mend."));
}

#[test]
fn a_bad_host_is_told_what_is_wrong_and_how_to_mend_it() {
    let examination = Tree::bad().examine();
    for finding in &examination.findings {
        // Without isolated cores, those that are judged are those that may be used.
        let expected = finding.id != "cores.affinity";
        assert_eq!(finding.state > State::Ok, expected, "{}: {}", finding.id, finding.read);
        assert_eq!(!finding.mend.is_empty(), expected, "{}", finding.id);
    }
    assert_eq!(examination.verdict.word, Word::Poor);
    let bad: Vec<&str> =
        examination.findings.iter().filter(|it| it.state == State::Bad).map(|it| it.id).collect();
    let expected = [
        "cores.usable",
        "cores.quota",
        "clock.source",
        "clock.tsc",
        "clock.cost",
        "load.steal",
        "load.pressure",
        "jitter.gaps",
    ];
    assert_eq!(bad, expected);
    assert_eq!(examination.verdict.worst[0].id, "cores.usable");
}

#[test]
fn a_machine_that_tells_nothing_is_not_called_bad() {
    let examination = Tree::empty().examine();
    for finding in &examination.findings {
        assert_eq!(finding.state, State::Absent, "{}: {}", finding.id, finding.read);
        assert!(!finding.read.is_empty() && !finding.from.is_empty(), "{}", finding.id);
        assert!(finding.mend.is_empty(), "{}", finding.id);
    }
    assert_eq!(examination.verdict.word, Word::Unknown);
}

#[test]
fn files_that_make_no_sense_end_nothing() {
    let garbage: [&[u8]; 9] = [
        b"",
        b"\n",
        b"\xff\x00\xfe\x1b[2J",
        b"99999999999999999999999999",
        b"-1",
        b"0-99999999999",
        b"]always[ : : :",
        b"0 0",
        b"cpu0 18446744073709551615 18446744073709551615\nCPU0 CPU1\n 1: 18446744073709551615 1",
    ];
    for text in garbage {
        let tree = Tree::ideal();
        for path in tree.files() {
            fs::write(path, text).unwrap();
        }
        let examination = tree.examine();
        let page = Page { width: 80, is_coloured: false };
        let shown = text::text(&examination, page) + &script::script(&examination);
        assert!(!shown.contains(|it: char| it.is_control() && it != '\n'), "{shown}");
    }
}

#[test]
fn one_file_that_makes_no_sense_spoils_only_its_own_checks() {
    let tree = Tree::ideal();
    tree.put("proc/net/netstat", "nothing");
    tree.put("proc/swaps", "");
    tree.remove("proc/sys/kernel/numa_balancing");
    let examination = tree.examine();
    let absent: Vec<&str> = examination
        .findings
        .iter()
        .filter(|it| it.state == State::Absent)
        .map(|it| it.id)
        .collect();
    assert_eq!(absent, ["memory.numa_balancing", "net.tcp_loss"]);
    assert_eq!(examination.verdict.word, Word::Ready);
}

#[test]
fn the_tightest_quota_of_all_groups_around_us_is_the_one_that_counts() {
    let tree = Tree::ideal();
    check(&tree, "cores.quota", State::Ok, "no quota");
    tree.put("sys/fs/cgroup/user.slice/cpu.max", "150000 100000");
    check(&tree, "cores.quota", State::Bad, "1.50 cores, 0 periods cut short so far");
    tree.put("sys/fs/cgroup/user.slice/cpu.max", "1600000 100000");
    check(&tree, "cores.quota", State::Warn, "16.00 cores, 0 periods cut short so far");
    let mend = |tree: &Tree| {
        let examination = tree.examine();
        let quota = examination.findings.iter().find(|it| it.id == "cores.quota").unwrap();
        quota.mend[0].to_string()
    };
    assert_eq!(mend(&tree), "echo max > /sys/fs/cgroup/user.slice/cpu.max");
    let old = Tree::bad();
    check(&old, "cores.quota", State::Bad, "0.50 cores, 70 periods cut short so far");
    assert_eq!(mend(&old), "echo -1 > /sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us");
}

#[test]
fn isolated_cores_outside_the_affinity_are_told_of() {
    let tree = Tree::ideal();
    tree.put("proc/self/status", "Cpus_allowed_list:\t0-1\n");
    check(&tree, "cores.affinity", State::Warn, "0-1, but not 2-15");
    check(&tree, "cores.isolated", State::Ok, "2-15");
}

#[test]
fn interrupts_are_placed_on_the_cores_that_are_left() {
    let examination = Tree::bad().examine();
    let placed = examination.findings.iter().find(|it| it.id == "irq.placement").unwrap();
    assert_eq!(placed.read, "2 of 2 active ones on cores 0,2: 24 eth0 (500), 25 disk's (7)");
    let steps: Vec<String> = placed.mend.iter().map(ToString::to_string).collect();
    let expected =
        ["echo 1,3 > /proc/irq/24/smp_affinity_list", "echo 1,3 > /proc/irq/25/smp_affinity_list"];
    assert_eq!(steps, expected);
    assert_eq!(
        found(&examination, "irq.softirqs").1,
        "900 a second on core 2 since boot, most of them TIMER"
    );
}

#[test]
fn where_every_core_is_judged_the_first_physical_one_is_left() {
    let tree = Tree::bad();
    tree.put("proc/self/status", "Cpus_allowed_list: 0-3\n");
    let examination = tree.examine();
    let isolated = examination.findings.iter().find(|it| it.id == "cores.isolated").unwrap();
    let steps: Vec<String> = isolated.mend.iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["kernel command line: isolcpus=managed_irq,domain,1,3"]);
    assert!(script::script(&examination).contains(
        "#   isolcpus=managed_irq,domain,1,3 nohz_full=1,3 rcu_nocbs=1,3 clocksource=tsc tsc=reliable\n"
    ));
}

#[test]
fn a_machine_of_one_core_is_told_that_it_needs_more() {
    let tree = Tree::bad();
    tree.put("sys/devices/system/cpu/online", "0\n");
    tree.put("proc/self/status", "Cpus_allowed_list: 0\n");
    let examination = tree.examine();
    let advice = "a machine of more cores: one must be left to the system";
    for id in ["cores.isolated", "irq.placement", "irq.default_affinity", "kernel.workqueue"] {
        let finding = examination.findings.iter().find(|it| it.id == id).unwrap();
        assert_eq!(finding.mend, [Step::Advice(advice.into())], "{id}");
    }
    assert!(!script::script(&examination).contains("\nput 0 /proc/irq"));
}

#[test]
fn a_limit_on_latency_keeps_deep_idle_states_away() {
    let tree = Tree::bad();
    check(&tree, "power.idle", State::Warn, "C6 on core 0 takes 133 us to leave");
    fs::create_dir_all(tree.path().join("dev")).unwrap();
    fs::write(tree.path().join("dev/cpu_dma_latency"), 0_i32.to_ne_bytes()).unwrap();
    check(&tree, "power.idle", State::Ok, "nothing deeper than 10 us; limited to 0 us");
}

#[test]
fn timers_may_migrate_only_where_the_judged_cores_have_no_tick() {
    check(
        &Tree::ideal(),
        "kernel.timer_migration",
        State::Ok,
        "on, and the judged cores have no tick",
    );
    let tree = Tree::bad();
    check(&tree, "kernel.timer_migration", State::Warn, "on, and the judged cores keep their tick");
    tree.put("proc/sys/kernel/timer_migration", "0");
    check(&tree, "kernel.timer_migration", State::Ok, "off, and the judged cores keep their tick");
}

#[test]
fn lines_are_no_wider_than_the_page_but_for_commands() {
    for (tree, width) in [(Tree::bad(), 80), (Tree::bad(), 120), (Tree::ideal(), 90)] {
        let shown = text::text(&tree.examine(), Page { width, is_coloured: false });
        let is_command = |line: &&str| {
            let step = line.strip_prefix("        mend  ").unwrap_or_default();
            step.contains('=') || step.contains('>') || step.starts_with("systemctl")
        };
        for line in shown.lines().filter(|it| !is_command(it)) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let examination = Tree::bad().examine();
    let shown = |is_coloured| text::text(&examination, Page { width: 80, is_coloured });
    assert!(shown(true).contains("\x1b[31;1mbad \x1b[0m"));
    assert!(!shown(false).contains('\x1b'));
}

/// Runs a text as a shell script.
#[track_caller]
fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_script_says_what_it_does_and_does_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let put = |path: &Path, value: &str| format!("put {value} {}\n", path.display());
    fs::write(path("one"), "0\n").unwrap();
    fs::write(path("thp"), "[always] madvise never\n").unwrap();
    // The first part of every script, whatever is wrong.
    let whole = script::script(&Tree::empty().examine());
    let script = whole
        + &put(&path("one"), "50")
        + &put(&path("absent"), "1")
        + &put(&path("thp"), "always");
    let said = shell(&script);
    assert!(said.contains(&format!("set to 50: {}", path("one").display())), "{said}");
    assert!(
        said.contains(&format!("left alone, not here: {}", path("absent").display())),
        "{said}"
    );
    assert!(said.contains(&format!("as it should be: {}", path("thp").display())), "{said}");
    assert_eq!(fs::read_to_string(path("one")).unwrap(), "50\n");
    assert!(!path("absent").exists());
    let again = shell(&script);
    assert!(again.contains(&format!("as it should be: {}", path("one").display())), "{again}");
}
