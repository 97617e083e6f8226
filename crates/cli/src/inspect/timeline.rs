//! Frames over time: a count for each stretch, in memory that does not grow with the recording.

/// Stretches are at most this many; when there would be more, they are made longer.
const STRETCHES_MAX: usize = 4_000;

/// Length of the first stretches.
const STRETCH_NS_MIN: u64 = 1_000_000;

/// Counts frames in stretches of equal length: 1 ms, 2 ms, 10 ms, 20 ms, 100 ms and so on, as short
/// as [`STRETCHES_MAX`] allows.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Time of the first frame.
    start_ns: Option<u64>,
    last_ns: u64,
    stretch_ns: u64,
    /// Whether the next length is twice this one; otherwise it is five times.
    doubles_next: bool,
    counts: Vec<u64>,
}

/// A timeline in a number of columns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Columns {
    /// Where the first begins.
    pub(crate) start_ns: u64,
    /// Length of each.
    pub(crate) column_ns: u64,
    /// How much of the last one the recording covers.
    pub(crate) last_column_ns: u64,
    /// Frames in each.
    pub(crate) frames: Vec<u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            start_ns: None,
            last_ns: 0,
            stretch_ns: STRETCH_NS_MIN,
            doubles_next: true,
            counts: Vec::new(),
        }
    }
}

impl Timeline {
    /// Adds a frame. What came before the first frame, as a clock that stepped back has it, counts
    /// as of the first stretch.
    pub(crate) fn add(&mut self, time_ns: u64) {
        let start_ns = *self.start_ns.get_or_insert(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        let since_ns = time_ns.saturating_sub(start_ns);
        let index = loop {
            match usize::try_from(since_ns / self.stretch_ns) {
                Ok(index) if index < STRETCHES_MAX => break index,
                _ => self.lengthen(),
            }
        };
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
    }

    /// The same in at most `columns_max` columns of whole stretches.
    pub(crate) fn columns(&self, columns_max: usize) -> Columns {
        let group = self.counts.len().div_ceil(columns_max.max(1)).max(1);
        let column_ns = self.stretch_ns.saturating_mul(group as u64);
        let frames: Vec<u64> = self.counts.chunks(group).map(|it| it.iter().sum()).collect();
        let start_ns = self.start_ns.unwrap_or_default();
        let before_last_ns = column_ns * (frames.len() as u64).saturating_sub(1);
        let covered_ns = self.last_ns.saturating_sub(start_ns).saturating_sub(before_last_ns);
        Columns { start_ns, column_ns, last_column_ns: covered_ns, frames }
    }

    fn lengthen(&mut self) {
        let ratio = if self.doubles_next { 2 } else { 5 };
        self.doubles_next = !self.doubles_next;
        self.stretch_ns *= ratio as u64;
        self.counts = self.counts.chunks(ratio).map(|it| it.iter().sum()).collect();
    }
}

impl Columns {
    /// Frames a second in each column. The last one's are over the part that the recording covers,
    /// over half a column at least: a frame alone at the end is no burst.
    pub(crate) fn rates(&self) -> Vec<f64> {
        let last = self.frames.len().saturating_sub(1);
        let rate = |(index, &frames): (usize, &u64)| {
            let is_last = index == last;
            let column_ns =
                if is_last { self.last_column_ns.max(self.column_ns / 2) } else { self.column_ns };
            super::per_second(frames, column_ns)
        };
        self.frames.iter().enumerate().map(rate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(times_ms: impl IntoIterator<Item = u64>) -> Timeline {
        let mut timeline = Timeline::default();
        times_ms.into_iter().for_each(|time_ms| timeline.add(time_ms * 1_000_000));
        timeline
    }

    #[test]
    fn short_recordings_are_counted_by_the_millisecond() {
        let columns = timeline([5, 5, 7, 8]).columns(80);
        assert_eq!((columns.start_ns, columns.column_ns), (5_000_000, 1_000_000));
        assert_eq!(columns.frames, [2, 0, 1, 1]);
    }

    #[test]
    fn long_recordings_have_longer_stretches_and_no_more_of_them() {
        for (seconds, stretch_ms) in [(3, 1), (4, 2), (8, 10), (40, 20), (346, 100), (4_000, 2_000)]
        {
            let timeline = timeline((0..=seconds).map(|it| it * 1_000));
            assert_eq!(timeline.stretch_ns, stretch_ms * 1_000_000, "{seconds} s");
            assert!(timeline.counts.len() <= STRETCHES_MAX);
            assert_eq!(timeline.counts.iter().sum::<u64>(), seconds + 1);
        }
    }

    #[test]
    fn the_longest_time_there_is_fits() {
        let mut timeline = Timeline::default();
        [0, u64::MAX, 3].into_iter().for_each(|time_ns| timeline.add(time_ns));
        assert_eq!(timeline.counts.iter().sum::<u64>(), 3);
        assert_eq!(timeline.columns(10).frames[0], 2);
    }

    #[test]
    fn a_time_before_the_first_counts_as_the_first() {
        assert_eq!(timeline([10, 4, 11]).columns(80).frames, [2, 1]);
    }

    #[test]
    fn columns_are_whole_stretches_and_hold_every_frame() {
        let columns = timeline(0..10).columns(4);
        assert_eq!((columns.column_ns, columns.last_column_ns), (3_000_000, 0));
        assert_eq!(columns.frames, [3, 3, 3, 1]);
        assert_eq!(timeline([]).columns(4).frames, [0; 0]);
    }

    #[test]
    fn the_last_rate_is_of_what_the_recording_covers_of_its_column() {
        let rates = |times_ms: &[u64]| timeline(times_ms.iter().copied()).columns(2).rates();
        assert_eq!(rates(&[0, 1, 2, 3]), [1_000.0, 2_000.0]);
        assert_eq!(rates(&[0, 4, 7]), [250.0, 2.0 / 0.003]);
    }
}
