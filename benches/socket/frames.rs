//! Frames as a server sends them: unmasked texts.

/// Bytes of messages that are sent at once: with their headers less than a fresh socket's window of
/// 64 KiB, so that all of it lies with the reader when the reading begins.
pub(crate) const PIECE_BYTES: usize = 32 * 1024;

/// As many frames of `len` bytes as make a piece.
pub(crate) fn piece(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 16);
    for index in 0..PIECE_BYTES / len {
        let letter = b'a' + u8::try_from(index % 26).expect("below 26");
        push_frame(&mut bytes, &vec![letter; len]);
    }
    bytes
}

fn push_frame(bytes: &mut Vec<u8>, payload: &[u8]) {
    const FIN_TEXT: u8 = 0x81;
    bytes.push(FIN_TEXT);
    match payload.len() {
        len @ 0..126 => bytes.push(u8::try_from(len).expect("below 126")),
        len => {
            bytes.push(126);
            bytes.extend_from_slice(&u16::try_from(len).expect("below 64 KiB").to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
}
