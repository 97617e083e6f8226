/// After how much an observation has half its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HalfLife {
    /// After so many further observations.
    Observations(f64),
    /// After so many seconds of the venue's time.
    Seconds(f64),
}

impl HalfLife {
    /// # Panics
    /// When it is not a positive number.
    pub(super) fn check(self) {
        let (Self::Observations(length) | Self::Seconds(length)) = self;
        assert!(length.is_finite() && length > 0.0, "a half-life must be positive");
    }

    /// How many half-lives lie between two observations that are `elapsed_ns` apart.
    pub(super) fn elapsed(self, elapsed_ns: u64) -> f64 {
        match self {
            Self::Observations(length) => 1.0 / length,
            Self::Seconds(length) => crate::float::from_u64(elapsed_ns) / NS_PER_SECOND / length,
        }
    }
}

const NS_PER_SECOND: f64 = 1e9;
