//! Recorded sessions for a command: opened, decompressed ahead, each connection with its venue.

mod undecoded;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tickring_capture::{
    Ahead, CaptureError, OnDamage, OpenOptions, Opened, Session, open_session, open_stream,
};
use tickring_event::{ConnectionId, Instruments};
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{Subscription, Venue};

pub(crate) use self::undecoded::UNDECODED;
use self::undecoded::Undecoded;
use crate::args::VenueName;
use crate::exit::{Exit, Failure};
use crate::venues::Wanted;

/// Channels that a recorded TickDB session may hold.
const CHANNELS: [&str; 3] = ["ticker", "depth", "trade"];

/// Files of lines, as `tickring_capture` calls them.
const LINES: &str = "lines";

/// The key in a capture's metadata that says its two connections relieved each other.
pub(crate) const RELAY: &str = "relay";

/// What sessions are opened for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) files: Vec<PathBuf>,
    /// The venue of every file; without it, each file must say itself.
    pub(crate) venue: Option<VenueName>,
    /// Instruments; all without it.
    pub(crate) symbols: Vec<String>,
    pub(crate) on_damage: OnDamage,
    /// Nothing before this time is wanted.
    pub(crate) from_ns: u64,
    /// Threads that unpack ahead of each file.
    pub(crate) threads: usize,
}

/// Sessions that can be read.
pub(crate) struct Sessions {
    pub(crate) sessions: Vec<Box<dyn Session>>,
    /// One for each connection, numbered through.
    pub(crate) venues: Vec<Box<dyn Venue>>,
    /// Connections that relieved each other.
    pub(crate) pairs: Vec<[ConnectionId; 2]>,
    /// By session, the venue whose recording it may be a part of: files of lines that begin when
    /// another has ended go on with its books.
    pub(crate) chains: Vec<Option<usize>>,
    pub(crate) instruments: Arc<Instruments>,
    /// What each file says about itself, and its format.
    pub(crate) told: Vec<(BTreeMap<String, String>, &'static str)>,
}

impl Request {
    /// Opens every file and starts the threads that read ahead.
    ///
    /// # Errors
    /// A file cannot be opened, or its venue is not known.
    pub(crate) fn open(&self) -> Result<Sessions, Failure> {
        self.open_as(|path, metadata, instruments| self.venue(path, metadata, instruments))
    }

    /// Opens every file as [`Request::open`] does. Where no venue is known, nothing is decoded.
    ///
    /// # Errors
    /// A file cannot be opened, or a symbol cannot be one of its venue.
    pub(crate) fn open_decoded_if_known(&self) -> Result<Sessions, Failure> {
        self.open_as(|path, metadata, instruments| {
            let known = self.venue.is_some() || recorded_venue(path, metadata).is_ok();
            if known { self.venue(path, metadata, instruments) } else { Ok(Box::new(Undecoded)) }
        })
    }

    /// Opens every file as [`Request::open`] does and decodes nothing.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(crate) fn open_undecoded(&self) -> Result<Sessions, Failure> {
        self.open_as(|_, _, _| Ok(Box::new(Undecoded)))
    }

    /// Opens every file; `venue_of` gives the venue of each of its connections.
    fn open_as(
        &self,
        venue_of: impl Fn(
            &Path,
            &BTreeMap<String, String>,
            &Arc<Instruments>,
        ) -> Result<Box<dyn Venue>, Failure>,
    ) -> Result<Sessions, Failure> {
        let instruments = Arc::new(Instruments::new());
        let mut chained = Vec::new();
        let mut all = Sessions {
            sessions: Vec::new(),
            venues: Vec::new(),
            pairs: Vec::new(),
            chains: Vec::new(),
            instruments,
            told: Vec::new(),
        };
        for path in &self.files {
            let Opened { session, metadata, format, ahead } =
                self.open_file(path).map_err(|error| unreadable(&error))?;
            all.pairs.extend(pair(all.venues.len(), session.connections(), &metadata));
            for _ in 0..session.connections() {
                all.venues.push(venue_of(path, &metadata, &all.instruments)?);
            }
            let is_part = format == LINES && session.connections() == 1;
            let name = all.venues.last().map_or("", |venue| venue.name());
            all.chains.push(is_part.then(|| chain_of(&mut chained, name)));
            all.sessions.push(session);
            all.told.push((metadata, format));
            start(path, ahead).map_err(|error| unreadable(&error))?;
        }
        Ok(all)
    }

    /// Opens every file once more, for the venues that are there.
    ///
    /// # Errors
    /// A file cannot be opened, or a thread not be made.
    pub(crate) fn reopen(&self) -> Result<Vec<Box<dyn Session>>, CaptureError> {
        let mut sessions = Vec::new();
        for path in &self.files {
            let Opened { session, ahead, .. } = self.open_file(path)?;
            sessions.push(session);
            start(path, ahead)?;
        }
        Ok(sessions)
    }

    fn open_file(&self, path: &Path) -> Result<Opened, CaptureError> {
        let Self { on_damage, from_ns, threads, .. } = *self;
        let options = OpenOptions { on_damage, from_ns, threads };
        if path.as_os_str() == "-" {
            open_stream("standard input".to_owned(), Box::new(io::stdin()), options)
        } else {
            open_session(path, options)
        }
    }

    /// The venue of a connection of `path`.
    fn venue(
        &self,
        path: &Path,
        metadata: &BTreeMap<String, String>,
        instruments: &Arc<Instruments>,
    ) -> Result<Box<dyn Venue>, Failure> {
        let name = match self.venue {
            Some(name) => name,
            None => recorded_venue(path, metadata)?,
        };
        let instruments = Arc::clone(instruments);
        if name == VenueName::Tickdb {
            return Ok(Box::new(tickdb(&self.symbols, metadata, instruments)?));
        }
        name.decoder(self.wanted(name, metadata), instruments)
    }

    /// What a recorded venue was subscribed to, where that is known: then acks, and messages that are
    /// nobody's, mean what they did. Else what is wanted of it.
    fn wanted(&self, name: VenueName, metadata: &BTreeMap<String, String>) -> Wanted {
        let symbols = list(metadata, "symbols");
        let offered = name.public().map_or(&[][..], |public| public.offer.channels);
        let of_word = |word: &String| offered.iter().copied().find(|it| it.name() == word);
        let channels: Vec<_> = list(metadata, "channels").iter().filter_map(of_word).collect();
        if !self.symbols.is_empty() || symbols.is_empty() || channels.is_empty() {
            return Wanted::Recorded(self.symbols.clone());
        }
        let depth = metadata.get("depth").and_then(|it| it.parse().ok());
        Wanted::Subscribed(Subscription { symbols, channels, depth })
    }
}

/// The number of a venue's chain.
fn chain_of(chained: &mut Vec<&'static str>, venue: &'static str) -> usize {
    chained.iter().position(|it| *it == venue).unwrap_or_else(|| {
        chained.push(venue);
        chained.len() - 1
    })
}

/// The two connections of a capture whose source had them relieve each other; `first` is the number
/// of its own first.
fn pair(
    first: usize,
    connections: usize,
    metadata: &BTreeMap<String, String>,
) -> Option<[ConnectionId; 2]> {
    let first = u8::try_from(first).ok()?;
    let are_one = connections == 2 && metadata.contains_key(RELAY);
    are_one.then(|| [ConnectionId(first), ConnectionId(first.saturating_add(1))])
}

/// A list in a capture's metadata.
fn list(metadata: &BTreeMap<String, String>, key: &str) -> Vec<String> {
    let text = metadata.get(key).map_or("", String::as_str);
    text.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// The venue that a capture says it is of.
fn recorded_venue(path: &Path, metadata: &BTreeMap<String, String>) -> Result<VenueName, Failure> {
    let Some(name) = metadata.get("venue") else {
        let words = format!("{} does not say which venue it is of: give --venue", path.display());
        return Err(Failure::usage(words));
    };
    clap::ValueEnum::from_str(name, false).map_err(|_| {
        let words = format!("{} is of the venue `{name}`, which is not known here", path.display());
        Failure::usage(words)
    })
}

/// TickDB as it was subscribed to when it was recorded, where that is known: then every instrument
/// has the number that it had then.
fn tickdb(
    symbols: &[String],
    metadata: &BTreeMap<String, String>,
    instruments: Arc<Instruments>,
) -> Result<TickDb, Failure> {
    let recorded = list(metadata, "symbols");
    let symbols = if symbols.is_empty() { recorded.as_slice() } else { symbols };
    if symbols.is_empty() {
        return Ok(TickDb::recorded(instruments));
    }
    let mut channels = list(metadata, "channels");
    if channels.is_empty() {
        channels = CHANNELS.map(str::to_owned).to_vec();
    }
    TickDbConfig::parse(symbols, &channels)
        .and_then(|config| TickDb::new(&config, instruments))
        .map_err(|error| Failure::usage(error.to_string()))
}

/// Starts the threads that read ahead. They end with their session.
fn start(path: &Path, ahead: Vec<Ahead>) -> Result<(), CaptureError> {
    for work in ahead {
        thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(|| work.run())
            .map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// A session that cannot be opened, in words.
pub(crate) fn unreadable(error: &CaptureError) -> Failure {
    Failure::new(Exit::InputOutput, error.to_string())
}
