//! Records entries into files and reads them back.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use tickring_capture::{
    CaptureError, CaptureReader, CaptureTally, CaptureWriter, ConnectionChange, Entry, Hole,
    OnCaptureFull, OnDamage, SegmentFiles, Segments, Session, Tap, WriterConfig, WriterPorts,
    capture_channel,
};

/// An entry that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kept {
    Received(u8, u64, Vec<u8>),
    Sent(u8, u64, Vec<u8>),
    Changed(u8, u64, ConnectionChange),
    Hole(Hole),
}

impl From<Entry<'_>> for Kept {
    fn from(entry: Entry<'_>) -> Self {
        match entry {
            Entry::Received { connection, arrival_ns, text } => {
                Self::Received(connection, arrival_ns, text.to_vec())
            }
            Entry::Sent { connection, time_ns, text } => {
                Self::Sent(connection, time_ns, text.to_vec())
            }
            Entry::Changed { connection, time_ns, change } => {
                Self::Changed(connection, time_ns, change)
            }
            Entry::Hole(hole) => Self::Hole(hole),
        }
    }
}

impl Kept {
    pub(crate) fn record(&self, tap: &mut Tap) {
        match self {
            Self::Received(connection, time_ns, text) => tap.received(*connection, *time_ns, text),
            Self::Sent(connection, time_ns, text) => tap.sent(*connection, *time_ns, text),
            Self::Changed(connection, time_ns, change) => {
                tap.changed(*connection, *time_ns, *change, change.state == 4);
            }
            Self::Hole(_) => panic!("holes make themselves"),
        }
    }
}

/// Frames that look like market data, `step_ns` apart.
pub(crate) fn frames(count: u64, step_ns: u64) -> Vec<Kept> {
    let frame = |index: u64| {
        let text = format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","t":{index},"p":"{}.{:02}"}}}}"#,
            61_000 + index * 7 % 911,
            index * 31 % 97
        );
        Kept::Received((index % 2) as u8, 1_700_000_000_000_000_000 + index * step_ns, text.into())
    };
    (0..count).map(frame).collect()
}

pub(crate) fn metadata() -> BTreeMap<String, String> {
    let pairs = [("session", "s1"), ("venue", "binance-usdm"), ("symbols", "BTCUSDT")];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

pub(crate) fn instruments() -> BTreeMap<String, String> {
    [("BTCUSDT".to_owned(), "-2,-3".to_owned())].into()
}

/// Records what `work` gives to the tap into `segments`, with a clock that moves 100 ms each time it
/// is read. What the writer says is collected.
pub(crate) fn record_with<S: Segments>(
    segments: S,
    config: WriterConfig,
    on_full: OnCaptureFull,
    work: impl FnOnce(Tap),
) -> (CaptureTally, Vec<String>) {
    let (tap, receiver) = capture_channel(2, on_full);
    let writer = CaptureWriter::new(segments, config, &receiver, 0).unwrap();
    thread::scope(|scope| {
        let written = scope.spawn(move || {
            let now_ns = Cell::new(0);
            let mut said = Vec::new();
            let mut ports = WriterPorts {
                now_ns: &|| now_ns.replace(now_ns.get() + 100_000_000),
                instruments: &instruments,
                say: &mut |notice| said.push(format!("{notice:?}")),
            };
            let tally = writer.run(receiver, &mut ports);
            (tally, said)
        });
        work(tap);
        written.join().unwrap()
    })
}

/// Records entries into a new file.
pub(crate) fn record(path: &Path, entries: &[Kept]) -> CaptureTally {
    let files = SegmentFiles::create(path, false).unwrap();
    let config = WriterConfig::new(metadata());
    let (tally, said) = record_with(files, config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(tally.failures, 0);
    tally
}

/// Everything that can be read, and the error that ended it.
pub(crate) fn read_all(reader: &mut dyn Session) -> (Vec<Kept>, Option<CaptureError>) {
    let mut entries = Vec::new();
    loop {
        match reader.advance() {
            Ok(true) => entries.push(reader.entry().into()),
            Ok(false) => return (entries, None),
            Err(error) => return (entries, Some(error)),
        }
    }
}

pub(crate) fn read_bytes(
    bytes: &[u8],
    on_damage: OnDamage,
) -> Result<(Vec<Kept>, CaptureReader, Option<CaptureError>), CaptureError> {
    let mut reader = CaptureReader::from_bytes("capture".to_owned(), bytes.to_vec(), on_damage)?;
    let (entries, error) = read_all(&mut reader);
    Ok((entries, reader, error))
}
