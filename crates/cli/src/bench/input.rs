//! What is measured with: frames in memory, and the venues that decode them.

use std::io::Cursor;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tickring_capture::{Entry, Merged, OnDamage, OpenOptions, Session, open_stream};
use tickring_event::{ConnectionId, Instruments};
use tickring_ingest::tickdb::TickDb;
use tickring_ingest::{Frame, Stamp, Venue};
use tickring_simulator::{Feed, SimulatorConfig, record_session};

use crate::args::BenchArgs;
use crate::commands::simulate::SYMBOLS;
use crate::exit::{Exit, Failure};
use crate::sessions::{Request, Sessions, unreadable};

/// What the figures are of: two results are of one input where these are equal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct InputFacts {
    pub(crate) name: String,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// FNV-1a of every byte, so that another recording of the same name shows.
    pub(crate) hash: String,
}

/// Frames in memory.
pub(crate) struct Input {
    pub(crate) facts: InputFacts,
    pub(crate) frames: Arc<Frames>,
    origin: Origin,
}

/// One frame after the other in one piece of memory.
#[derive(Default)]
pub(crate) struct Frames {
    text: Vec<u8>,
    /// Where each ends, and the connection it came over.
    ends: Vec<(usize, u8)>,
}

#[derive(Clone)]
enum Origin {
    Recorded(Request),
    /// Lines of a session.
    Made(Arc<[u8]>),
}

/// The venues of an input, each as it is before its first frame.
pub(crate) struct Decoders {
    pub(crate) venues: Vec<Box<dyn Venue>>,
    pub(crate) pairs: Vec<[ConnectionId; 2]>,
    pub(crate) instruments: Arc<Instruments>,
}

impl Input {
    /// Reads what `args` name.
    ///
    /// # Errors
    /// It cannot be read, or holds no frame.
    pub(crate) fn load(args: &BenchArgs) -> Result<Self, Failure> {
        if args.files.iter().any(|it| it.as_os_str() == "-") {
            let words = "standard input comes only once, and a bench reads it every round: name a \
                         file";
            return Err(Failure::usage(words));
        }
        let (origin, name) = if args.files.is_empty() {
            let name = format!("made-up TickDB messages, seed {}", args.rounds.seed);
            (Origin::Made(made(args)?), name)
        } else {
            let names: Vec<String> = args.files.iter().map(|it| it.display().to_string()).collect();
            (Origin::Recorded(request(args)), names.join(", "))
        };
        // Opens the venues too: what cannot be decoded is said before anything is measured.
        origin.decoders()?;
        let frames = Frames::read(&mut origin.read(1)?, args.frames as usize)?;
        if frames.ends.is_empty() {
            return Err(Failure::usage(format!("{name}: there is no frame in it")));
        }
        let facts = InputFacts {
            name,
            frames: frames.ends.len() as u64,
            bytes: frames.text.len() as u64,
            hash: frames.hash(),
        };
        Ok(Self { facts, frames: Arc::new(frames), origin })
    }

    /// New venues for the frames.
    ///
    /// # Errors
    /// A file cannot be opened any more.
    pub(crate) fn decoders(&self) -> Result<Decoders, Failure> {
        self.origin.decoders()
    }

    /// The same without its frames.
    pub(crate) fn remade(&self) -> Remade {
        Remade(self.origin.clone())
    }

    /// What reads the sessions anew and in place, as often as it is called.
    pub(crate) fn reader(&self) -> impl Fn() -> Result<Merged, Failure> + use<> {
        let origin = self.origin.clone();
        move || origin.read(0)
    }
}

/// An input without its frames: new venues, as often as they are asked for.
pub(crate) struct Remade(Origin);

impl Remade {
    /// As [`Input::decoders`].
    ///
    /// # Errors
    /// A file cannot be opened any more.
    pub(crate) fn decoders(&self) -> Result<Decoders, Failure> {
        self.0.decoders()
    }
}

impl Origin {
    fn decoders(&self) -> Result<Decoders, Failure> {
        match self {
            Self::Recorded(request) => {
                let Sessions { venues, pairs, instruments, .. } = request.open()?;
                Ok(Decoders { venues, pairs, instruments })
            }
            Self::Made(_) => {
                let instruments = Arc::new(Instruments::new());
                let venue = TickDb::recorded(Arc::clone(&instruments));
                Ok(Decoders { venues: vec![Box::new(venue)], pairs: Vec::new(), instruments })
            }
        }
    }

    /// The sessions from their start, unpacked ahead by so many threads.
    fn read(&self, threads: usize) -> Result<Merged, Failure> {
        let sessions: Vec<Box<dyn Session>> = match self {
            Self::Recorded(request) => {
                let request = Request { threads, ..request.clone() };
                request.reopen().map_err(|error| unreadable(&error))?
            }
            Self::Made(lines) => {
                let stream = Box::new(Cursor::new(Arc::clone(lines)));
                let opened = open_stream("made-up".to_owned(), stream, OpenOptions::default())
                    .map_err(|error| unreadable(&error))?;
                vec![opened.session]
            }
        };
        Merged::new(sessions).map_err(|error| unreadable(&error))
    }
}

impl Frames {
    fn read(merged: &mut Merged, count: usize) -> Result<Self, Failure> {
        let mut frames = Self::default();
        while frames.ends.len() < count && merged.advance().map_err(|error| unreadable(&error))? {
            let Entry::Received { connection, text, .. } = merged.entry() else { continue };
            if frames.text.len() + text.len() > BYTES_MAX {
                break;
            }
            frames.text.extend_from_slice(text);
            frames.ends.push((frames.text.len(), connection));
        }
        Ok(frames)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Every frame, stamped with 0.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        self.ends.iter().scan(0, |start, &(end, connection)| {
            let text = &self.text[std::mem::replace(start, end)..end];
            let stamp = Stamp { connection: ConnectionId(connection), arrival_ticks: 0 };
            Some(Frame { stamp, text })
        })
    }

    fn hash(&self) -> String {
        let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        format!("{:016x}", self.text.iter().fold(FNV_START, add))
    }
}

fn request(args: &BenchArgs) -> Request {
    Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: Vec::new(),
        on_damage: OnDamage::Stop,
        from_ns: 0,
        threads: 1,
    }
}

/// A session of the simulator's market.
fn made(args: &BenchArgs) -> Result<Arc<[u8]>, Failure> {
    let symbols = SYMBOLS.map(str::to_owned).to_vec();
    let profile = "steady:10000".parse().expect("a rate");
    let feed = Feed::Generated { symbols, profile, seed: args.rounds.seed };
    let frames_max = Some(u64::from(args.frames));
    let config = SimulatorConfig { frames_max, ..SimulatorConfig::new(feed) };
    let mut lines = Vec::new();
    record_session(&config, &mut lines)
        .map_err(|error| Failure::new(Exit::InputOutput, error.to_string()))?;
    Ok(lines.into())
}

/// Text that is kept in memory at most.
const BYTES_MAX: usize = 1 << 30;

/// The constants of the hash by Fowler, Noll and Vo.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
