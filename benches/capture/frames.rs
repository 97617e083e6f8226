//! Frames to record, in memory.

use std::path::Path;

use tickring_capture::LineReader;

pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// Time, start and end of each.
    places: Vec<(u64, usize, usize)>,
}

impl Frames {
    pub(crate) fn of_file(path: &str) -> Self {
        let mut reader = LineReader::open(Path::new(path)).unwrap();
        let mut frames = Self { bytes: Vec::new(), places: Vec::new() };
        while let Some(frame) = reader.next_frame().unwrap() {
            frames.push(frame.arrival_ns, frame.text);
        }
        frames
    }

    /// 200,000 frames like those of a futures stream.
    pub(crate) fn made_up() -> Self {
        let mut frames = Self { bytes: Vec::new(), places: Vec::new() };
        for index in 0..200_000_u64 {
            let (price, size) = (6_100_000 + index * 7_919 % 1_013, index * 31 % 9_973);
            let text = format!(
                r#"{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{},"s":"BTCUSDT","b":"{}.{:02}","B":"{}.{:03}","a":"{}.{:02}","A":"{}.{:03}","T":{},"E":{}}}}}"#,
                5_123_119_988_480 + index * 3,
                price / 100,
                price % 100,
                size / 1_000,
                size % 1_000,
                price / 100,
                (price + 10) % 100,
                size * 3 / 1_000,
                size * 3 % 1_000,
                1_723_161_256_000 + index / 4,
                1_723_161_256_001 + index / 4
            );
            frames.push(1_723_161_255_000_000_000 + index * 3_600_000, text.as_bytes());
        }
        frames
    }

    fn push(&mut self, time_ns: u64, text: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.places.push((time_ns, start, self.bytes.len()));
    }

    /// The same so many times, one after the other in time.
    pub(crate) fn repeated(&self, times: u64) -> Self {
        let mut frames = Self { bytes: Vec::new(), places: Vec::new() };
        let span_ns = self.get(self.len() - 1).0 - self.get(0).0 + 1;
        for turn in 0..times {
            self.iter().for_each(|(time_ns, text)| frames.push(time_ns + turn * span_ns, text));
        }
        frames
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn get(&self, index: usize) -> (u64, &[u8]) {
        let (time_ns, start, end) = self.places[index];
        (time_ns, &self.bytes[start..end])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.places.iter().map(|&(time_ns, start, end)| (time_ns, &self.bytes[start..end]))
    }

    /// The same as lines of a session.
    pub(crate) fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.bytes.len() + 24 * self.places.len());
        for (time_ns, text) in self.iter() {
            lines.extend_from_slice(time_ns.to_string().as_bytes());
            lines.push(b' ');
            lines.extend_from_slice(text);
            lines.push(b'\n');
        }
        lines
    }
}
