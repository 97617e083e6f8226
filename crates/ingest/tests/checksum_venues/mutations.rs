//! Damaged recordings: the decoder says that something is wrong at the very message at which it can
//! be known, and never where it cannot.

use fastrand::Rng;

use crate::bitget_made::made;
use crate::kraken_recorded::{V1, V2};
use crate::okx_recorded::OKX_BOOKS;
use crate::oracle::{Message, Rule, first_detectable};
use crate::support::{Replay, frames, recorded_data};

/// Printed with every failure.
const SEED: u64 = 20_261_126;

/// The depth messages of one instrument, as frames and as the oracle reads them.
pub(crate) struct Stream {
    frames: Vec<String>,
    messages: Vec<Message>,
}

/// How a stream is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Deleted,
    /// With the next one.
    Swapped,
    /// The digit at this byte of the frame.
    Digit(usize, u8),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Deleted,
    Swapped,
    Digit,
}

/// One kind of recording.
struct Recording {
    rule: Rule,
    replay: fn() -> Replay,
    read: fn(&str) -> Option<(String, Message)>,
    /// Where the numbers of levels are in a frame.
    numbers: fn(&str) -> Vec<std::ops::Range<usize>>,
}

impl Recording {
    fn streams(&self, session: &str) -> Option<Vec<Stream>> {
        Some(self.streams_of(frames(&recorded_data()?.join(session))))
    }

    fn streams_of(&self, frames: Vec<String>) -> Vec<Stream> {
        let mut streams: Vec<(String, Stream)> = Vec::new();
        for frame in frames {
            let Some((symbol, message)) = (self.read)(&frame) else { continue };
            if !streams.iter().any(|it| it.0 == symbol) {
                let stream = Stream { frames: Vec::new(), messages: Vec::new() };
                streams.push((symbol.clone(), stream));
            }
            let (_, stream) = streams.iter_mut().find(|it| it.0 == symbol).unwrap();
            stream.frames.push(frame);
            stream.messages.push(message);
        }
        streams.into_iter().map(|it| it.1).collect()
    }

    /// Whether the decoder says so where the oracle does; whether that can be known at all.
    #[track_caller]
    fn check(&self, stream: &Stream, at: usize, damage: Damage) -> bool {
        let Stream { frames, messages } = stream;
        let mut order: Vec<usize> = (0..frames.len()).collect();
        let mut digit = None;
        match damage {
            Damage::Deleted => drop(order.remove(at)),
            Damage::Swapped => order.swap(at, at + 1),
            Damage::Digit(byte, new) => {
                let mut frame = frames[at].clone().into_bytes();
                frame[byte] = new;
                let frame = String::from_utf8(frame).unwrap();
                let (_, message) = (self.read)(&frame).unwrap();
                digit = Some((frame, message));
            }
        }
        let changed = |index| digit.as_ref().filter(|_| index == at);
        let expected = first_detectable(
            self.rule,
            order.iter().map(|&it| changed(it).map_or(&messages[it], |(_, message)| message)),
        );
        let mut replay = (self.replay)();
        let found = order.iter().position(|&it| {
            let frame = changed(it).map_or(&frames[it], |(frame, _)| frame);
            replay.frame(frame).unwrap_or_else(|error| panic!("{error}: {frame}"));
            replay.says_broken()
        });
        assert_eq!(found, expected, "{damage:?} at {at}, seed {SEED}: {}", frames[at]);
        expected.is_some()
    }

    fn random_digit(&self, frame: &str, rng: &mut Rng) -> Option<Damage> {
        let digits = digits(frame, &(self.numbers)(frame));
        let byte = *digits.get(rng.usize(..digits.len().max(1)))?;
        Some(Damage::Digit(byte, other_digit(frame, byte, rng)))
    }

    /// `count` times the same kind of damage at random places of random instruments; how many of them
    /// can be known.
    #[track_caller]
    fn check_random(&self, session: &str, kind: Kind, count: usize) -> usize {
        self.streams(session).map_or(0, |streams| self.check_random_of(&streams, kind, count))
    }

    /// As [`Recording::check_random`].
    #[track_caller]
    fn check_random_of(&self, streams: &[Stream], kind: Kind, count: usize) -> usize {
        let mut rng = Rng::with_seed(SEED);
        let all: usize = streams.iter().map(|it| it.frames.len()).sum();
        let (mut done, mut known) = (0, 0);
        while done < count {
            let mut at = rng.usize(..all);
            let stream = streams.iter().find(|stream| {
                let is_here = at < stream.frames.len();
                at -= if is_here { 0 } else { stream.frames.len() };
                is_here
            });
            let stream = stream.unwrap();
            let damage = match kind {
                Kind::Deleted => Some(Damage::Deleted),
                Kind::Swapped => (at + 1 < stream.frames.len()).then_some(Damage::Swapped),
                Kind::Digit => self.random_digit(&stream.frames[at], &mut rng),
            };
            if let Some(damage) = damage {
                known += usize::from(self.check(stream, at, damage));
                done += 1;
            }
        }
        assert!(known > 0);
        known
    }
}

/// The bytes of numbers that are digits.
fn digits(frame: &str, numbers: &[std::ops::Range<usize>]) -> Vec<usize> {
    let bytes = numbers.iter().cloned().flatten();
    bytes.filter(|&at| frame.as_bytes()[at].is_ascii_digit()).collect()
}

/// Another digit, with which the number still is one: no zero in front of other digits.
fn other_digit(frame: &str, byte: usize, rng: &mut Rng) -> u8 {
    let is_part = |it: u8| it.is_ascii_digit() || it == b'.';
    let bytes = frame.as_bytes();
    let leads = !is_part(bytes[byte - 1]) && bytes[byte + 1].is_ascii_digit();
    loop {
        let new = b'0' + rng.u8(..10);
        if new != bytes[byte] && !(leads && new == b'0') {
            return new;
        }
    }
}

/// The texts between each `start` and the next `end`, with their places.
fn between(frame: &str, start: &str, end: char) -> Vec<std::ops::Range<usize>> {
    frame
        .match_indices(start)
        .map(|(at, _)| {
            let from = at + start.len();
            from..from + frame[from..].find(end).unwrap()
        })
        .collect()
}

fn part<'a>(frame: &'a str, start: &str, end: char) -> Option<&'a str> {
    Some(&frame[between(frame, start, end).first()?.clone()])
}

const KRAKEN: Recording = Recording {
    rule: Rule::Kraken { depth: 25 },
    replay: || Replay::kraken(&[], &[], None),
    read: |frame| {
        if !frame.starts_with(r#"{"channel":"book""#) {
            return None;
        }
        let side = |name: &str| {
            let list = part(frame, &format!("\"{name}\":["), ']').unwrap();
            let texts = |key, end| between(list, key, end);
            let prices = texts("\"price\":", ',');
            let pairs = prices.into_iter().zip(texts("\"qty\":", '}'));
            pairs.map(|(price, qty)| [list[price].to_owned(), list[qty].to_owned()]).collect()
        };
        let message = Message {
            is_snapshot: frame.contains(r#""type":"snapshot""#),
            bids: side("bids"),
            asks: side("asks"),
            checksum: part(frame, "\"checksum\":", ',').map(|it| it.parse().unwrap()),
            ..Message::default()
        };
        Some((part(frame, "\"symbol\":\"", '"').unwrap().to_owned(), message))
    },
    numbers: |frame| {
        let mut numbers = between(frame, "\"price\":", ',');
        numbers.extend(between(frame, "\"qty\":", '}'));
        numbers
    },
};

const KRAKEN_V1: Recording = Recording {
    rule: Rule::Kraken { depth: 1_000 },
    replay: Replay::kraken_v1,
    read: |frame| {
        if !frame.starts_with('[') {
            return None;
        }
        let values: Vec<serde_json::Value> = serde_json::from_str(frame).unwrap();
        let side = |names: [&str; 2]| {
            let lists = values.iter().flat_map(|it| names.iter().filter_map(|&name| it.get(name)));
            let levels = lists.flat_map(|it| it.as_array().unwrap());
            levels.map(|it| [0, 1].map(|at| it[at].as_str().unwrap().to_owned())).collect()
        };
        let checksum = values.iter().find_map(|it| it.get("c"));
        let message = Message {
            is_snapshot: values[1].get("as").is_some(),
            bids: side(["b", "bs"]),
            asks: side(["a", "as"]),
            checksum: checksum.map(|it| it.as_str().unwrap().parse().unwrap()),
            ..Message::default()
        };
        Some((values.last().unwrap().as_str().unwrap().to_owned(), message))
    },
    numbers: |frame| {
        // `["price","quantity","time"]`: the first two texts of each list of texts.
        let mut numbers = Vec::new();
        for list in between(frame, "[\"", ']') {
            let mut at = list.start;
            for text in frame[list].split("\",\"").take(2) {
                numbers.push(at..at + text.len());
                at += text.len() + 3;
            }
        }
        numbers
    },
};

const OKX: Recording = Recording {
    rule: Rule::Okx,
    replay: || Replay::okx(&[], &[], None),
    read: |frame| {
        let text: serde_json::Value = serde_json::from_str(frame).unwrap();
        let is_snapshot = match text["action"].as_str()? {
            "snapshot" => true,
            "update" => false,
            other => panic!("{other}"),
        };
        let data = &text["data"][0];
        let side = |name: &str| {
            let levels = data[name].as_array().unwrap().iter();
            levels.map(|it| [0, 1].map(|at| it[at].as_str().unwrap().to_owned())).collect()
        };
        let (bids, asks) = (side("bids"), side("asks"));
        let link = data["seqId"].as_i64().map(|own| [data["prevSeqId"].as_i64().unwrap(), own]);
        let checksum = data["checksum"].as_i64();
        let message = Message { is_snapshot, bids, asks, checksum, link, number: None };
        Some((text["arg"]["instId"].as_str().unwrap().to_owned(), message))
    },
    // As in v1: price and size are the first texts of a list.
    numbers: KRAKEN_V1.numbers,
};

const BITGET: Recording = Recording {
    rule: Rule::Bitget,
    replay: || Replay::bitget(&[], &[], None),
    read: |frame| {
        if !frame.contains(r#""channel":"books""#) {
            return None;
        }
        let (symbol, message) = (OKX.read)(frame).unwrap();
        let text: serde_json::Value = serde_json::from_str(frame).unwrap();
        let number = text["data"][0]["seq"].as_i64();
        Some((symbol, Message { number, ..message }))
    },
    numbers: KRAKEN_V1.numbers,
};

#[test]
fn any_damage_of_v2_is_seen_at_the_first_message_that_shows_it() {
    let Some(streams) = KRAKEN.streams(V2) else { return };
    let [stream] = &streams[..] else { panic!("one book") };
    let mut rng = Rng::with_seed(SEED);
    let (count, mut digits_changed) = (stream.frames.len(), 0);
    assert_eq!(count, 30);
    for at in 0..count {
        KRAKEN.check(stream, at, Damage::Deleted);
        if at + 1 < count {
            KRAKEN.check(stream, at, Damage::Swapped);
        }
        let frame = &stream.frames[at];
        for byte in digits(frame, &(KRAKEN.numbers)(frame)) {
            KRAKEN.check(stream, at, Damage::Digit(byte, other_digit(frame, byte, &mut rng)));
            digits_changed += 1;
        }
    }
    println!("{count} deleted, {} swapped, {digits_changed} digits", count - 1);
}

#[test]
fn a_deleted_message_of_v1_is_seen_at_the_first_message_that_shows_it() {
    let known = KRAKEN_V1.check_random(V1, Kind::Deleted, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn two_swapped_messages_of_v1_are_seen_at_the_first_message_that_shows_it() {
    let known = KRAKEN_V1.check_random(V1, Kind::Swapped, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn a_changed_digit_of_v1_is_seen_at_the_first_message_that_shows_it() {
    let known = KRAKEN_V1.check_random(V1, Kind::Digit, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn a_deleted_message_of_okx_is_seen_at_the_first_message_that_shows_it() {
    let known = OKX.check_random(OKX_BOOKS, Kind::Deleted, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn two_swapped_messages_of_okx_are_seen_at_the_first_message_that_shows_it() {
    let known = OKX.check_random(OKX_BOOKS, Kind::Swapped, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn a_changed_digit_of_okx_is_seen_at_the_first_message_that_shows_it() {
    let known = OKX.check_random(OKX_BOOKS, Kind::Digit, 200);
    println!("{known} of 200 can be known; seed {SEED}");
}

fn check_bitget(kind: Kind) -> usize {
    let streams = BITGET.streams_of(made().frames);
    BITGET.check_random_of(&streams, kind, 200)
}

#[test]
fn a_deleted_message_of_bitget_is_seen_at_the_first_message_that_shows_it() {
    let known = check_bitget(Kind::Deleted);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn two_swapped_messages_of_bitget_are_seen_at_the_first_message_that_shows_it() {
    let known = check_bitget(Kind::Swapped);
    println!("{known} of 200 can be known; seed {SEED}");
}

#[test]
fn a_changed_digit_of_bitget_is_seen_at_the_first_message_that_shows_it() {
    let known = check_bitget(Kind::Digit);
    println!("{known} of 200 can be known; seed {SEED}");
}

/// The session of 2022 in the shape of 2026: numbers, and checksums of 0.
fn check_links(kind: Kind) {
    let recording = Recording { rule: Rule::Links, ..OKX };
    let Some(mut streams) = recording.streams(OKX_BOOKS) else { return };
    for stream in &mut streams {
        let (mut last, mut rng) = (-1, Rng::with_seed(SEED));
        for (frame, message) in stream.frames.iter_mut().zip(&mut stream.messages) {
            let own = last.max(100) + rng.i64(1..50);
            let checksum = message.checksum.unwrap();
            let numbers = format!(r#""checksum":0,"seqId":{own},"prevSeqId":{last}"#);
            *frame = frame.replace(&format!(r#""checksum":{checksum}"#), &numbers);
            *message = (recording.read)(frame).unwrap().1;
            last = own;
        }
        let count = stream.frames.len();
        let known = (0..count - 1).filter(|&at| match kind {
            Kind::Deleted => recording.check(stream, at, Damage::Deleted),
            _ => recording.check(stream, at, Damage::Swapped),
        });
        assert_eq!(known.count(), count - 1, "all but the last can be known");
        assert!(!recording.check(stream, count - 1, Damage::Deleted));
    }
}

#[test]
fn every_message_of_okx_that_is_missing_breaks_the_link_of_the_next() {
    check_links(Kind::Deleted);
}

#[test]
fn every_two_messages_of_okx_that_are_swapped_break_a_link() {
    check_links(Kind::Swapped);
}
