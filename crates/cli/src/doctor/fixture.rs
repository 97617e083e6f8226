//! Made-up hosts: trees of files as the kernel has them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::adjtime::Discipline;
use super::clock::Live;
use super::jitter::{CoreJitter, Jitter};
use super::{Examination, Root, Scope, examine};

/// A folder that stands for `/`.
pub(crate) struct Tree {
    folder: TempDir,
    pub(crate) live: Option<Live>,
    pub(crate) jitter: Option<Jitter>,
}

impl Tree {
    /// A machine that tells nothing.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), live: None, jitter: None }
    }

    /// 16 cores, of which 2-15 are kept quiet in every way.
    pub(crate) fn ideal() -> Self {
        let mut tree = Self::empty();
        tree.lay(IDEAL);
        for core in 0..16 {
            let cpu = format!("sys/devices/system/cpu/cpu{core}");
            tree.put(&format!("{cpu}/topology/thread_siblings_list"), &core.to_string());
            tree.put(&format!("{cpu}/cpufreq/scaling_governor"), "performance");
            tree.idle(core, 0, ("POLL", 0, 0));
            tree.idle(core, 1, ("C6", 133, 1));
        }
        tree.measured(20_000, true, 400)
    }

    /// 4 cores, two hardware threads each, with everything left as it must not be.
    pub(crate) fn bad() -> Self {
        let mut tree = Self::empty();
        tree.lay(BAD);
        for core in 0..4 {
            let cpu = format!("sys/devices/system/cpu/cpu{core}");
            let siblings = ["0,2", "1,3"][core % 2];
            tree.put(&format!("{cpu}/topology/thread_siblings_list"), siblings);
            tree.put(&format!("{cpu}/cpufreq/scaling_governor"), "powersave");
            tree.idle(core, 0, ("C6", 133, 0));
        }
        tree.measured(1_500_000, false, 3_000_000)
    }

    fn idle(&self, core: usize, index: u32, (name, latency, disable): (&str, u32, u32)) {
        let state = format!("sys/devices/system/cpu/cpu{core}/cpuidle/state{index}");
        self.put(&format!("{state}/name"), name);
        self.put(&format!("{state}/latency"), &latency.to_string());
        self.put(&format!("{state}/disable"), &disable.to_string());
    }

    fn measured(mut self, read_ps: u64, is_synchronised: bool, gap_ns_max: u64) -> Self {
        let discipline = Discipline { is_synchronised, offset_ns: -1_500, error_us_max: 900 };
        self.live = Some(Live { read_ps, step_ns: 10, discipline: Some(discipline) });
        let gaps = u64::from(gap_ns_max > 1_000_000);
        let core = CoreJitter {
            core: 2,
            measured_ns: 1_000_000_000,
            readings: 50_000_000,
            gaps_above_1ms: gaps,
            gaps_above_100us: gaps,
            gap_ns_max,
            ..CoreJitter::default()
        };
        self.jitter = Some(Jitter { together: false, cores: vec![core], refused: Vec::new() });
        self
    }

    /// Writes files given as `path text` lines; `|` ends a line of a file.
    fn lay(&mut self, files: &str) {
        for line in files.lines().filter(|line| !line.is_empty()) {
            let (path, text) = line.split_once(' ').unwrap_or((line, ""));
            self.put(path, &text.replace('|', "\n"));
        }
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path().join(path)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every file.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }

    pub(crate) fn examine(&self) -> Examination {
        let (live, jitter) = (self.live, self.jitter.clone());
        examine(Scope { root: Root::at(self.path()), cores: None, live, jitter })
    }
}

const IDEAL: &str = "\
proc/cmdline BOOT_IMAGE=/vmlinuz ro isolcpus=managed_irq,domain,2-15 nohz_full=2-15 rcu_nocbs=2-N
proc/cpuinfo processor : 0|model name : Made-up CPU|flags : fpu tsc constant_tsc nonstop_tsc
proc/self/status Name: tickring|Cpus_allowed: ffff|Cpus_allowed_list: 0-15
proc/self/cgroup 0::/user.slice/tickring.scope
sys/fs/cgroup/user.slice/tickring.scope/cpu.max max 100000
sys/fs/cgroup/user.slice/cpu.max max 100000
proc/self/limits Limit Soft Hard Units|Max open files 65536 65536 files|Max locked memory unlimited unlimited bytes
sys/devices/system/cpu/online 0-15
sys/devices/system/cpu/possible 0-15
sys/devices/system/cpu/isolated 2-15
sys/devices/system/cpu/nohz_full 2-15
sys/devices/system/cpu/cpufreq/boost 1
sys/devices/system/node/node0/cpulist 0-15
sys/devices/system/node/online 0
proc/interrupts  CPU0 CPU1 CPU2|  24: 500 20 0 PCI-MSI 1-edge eth0|  25: 0 0 0 PCI-MSI 2-edge spare| NMI: 0 0 0 Non-maskable interrupts
proc/irq/24/effective_affinity_list 0
proc/irq/24/smp_affinity_list 0-1
proc/irq/default_smp_affinity 0003
proc/softirqs  CPU0 CPU1 CPU2|  TIMER: 90000 90000 120|  NET_RX: 70000 0 0
proc/uptime 100.50 200.00
proc/1/comm systemd
proc/77/comm chronyd
sys/devices/system/clocksource/clocksource0/current_clocksource tsc
sys/devices/system/clocksource/clocksource0/available_clocksource tsc hpet acpi_pm
sys/kernel/mm/transparent_hugepage/enabled always [madvise] never
sys/kernel/mm/transparent_hugepage/defrag always defer defer+madvise [madvise] never
sys/kernel/mm/ksm/run 0
proc/sys/kernel/numa_balancing 0
proc/swaps Filename Type Size Used Priority
proc/sys/vm/swappiness 1
proc/sys/kernel/nmi_watchdog 0
proc/sys/kernel/soft_watchdog 1
proc/sys/kernel/watchdog_cpumask 0-1
proc/sys/kernel/timer_migration 1
proc/sys/kernel/osrelease 6.12.0-made-up
proc/sys/vm/stat_interval 10
sys/devices/virtual/workqueue/cpumask 0003
proc/sys/net/core/busy_read 50
proc/sys/net/core/busy_poll 50
proc/sys/net/core/rmem_max 16777216
proc/sys/net/ipv4/tcp_rmem 4096 131072 33554432
proc/net/netstat TcpExt: SyncookiesSent PruneCalled RcvPruned TCPBacklogDrop|TcpExt: 9 0 0 0|IpExt: InOctets|IpExt: 5
proc/net/softnet_stat 00000010 00000000 00000001 0 0|00000020 00000000 00000000 0 0
proc/stat cpu  100 0 0 900 0 0 0 0 0 0|cpu2 10000 0 0 90000 0 0 0 0 0 0|cpu3 10000 0 0 90000 0 0 0 1 0 0
proc/pressure/cpu some avg10=0.00 avg60=0.10 avg300=0.00 total=5
proc/pressure/memory some avg10=0.00 avg60=0.00 avg300=0.00 total=0
proc/pressure/io some avg10=0.00 avg60=0.20 avg300=0.00 total=7
";

const BAD: &str = "\
proc/cmdline ro quiet
proc/cpuinfo processor : 0|model name : Made-up CPU|flags : fpu tsc hypervisor
proc/self/status Cpus_allowed_list: 0,2
proc/self/cgroup 7:cpu,cpuacct:/box|0::/
sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us 50000
sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us 100000
sys/fs/cgroup/cpu,cpuacct/box/cpu.stat nr_periods 900|nr_throttled 70|throttled_time 1
proc/self/limits Max open files 256 4096 files|Max locked memory 65536 65536 bytes
sys/devices/system/cpu/online 0-3
sys/devices/system/cpu/isolated
sys/devices/system/cpu/nohz_full (null)
sys/devices/system/cpu/intel_pstate/no_turbo 1
sys/devices/system/node/node0/cpulist 0-1
sys/devices/system/node/node1/cpulist 2-3
sys/devices/system/node/online 0-1
proc/interrupts  CPU0 CPU1 CPU2 CPU3|  24: 500 20 0 9 PCI-MSI 1-edge eth0|  25: 0 1 7 0 PCI-MSI 2-edge disk's
proc/irq/24/smp_affinity_list 0-3
proc/irq/25/effective_affinity_list 2
proc/irq/default_smp_affinity f
proc/softirqs  CPU0 CPU1 CPU2 CPU3|  TIMER: 9 9 90000 9
proc/uptime 100.50 200.00
proc/1/comm irqbalance
sys/devices/system/clocksource/clocksource0/current_clocksource hpet
sys/devices/system/clocksource/clocksource0/available_clocksource hpet acpi_pm
sys/kernel/mm/transparent_hugepage/enabled [always] madvise never
sys/kernel/mm/transparent_hugepage/defrag [always] defer defer+madvise madvise never
sys/kernel/mm/ksm/run 1
proc/sys/kernel/numa_balancing 1
proc/swaps Filename Type Size Used Priority|/dev/sda2 partition 2097148 1024 -2
proc/sys/vm/swappiness 60
proc/sys/kernel/nmi_watchdog 1
proc/sys/kernel/soft_watchdog 1
proc/sys/kernel/watchdog_cpumask 0-3
proc/sys/kernel/timer_migration 1
proc/sys/vm/stat_interval 1
sys/devices/virtual/workqueue/cpumask f
proc/sys/net/core/busy_read 0
proc/sys/net/core/busy_poll 0
proc/sys/net/core/rmem_max 212992
proc/sys/net/ipv4/tcp_rmem 4096 131072 6291456
proc/net/netstat TcpExt: PruneCalled TCPBacklogDrop|TcpExt: 236 4
proc/net/softnet_stat 00000010 0000000f 00000001
proc/stat cpu0 10 0 0 80 0 0 0 10 0 0
proc/pressure/cpu some avg10=0.00 avg60=35.00 avg300=0.00 total=5
proc/pressure/memory some avg10=0.00 avg60=0.00 avg300=0.00 total=0
proc/pressure/io some avg10=0.00 avg60=0.20 avg300=0.00 total=7
";
