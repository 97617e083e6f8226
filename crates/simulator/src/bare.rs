//! A bare socket behind a WebSocket handshake, for senders that have their frames ready.

use std::io;
use std::net::TcpStream;

use tungstenite::HandshakeError;

/// Answers a client's handshake on any path, without a look at keys, and gives the socket back: what
/// is written to it from now on are [frames](push_text_frame). Waits for the client, within the
/// socket's own time limit for reading.
///
/// # Errors
/// The client does not ask for a WebSocket, or not in time.
pub fn accept_bare(stream: TcpStream) -> io::Result<TcpStream> {
    match tungstenite::accept(stream) {
        Ok(socket) => Ok(socket.into_inner()),
        Err(HandshakeError::Interrupted(_)) => Err(io::ErrorKind::TimedOut.into()),
        Err(HandshakeError::Failure(error)) => Err(io::Error::other(error.to_string())),
    }
}

/// Appends a text frame; one that is no UTF-8 becomes a binary frame.
pub fn push_text_frame(out: &mut Vec<u8>, text: &[u8]) {
    let first = if std::str::from_utf8(text).is_ok() { FINAL_TEXT } else { FINAL_BINARY };
    push_header(out, first, text.len());
    out.extend_from_slice(text);
}

/// A frame's header as RFC 6455, section 5.2 has it; a server never masks.
pub(crate) fn push_header(out: &mut Vec<u8>, first: u8, size: usize) {
    if let Ok(size @ 0..=125) = u8::try_from(size) {
        out.extend_from_slice(&[first, size]);
    } else if let Ok(size) = u16::try_from(size) {
        out.extend_from_slice(&[first, 126]);
        out.extend_from_slice(&size.to_be_bytes());
    } else {
        out.extend_from_slice(&[first, 127]);
        out.extend_from_slice(&(size as u64).to_be_bytes());
    }
}

pub(crate) const FINAL_TEXT: u8 = 0x81;
pub(crate) const FINAL_BINARY: u8 = 0x82;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn frames_written_to_the_bare_socket_reach_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/any", listener.local_addr().unwrap());
        let client = std::thread::Builder::new().name("client".to_owned()).spawn(move || {
            let (mut socket, _) = tungstenite::connect(url).unwrap();
            [socket.read().unwrap(), socket.read().unwrap()].map(|it| it.into_data().to_vec())
        });
        let mut stream = accept_bare(listener.accept().unwrap().0).unwrap();
        let mut frames = Vec::new();
        push_text_frame(&mut frames, b"one");
        push_text_frame(&mut frames, &[0xff; 300]);
        stream.write_all(&frames).unwrap();
        let read = client.unwrap().join().unwrap();
        assert_eq!(read, [b"one".to_vec(), vec![0xff; 300]]);
    }

    #[test]
    fn whoever_asks_for_something_else_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        accept_bare(listener.accept().unwrap().0).unwrap_err();
    }
}
