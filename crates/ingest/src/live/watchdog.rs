//! Tells a silent connection from a quiet one. Works on ticks alone.

/// Watches how long nothing has come.
///
/// Silence is judged only after a read that found nothing. When the thread itself was away for long
/// (a stopped process, a blocked publisher), nobody could have heard anything and no keep-alive may
/// have been sent: the silence then counts from its return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watchdog {
    life_ticks: u64,
    turn_ticks: u64,
    silence_ticks_max: u64,
}

/// An absence longer than this part of the silence allowed restarts the watch.
const ABSENCE_DIVISOR: u64 = 3;

impl Watchdog {
    pub(crate) const fn new(now_ticks: u64, silence_ticks_max: u64) -> Self {
        Self { life_ticks: now_ticks, turn_ticks: now_ticks, silence_ticks_max }
    }

    /// A frame of any kind arrived.
    #[inline]
    pub(crate) const fn frame(&mut self, arrival_ticks: u64) {
        self.life_ticks = arrival_ticks;
        self.turn_ticks = arrival_ticks;
    }

    /// A read found nothing. Gives the silence so far when it is longer than allowed.
    #[inline]
    pub(crate) const fn empty(&mut self, now_ticks: u64) -> Option<u64> {
        self.present(now_ticks);
        let silence_ticks = now_ticks.saturating_sub(self.life_ticks);
        if silence_ticks > self.silence_ticks_max { Some(silence_ticks) } else { None }
    }

    /// The thread listened at the socket until then, which is no absence.
    pub(crate) const fn listened(&mut self, until_ticks: u64) {
        self.turn_ticks = until_ticks;
    }

    /// The thread is here, though it cannot read now.
    #[inline]
    pub(crate) const fn present(&mut self, now_ticks: u64) {
        if now_ticks.saturating_sub(self.turn_ticks) > self.silence_ticks_max / ABSENCE_DIVISOR {
            self.life_ticks = now_ticks;
        }
        self.turn_ticks = now_ticks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Empty reads every 10 ticks from `from` on, until one is stale or `to` is reached.
    fn stale_at(watchdog: &mut Watchdog, from: u64, to: u64) -> Option<u64> {
        (from..=to).step_by(10).find(|&now| watchdog.empty(now).is_some())
    }

    #[test]
    fn silence_longer_than_allowed_is_found_at_the_first_empty_read() {
        let mut watchdog = Watchdog::new(0, 300);
        assert_eq!(stale_at(&mut watchdog, 10, 1_000), Some(310));
    }

    #[test]
    fn any_frame_starts_the_watch_again() {
        let mut watchdog = Watchdog::new(0, 300);
        assert_eq!(stale_at(&mut watchdog, 10, 300), None);
        watchdog.frame(305);
        assert_eq!(stale_at(&mut watchdog, 310, 1_000), Some(610));
    }

    #[test]
    fn an_absence_of_the_reader_is_no_silence_of_the_venue() {
        let mut watchdog = Watchdog::new(0, 300);
        assert_eq!(watchdog.empty(5_000), None);
        assert_eq!(stale_at(&mut watchdog, 5_010, 9_000), Some(5_310));
    }

    #[test]
    fn listening_longer_than_an_absence_is_none() {
        let mut watchdog = Watchdog::new(0, 300);
        for now in [0, 150, 300] {
            assert_eq!(watchdog.empty(now), None);
            watchdog.listened(now + 150);
        }
        assert_eq!(watchdog.empty(451), Some(451));
    }

    #[test]
    fn a_reader_that_is_present_without_reading_still_hears_the_silence() {
        let mut watchdog = Watchdog::new(0, 300);
        (10..=400).step_by(10).for_each(|now| watchdog.present(now));
        assert_eq!(watchdog.empty(410), Some(410));
    }
}
