use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::*;
use crate::clock::{MOCK_WALL_NS_AT_START, MockClock};

const INTERVAL_NS: u64 = 1_000_000_000;

fn drain() -> (IntervalDrain<Vec<u8>>, Clock, MockClock) {
    let (clock, time) = Clock::mock();
    (IntervalDrain::new(Vec::new(), clock.clone(), INTERVAL_NS).unwrap(), clock, time)
}

/// One entry as a reader sees it.
struct Entry {
    tag: String,
    start_ms: u128,
    duration_ms: u128,
    max_ms: f64,
    histogram: Histogram<u64>,
}

fn read(log: &[u8]) -> Vec<Entry> {
    IntervalLogIterator::new(log)
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::Interval(interval) => Some(Entry {
                tag: interval.tag().unwrap().as_str().to_owned(),
                start_ms: interval.start_timestamp().as_millis(),
                duration_ms: interval.duration().as_millis(),
                max_ms: interval.max(),
                histogram: decode(interval.encoded_histogram()),
            }),
            LogEntry::BaseTime(time) | LogEntry::StartTime(time) => {
                assert_eq!(time, Duration::from_nanos(MOCK_WALL_NS_AT_START));
                None
            }
        })
        .collect()
}

fn decode(base64: &str) -> Histogram<u64> {
    Deserializer::new().deserialize(&mut decode_base64(base64).as_slice()).unwrap()
}

fn decode_base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        let value = alphabet.iter().position(|letter| *letter == digit).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}

#[test]
fn the_header_names_the_format_and_both_times() {
    let (drain, ..) = drain();
    let text = String::from_utf8(drain.finish().unwrap()).unwrap();
    assert_eq!(
        text,
        "#[Histogram log format version 1.3]\n\
         #[Values are nanoseconds, Interval_Max is milliseconds]\n\
         #[StartTime: 1700000000.000 (seconds since epoch)]\n\
         #[BaseTime: 1700000000.000 (seconds since epoch)]\n\
         #[MaxValueDivisor: 1000000.000]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
    );
}

#[test]
fn each_interval_is_read_back_with_its_tag_times_and_values() {
    let (mut drain, clock, time) = drain();
    let mut recorder = drain.recorder(Stage::Queue, "spread").unwrap();
    time.advance_ns(INTERVAL_NS / 2);
    (1..=1_000).for_each(|us| recorder.record_ticks(us * 1_000));
    assert!(!recorder.roll(clock.ticks()), "half an interval is too early");
    time.advance_ns(INTERVAL_NS / 2);
    assert!(recorder.roll(clock.ticks()));
    recorder.record_ticks(2_500_000);
    time.advance_ns(INTERVAL_NS);
    assert!(recorder.roll(clock.ticks()));
    drop(recorder);

    let entries = read(&drain.finish().unwrap());
    let [first, second] = &entries[..] else { panic!("{} entries", entries.len()) };
    assert_eq!((first.tag.as_str(), first.start_ms, first.duration_ms), ("queue.spread", 0, 1_000));
    assert!((first.max_ms - 1.0).abs() < 0.001);
    assert_eq!(first.histogram.len(), 1_000);
    assert!(first.histogram.value_at_quantile(0.5).abs_diff(500_000) <= 1_000);
    assert_eq!((second.start_ms, second.duration_ms), (1_000, 1_000));
    assert_eq!(second.histogram.len(), 1);
    assert!((second.max_ms - 2.5).abs() < 0.0025);
}

#[test]
fn what_a_dropped_recorder_holds_is_written_up_to_its_last_roll() {
    let (mut drain, clock, time) = drain();
    let mut recorder = drain.recorder(Stage::Total, "bars").unwrap();
    recorder.record_ticks(7);
    time.advance_ns(250_000_000);
    assert!(!recorder.roll(clock.ticks()));
    drop(recorder);
    let entries = read(&drain.finish().unwrap());
    assert_eq!((entries.len(), entries[0].duration_ms), (1, 250));
    assert_eq!(entries[0].histogram.len(), 1);
}

#[test]
fn an_empty_interval_is_left_out_and_the_next_starts_where_it_ended() {
    let (mut drain, clock, time) = drain();
    let mut recorder = drain.recorder(Stage::Decode, "ingest").unwrap();
    time.advance_ns(3 * INTERVAL_NS);
    assert!(!recorder.roll(clock.ticks()));
    recorder.record_ticks(1);
    time.advance_ns(INTERVAL_NS);
    assert!(recorder.roll(clock.ticks()));
    drop(recorder);
    let entries = read(&drain.finish().unwrap());
    assert_eq!((entries.len(), entries[0].start_ms, entries[0].duration_ms), (1, 3_000, 1_000));
}

#[test]
fn a_drain_that_lags_makes_intervals_longer_and_loses_nothing() {
    let (mut drain, clock, time) = drain();
    let mut recorder = drain.recorder(Stage::Handle, "slow").unwrap();
    let mut rolled = 0;
    for _ in 0..10 {
        recorder.record_ticks(5);
        time.advance_ns(INTERVAL_NS);
        rolled += usize::from(recorder.roll(clock.ticks()));
    }
    assert_eq!(rolled, INTERVALS_PER_RECORDER - 1, "no empty histogram was left");
    assert_eq!(drain.collect().unwrap(), rolled);
    assert!(recorder.roll(clock.ticks()), "recycled histograms are used again");
    drop(recorder);

    let entries = read(&drain.finish().unwrap());
    assert_eq!(entries.iter().map(|entry| entry.histogram.len()).sum::<u64>(), 10);
    assert_eq!(entries.iter().map(|entry| entry.duration_ms).sum::<u128>(), 10_000);
    assert_eq!(entries.last().unwrap().duration_ms, 8_000);
}

#[test]
fn a_recorder_outlives_its_drain_without_harm() {
    let (mut drain, clock, time) = drain();
    let mut recorder = drain.recorder(Stage::Handle, "orphan").unwrap();
    assert!(
        matches!(drain.finish(), Err(HlogError::StillRecording { tag }) if tag == "handle.orphan")
    );
    for _ in 0..5 {
        recorder.record_ticks(1);
        time.advance_ns(INTERVAL_NS);
        assert!(!recorder.roll(clock.ticks()));
    }
}

#[test]
fn entries_of_several_recorders_are_in_order_of_start() {
    let (mut drain, clock, time) = drain();
    let mut early = drain.recorder(Stage::Queue, "b").unwrap();
    time.advance_ns(1_000_000);
    let mut late = drain.recorder(Stage::Queue, "a").unwrap();
    for _ in 0..2 {
        late.record_ticks(1);
        early.record_ticks(1);
        time.advance_ns(INTERVAL_NS);
        assert!(late.roll(clock.ticks()) && early.roll(clock.ticks()));
    }
    assert_eq!(drain.collect().unwrap(), 4);
    drop((early, late));
    let starts: Vec<_> =
        read(&drain.finish().unwrap()).iter().map(|entry| entry.start_ms).collect();
    assert!(starts.is_sorted(), "{starts:?}");
}

#[test]
fn recorders_on_other_threads_lose_nothing() {
    let (mut drain, clock, _time) = drain();
    let mut recorder = drain.recorder(Stage::Queue, "threaded").unwrap();
    std::thread::scope(|scope| {
        let hot = std::thread::Builder::new().name("hot".to_owned());
        let start = clock.ticks();
        let hot = hot
            .spawn_scoped(scope, move || {
                for turn in 1..=20_000 {
                    recorder.record_ticks(turn);
                    recorder.roll(start + turn * INTERVAL_NS / 10);
                }
            })
            .unwrap();
        while !hot.is_finished() {
            drain.collect().unwrap();
        }
    });
    let entries = read(&drain.finish().unwrap());
    assert_eq!(entries.iter().map(|entry| entry.histogram.len()).sum::<u64>(), 20_000);
}

#[test]
fn a_name_that_would_break_the_line_is_refused() {
    let (mut drain, ..) = drain();
    for name in ["", "a,b", "a b", "a\nb", "a\tb"] {
        assert!(
            matches!(drain.recorder(Stage::Queue, name), Err(HlogError::Name { .. })),
            "{name:?}"
        );
    }
    assert!(drain.recorder(Stage::Queue, "spread/0").is_ok());
}

#[test]
fn a_failing_writer_is_reported_and_histograms_go_back_into_use() {
    /// Takes the header and nothing more.
    struct HeaderOnly(usize);
    impl io::Write for HeaderOnly {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.starts_with(b"Tag=") {
                return Err(io::Error::other("disk full"));
            }
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (clock, time) = Clock::mock();
    let mut drain = IntervalDrain::new(HeaderOnly(0), clock.clone(), INTERVAL_NS).unwrap();
    let mut recorder = drain.recorder(Stage::Queue, "spread").unwrap();
    for _ in 0..2 * INTERVALS_PER_RECORDER {
        recorder.record_ticks(1);
        time.advance_ns(INTERVAL_NS);
        assert!(recorder.roll(clock.ticks()));
        assert!(matches!(drain.collect(), Err(HlogError::Io(_))));
    }
}
