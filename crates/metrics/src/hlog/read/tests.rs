use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer, V2Serializer};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

use super::super::IntervalDrain;
use super::*;
use crate::clock::{Clock, MOCK_WALL_NS_AT_START};
use crate::stage::Stage;

/// Made from the format's description by a script of Python, not by the library that writes ours:
/// 1,000 once, 2,000 five times, 1,000,000 twice; three digits.
const THREE_DIGITS: &str = "HISTFAAAACt4nJNpmSzMwMDAxQABzFCaEch0M9ixgMH+A0TgPD/TWX6u+f2MLACN2AdO";

/// 131,072 three times and 2,769,000 once, with two digits.
const TWO_DIGITS: &str = "HISTFAAAACh4nJNpmSzMwMDAxgABTFCakYGB2c1gxwIG+w8Qgf+ibOc5mABxwAZD";

/// 123,456,789 ten times, with five digits.
const FIVE_DIGITS: &str = "HISTFAAAACd4nJNpmSzMwMDAygABMJqRgYHZzWDHAgb7DxCB09vXMooAAG2aBpY=";

/// 4,096 twice, least value 1,000.
const COARSE: &str = "HISTFAAAACN4nJNpmSzMwMDAxAABzFDqBRC7GexYwGD/ASLCzwIAaJgFSg==";

/// 7 once, not compressed.
const PLAIN: &str = "HISTEwAAAAIAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAA0C";

const DOUBLE: &str = "DHISTgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

const HALVES: &str = "HISTFAAAACN4nJNpmSzMwMDAxAABzFCaEch0M9ixgMH+AUSAlwkAVqEETA==";

/// A log with the header, the order and the tags of HdrHistogram's Java tools.
fn java_log() -> String {
    format!(
        "#[Logged with jHiccup version 2.0.6]\r\n\
         #[Histogram log format version 1.2]\r\n\
         #[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 08:24:39 PDT 2015]\r\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\r\n\
         0.127,1.007,1.000,{THREE_DIGITS}\r\n\
         Tag=A,1.134,0.999,2.769,{TWO_DIGITS}\r\n"
    )
}

fn read(text: &str) -> Result<Vec<LogInterval>, HlogReadError> {
    HlogReader::new(text.as_bytes()).collect()
}

#[track_caller]
fn fails(text: &str, line: u64, reason: LineError) {
    match read(text) {
        Err(HlogReadError::Line { line: at, reason: why }) => assert_eq!((at, why), (line, reason)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_of_java_s_tools_is_read() {
    let mut reader = HlogReader::new(java_log().leak().as_bytes());
    let entries: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(reader.start_time_ns(), Some(1_441_812_279_474_000_000));
    let [first, second] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((first.line, &first.tag), (5, &None));
    assert_eq!((first.start_ns, first.length_ns), (1_441_812_279_601_000_000, 1_007_000_000));
    let buckets = [(1_000, 1), (2_000, 5), (1_000_447, 2)];
    let found: Vec<_> = first.buckets.iter().map(|it| (it.value, it.count)).collect();
    assert_eq!(found, buckets);
    assert_eq!((second.line, second.tag.as_deref()), (6, Some("A")));
    let summary = second.summary();
    assert_eq!((summary.count, summary.p50, summary.max), (4, 132_095, 2_785_279));
}

#[test]
fn stamps_count_from_the_base_time_the_start_time_or_1970() {
    for (header, start_ns) in [
        (
            "#[StartTime: 5.0 (seconds since epoch)]\n#[BaseTime: 1700000000.25]\n",
            1_700_000_000_375,
        ),
        ("#[StartTime: 1700000000.000 (seconds since epoch)]\n", 1_700_000_000_125),
        ("#[StartTime: 1.000 (seconds since epoch)]\n", 125),
        ("", 125),
    ] {
        let entries = read(&format!("{header}0.125,1.0,1.0,{THREE_DIGITS}\n")).unwrap();
        assert_eq!(entries[0].start_ns, start_ns * 1_000_000, "{header}");
    }
}

#[test]
fn histograms_of_any_digits_and_bounds_are_read_compressed_or_not() {
    for (base64, value, count) in
        [(FIVE_DIGITS, 123_457_023, 10), (COARSE, 4_607, 2), (PLAIN, 7, 1)]
    {
        let entries = read(&format!("0.0,1.0,1.0,{base64}")).unwrap();
        assert_eq!(entries[0].buckets, [Bucket { value, count }]);
    }
}

#[test]
fn what_our_writer_wrote_is_read_back() {
    let (clock, time) = Clock::mock();
    let mut drain = IntervalDrain::new(Vec::new(), clock.clone(), 1_000_000_000).unwrap();
    let mut recorder = drain.recorder(Stage::Total, "spread/1").unwrap();
    for round in 1..=3 {
        (1..=100).for_each(|us| recorder.record_ticks(round * us * 1_000));
        time.advance_ns(1_000_000_000);
        assert!(recorder.roll(clock.ticks()));
        drain.collect().unwrap();
    }
    drop(recorder);
    let log = String::from_utf8(drain.finish().unwrap()).unwrap();
    let entries = read(&log).unwrap();
    assert_eq!(entries.len(), 3);
    for (round, entry) in (1..).zip(&entries) {
        assert_eq!(entry.tag.as_deref(), Some("total.spread/1"));
        let start_ns = MOCK_WALL_NS_AT_START + (round - 1) * 1_000_000_000;
        assert_eq!((entry.start_ns, entry.length_ns), (start_ns, 1_000_000_000));
        let summary = entry.summary();
        assert_eq!(summary.count, 100);
        assert!(summary.p50.abs_diff(round * 50_000) * 500 <= round * 50_000, "{summary:?}");
    }
}

#[test]
fn each_damage_is_named_with_its_line() {
    let good = format!("0.0,1.0,1.0,{THREE_DIGITS}\n");
    let after = |line: &str| format!("#[comment]\n{good}{line}\n{good}");
    for line in ["hello", "1.0", "1.0,1.0,1.0", "1.0,1.0,1.0,HISTFA,rest", "Tag=x", "Tag=x,1.0,2.0"]
    {
        fails(&after(line), 3, LineError::Parts);
    }
    for (line, part) in [
        (format!("x,1.0,1.0,{THREE_DIGITS}"), "start"),
        (format!("-1.0,1.0,1.0,{THREE_DIGITS}"), "start"),
        (format!("99999999999.0,1.0,1.0,{THREE_DIGITS}"), "start"),
        (format!("1.0,1.,1.0,{THREE_DIGITS}"), "length"),
        (format!("1.0,1.0,,{THREE_DIGITS}"), "maximum"),
        ("#[StartTime: soon]".to_owned(), "start time"),
        ("#[BaseTime: -1 (seconds since epoch)]".to_owned(), "base time"),
    ] {
        fails(&after(&line), 3, LineError::Number { part });
    }
    fails(&after(&format!("Tag=,1.0,1.0,1.0,{THREE_DIGITS}")), 3, LineError::Tag);
    let long = "t".repeat(TAG_BYTES_MAX + 1);
    fails(&after(&format!("Tag={long},1.0,1.0,1.0,{THREE_DIGITS}")), 3, LineError::Tag);
    for (base64, reason) in [
        ("HISTFAAA*A", PayloadError::Base64),
        ("HISTF", PayloadError::Base64),
        ("HIS", PayloadError::Damaged),
        ("AAAAAAAA", PayloadError::Cookie { cookie: 0 }),
        (DOUBLE, PayloadError::Fractions),
        (HALVES, PayloadError::Fractions),
    ] {
        fails(&after(&format!("1.0,1.0,1.0,{base64}")), 3, reason.into());
    }
}

#[test]
fn a_line_that_is_cut_anywhere_is_an_error_and_never_another_histogram() {
    let entry = format!("1.0,1.0,1.0,{THREE_DIGITS}");
    for size in 1..entry.len() {
        let read = read(&entry[..size]);
        assert!(matches!(read, Err(HlogReadError::Line { line: 1, .. })), "{size}: {read:?}");
    }
}

#[test]
fn a_histogram_with_one_wrong_character_is_an_error() {
    let unharmed = read(&format!("1.0,1.0,1.0,{THREE_DIGITS}")).unwrap();
    // The two lowest bits of the last character fill up its byte, and say nothing.
    for index in 0..THREE_DIGITS.len() {
        for other in ['A', 'x', '/'] {
            let mut damaged: Vec<char> = THREE_DIGITS.chars().collect();
            damaged[index] = other;
            let damaged: String = damaged.into_iter().collect();
            if damaged == THREE_DIGITS {
                continue;
            }
            if let Ok(read) = read(&format!("1.0,1.0,1.0,{damaged}")) {
                assert_eq!(read, unharmed, "{index} {other}");
                assert!(index < 12, "only the header of the stream has bits that do not matter");
            }
        }
    }
}

#[test]
fn after_an_error_the_reading_is_over() {
    let log = format!("x\n0.0,1.0,1.0,{THREE_DIGITS}\n");
    let mut reader = HlogReader::new(log.as_bytes());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_line_without_end_is_refused_before_it_is_held() {
    struct Endless(u64);
    impl io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'A');
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }
    let mut reader = HlogReader::new(io::BufReader::new(Endless(0)));
    let read = reader.next().unwrap();
    let Err(HlogReadError::Line { line: 1, reason: LineError::TooLong }) = read else {
        panic!("{read:?}")
    };
    assert!(reader.reader.get_ref().0 < 2 * LINE_BYTES_MAX as u64);
}

#[test]
fn a_histogram_that_inflates_without_end_is_refused() {
    let mut bomb = Histogram::<u64>::new_with_bounds(1, u64::MAX / 2, 5).unwrap();
    for value in (1_u64..).step_by(1).take(131_072).chain((18..45).flat_map(|bits| {
        let step = 1_u64 << (bits - 17);
        (0..65_536_u64).map(move |place| (1_u64 << (bits - 1)) + place * step)
    })) {
        bomb.saturating_record_n(value, 1 << 20);
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&bomb, &mut bytes).unwrap();
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let line = format!("1.0,1.0,1.0,{}", encode_base64(&bytes));
    fails(&line, 1, PayloadError::TooLarge.into());
}

/// A histogram of one count at `index`, three digits, not compressed.
fn lone_place(index: i64, digits: u32, lowest: u64) -> String {
    let mut counts = Vec::new();
    for number in [-index, 1] {
        let mut encoded = ((number << 1) ^ (number >> 63)).cast_unsigned();
        for place in 0..9 {
            let is_last = place == 8 || encoded < 0x80;
            let low = u8::try_from(encoded & if place == 8 { 0xff } else { 0x7f }).unwrap();
            counts.push(if is_last { low } else { low | 0x80 });
            encoded >>= 7;
            if is_last {
                break;
            }
        }
    }
    let mut bytes = Vec::new();
    bytes.extend(0x1c84_9313_u32.to_be_bytes());
    bytes.extend(u32::try_from(counts.len()).unwrap().to_be_bytes());
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(digits.to_be_bytes());
    bytes.extend(lowest.to_be_bytes());
    bytes.extend(u64::MAX.to_be_bytes());
    bytes.extend(1.0_f64.to_be_bytes());
    bytes.extend(counts);
    format!("1.0,1.0,1.0,{}", encode_base64(&bytes))
}

#[test]
fn a_place_past_the_range_is_an_error() {
    // The last place of 64 bits: 53 doublings of 1,024 places behind the first 2,048.
    let last = 54 * 1_024 + 1_023;
    assert_eq!(read(&lone_place(last, 3, 1)).unwrap()[0].buckets[0].value, u64::MAX);
    for (index, digits, lowest) in
        [(last + 1, 3, 1), (i64::MAX, 3, 1), (1, 6, 1), (1, 3, 0), (last, 3, u64::MAX)]
    {
        fails(&lone_place(index, digits, lowest), 1, PayloadError::OutOfRange.into());
    }
}

fn encode_base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..=chunk.len() {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 0x3f).unwrap();
            text.push(char::from(alphabet[value]));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_histogram_of_the_library_is_read_as_it_is(
        values in vec((0..1_u64 << 40, 1..1_000_000_u64), 0..60),
        digits in 0..=5_u8,
        lowest in 1..5_000_u64,
        is_compressed: bool,
    ) {
        let mut histogram = Histogram::<u64>::new_with_bounds(lowest, 1 << 41, digits).unwrap();
        values.iter().for_each(|&(value, count)| histogram.record_n(value, count).unwrap());
        let mut bytes = Vec::new();
        if is_compressed {
            V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
        } else {
            V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        }
        let entries = read(&format!("0.0,1.0,1.0,{}", encode_base64(&bytes))).unwrap();
        let expected: Vec<_> = histogram
            .iter_recorded()
            .map(|it| {
                let value = histogram.highest_equivalent(it.value_iterated_to());
                Bucket { value, count: it.count_at_value() }
            })
            .collect();
        prop_assert_eq!(&entries[0].buckets, &expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _read: Vec<_> = HlogReader::new(bytes.as_slice()).collect();
    }

    #[test]
    fn no_histogram_makes_the_reader_panic(bytes in vec(any::<u8>(), 0..60), cookie in 0..2_u32) {
        let mut histogram = (0x1c84_9313_u32 + cookie).to_be_bytes().to_vec();
        histogram.extend(bytes);
        let _read = read(&format!("0.0,1.0,1.0,{}", encode_base64(&histogram)));
    }

    #[test]
    fn no_counts_make_the_reader_panic(counts in vec(any::<u8>(), 0..60), digits in 0..7_u32) {
        let mut bytes = 0x1c84_9313_u32.to_be_bytes().to_vec();
        bytes.extend(u32::try_from(counts.len()).unwrap().to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(digits.to_be_bytes());
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(1_000_u64.to_be_bytes());
        bytes.extend(1.0_f64.to_be_bytes());
        bytes.extend(counts);
        let read = read(&format!("0.0,1.0,1.0,{}", encode_base64(&bytes)));
        if let Ok(entries) = read {
            prop_assert!(entries[0].buckets.is_sorted_by_key(|it| it.value));
        }
    }

    #[test]
    fn a_damaged_log_is_an_exact_prefix(at in 0..1_000_usize, byte: u8) {
        let good = read(&java_log()).unwrap();
        let mut bytes = java_log().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        // A digit may become another one, a comment another comment: but nothing is invented.
        let read: Vec<_> = HlogReader::new(bytes.as_slice()).map_while(Result::ok).collect();
        prop_assert!(read.len() <= good.len());
        for entry in read {
            prop_assert!(good.iter().any(|it| it.buckets == entry.buckets));
        }
    }
}
