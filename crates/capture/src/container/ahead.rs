//! Unpacks chunks ahead of the reader, on threads that the caller makes.

use std::thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::chunks::{Chunks, DirectChunks, Step};
use super::ending::Ending;
use super::unpack::Unpacked;
use crate::CaptureError;

/// Chunks that each thread unpacks ahead: 2 MiB at their usual size.
const CHUNKS_AHEAD: usize = 8;

/// Yields before a waiting side parks.
const YIELDS: u32 = 64;

/// How long it parks.
const REST: Duration = Duration::from_micros(50);

/// Work for one thread: unpacks ahead until the file ends or the reader is gone.
pub struct Ahead(Work);

enum Work {
    Chunks { chunks: Box<DirectChunks>, out: Producer<Given>, empty: Consumer<Unpacked> },
    Bytes(crate::input::AheadBytes),
}

type Given = Result<(Step, Unpacked), CaptureError>;

/// Chunks that come from threads, each of which unpacks every `of`th.
pub(super) struct AheadChunks {
    lanes: Vec<Lane>,
    turn: usize,
    name: String,
    ending: Option<Ending>,
}

struct Lane {
    out: Consumer<Given>,
    empty: Producer<Unpacked>,
}

impl AheadChunks {
    /// Reads on on as many threads as there are `sources`, which all stand at the same place.
    pub(super) fn new(name: String, sources: Vec<DirectChunks>) -> (Self, Vec<Ahead>) {
        let of = sources.len() as u64;
        let mut lanes = Vec::new();
        let mut ahead = Vec::new();
        for (mut chunks, own) in sources.into_iter().zip(0..) {
            chunks.share(own, of);
            let (out, out_end) = RingBuffer::new(CHUNKS_AHEAD);
            let (mut empty, empty_end) = RingBuffer::new(CHUNKS_AHEAD);
            for _ in 0..CHUNKS_AHEAD {
                empty.push(Unpacked::default()).expect("there is room for all chunks");
            }
            lanes.push(Lane { out: out_end, empty });
            let chunks = Box::new(chunks);
            ahead.push(Ahead(Work::Chunks { chunks, out, empty: empty_end }));
        }
        (Self { lanes, turn: 0, name, ending: None }, ahead)
    }
}

impl Chunks for AheadChunks {
    fn next(&mut self, chunk: &mut Unpacked) -> Result<Step, CaptureError> {
        if let Some(ending) = self.ending {
            return Ok(Step::End(ending));
        }
        let lanes = self.lanes.len();
        let lane = &mut self.lanes[self.turn];
        let given = wait_for(|| match lane.out.pop() {
            Ok(given) => Some(Some(given)),
            Err(_) if lane.out.is_abandoned() && lane.out.is_empty() => Some(None),
            Err(_) => None,
        });
        let Some(given) = given else {
            return Err(CaptureError::Ahead { name: self.name.clone() });
        };
        let (step, mut unpacked) = given?;
        match step {
            Step::Chunk => {
                std::mem::swap(chunk, &mut unpacked);
                self.turn = (self.turn + 1) % lanes;
            }
            Step::Skipped(_) => {}
            Step::End(ending) => self.ending = Some(ending),
        }
        // The thread may be gone; then nobody needs it.
        drop(lane.empty.push(unpacked));
        Ok(step)
    }
}

impl Ahead {
    pub(crate) const fn bytes(work: crate::input::AheadBytes) -> Self {
        Self(Work::Bytes(work))
    }

    /// Works until there is nothing left to do. Call it on a thread that has nothing else to do.
    pub fn run(self) {
        match self.0 {
            Work::Bytes(work) => work.run(),
            Work::Chunks { mut chunks, mut out, mut empty } => loop {
                let Some(mut unpacked) = wait_for(|| match empty.pop() {
                    Ok(unpacked) => Some(Some(unpacked)),
                    Err(_) => empty.is_abandoned().then_some(None),
                }) else {
                    return;
                };
                let given = chunks.next(&mut unpacked);
                let is_over = !matches!(given, Ok(Step::Chunk | Step::Skipped(_)));
                // There is room: as many results as chunks. A skipped place gives its chunk back.
                if out.push(given.map(|step| (step, unpacked))).is_err() || is_over {
                    return;
                }
            },
        }
    }
}

/// Asks until there is an answer, ever more patiently.
pub(crate) fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let mut turns = 0;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        if turns < YIELDS {
            turns += 1;
            thread::yield_now();
        } else {
            thread::park_timeout(REST);
        }
    }
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Ahead")
    }
}
