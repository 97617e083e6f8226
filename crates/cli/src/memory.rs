//! The process's memory: kept off the swap, and in huge pages.
//!
//! The ring below allocates its own slots, so both are done for the whole process.

use std::ffi::c_void;
use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::mm::{Advice, MlockAllFlags};

use crate::args::LogLevel;
use crate::exit::Failure;
use crate::output::Talk;

/// Locks all memory that the process has and will have, each page from when it is first touched.
///
/// # Errors
/// The system does not allow it; the message says what would.
pub(crate) fn lock(talk: Talk) -> Result<(), Failure> {
    // On fault: the allocator reserves a gigabyte that is never used, and nothing is gained by
    // having that in memory. What the hot threads use is touched before they start.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    rustix::mm::mlockall(flags).map_err(|error| not_locked(error, &proc_file("limits")))?;
    talk.say(LogLevel::Info, "memory locked: what is touched stays in memory");
    Ok(())
}

fn not_locked(error: Errno, limits: &str) -> Failure {
    let why = match error {
        Errno::NOMEM | Errno::PERM | Errno::AGAIN => format!(
            "this process may lock {}, and all of its memory has to fit, reserved or used; allow \
             it with `ulimit -l unlimited` (in a systemd unit `LimitMEMLOCK=infinity`, in a \
             container `--ulimit memlock=-1`), or leave the flag out",
            locked_max(limits)
        ),
        other => format!("the system refuses: {other}"),
    };
    Failure::usage(format!("--lock-memory: {why}"))
}

/// The limit of locked memory from the kernel's table of limits.
fn locked_max(limits: &str) -> String {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"));
    match line.and_then(|line| line.split_whitespace().next()) {
        Some("unlimited") => "without limit by number".to_owned(),
        Some(bytes) => match bytes.parse::<u64>() {
            Ok(bytes) => format!("{} KiB", bytes / 1024),
            Err(_) => "an unknown amount".to_owned(),
        },
        None => "an unknown amount".to_owned(),
    }
}

/// Most memory that the process held so far, in bytes; `None` where the system does not tell.
pub(crate) fn resident_bytes_max() -> Option<u64> {
    kibibytes(&proc_file("status"), "VmHWM:")
}

/// A line of the kernel's table of a process's state.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Checks that the kernel gives huge pages to whom asks for them.
///
/// # Errors
/// It does not; the message says what would mend it.
pub(crate) fn check_huge_pages() -> Result<(), Failure> {
    may_have_huge_pages(fs::read_to_string(HUGE_PAGES_SETTING).ok().as_deref())
}

fn may_have_huge_pages(setting: Option<&str>) -> Result<(), Failure> {
    match setting {
        Some(setting) if setting.contains("[never]") => Err(Failure::usage(format!(
            "--huge-pages: the kernel gives none; allow it with `echo madvise > {HUGE_PAGES_SETTING}`, \
             or leave the flag out"
        ))),
        Some(_) => Ok(()),
        None => Err(Failure::usage(format!(
            "--huge-pages: this kernel has none ({HUGE_PAGES_SETTING} is missing); leave the flag out"
        ))),
    }
}

/// Makes something large, in huge pages as far as the kernel has them at hand, and says how far.
pub(crate) fn in_huge_pages<T>(talk: Talk, make: impl FnOnce() -> T) -> T {
    // Pages are huge or not from when they are first touched, so the advice comes before. What the
    // allocator maps only now is advised afterwards, and the kernel may still join its pages.
    let refused = ask_for_huge_pages().err();
    let before_kib = huge_pages_kib(&proc_file("smaps_rollup"));
    let made = make();
    let refused = refused.or_else(|| ask_for_huge_pages().err());
    let kib = huge_pages_kib(&proc_file("smaps_rollup"));
    if let Some(error) = refused {
        talk.say(LogLevel::Warn, format!("--huge-pages: not all memory may have them: {error}"));
    }
    let (level, used) = match (before_kib, kib) {
        (_, Some(0)) => (LogLevel::Warn, "none: the kernel had none at hand".to_owned()),
        (Some(before), Some(kib)) => {
            (LogLevel::Info, format!("{kib} KiB in use, {before} KiB before the ring was made"))
        }
        _ => (LogLevel::Warn, "the kernel does not say how many are in use".to_owned()),
    };
    talk.say(level, format!("huge pages: {used}"));
    made
}

/// Advises the kernel to use huge pages in all of the process's own memory that can hold one.
fn ask_for_huge_pages() -> io::Result<()> {
    for (start, size) in own_mappings(&proc_file("maps")) {
        advise(start, size)?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the one call that asks for huge pages has no safe form")]
fn advise(start: usize, size: usize) -> io::Result<()> {
    let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
    // SAFETY: this advice changes which pages back the memory and never what it holds; a range
    // that is no longer mapped is an error and touches nothing.
    Ok(unsafe { rustix::mm::madvise(start, size, Advice::LinuxHugepage) }?)
}

/// Start and size of each mapping in `maps` that belongs to no file, is private, writable or yet to
/// become so, and large enough for a huge page.
fn own_mappings(maps: &str) -> impl Iterator<Item = (usize, usize)> {
    maps.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let size = usize::from_str_radix(end, 16).ok()?.checked_sub(start)?;
        let is_own = matches!(fields.next()?, "rw-p" | "---p") && fields.nth(2)? == "0";
        // The kernel puts its own names in brackets: the stack, the vdso.
        let is_plain =
            fields.next().is_none_or(|name| name == "[heap]" || name.starts_with("[anon"));
        (is_own && is_plain && size >= HUGE_PAGE_SIZE).then_some((start, size))
    })
}

fn huge_pages_kib(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A file of this process; empty where there is none.
fn proc_file(name: &str) -> String {
    fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

const HUGE_PAGES_SETTING: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// The smallest huge page of the processors we know.
const HUGE_PAGE_SIZE: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_lock_names_the_limit_and_what_raises_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max locked memory         8388608              8388608              bytes\n";
        let failure = not_locked(Errno::NOMEM, limits);
        assert!(failure.message.starts_with("--lock-memory: this process may lock 8192 KiB"));
        assert!(failure.message.contains("ulimit -l unlimited"));
        let failure = not_locked(Errno::PERM, "");
        assert!(failure.message.contains("may lock an unknown amount"), "{}", failure.message);
        let failure = not_locked(Errno::INVAL, limits);
        assert!(failure.message.contains("the system refuses"), "{}", failure.message);
    }

    #[test]
    fn a_kernel_without_huge_pages_is_named_with_the_setting() {
        assert_eq!(may_have_huge_pages(Some("always [madvise] never\n")), Ok(()));
        assert_eq!(may_have_huge_pages(Some("[always] madvise never\n")), Ok(()));
        let never = may_have_huge_pages(Some("always madvise [never]\n")).unwrap_err();
        assert!(never.message.contains("echo madvise > /sys/kernel"), "{}", never.message);
        let none = may_have_huge_pages(None).unwrap_err();
        assert!(none.message.contains("this kernel has none"), "{}", none.message);
    }

    #[test]
    fn only_large_private_memory_of_no_file_is_asked_for() {
        let maps = "\
            7f0000000000-7f0040000000 rw-p 00000000 00:00 0 \n\
            7f0100000000-7f0100200000 ---p 00000000 00:00 0 \n\
            7f0200000000-7f0200100000 rw-p 00000000 00:00 0 \n\
            7f0300000000-7f0340000000 rw-p 00000000 fe:00 1234 /some/file\n\
            7f0400000000-7f0440000000 r--p 00000000 00:00 0 \n\
            7f0500000000-7f0540000000 rw-s 00000000 00:00 0 \n\
            555500000000-555500400000 rw-p 00000000 00:00 0 [heap]\n\
            7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0 [stack]\n";
        let own: Vec<_> = own_mappings(maps).collect();
        let expected =
            [(0x7f00_0000_0000, 1 << 30), (0x7f01_0000_0000, 2 << 20), (0x5555_0000_0000, 4 << 20)];
        assert_eq!(own, expected);
    }

    #[test]
    fn huge_pages_in_use_are_read_from_the_kernels_sum() {
        assert_eq!(huge_pages_kib("Rss: 9 kB\nAnonHugePages:      4096 kB\n"), Some(4_096));
        assert_eq!(huge_pages_kib("Rss: 9 kB\n"), None);
    }
}
