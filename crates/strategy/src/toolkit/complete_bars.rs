use tickring_event::Bar;

/// Tells which bars of one instrument are complete.
///
/// A [`Bar`] event does not say so. Venues that push bars push them as far as they have come, and the
/// next with the same start replaces it; bars of the past come once, whole. A bar is complete
///
/// - when the venue's time of its event has reached the interval's end, `start_ns + interval_ns`;
/// - else, and where the venue gives no time, once a bar with a later start comes.
///
/// The second rule is the slower one: a bar is known one event late, never early. A bar that nothing
/// follows stays unfinished. Where a connection was lost, the last push that arrived is what the bar
/// is taken for.
///
/// Each bar is handed out once, in order of start. Left out and counted are bars that start no later
/// than one that was handed out or than the one that forms ([`CompleteBars::late`]), but for the next
/// push of the latter, and those of another interval than the first that was seen
/// ([`CompleteBars::other_interval`]).
#[derive(Clone, Debug, Default)]
pub struct CompleteBars {
    interval_ns: Option<i64>,
    forming: Option<Bar>,
    /// Start of the newest bar that was handed out.
    done_ns: Option<i64>,
    late: u64,
    other_interval: u64,
}

impl CompleteBars {
    /// No bar seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bar with the venue's time of its event (0 where there is none) and gives those
    /// that are complete now, in order: the one that formed until now, and this one.
    pub fn take(&mut self, bar: &Bar, venue_time_ns: u64) -> [Option<Bar>; 2] {
        if *self.interval_ns.get_or_insert(bar.interval_ns) != bar.interval_ns {
            self.other_interval += 1;
            return [None; 2];
        }
        let forming_ns = self.forming.map(|forming| forming.start_ns);
        if self.done_ns.is_some_and(|done_ns| bar.start_ns <= done_ns)
            || forming_ns.is_some_and(|forming_ns| bar.start_ns < forming_ns)
        {
            self.late += 1;
            return [None; 2];
        }
        let before = self.forming.take().filter(|forming| forming.start_ns < bar.start_ns);
        let this = is_over(bar, venue_time_ns).then_some(*bar);
        if this.is_none() {
            self.forming = Some(*bar);
        }
        self.done_ns = this.or(before).map(|bar| bar.start_ns).or(self.done_ns);
        [before, this]
    }

    /// Bars that came after what they belong to was handed out.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Bars of another interval than the first that was seen.
    #[must_use]
    pub const fn other_interval(&self) -> u64 {
        self.other_interval
    }
}

/// Whether the venue's time has reached the end of the bar's interval; an interval without a length
/// has no end that is known.
fn is_over(bar: &Bar, venue_time_ns: u64) -> bool {
    let end_ns = u64::try_from(bar.start_ns.saturating_add(bar.interval_ns)).unwrap_or_default();
    bar.interval_ns > 0 && venue_time_ns > 0 && venue_time_ns >= end_ns
}

#[cfg(test)]
mod tests {
    use tickring_event::{Price, Quantity};

    use super::*;

    fn bar(start_ns: i64, close: i64) -> Bar {
        let close = Price::from_mantissa(close);
        let (open, high, low) = (close, close, close);
        let volume = Quantity::ZERO;
        Bar { start_ns, interval_ns: 10, open, high, low, close, volume, trades: 0 }
    }

    /// Closes of the bars that are complete with this one.
    fn take(bars: &mut CompleteBars, bar: &Bar, venue_time_ns: u64) -> Vec<i64> {
        bars.take(bar, venue_time_ns).into_iter().flatten().map(|it| it.close.mantissa()).collect()
    }

    #[test]
    fn a_bar_whose_end_was_reached_is_complete_at_once() {
        let mut bars = CompleteBars::new();
        assert_eq!(take(&mut bars, &bar(100, 1), 110), [1]);
        assert_eq!(take(&mut bars, &bar(110, 2), 120), [2]);
        assert_eq!(take(&mut bars, &bar(120, 3), 129), []);
        assert_eq!(take(&mut bars, &bar(120, 4), 130), [4]);
    }

    #[test]
    fn a_bar_that_forms_is_complete_when_a_later_one_comes() {
        for time_ns in [0, 100] {
            let mut bars = CompleteBars::new();
            for close in 1..4 {
                assert_eq!(take(&mut bars, &bar(100, close), time_ns), []);
            }
            assert_eq!(take(&mut bars, &bar(130, 9), time_ns), [3]);
        }
    }

    #[test]
    fn one_event_can_complete_two_bars() {
        let mut bars = CompleteBars::new();
        assert_eq!(take(&mut bars, &bar(100, 1), 105), []);
        assert_eq!(take(&mut bars, &bar(110, 2), 120), [1, 2]);
    }

    #[test]
    fn each_bar_is_handed_out_once_and_in_order() {
        let mut bars = CompleteBars::new();
        assert_eq!(take(&mut bars, &bar(110, 1), 120), [1]);
        assert_eq!(take(&mut bars, &bar(110, 2), 121), []);
        assert_eq!(take(&mut bars, &bar(100, 3), 122), []);
        assert_eq!(take(&mut bars, &bar(120, 4), 122), []);
        assert_eq!(take(&mut bars, &bar(115, 5), 122), []);
        assert_eq!(take(&mut bars, &bar(120, 6), 130), [6]);
        assert_eq!((bars.late(), bars.other_interval()), (3, 0));
    }

    #[test]
    fn bars_of_another_interval_are_left_out() {
        let mut bars = CompleteBars::new();
        assert_eq!(take(&mut bars, &bar(100, 1), 110), [1]);
        let longer = Bar { interval_ns: 50, ..bar(100, 2) };
        assert_eq!(take(&mut bars, &longer, 150), []);
        assert_eq!(take(&mut bars, &bar(110, 3), 150), [3]);
        assert_eq!(bars.other_interval(), 1);
    }

    #[test]
    fn an_interval_without_length_waits_for_the_next_bar() {
        let mut bars = CompleteBars::new();
        let endless = |start_ns| Bar { interval_ns: 0, ..bar(start_ns, start_ns) };
        assert_eq!(take(&mut bars, &endless(100), u64::MAX), []);
        assert_eq!(take(&mut bars, &endless(101), u64::MAX), [100]);
    }
}
