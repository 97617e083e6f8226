//! What comes over an open connection, and what goes.

use std::io::{Read, Write};
use std::sync::mpsc::sync_channel;

use tickring_event::ConnectionState;
use tickring_ingest::{KeepAlive, Polling, Source};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use crate::support::{Driver, Saw, accept, eager, listen, serve};

/// Lengths around every border: of the header, of the buffers, of nothing.
const LENGTHS: &[usize] =
    &[0, 1, 125, 126, 127, 4_095, 4_096, 4_097, 65_535, 65_536, 262_143, 262_144, 262_145, 700_000];

fn message(index: usize) -> String {
    let len = LENGTHS.get(index).copied().unwrap_or(index * 37 % 900);
    let letter = char::from(b'a' + u8::try_from(index % 26).unwrap());
    let mut text = format!("{index}:");
    text.extend(std::iter::repeat_n(letter, len));
    text
}

#[track_caller]
fn check_burst(polling: Polling) {
    const MESSAGES: usize = 20_000;
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        for index in 0..MESSAGES {
            socket.write(Message::text(message(index))).unwrap();
        }
        socket.flush().unwrap();
        socket
    });
    let mut config = eager(url);
    config.polling = polling;
    let mut driver = Driver::new(config);
    for index in 0..MESSAGES {
        let frame = driver.frame();
        assert!(frame == message(index).as_bytes(), "message {index}");
    }
    drop(server.join().unwrap());
}

#[test]
fn a_burst_arrives_whole_and_in_order() {
    check_burst(Polling::Busy);
    check_burst(Polling::Block);
}

/// A frame as a server sends it.
fn raw(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let frame = Frame::from_payload(
        tungstenite::protocol::frame::FrameHeader { opcode, ..Default::default() },
        payload.to_vec().into(),
    );
    let mut bytes = Vec::new();
    frame.format(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_frame_that_comes_in_two_parts_is_whole_wherever_it_is_cut() {
    let text = OpCode::Data(Data::Text);
    let long = "x".repeat(130);
    let bytes = [raw(text, b"first"), raw(text, long.as_bytes()), raw(text, b"last")].concat();
    let (listener, url) = listen();
    let (sent, was_sent) = sync_channel(0);
    let (go, may_go) = sync_channel(0);
    let cuts = bytes.len();
    let server = serve(move || {
        let mut socket = accept(&listener);
        for cut in 1..bytes.len() {
            socket.get_mut().write_all(&bytes[..cut]).unwrap();
            sent.send(()).unwrap();
            may_go.recv().unwrap();
            socket.get_mut().write_all(&bytes[cut..]).unwrap();
        }
        socket
    });
    let mut config = eager(url);
    config.polling = Polling::Busy;
    let mut driver = Driver::new(config);
    driver.until(ConnectionState::Connected);
    for cut in 1..cuts {
        let mut frames = Vec::new();
        was_sent.recv().unwrap();
        let mut idle = 0;
        while idle < 3 {
            match driver.turn().unwrap() {
                Saw::Frame(frame) => frames.push(frame),
                Saw::Idle => idle += 1,
                Saw::Status(status) => panic!("{status:?}"),
            }
        }
        go.send(()).unwrap();
        while frames.len() < 3 {
            frames.push(driver.frame());
        }
        assert_eq!(frames, [b"first", long.as_bytes(), b"last"], "cut at {cut}");
    }
    drop(server.join().unwrap());
}

#[test]
fn a_message_in_fragments_arrives_as_one() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        let part = |text: &'static str, opcode, last| {
            Message::Frame(Frame::message(text, OpCode::Data(opcode), last))
        };
        socket.send(part("one ", Data::Text, false)).unwrap();
        socket.send(Message::Ping(Vec::new().into())).unwrap();
        socket.send(part("two ", Data::Continue, false)).unwrap();
        socket.send(part("three", Data::Continue, true)).unwrap();
        socket
    });
    let mut driver = Driver::new(eager(url));
    assert_eq!(driver.frame(), b"one two three");
    drop(server.join().unwrap());
}

#[test]
fn no_compression_is_offered() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut request = Vec::new();
        let mut stream = crate::support::accept_tcp(&listener);
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        String::from_utf8(request).unwrap().to_lowercase()
    });
    let mut driver = Driver::new(eager(url));
    driver.until(ConnectionState::Disconnected);
    let request = server.join().unwrap();
    assert!(request.contains("upgrade: websocket"), "{request}");
    assert!(!request.contains("extensions"), "{request}");
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        socket.send(Message::Ping(b"are you there".to_vec().into())).unwrap();
        let answer = socket.read().unwrap();
        socket.send(Message::text("done")).unwrap();
        answer
    });
    let mut driver = Driver::new(eager(url));
    assert_eq!(driver.frame(), b"done");
    assert_eq!(server.join().unwrap(), Message::Pong(b"are you there".to_vec().into()));
}

#[test]
fn a_pong_that_found_no_room_is_sent_later() {
    const PINGS: u32 = 300_000;
    let (listener, url) = listen();
    let (sent, was_sent) = sync_channel(1);
    let (go, may_go) = sync_channel(0);
    let server = serve(move || {
        let mut socket = accept(&listener);
        // More answers than the sockets hold: nobody reads them until all questions are out.
        let mut bytes = Vec::new();
        for index in 0..PINGS {
            let mut payload = [b'.'; 100];
            payload[..4].copy_from_slice(&index.to_be_bytes());
            bytes.extend(raw(
                OpCode::Control(tungstenite::protocol::frame::coding::Control::Ping),
                &payload,
            ));
        }
        socket.get_mut().write_all(&bytes).unwrap();
        sent.send(()).unwrap();
        may_go.recv().unwrap();
        let last = (PINGS - 1).to_be_bytes();
        loop {
            if let Message::Pong(payload) = socket.read().unwrap()
                && payload.starts_with(&last)
            {
                return socket.send(Message::text("done"));
            }
        }
    });
    let mut config = eager(url);
    config.polling = Polling::Busy;
    let mut driver = Driver::new(config);
    while was_sent.try_recv().is_err() {
        driver.turn().unwrap();
    }
    // A turn reads one ping: from now on nothing comes that a waiting answer could go along with.
    for _ in 0..PINGS {
        driver.turn().unwrap();
    }
    go.send(()).unwrap();
    assert_eq!(driver.frame(), b"done");
    server.join().unwrap().unwrap();
}

#[track_caller]
fn check_keep_alive(mut turn: impl FnMut(&mut Driver)) {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        for _ in 0..3 {
            assert_eq!(socket.read().unwrap(), Message::text("ping!"));
        }
        socket
    });
    let mut config = eager(url);
    config.keep_alive = Some(KeepAlive { text: "ping!".to_owned(), interval_ms: 10 });
    let mut driver = Driver::new(config);
    driver.until(ConnectionState::Connected);
    while !server.is_finished() {
        turn(&mut driver);
    }
    drop(server.join().unwrap());
}

#[test]
fn the_keep_alive_is_sent_each_interval() {
    check_keep_alive(|driver| assert_eq!(driver.turn().unwrap(), Saw::Idle));
}

#[test]
fn the_keep_alive_is_sent_while_the_publisher_waits() {
    check_keep_alive(|driver| driver.source.keep_alive());
}

#[test]
fn a_command_reaches_the_venue() {
    let (listener, url) = listen();
    let server = serve(move || accept(&listener).read().unwrap());
    let mut driver = Driver::new(eager(url));
    driver.until(ConnectionState::Connected);
    driver.ask(r#"{"cmd":"subscribe"}"#);
    assert_eq!(server.join().unwrap(), Message::text(r#"{"cmd":"subscribe"}"#));
}

#[track_caller]
fn check_too_large(change: impl FnOnce(&mut tickring_ingest::LiveConfig), message: Message) {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        socket.send(Message::text("small")).unwrap();
        socket.send(message).unwrap();
        socket
    });
    let mut config = eager(url);
    change(&mut config);
    let mut driver = Driver::new(config);
    assert_eq!(driver.frame(), b"small");
    let reason = driver.error().to_string();
    assert!(reason.contains("2000 bytes") && reason.contains("limit of 1000"), "{reason}");
    assert!(reason.contains("message_bytes_max"), "{reason}");
    drop(server.join().unwrap());
}

#[test]
fn a_message_above_the_limit_ends_the_source_with_the_setting_to_raise() {
    check_too_large(|it| it.message_bytes_max = 1_000, Message::text("x".repeat(2_000)));
    check_too_large(|it| it.frame_bytes_max = 1_000, Message::text("x".repeat(2_000)));
}

#[test]
fn a_snapshot_of_five_megabytes_is_one_frame_within_the_default_limits() {
    // The size of a recorded book of Coinbase Advanced Trade.
    const BYTES: usize = 5_079_379;
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        socket.send(Message::text("x".repeat(BYTES))).unwrap();
        socket.send(Message::text("small")).unwrap();
        socket
    });
    let mut driver = Driver::new(eager(url));
    assert_eq!(driver.frame().len(), BYTES);
    assert_eq!(driver.frame(), b"small");
    drop(server.join().unwrap());
}

#[test]
fn a_close_frame_gives_its_code_and_reason() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        socket.send(Message::text("last words")).unwrap();
        let code = CloseCode::Library(4_001);
        socket.close(Some(CloseFrame { code, reason: "go away".into() })).unwrap();
        // The source answers the close.
        while socket.read().is_ok() {}
    });
    let mut driver = Driver::new(eager(url));
    assert_eq!(driver.frame(), b"last words");
    assert_eq!(driver.until(ConnectionState::Disconnected).code, 4_001);
    let said = format!("{:?}", driver.said);
    assert!(said.contains("4001 (go away)"), "{said}");
    server.join().unwrap();
}
