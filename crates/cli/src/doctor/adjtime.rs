//! What the kernel knows of its clock's error.

/// The kernel's clock discipline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Discipline {
    /// Whether somebody keeps the clock in step with a source of time.
    pub(crate) is_synchronised: bool,
    /// The difference that is still being worked off.
    pub(crate) offset_ns: i64,
    /// A bound of the error; grows while nobody corrects it.
    pub(crate) error_us_max: u64,
}

/// Asks the kernel; `None` where it does not say.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system call has no safe wrapper in the libraries at hand")]
pub(crate) fn discipline() -> Option<Discipline> {
    // SAFETY: `timex` is made of integers alone, for which all bits zero is a value; `modes` 0 asks
    // and sets nothing.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `timex` that is ours and outlives the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return None;
    }
    let offset = timex.offset;
    Some(Discipline {
        is_synchronised: timex.status & libc::STA_UNSYNC == 0,
        offset_ns: if timex.status & libc::STA_NANO == 0 {
            offset.saturating_mul(1000)
        } else {
            offset
        },
        error_us_max: u64::try_from(timex.maxerror).unwrap_or(0),
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn discipline() -> Option<Discipline> {
    None
}
