//! A first look at recordings: what is in them, how fast it came, and what is missing.
//!
//! One pass over all sessions merged by arrival time; memory does not grow with their length.
//! Collecting, the texts and the pictures are pure: files and terminals are the command's business.

pub(crate) mod chart;
mod collect;
mod connections;
mod distribution;
pub(crate) mod dump;
mod json;
mod market;
mod silences;
pub(crate) mod svg;
pub(crate) mod text;
mod timeline;
mod traffic;

use tickring_ingest::Walk;

use self::collect::Collector;
pub(crate) use self::json::Inspection;
use self::json::SessionFacts;
pub(crate) use self::timeline::Timeline;
use crate::exit::{Exit, Failure};
use crate::sessions::{Sessions, UNDECODED};

/// Gaps, holes and other things that are told one by one: the first of them.
const FIRST_KEPT: usize = 10;

/// Sessions that could not be read on are told one by one, up to this many.
const ERRORS_KEPT: usize = 20;

/// What was found.
pub(crate) struct Looked {
    pub(crate) inspection: Inspection,
    /// Frames over time, finer than the inspection has them.
    pub(crate) timeline: Timeline,
}

/// Reads all of the sessions. Those that cannot be read on are told of, and the others go on.
///
/// # Errors
/// They have more connections than can be numbered.
pub(crate) fn look(opened: Sessions) -> Result<Looked, Failure> {
    let mut sessions = Vec::new();
    let mut collector = Collector::new(opened.instruments);
    for (session, (metadata, format)) in opened.sessions.iter().zip(opened.told) {
        let venue = opened.venues[collector.connections()].name();
        let venue = (venue != UNDECODED).then_some(venue);
        let tells_states = session.tells_connections();
        collector.add_session(session.connections(), tells_states, venue.is_some());
        sessions.push(SessionFacts::of(session.as_ref(), format, venue, metadata));
    }
    let mut walk = Walk::new(opened.sessions, opened.venues)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?
        .with_pairs(&opened.pairs)
        .chained(&opened.chains);
    let mut errors = Vec::new();
    loop {
        match walk.next() {
            Ok(Some(walked)) => collector.add(&walked),
            Ok(None) => break,
            // Only what failed ends: the next call goes on with the others.
            Err(error) if errors.len() < ERRORS_KEPT => errors.push(error.to_string()),
            Err(_) => {}
        }
    }
    for session in &mut sessions {
        session.end(walk.merged().endings(), &errors);
    }
    Ok(collector.finish(&walk, sessions, errors))
}

/// `count` a second, over a time; 0 over none.
#[expect(clippy::cast_precision_loss, reason = "rates are for reading")]
fn per_second(count: u64, time_ns: u64) -> f64 {
    if time_ns == 0 { 0.0 } else { count as f64 * 1e9 / time_ns as f64 }
}
