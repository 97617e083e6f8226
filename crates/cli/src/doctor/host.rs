//! What several checks need to know of the host, read once.

use serde::Serialize;

use super::Scope;
use super::clock::Live;
use super::cpus::CpuSet;
use super::finding::{Absent, Step};
use super::jitter::Jitter;
use super::root::Root;
use crate::inspect::dump::printable;
use crate::machine::{field, has_flag};

/// The host under examination.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) root: Root,
    /// The cores that are judged; none where nothing is told of any.
    pub(crate) cores: CpuSet,
    /// How they were chosen.
    pub(crate) chosen: &'static str,
    pub(crate) online: Result<CpuSet, Absent>,
    /// Those this process may use.
    pub(crate) allowed: Result<CpuSet, Absent>,
    /// Those the scheduler leaves alone.
    pub(crate) isolated: Result<CpuSet, Absent>,
    /// Those whose tick stops under one busy thread.
    pub(crate) nohz_full: Result<CpuSet, Absent>,
    pub(crate) live: Option<Live>,
    pub(crate) jitter: Option<Jitter>,
}

/// What is told of the host itself.
#[derive(Debug, Serialize)]
pub(crate) struct HostFacts {
    /// The processor's own name.
    pub(crate) model: String,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Whether the machine is a virtual one.
    pub(crate) virtualised: bool,
    /// Cores that are online, as a list.
    pub(crate) online: String,
    /// Cores that this process may use, as a list.
    pub(crate) allowed: String,
    /// Cores that were judged, as a list.
    pub(crate) judged: String,
    /// How those were chosen.
    pub(crate) chosen: &'static str,
}

impl Host {
    pub(crate) fn read(Scope { root, cores, live, jitter }: Scope) -> Self {
        let online = root.cpus("/sys/devices/system/cpu/online");
        let allowed = allowed(&root);
        let isolated = root.cpus("/sys/devices/system/cpu/isolated");
        let nohz_full = root.cpus("/sys/devices/system/cpu/nohz_full");
        let (cores, chosen) = match (cores, &isolated) {
            (Some(cores), _) => (cores, "as asked for"),
            (None, Ok(isolated)) if !isolated.is_empty() => (isolated.clone(), "the isolated ones"),
            _ => {
                (allowed.clone().unwrap_or_default(), "all this process may use, none is isolated")
            }
        };
        Self { root, cores, chosen, online, allowed, isolated, nohz_full, live, jitter }
    }

    pub(crate) fn facts(&self) -> HostFacts {
        let info = self.root.read(CPUINFO).unwrap_or_default();
        let told = |text: Option<&str>| printable(text.unwrap_or("unknown").as_bytes());
        let list = |cpus: &Result<CpuSet, Absent>| {
            cpus.as_ref().map_or_else(|_| "unknown".to_owned(), CpuSet::to_string)
        };
        HostFacts {
            model: told(field(&info, "model name")),
            kernel: told(self.root.read("/proc/sys/kernel/osrelease").ok().as_deref()),
            virtualised: has_flag(&info, "hypervisor"),
            online: list(&self.online),
            allowed: list(&self.allowed),
            judged: self.cores.to_string(),
            chosen: self.chosen,
        }
    }

    /// The cores that are judged.
    pub(crate) fn judged(&self) -> Result<&CpuSet, Absent> {
        let none = || Absent::new("no core is known", "/proc/self/status");
        if self.cores.is_empty() { Err(none()) } else { Ok(&self.cores) }
    }

    /// Hardware threads of one physical core; itself alone where nothing is told.
    pub(crate) fn siblings(&self, core: usize) -> CpuSet {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let told = self.root.cpus(&path).ok().filter(|it| it.contains(core));
        told.unwrap_or_else(|| [core].into_iter().collect())
    }

    /// The cores to keep quiet and those that are left for everything else. Where every core is
    /// judged, the first physical one is left; `None` where that would leave nothing to keep quiet.
    pub(crate) fn division(&self) -> Option<(CpuSet, CpuSet)> {
        let online = self.online.as_ref().ok()?;
        let mut quiet = self.cores.and(online);
        if online.without(&quiet).is_empty() {
            quiet = quiet.without(&self.siblings(quiet.first()?));
        }
        let rest = online.without(&quiet);
        (!quiet.is_empty()).then_some((quiet, rest))
    }

    /// A step made of the cores to keep quiet and of the others, or words where there are too few.
    pub(crate) fn dividing(&self, step: impl FnOnce(&CpuSet, &CpuSet) -> Step) -> Step {
        self.division().map_or_else(Self::too_few, |(quiet, rest)| step(&quiet, &rest))
    }

    /// What mends a machine that cannot be divided.
    pub(crate) fn too_few() -> Step {
        Step::Advice("a machine of more cores: one must be left to the system".into())
    }

    /// A parameter of the kernel's command line: its value, the last where it is given twice.
    pub(crate) fn parameter(&self, name: &str) -> Result<Option<String>, Absent> {
        let line = self.root.read(CMDLINE)?;
        let of = |word: &str| Some(word.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        Ok(line.split_whitespace().filter_map(of).next_back())
    }

    /// A parameter that is a list of cores; flags before the list, as `isolcpus` has, are left out.
    pub(crate) fn parameter_cpus(&self, name: &str) -> Result<CpuSet, Absent> {
        let Some(value) = self.parameter(name)? else { return Ok(CpuSet::default()) };
        let last = self.root.cpus("/sys/devices/system/cpu/possible").ok().and_then(|it| it.last());
        let is_core = |part: &&str| {
            part.starts_with(|it: char| it.is_ascii_digit()) || matches!(*part, "all" | "N")
        };
        let list: Vec<&str> = value.split(',').skip_while(|part| !is_core(part)).collect();
        CpuSet::from_list(&list.join(","), last).ok_or_else(|| Absent::strange(CMDLINE))
    }

    /// Whether the judged cores are all in a set, and the set in words.
    pub(crate) fn covered(&self, by: &CpuSet) -> Result<(bool, String), Absent> {
        let missing = self.judged()?.without(by);
        let is_told = missing.is_empty() || by.is_empty();
        let words = if is_told { by.to_string() } else { format!("{by}, but not {missing}") };
        Ok((missing.is_empty(), words))
    }
}

/// Cores in this process's affinity.
fn allowed(root: &Root) -> Result<CpuSet, Absent> {
    let text = root.read(STATUS)?;
    let list = field(&text, "Cpus_allowed_list").and_then(|list| CpuSet::from_list(list, None));
    list.ok_or_else(|| Absent::strange(STATUS))
}

pub(crate) const CPUINFO: &str = "/proc/cpuinfo";
pub(crate) const CMDLINE: &str = "/proc/cmdline";
const STATUS: &str = "/proc/self/status";
