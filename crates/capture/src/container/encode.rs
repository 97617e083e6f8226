//! MCAP records as bytes, after <https://mcap.dev/spec>. All numbers are little-endian.

use std::collections::BTreeMap;

pub(super) const MAGIC: [u8; 8] = *b"\x89MCAP0\r\n";

/// First byte of each record.
pub(super) mod opcode {
    pub(crate) const HEADER: u8 = 0x01;
    pub(crate) const FOOTER: u8 = 0x02;
    pub(crate) const CHANNEL: u8 = 0x04;
    pub(crate) const MESSAGE: u8 = 0x05;
    pub(crate) const CHUNK: u8 = 0x06;
    pub(crate) const CHUNK_INDEX: u8 = 0x08;
    pub(crate) const STATISTICS: u8 = 0x0B;
    pub(crate) const METADATA: u8 = 0x0C;
    pub(crate) const METADATA_INDEX: u8 = 0x0D;
    pub(crate) const DATA_END: u8 = 0x0F;
}

/// Bytes before a record's body: opcode and length.
pub(super) const RECORD_HEAD_BYTES: usize = 9;

/// Bytes of a message's body before its data: channel, sequence, log time, publish time.
pub(super) const MESSAGE_HEAD_BYTES: usize = 22;

/// Appends a record whose body `write` appends.
pub(super) fn record(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(opcode);
    let length_at = out.len();
    out.extend_from_slice(&[0; 8]);
    write(out);
    let length = (out.len() - length_at - 8) as u64;
    out[length_at..length_at + 8].copy_from_slice(&length.to_le_bytes());
}

/// Kind and body of the first record, and what follows it; `None` where it is not whole.
pub(super) fn split_record(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((kind, body, rest))
}

/// What stands before a message's data. Its sequence is 0: the format leaves that to the writer, and
/// ours has none.
#[inline]
pub(super) fn message_head(
    channel: u16,
    time_ns: u64,
    data_bytes: usize,
) -> [u8; RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES] {
    let mut head = [0; RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES];
    head[0] = opcode::MESSAGE;
    head[1..9].copy_from_slice(&((MESSAGE_HEAD_BYTES + data_bytes) as u64).to_le_bytes());
    head[9..11].copy_from_slice(&channel.to_le_bytes());
    head[15..23].copy_from_slice(&time_ns.to_le_bytes());
    head[23..31].copy_from_slice(&time_ns.to_le_bytes());
    head
}

pub(super) fn u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    u32(out, u32::try_from(text.len()).expect("names and metadata are short"));
    out.extend_from_slice(text.as_bytes());
}

/// A map of strings: its length in bytes, then key and value of each.
pub(super) fn strings(out: &mut Vec<u8>, map: &BTreeMap<String, String>) {
    let length = map.iter().map(|(key, value)| 8 + key.len() + value.len()).sum::<usize>();
    u32(out, u32::try_from(length).expect("metadata is short"));
    for (key, value) in map {
        string(out, key);
        string(out, value);
    }
}

/// Bytes of a footer's body.
pub(super) const FOOTER_BYTES: usize = 8 + 8 + 4;

/// Key of the checksum of all other keys and values: the format has none for metadata.
pub(super) const CHECKSUM: &str = "checksum";

/// Appends a metadata record with a checksum of its own.
pub(super) fn metadata(out: &mut Vec<u8>, name: &str, map: &BTreeMap<String, String>) {
    let mut map = map.clone();
    map.remove(CHECKSUM);
    map.insert(CHECKSUM.to_owned(), checksum(&map));
    record(out, opcode::METADATA, |out| {
        string(out, name);
        strings(out, &map);
    });
}

/// CRC-32 of keys and values as they are written, in eight hexadecimal digits.
pub(super) fn checksum(map: &BTreeMap<String, String>) -> String {
    let mut bytes = Vec::new();
    strings(&mut bytes, map);
    format!("{:08x}", crc32fast::hash(&bytes))
}

/// Name and map of a metadata record's body.
pub(super) fn read_metadata(body: &[u8]) -> Option<(String, BTreeMap<String, String>)> {
    let mut rest = body;
    let name = take_string(&mut rest)?;
    let size = take_u32(&mut rest)?;
    if size as usize != rest.len() {
        return None;
    }
    let mut map = BTreeMap::new();
    while !rest.is_empty() {
        let key = take_string(&mut rest)?;
        map.insert(key, take_string(&mut rest)?);
    }
    Some((name, map))
}

fn take_string(rest: &mut &[u8]) -> Option<String> {
    let size = take_u32(rest)? as usize;
    let (text, after) = rest.split_at_checked(size)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_off_only_where_it_is_whole() {
        let mut bytes = Vec::new();
        record(&mut bytes, opcode::CHANNEL, |out| out.extend_from_slice(b"body"));
        bytes.push(7);
        assert_eq!(split_record(&bytes), Some((opcode::CHANNEL, &b"body"[..], &[7][..])));
        for size in 0..bytes.len() - 1 {
            assert_eq!(split_record(&bytes[..size]), None, "{size} bytes");
        }
        // A length of any size is believed only as far as there are bytes.
        bytes[1..9].fill(0xff);
        assert_eq!(split_record(&bytes), None);
    }
}
