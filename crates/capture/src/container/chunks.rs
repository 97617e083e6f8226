//! Chunk after chunk of a capture, up to its end or to the first damage.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::encode::{self, opcode};
use super::ending::Ending;
use super::entry::{Hole, ROLES};
use super::records::{Fault, Found, Input, Records, le_u32, le_u64};
use super::unpack::{Unpacked, Unpacker};
use super::{CONNECTIONS, INSTRUMENTS_NAME, METADATA_NAME};
use crate::CaptureError;

/// What a reader does at a damaged place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnDamage {
    /// It stops with an error: what came before is whole.
    #[default]
    Stop,
    /// It goes on at the next whole chunk. A [`Hole`] stands where entries are missing.
    Skip,
}

/// What comes next in a capture.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A chunk; its bytes are unpacked.
    Chunk,
    /// Damage was passed over, or what was not recorded between two sessions.
    Skipped(Hole),
    /// The end.
    End(Ending),
}

/// Where chunks come from: read in place, or ahead on other threads.
pub(super) trait Chunks: Send {
    /// The next one, unpacked into `chunk`.
    fn next(&mut self, chunk: &mut Unpacked) -> Result<Step, CaptureError>;

    /// Damaged places passed over so far: where, and what is wrong.
    fn damages(&self) -> &[Damage] {
        &[]
    }

    /// What the file says about instruments, once it has.
    fn instruments(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        &NONE
    }
}

/// A damaged place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// Where the damaged record starts, in bytes.
    pub offset: u64,
    /// Bytes up to the next whole record.
    pub bytes: u64,
    /// What is wrong.
    pub what: String,
}

/// What a capture says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) session: BTreeMap<String, String>,
    pub(super) instruments: BTreeMap<String, String>,
}

/// Reads chunks in place.
pub(super) struct DirectChunks {
    name: String,
    records: Records,
    unpacker: Unpacker,
    body: Vec<u8>,
    on_damage: OnDamage,
    pub(super) told: Told,
    /// Latest time of the chunk before, for holes.
    last_ns: u64,
    damages: Vec<Damage>,
    /// Only chunks whose turn it is are unpacked: `(own, of)`.
    turn: (u64, u64),
    chunks: u64,
    ending: Option<Ending>,
    /// Segments that follow this one.
    more: VecDeque<PathBuf>,
    /// The first segment that just stopped.
    first_cut: Option<Ending>,
}

impl DirectChunks {
    /// Opens a file, up to and with what it says about its session; `more` follow when it ends. Its
    /// [`DirectChunks::ending`] is set when it ends before that.
    pub(super) fn open(
        path: &Path,
        more: VecDeque<PathBuf>,
        on_damage: OnDamage,
    ) -> Result<Self, CaptureError> {
        let mut chunks = Self::new(path.display().to_string(), records(path, false)?, on_damage)?;
        chunks.more = more;
        chunks.read_head()?;
        Ok(chunks)
    }

    /// Reads on from where `records` stands, which is the start of the file.
    pub(super) fn new(
        name: String,
        records: Records,
        on_damage: OnDamage,
    ) -> Result<Self, CaptureError> {
        let unpacker = Unpacker::new().map_err(|source| CaptureError::Read {
            name: name.clone(),
            line: 0,
            source,
        })?;
        Ok(Self {
            name,
            records,
            unpacker,
            body: Vec::new(),
            on_damage,
            told: Told::default(),
            last_ns: 0,
            damages: Vec::new(),
            turn: (0, 1),
            chunks: 0,
            ending: None,
            more: VecDeque::new(),
            first_cut: None,
        })
    }

    /// How it ended, once it has.
    pub(super) const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Unpacks only each `of`th chunk, from the `own`th on, counted from here; passes the others.
    pub(super) const fn share(&mut self, own: u64, of: u64) {
        self.turn = (own, of);
        self.chunks = 0;
    }

    /// Goes to a chunk; false where the file cannot be sought.
    pub(super) fn seek(&mut self, offset: u64) -> Result<bool, CaptureError> {
        self.records.seek(offset).map_err(|source| self.io(source))
    }

    pub(super) const fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    /// Reads up to what the file says about its session. False when the file ends before it.
    pub(super) fn read_head(&mut self) -> Result<bool, CaptureError> {
        let fault = match self.try_read_head() {
            Ok(is_whole) => return Ok(is_whole),
            Err(fault) => fault,
        };
        let Fault::Damage(what) = fault else { return Err(self.error(0, fault)) };
        let offset = self.records.offset();
        if self.torn(offset)? {
            return Ok(false);
        }
        if self.on_damage == OnDamage::Stop || self.records.size().is_none() {
            return Err(self.error(offset, Fault::Damage(what)));
        }
        let first = self.records.find_after(0).map_err(|source| self.io(source))?;
        let Some(first) = first else { return Err(self.error(offset, Fault::Damage(what))) };
        self.damages.push(Damage { offset, bytes: first - offset, what: what.to_owned() });
        self.guess_connections(first)?;
        self.seek(first)?;
        Ok(true)
    }

    fn try_read_head(&mut self) -> Result<bool, Fault> {
        if !matches!(self.records.magic()?, Found::Record(_)) {
            self.cut(0);
            return Ok(false);
        }
        loop {
            let offset = self.records.offset();
            match self.records.next()? {
                Found::Record(opcode::HEADER) => {}
                Found::Record(opcode::METADATA) => {
                    take_metadata(self.records.body(), &mut self.told)?;
                    if !self.told.session.is_empty() {
                        return Ok(true);
                    }
                }
                Found::Part if self.records.find_after(offset)?.is_some() => {
                    return Err(Fault::Damage("a record claims to reach past the end of the file"));
                }
                Found::End | Found::Part => {
                    self.cut(offset);
                    return Ok(false);
                }
                Found::Record(_) => {
                    return Err(Fault::Damage(
                        "does not say what was recorded: it is no capture of ours",
                    ));
                }
            }
        }
    }

    /// Learns from the first chunk's channels how many connections there are.
    fn guess_connections(&mut self, first: u64) -> Result<(), CaptureError> {
        self.seek(first)?;
        let mut chunk = Unpacked::default();
        let mut channels = 0;
        if let Ok(Some(Step::Chunk)) = self.step(&mut chunk) {
            let mut rest = &chunk.bytes[chunk.start..];
            while let Some((opcode::CHANNEL, _, next)) = encode::split_record(rest) {
                channels += 1;
                rest = next;
            }
        }
        self.chunks = 0;
        let connections = (channels / ROLES).max(1).to_string();
        self.told.session.insert(CONNECTIONS.to_owned(), connections);
        Ok(())
    }

    /// Notes that the file stops at `offset`.
    fn cut(&mut self, offset: u64) -> Step {
        let bytes = self.records.size().map_or(0, |size| size - offset);
        self.end_with(Ending::Cut { offset, bytes })
    }

    const fn end_with(&mut self, ending: Ending) -> Step {
        self.ending = Some(ending);
        Step::End(ending)
    }

    /// Whether the file was torn at `offset`: it ends in zeros, and nothing whole comes after it.
    fn torn(&mut self, offset: u64) -> Result<bool, CaptureError> {
        let is_torn = self
            .records
            .ends_in_zeros()
            .and_then(|zeros| Ok(zeros && self.records.find_after(offset)?.is_none()));
        let is_torn = is_torn.map_err(|source| self.io(source))?;
        if is_torn {
            self.cut(offset);
        }
        Ok(is_torn)
    }

    fn io(&self, source: std::io::Error) -> CaptureError {
        let (name, offset) = (self.name.clone(), self.records.offset());
        CaptureError::ReadAt { name, offset, source }
    }

    fn error(&self, offset: u64, fault: Fault) -> CaptureError {
        let name = self.name.clone();
        match fault {
            Fault::Io(source) => CaptureError::ReadAt { name, offset, source },
            Fault::Damage(what) => CaptureError::Damaged { name, offset, what: what.to_owned() },
        }
    }

    /// One record; `None` when it was nothing for the caller.
    fn step(&mut self, chunk: &mut Unpacked) -> Result<Option<Step>, Fault> {
        let offset = self.records.offset();
        match self.records.next()? {
            // A length that was damaged reaches past what follows.
            Found::Part if self.records.find_after(offset)?.is_some() => {
                Err(Fault::Damage("a record claims to reach past the end of the file"))
            }
            Found::End | Found::Part => Ok(Some(self.cut(offset))),
            Found::Record(opcode::CHUNK) => {
                let index = self.chunks;
                self.chunks += 1;
                if index % self.turn.1 != self.turn.0 {
                    return Ok(None);
                }
                self.records.swap_body(&mut self.body);
                self.unpacker.unpack(&mut self.body, chunk).map_err(Fault::Damage)?;
                self.last_ns = chunk.last_ns;
                Ok(Some(Step::Chunk))
            }
            Found::Record(opcode::METADATA) => {
                take_metadata(self.records.body(), &mut self.told)?;
                Ok(None)
            }
            Found::Record(opcode::DATA_END) => self.end().map(Some),
            Found::Record(_) => Err(Fault::Damage("a record of a kind that no capture holds")),
        }
    }

    /// Reads what follows the data: the summary, the footer, the magic.
    fn end(&mut self) -> Result<Step, Fault> {
        if self.records.body().len() != 4 {
            return Err(Fault::Damage("the end of the data is not as long as it must be"));
        }
        let written = le_u32(self.records.body());
        if self.records.crc_before_last().is_some_and(|crc| crc != written) {
            return Err(Fault::Damage("the checksum of all before the end of the data is wrong"));
        }
        self.records.start_crc();
        let summary_offset = self.records.offset();
        loop {
            let offset = self.records.offset();
            match self.records.next()? {
                Found::End | Found::Part => return Ok(self.cut(offset)),
                Found::Record(opcode::FOOTER) => break,
                Found::Record(_) => {}
            }
        }
        check_footer(&self.records, summary_offset)?;
        let offset = self.records.offset();
        match self.records.magic()? {
            Found::Record(_) => {}
            Found::End | Found::Part => return Ok(self.cut(offset)),
        }
        if !matches!(self.records.next(), Ok(Found::End)) {
            return Err(Fault::Damage("something follows the end"));
        }
        Ok(self.end_with(Ending::Clean))
    }

    /// Goes on with the next segment, if there is one. What lies between two sessions is a hole.
    fn follow_on(&mut self, ending: Ending) -> Result<Option<Step>, CaptureError> {
        if matches!(ending, Ending::Cut { .. }) {
            self.first_cut.get_or_insert(ending);
        }
        let Some(path) = self.more.pop_front() else {
            self.ending = Some(self.first_cut.unwrap_or(ending));
            return Ok(Some(Step::End(self.first_cut.unwrap_or(ending))));
        };
        let before = std::mem::take(&mut self.told);
        self.name = path.display().to_string();
        self.records = records(&path, false)?;
        self.ending = None;
        if !self.read_head()? {
            // Nothing was written into it before it stopped.
            self.told = before;
            return Ok(None);
        }
        let told = |key| [before.session.get(key), self.told.session.get(key)];
        for key in ["connections", "venue", "symbols", "channels"] {
            if let [one, other] = told(key)
                && one != other
            {
                return Err(CaptureError::Malformed {
                    name: self.name.clone(),
                    entries: 0,
                    what: format!("it is of another session than the segment before: its `{key}`"),
                });
            }
        }
        let [session, next_session] = told("session");
        if session == next_session {
            return Ok(None);
        }
        let bytes = if let Ending::Cut { bytes, .. } = ending { bytes } else { 0 };
        Ok(Some(Step::Skipped(Hole { first_ns: self.last_ns, last_ns: 0, entries: 0, bytes })))
    }

    /// Goes on after damage at `offset`.
    fn skip(&mut self, offset: u64, what: &'static str) -> Result<Step, CaptureError> {
        let next = self.records.find_after(offset).map_err(|source| self.io(source))?;
        let size = self.records.size().unwrap_or(offset);
        let target = next.unwrap_or(size);
        let bytes = target - offset;
        self.damages.push(Damage { offset, bytes, what: what.to_owned() });
        let hole = Hole { first_ns: self.last_ns, last_ns: 0, entries: 0, bytes };
        if next.is_none() {
            self.ending = Some(Ending::Cut { offset, bytes: size - offset });
        } else {
            self.seek(target)?;
        }
        Ok(Step::Skipped(hole))
    }
}

impl Chunks for DirectChunks {
    fn damages(&self) -> &[Damage] {
        &self.damages
    }

    fn instruments(&self) -> &BTreeMap<String, String> {
        &self.told.instruments
    }

    fn next(&mut self, chunk: &mut Unpacked) -> Result<Step, CaptureError> {
        loop {
            if let Some(ending) = self.ending {
                match self.follow_on(ending)? {
                    None => continue,
                    Some(step) => return Ok(step),
                }
            }
            let offset = self.records.offset();
            match self.step(chunk) {
                Ok(Some(Step::End(_)) | None) => {}
                Ok(Some(step)) => return Ok(step),
                Err(Fault::Damage(what)) => {
                    if self.torn(offset)? {
                        continue;
                    }
                    if self.on_damage == OnDamage::Skip && self.records.size().is_some() {
                        return self.skip(offset, what);
                    }
                    return Err(self.error(offset, Fault::Damage(what)));
                }
                Err(fault) => return Err(self.error(offset, fault)),
            }
        }
    }
}

/// A file's records from its start; `with_crc` as of [`Records::new`].
pub(super) fn records(path: &Path, with_crc: bool) -> Result<Records, CaptureError> {
    let open = |source| CaptureError::Open { path: path.to_owned(), source };
    let input = File::open(path).and_then(Input::of).map_err(open)?;
    Ok(Records::new(input, with_crc))
}

fn take_metadata(body: &[u8], told: &mut Told) -> Result<(), Fault> {
    let damage = Fault::Damage("what the file says about its session cannot be read");
    let Some((name, mut map)) = encode::read_metadata(body) else { return Err(damage) };
    // Other programs' metadata are theirs.
    if name == METADATA_NAME || name == INSTRUMENTS_NAME {
        let written = map.remove(encode::CHECKSUM);
        if written.as_deref() != Some(encode::checksum(&map).as_str()) {
            return Err(Fault::Damage("the checksum of what it says about its session is wrong"));
        }
        if name == METADATA_NAME { told.session = map } else { told.instruments = map }
    }
    Ok(())
}

/// Checks the footer, which was read last, against the summary before it.
fn check_footer(records: &Records, summary_offset: u64) -> Result<(), Fault> {
    let body = records.body();
    if body.len() != encode::FOOTER_BYTES {
        return Err(Fault::Damage("the footer is not as long as it must be"));
    }
    if le_u64(body) != summary_offset {
        return Err(Fault::Damage("the footer points elsewhere than to the summary"));
    }
    if records.crc_but_last(opcode::FOOTER, 4) != Some(le_u32(&body[16..])) {
        return Err(Fault::Damage("the summary's checksum is wrong"));
    }
    Ok(())
}
