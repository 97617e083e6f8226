//! The ingest thread's share: one frame into the capture, beside one frame copied into a buffer.

use tickring_capture::{CaptureWriter, OnCaptureFull, capture_channel};
use tickring_metrics::{Clock, LatencyRecorder, LatencySummary};

use super::files::{Nowhere, config, run};
use super::frames::Frames;

/// Frames recorded, taken from the session again and again.
const FRAMES: usize = 1_000_000;

/// One frame each 4 us: 250,000 a second.
const PERIOD_NS: u64 = 4_000;

/// As much memory as a tap's chunks, so that caches help neither.
const BUFFER_BYTES: usize = 64 * 256 * 1024;

pub(crate) fn compare(frames: &Frames, clock: &Clock) {
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let writer = CaptureWriter::new(Nowhere, config(true), &receiver, 0).unwrap();
    let [mut copied, mut recorded] = [LatencyRecorder::new(), LatencyRecorder::new()];
    let mut buffer = vec![1_u8; BUFFER_BYTES];
    let mut at = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| run(writer, receiver));
        let period_ticks = clock.ns_to_ticks(PERIOD_NS);
        let mut due = clock.ticks();
        for index in 0..FRAMES {
            let (_, text) = frames.get(index % frames.len());
            let time_ns = clock.wall_ns(clock.ticks());
            let mut copy = || {
                let start = clock.ticks();
                if at + text.len() > BUFFER_BYTES {
                    at = 0;
                }
                buffer[at..at + text.len()].copy_from_slice(text);
                at += text.len();
                std::hint::black_box(&mut buffer);
                copied.record_ticks(clock.ticks().saturating_sub(start));
            };
            let mut record = || {
                let start = clock.ticks();
                tap.received(0, time_ns, text);
                recorded.record_ticks(clock.ticks().saturating_sub(start));
            };
            // Who comes second finds the frame in the cache: in turns.
            if index % 2 == 0 {
                copy();
                record();
            } else {
                record();
                copy();
            }
            due += period_ticks;
            while clock.ticks() < due {
                std::hint::spin_loop();
            }
        }
        drop(tap);
    });
    println!("tap, {FRAMES} frames, one each {PERIOD_NS} ns, the writer on a thread beside it:");
    let [copied, recorded] = [copied.summary(clock), recorded.summary(clock)];
    for (name, LatencySummary { p50, p99, p99_9, max, count, .. }) in
        [("plain copy", copied), ("recorded", recorded)]
    {
        println!("  {name}: p50 {p50} ns, p99 {p99} ns, p99.9 {p99_9} ns, max {max} ns, {count}");
    }
    println!(
        "  ratio: p50 {:.2}, p99.9 {:.2}",
        recorded.p50 as f64 / copied.p50 as f64,
        recorded.p99_9 as f64 / copied.p99_9 as f64
    );
}
