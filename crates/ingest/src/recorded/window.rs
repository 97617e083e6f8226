//! Which part of a recording is played.

/// A moment of a recording, in its own clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// This many ns since the epoch of the recording's clock.
    At(u64),
    /// This many ns after the first entry.
    After(u64),
}

/// The part of a recording from one moment to another, both included.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Window {
    /// Its start; that of the recording without it.
    pub from: Option<Moment>,
    /// Its end; that of the recording without it.
    pub to: Option<Moment>,
}

impl Moment {
    /// When that is in a recording that starts at `first_ns`.
    const fn time_ns(self, first_ns: u64) -> u64 {
        match self {
            Self::At(time_ns) => time_ns,
            Self::After(since_ns) => first_ns.saturating_add(since_ns),
        }
    }
}

impl Window {
    /// Earliest and latest time in a recording that starts at `first_ns`.
    pub(super) fn bounds(self, first_ns: u64) -> (u64, u64) {
        let from_ns = self.from.map_or(0, |it| it.time_ns(first_ns));
        (from_ns, self.to.map_or(u64::MAX, |it| it.time_ns(first_ns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_absolute_or_count_from_the_first_entry() {
        assert_eq!(Window::default().bounds(7), (0, u64::MAX));
        let window = Window { from: Some(Moment::After(3)), to: Some(Moment::At(20)) };
        assert_eq!(window.bounds(7), (10, 20));
        let window = Window { from: Some(Moment::At(3)), to: Some(Moment::After(u64::MAX)) };
        assert_eq!(window.bounds(7), (3, u64::MAX));
    }
}
