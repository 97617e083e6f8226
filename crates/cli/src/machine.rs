//! What this machine is: cores, siblings, the processor's name.

use std::collections::BTreeMap;
use std::fs;

use tickring_metrics::HostReport;

use crate::plan::Machine;

/// The cores this process may use and their siblings, as the kernel tells.
pub(crate) fn machine() -> Machine {
    let cores: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    let siblings = cores.iter().map(|&core| (core, siblings(core))).collect::<BTreeMap<_, _>>();
    Machine { cores, siblings }
}

/// Pins the calling thread; `false` when the kernel refuses.
pub(crate) fn pin(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// The host as reports tell it.
pub(crate) fn host(cpus: usize, pinned: bool) -> HostReport {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&info, "model name").unwrap_or("unknown").to_owned();
    let virtualised = has_flag(&info, "hypervisor");
    HostReport { cpus: cpus as u64, model, pinned, virtualised }
}

/// The value of `name: value` in a text of such lines.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// Whether the processor has a flag, by `/proc/cpuinfo`.
pub(crate) fn has_flag(info: &str, wanted: &str) -> bool {
    field(info, "flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == wanted))
}

/// Hardware threads of the physical core that `core` belongs to; only itself where nothing is told.
fn siblings(core: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    let listed = fs::read_to_string(path).ok().and_then(|text| cpu_list(text.trim()));
    listed.unwrap_or_else(|| vec![core])
}

/// The kernel's list form: `0-1,8`.
fn cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(first.parse().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_cpu_list_is_read() {
        assert_eq!(cpu_list("0"), Some(vec![0]));
        assert_eq!(cpu_list("0-2,8"), Some(vec![0, 1, 2, 8]));
        assert_eq!(cpu_list(""), None);
    }

    #[test]
    fn a_cpu_field_is_the_text_after_its_colon() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 3.0 GHz\n";
        assert_eq!(field(info, "model name"), Some("Some CPU @ 3.0 GHz"));
        assert_eq!(field(info, "flags"), None);
    }
}
