//! The ingest thread's share: one frame into the capture, beside one frame copied into a buffer.

use tickring_capture::{CaptureWriter, OnCaptureFull, capture_channel};
use tickring_metrics::{Clock, LatencyRecorder, LatencySummary};

use super::files::{Nowhere, config, run};
use super::frames::Frames;
use crate::say;

/// Frames recorded, taken from the session again and again.
const FRAMES: usize = 1_000_000;

/// One frame each 4 us: 250,000 a second.
const PERIOD_NS: u64 = 4_000;

/// As much memory as a tap's chunks, so that caches help neither.
const BUFFER_BYTES: usize = 64 * 256 * 1024;

/// Frames timed together for the median: the clock's step is as long as one copy.
const GROUP: usize = 16;

/// Two ways to keep a frame, and how long each took.
struct Kept {
    buffer: Vec<u8>,
    at: usize,
    copied: LatencyRecorder,
    recorded: LatencyRecorder,
}

impl Kept {
    fn copy(&mut self, text: &[u8]) {
        if self.at + text.len() > BUFFER_BYTES {
            self.at = 0;
        }
        self.buffer[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
        std::hint::black_box(&mut self.buffer);
    }
}

pub(crate) fn compare(frames: &Frames, clock: &Clock) {
    say(&format!(
        "tap, {FRAMES} frames, one each {PERIOD_NS} ns, the writer on a thread beside it:"
    ));
    let groups = keep(frames, clock, GROUP);
    let per_frame = |ns: u64| ns as f64 / GROUP as f64;
    let [copied, recorded] = groups.map(|it| per_frame(it.p50));
    say(&format!(
        "  by {GROUP}s: plain copy p50 {copied:.1} ns, recorded p50 {recorded:.1} ns a frame"
    ));
    let singles = keep(frames, clock, 1);
    for (name, it) in ["plain copy", "recorded"].iter().zip(&singles) {
        let LatencySummary { p50, p99, p99_9, max, count, .. } = it;
        say(&format!(
            "  {name}: p50 {p50} ns, p99 {p99} ns, p99.9 {p99_9} ns, max {max} ns, {count}"
        ));
    }
    let [copied_tail, recorded_tail] = singles.map(|it| it.p99_9 as f64);
    say(&format!(
        "  ratio: p50 {:.2} (by {GROUP}s), p99.9 {:.2}",
        recorded / copied,
        recorded_tail / copied_tail
    ));
}

/// Keeps each frame both ways, `group` frames in a go: times of the copies and of the records.
fn keep(frames: &Frames, clock: &Clock, group: usize) -> [LatencySummary; 2] {
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let writer = CaptureWriter::new(Nowhere, config(true), &receiver, 0).unwrap();
    let [copied, recorded] = [LatencyRecorder::new(), LatencyRecorder::new()];
    let mut kept = Kept { buffer: vec![1; BUFFER_BYTES], at: 0, copied, recorded };
    std::thread::scope(|scope| {
        scope.spawn(|| run(writer, receiver));
        let period_ticks = clock.ns_to_ticks(PERIOD_NS * group as u64);
        let mut due = clock.ticks();
        for turn in 0..FRAMES / group {
            let texts = || (0..group).map(|it| frames.get((turn * group + it) % frames.len()).1);
            // Both find the frames in the cache.
            std::hint::black_box(
                texts().map(|it| it.iter().map(|&byte| u64::from(byte)).sum::<u64>()).sum::<u64>(),
            );
            for step in 0..2 {
                // Who comes second is a little better off: in turns.
                let is_copy = (turn + step) % 2 == 0;
                let start = clock.ticks();
                if is_copy {
                    texts().for_each(|text| kept.copy(text));
                } else {
                    let time_ns = clock.wall_ns(start);
                    texts().for_each(|text| tap.received(0, time_ns, text));
                }
                let took = clock.ticks().saturating_sub(start);
                if is_copy { &mut kept.copied } else { &mut kept.recorded }.record_ticks(took);
            }
            due += period_ticks;
            while clock.ticks() < due {
                std::hint::spin_loop();
            }
        }
        drop(tap);
    });
    [kept.copied.summary(clock), kept.recorded.summary(clock)]
}
