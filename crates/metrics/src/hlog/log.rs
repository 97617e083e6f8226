//! The log's text: a header, then one line per histogram.

use std::fmt;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use super::{HlogError, Interval};
use crate::clock::Clock;
use crate::latency::{RANGE_TICKS_MAX, SIGNIFICANT_DIGITS};

/// Writes histograms of nanoseconds into an interval log, version 1.3 of its text format.
pub(super) struct LogWriter<W> {
    writer: W,
    serializer: V2DeflateSerializer,
    /// The interval at hand, in nanoseconds.
    histogram: Histogram<u64>,
    /// The line at hand.
    line: Vec<u8>,
    base_wall_ns: u64,
}

impl<W: io::Write> LogWriter<W> {
    pub(super) fn new(mut writer: W, clock: &Clock) -> Result<Self, HlogError> {
        let base_wall_ns = clock.wall_ns_at_start();
        let base = UNIX_EPOCH + Duration::from_nanos(base_wall_ns);
        let mut serializer = V2DeflateSerializer::new();
        IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[Values are nanoseconds, Interval_Max is milliseconds]")
            .with_start_time(base)
            .with_base_time(base)
            .with_max_value_divisor(NS_PER_MS)
            .begin_log_with(&mut writer, &mut serializer)?;
        writer.write_all(LEGEND)?;
        let range_ns_max = clock.elapsed_ns(0, RANGE_TICKS_MAX);
        let histogram = Histogram::new_with_bounds(1, range_ns_max, SIGNIFICANT_DIGITS)
            .expect("the recorder's range holds more than two nanoseconds on every clock");
        Ok(Self { writer, serializer, histogram, line: Vec::new(), base_wall_ns })
    }

    /// Writes one entry, in one write.
    pub(super) fn write(
        &mut self,
        tag: &str,
        interval: &Interval,
        clock: &Clock,
    ) -> Result<(), HlogError> {
        let Self { writer, serializer, histogram, line, base_wall_ns } = self;
        histogram.reset();
        interval.latency.for_each_bucket_ns(clock, |ns, count| {
            histogram.saturating_record_n(ns, count);
        });
        let start_ns = clock.wall_ns(interval.start_ticks).saturating_sub(*base_wall_ns);
        let duration_ns = clock.elapsed_ns(interval.start_ticks, interval.end_ticks);
        line.clear();
        IntervalLogWriterBuilder::new()
            .with_max_value_divisor(NS_PER_MS)
            .begin_log_with(line, serializer)?
            .write_histogram(
                histogram,
                Duration::from_nanos(start_ns),
                Duration::from_nanos(duration_ns),
                Tag::new(tag),
            )
            .map_err(HlogError::from)?;
        // The library's writer borrows what it writes to, so each entry gets a writer of its own, and
        // each of those begins with the divisor's comment, which the file already has.
        let comment_size = line.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        writer.write_all(&line[comment_size..])?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, HlogError> {
        self.writer.flush()?;
        Ok(self.writer)
    }
}

impl<W> fmt::Debug for LogWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("base_wall_ns", &self.base_wall_ns)
            .finish_non_exhaustive()
    }
}

impl<E: fmt::Display> From<IntervalLogWriterError<E>> for HlogError {
    fn from(error: IntervalLogWriterError<E>) -> Self {
        match error {
            IntervalLogWriterError::SerializeError(error) => {
                Self::Encode { reason: error.to_string() }
            }
            IntervalLogWriterError::IoError(error) => Self::Io(error),
        }
    }
}

/// Column names, as the Java tools write them and all readers skip them.
const LEGEND: &[u8] =
    b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// The format shows an interval's maximum a million times smaller than its values.
const NS_PER_MS: f64 = 1_000_000.0;
