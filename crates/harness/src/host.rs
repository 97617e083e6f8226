//! Where a figure was taken: enough to tell whether two of them may be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How this program was built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Build {
    /// The compiler's own words.
    pub rustc: &'static str,
    /// `release` or `debug`, as cargo calls the profile's ancestor.
    pub profile: &'static str,
    /// The optimisation level.
    pub opt_level: &'static str,
    /// The target.
    pub target: &'static str,
}

/// How this program was built.
pub const BUILD: Build = Build {
    rustc: env!("TICKRING_BUILT_RUSTC"),
    profile: env!("TICKRING_BUILT_PROFILE"),
    opt_level: env!("TICKRING_BUILT_OPT_LEVEL"),
    target: env!("TICKRING_BUILT_TARGET"),
};

/// A machine, as far as it bears on figures. What could not be read is `None` or `unknown`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct HostFingerprint {
    /// The processor's own name.
    pub cpu_model: String,
    /// Logical processors that the process may use.
    pub cores_usable: u64,
    /// Logical processors that are there.
    pub cores_present: u64,
    /// Whether the machine is a virtual one.
    pub is_virtual: bool,
    /// The kernel's release.
    pub kernel: String,
    /// What steers the frequency of the first processor.
    pub governor: Option<String>,
    /// Where the kernel takes its time from.
    pub clock_source: Option<String>,
    /// The compiler.
    pub rustc: String,
    /// The profile and its optimisation level.
    pub profile: String,
    /// This program's version.
    pub version: String,
}

impl HostFingerprint {
    /// Reads `/proc` and `/sys` below `root`. Reads only; what is missing or unreadable is left out.
    #[must_use]
    pub fn read(root: &Path, version: &str) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let word = |path: &str| {
            let text = text(path);
            Some(text.trim().to_owned()).filter(|it| !it.is_empty())
        };
        let cpus = text("proc/cpuinfo");
        let fields = fields(&cpus);
        let has_flag = |flag| {
            fields.get("flags").is_some_and(|flags| flags.split_whitespace().any(|it| it == flag))
        };
        let present = cpus.lines().filter(|line| line.starts_with("processor")).count() as u64;
        let status = text("proc/self/status");
        let allowed = self::fields(&status).get("Cpus_allowed_list").copied().map_or(0, listed);
        let unknown = || "unknown".to_owned();
        Self {
            cpu_model: fields.get("model name").map_or_else(unknown, |it| (*it).to_owned()),
            cores_usable: if allowed == 0 { present } else { allowed },
            cores_present: present,
            is_virtual: has_flag("hypervisor"),
            kernel: word("proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            governor: word("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            clock_source: word("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            rustc: BUILD.rustc.to_owned(),
            profile: format!("{} -O{}", BUILD.profile, BUILD.opt_level),
            version: version.to_owned(),
        }
    }

    /// What differs between two machines or builds, in words: figures are then no comparison of the
    /// program alone.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let pairs = [
            ("cpu_model", self.cpu_model.clone(), other.cpu_model.clone()),
            ("cores_usable", self.cores_usable.to_string(), other.cores_usable.to_string()),
            ("kernel", self.kernel.clone(), other.kernel.clone()),
            ("governor", named(self.governor.as_ref()), named(other.governor.as_ref())),
            ("clock_source", named(self.clock_source.as_ref()), named(other.clock_source.as_ref())),
            ("rustc", self.rustc.clone(), other.rustc.clone()),
            ("profile", self.profile.clone(), other.profile.clone()),
        ];
        let differ = |(name, one, two): &(&str, String, String)| {
            (one != two).then(|| format!("{name}: `{one}` here, `{two}` there"))
        };
        pairs.iter().filter_map(differ).collect()
    }
}

fn named(word: Option<&String>) -> String {
    word.map_or_else(|| "unknown".to_owned(), String::clone)
}

/// The first value of each `name : value` line.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    let mut fields = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        fields.entry(name.trim()).or_insert_with(|| value.trim());
    }
    fields
}

/// How many processors a list of the kernel names: `0-3,8` is five. 0 for what is no list.
fn listed(list: &str) -> u64 {
    let count = |range: &str| -> Option<u64> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    let counts: Option<Vec<u64>> = list.split(',').map(count).collect();
    counts.map_or(0, |counts| counts.into_iter().fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const CPUS: &str = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu hypervisor\n\
        processor\t: 1\nmodel name\t: Another\n";

    #[test]
    fn a_machine_is_read_from_its_files() {
        let root = made(&[
            ("proc/cpuinfo", CPUS),
            ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3,8\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
        ]);
        let host = HostFingerprint::read(root.path(), "1.2.3");
        assert_eq!((host.cpu_model.as_str(), host.kernel.as_str()), ("Some CPU @ 3 GHz", "6.1.0"));
        assert_eq!((host.cores_usable, host.cores_present, host.is_virtual), (5, 2, true));
        assert_eq!(host.governor.as_deref(), Some("performance"));
        assert_eq!(host.clock_source.as_deref(), Some("tsc"));
        assert!(host.rustc.starts_with("rustc 1."), "{}", host.rustc);
        assert_eq!(host.version, "1.2.3");
    }

    #[test]
    fn what_is_not_there_or_not_readable_is_left_out() {
        let garbage = [
            ("proc/cpuinfo", ":::\n\0\nprocessor"),
            ("proc/self/status", "Cpus_allowed_list: 9-2,x,99999999999999999999\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "\n"),
        ];
        for root in [made(&[]), made(&garbage)] {
            let host = HostFingerprint::read(root.path(), "");
            assert_eq!((host.cpu_model.as_str(), host.kernel.as_str()), ("unknown", "unknown"));
            assert_eq!((host.governor, host.clock_source, host.is_virtual), (None, None, false));
        }
    }

    #[test]
    fn two_machines_differ_by_name() {
        let one = HostFingerprint { kernel: "1".into(), ..HostFingerprint::default() };
        let two = HostFingerprint { kernel: "2".into(), ..HostFingerprint::default() };
        assert!(one.differences(&one).is_empty());
        assert_eq!(one.differences(&two), ["kernel: `1` here, `2` there"]);
    }
}
