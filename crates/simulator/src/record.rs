use std::io::Write;

use tickring_capture::LineWriter;

use crate::feed::{self, Source};
use crate::format::Writer;
use crate::{Channel, SimulatorConfig, SimulatorError};

/// Writes a feed's messages as a session file, without a socket: every symbol and channel, as one
/// client that is subscribed to all would receive them at the very moment they are due. Returns how
/// many were written.
///
/// Ends after `frames_max` messages, before the first that is due after `duration_ms`, or with a
/// recorded session. Times are those of the schedule, counted from `epoch_ms`; the same
/// configuration writes the same bytes. Of the faults only [`Form`](crate::Form) and the number of
/// levels matter here.
///
/// # Errors
/// [`SimulatorError::Config`] and [`SimulatorError::Symbol`] for what cannot be written, among them
/// a generated feed without an end; [`SimulatorError::Capture`] when reading or writing fails.
pub fn record_session(config: &SimulatorConfig, output: impl Write) -> Result<u64, SimulatorError> {
    feed::check(config)?;
    let mut source = Source::new(config)?;
    let (frames_max, duration_ms) = (config.frames_max, config.duration_ms);
    if matches!(source, Source::Generated(_)) && frames_max.is_none() && duration_ms.is_none() {
        return Err(SimulatorError::Config(
            "a generated feed has no end: a number of frames or a duration is needed",
        ));
    }
    let frames_max = frames_max.unwrap_or(u64::MAX);
    let due_ns_max = duration_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
    let mut session = LineWriter::new("generated session", output);
    let mut numbers: Vec<[u64; Channel::ALL.len()]> = Vec::new();
    let mut text = Vec::new();
    while session.frames_written() < frames_max {
        let Some(due) = source.peek()?.filter(|due| due.due_ns < due_ns_max) else { break };
        if numbers.len() <= due.symbol {
            numbers.resize(due.symbol + 1, [0; Channel::ALL.len()]);
        }
        let number = &mut numbers[due.symbol][due.channel.index()];
        *number += 1;
        let number = config.numbered.then_some(*number);
        let writer = Writer::new(config.faults.form, &mut text);
        source.write(due.symbol, due.channel, number, writer);
        let epoch_ns = config.epoch_ms.saturating_mul(1_000_000);
        session.write_frame(epoch_ns.saturating_add(due.due_ns), &text)?;
        source.take();
    }
    let frames = session.frames_written();
    session.finish()?;
    Ok(frames)
}
