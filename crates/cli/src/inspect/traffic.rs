//! Frames over all connections, whatever they hold: rates, sizes, silences.

use tickring_ingest::Peak;

use super::distribution::Distribution;
use super::json::{BusiestFacts, FrameBytes};
use super::silences::Silences;
use super::timeline::Timeline;

/// Windows in which the busiest stretch is looked for.
const WINDOWS_NS: [u64; 4] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// What is counted of frames. Memory is bounded by the busiest second, not by their number.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Earliest and latest arrival; 0 before the first frame.
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
    pub(crate) silences: Silences,
    pub(crate) timeline: Timeline,
    sizes: Distribution,
    peaks: [Peak; WINDOWS_NS.len()],
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            frames: 0,
            bytes: 0,
            first_ns: 0,
            last_ns: 0,
            silences: Silences::default(),
            timeline: Timeline::default(),
            sizes: Distribution::default(),
            peaks: WINDOWS_NS.map(Peak::new),
        }
    }
}

impl Traffic {
    /// Adds a frame.
    pub(crate) fn add(&mut self, arrival_ns: u64, size: usize) {
        if self.frames == 0 {
            self.first_ns = arrival_ns;
        }
        self.first_ns = self.first_ns.min(arrival_ns);
        self.last_ns = self.last_ns.max(arrival_ns);
        self.frames += 1;
        self.bytes += size as u64;
        self.sizes.add(i64::try_from(size).unwrap_or(i64::MAX));
        self.silences.add(arrival_ns);
        self.timeline.add(arrival_ns);
        self.peaks.iter_mut().for_each(|peak| peak.add(arrival_ns));
    }

    /// The busiest stretch of each length.
    pub(crate) fn busiest(&self) -> Vec<BusiestFacts> {
        let facts = |peak: &Peak| BusiestFacts {
            window_ns: peak.window_ns(),
            frames: peak.frames_max(),
            start_ns: peak.busiest_ns(),
        };
        self.peaks.iter().map(facts).collect()
    }

    /// How long frames are.
    pub(crate) fn frame_bytes(&self) -> FrameBytes {
        let percentile = |percent| self.sizes.percentile(percent).unsigned_abs();
        FrameBytes {
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
            max: self.sizes.greatest().unsigned_abs(),
        }
    }
}
