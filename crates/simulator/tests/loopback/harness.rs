//! A running simulator and a client for it.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tickring_simulator::{
    Channel, Feed, Profile, Simulator, SimulatorConfig, SimulatorError, SimulatorReport, Time,
};
use tungstenite::{Error, Message, WebSocket};

pub(crate) const SYMBOLS: [&str; 2] = ["AAPL.US", "BTCUSDT"];

/// A clock that runs while the simulator waits and stands still while it works, so that a busy
/// machine makes no deadline pass. It may run some times as fast as the waits last.
pub(crate) struct WaitingTime {
    now_ns: AtomicU64,
    times: u64,
}

impl WaitingTime {
    pub(crate) const fn new(times: u64) -> Self {
        Self { now_ns: AtomicU64::new(0), times }
    }
}

impl Time for WaitingTime {
    fn now_ns(&self) -> u64 {
        // Relaxed: a number alone, which only the simulator's thread changes.
        self.now_ns.load(Ordering::Relaxed)
    }

    fn idle(&self, wait_ns_max: u64) {
        thread::park_timeout(Duration::from_nanos(wait_ns_max / self.times));
        // Relaxed: as above.
        self.now_ns.fetch_add(wait_ns_max, Ordering::Relaxed);
    }
}

/// Two symbols at `profile`.
pub(crate) fn generated(profile: &str) -> SimulatorConfig {
    let symbols = SYMBOLS.map(str::to_owned).to_vec();
    let profile: Profile = profile.parse().unwrap();
    SimulatorConfig::new(Feed::Generated { symbols, profile, seed: 11 })
}

/// Serves while `client` runs, then stops.
pub(crate) fn serve(
    config: SimulatorConfig,
    client: impl FnOnce(SocketAddr),
) -> Result<SimulatorReport, SimulatorError> {
    serve_on(&WaitingTime::new(1), config, client)
}

/// The same on a clock of the caller's.
pub(crate) fn serve_on(
    time: &WaitingTime,
    config: SimulatorConfig,
    client: impl FnOnce(SocketAddr),
) -> Result<SimulatorReport, SimulatorError> {
    let stop = AtomicBool::new(false);
    let mut simulator = Simulator::bind(config).unwrap();
    let address = simulator.local_addr();
    thread::scope(|scope| {
        let run = || simulator.run(time, &stop);
        let server = thread::Builder::new().name("simulator".to_owned());
        let server = server.spawn_scoped(scope, run).unwrap();
        let stopping = Stopping(&stop);
        client(address);
        drop(stopping);
        server.join().unwrap()
    })
}

/// Stops the server also when a client's assertion fails.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        // Relaxed: a flag alone, as in the simulator.
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, "/v1/realtime?api_key=k").unwrap()
    }

    #[expect(clippy::panic_in_result_fn, reason = "no answer at all is no result to look at")]
    pub(crate) fn try_connect(address: SocketAddr, path: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        match tungstenite::client(format!("ws://{address}{path}"), stream) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
            Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("no answer in 20 s"),
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    pub(crate) fn subscribe(&mut self, channel: Channel, symbols: &[&str]) {
        let data = json!({"channel": channel.name(), "symbols": symbols});
        self.send(&json!({"cmd": "subscribe", "data": data}).to_string());
    }

    /// Subscribes both symbols to all channels.
    pub(crate) fn subscribe_all(&mut self) {
        for channel in Channel::ALL {
            self.subscribe(channel, &SYMBOLS);
        }
    }

    /// Asserts that nothing has come: the answer to a protocol ping is next.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        self.socket.send(Message::Ping("silent?".into())).unwrap();
        assert_eq!(self.read().unwrap(), Message::Pong("silent?".into()));
    }

    /// The next message of any kind.
    pub(crate) fn read(&mut self) -> Result<Message, Error> {
        self.socket.read()
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        loop {
            if let Message::Text(text) = self.read().unwrap() {
                return text.to_string();
            }
        }
    }

    /// The next text as JSON.
    pub(crate) fn json(&mut self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// The next text that is data.
    pub(crate) fn data(&mut self) -> Value {
        loop {
            let message = self.json();
            if message.get("code").is_none() {
                return message;
            }
        }
    }

    /// The next text that is a reply.
    pub(crate) fn reply(&mut self) -> Value {
        loop {
            let message = self.json();
            if message.get("code").is_some() {
                return message;
            }
        }
    }

    /// Asserts the next reply.
    #[track_caller]
    pub(crate) fn expect_reply(&mut self, expected: &Value) {
        assert_eq!(self.reply(), *expected);
    }

    pub(crate) fn expect_ack(&mut self) {
        let ack = json!({"cmd": "subscribe", "code": 0, "message": "success", "data": {}});
        self.expect_reply(&ack);
    }

    /// Sends `text` and asserts the reply's command and code.
    #[track_caller]
    pub(crate) fn expect_code(&mut self, text: &str, command: &str, code: u16) {
        self.send(text);
        let reply = self.reply();
        assert_eq!((&reply["cmd"], &reply["code"]), (&json!(command), &json!(code)), "{text}");
    }

    /// Reads to the end: the texts, and how it ended.
    pub(crate) fn drain(&mut self) -> (Vec<Value>, End) {
        let mut texts = Vec::new();
        loop {
            match self.read() {
                Ok(Message::Text(text)) => texts.push(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(frame)) => {
                    let frame = frame.unwrap();
                    return (texts, End::Frame(frame.code.into(), frame.reason.to_string()));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing for 20 s")
                }
                Err(_) => return (texts, End::Tcp),
            }
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum End {
    Frame(u16, String),
    Tcp,
}

/// Symbol, channel and number of a data message.
pub(crate) fn numbered(message: &Value) -> ((String, String), u64) {
    let data = &message["data"];
    let symbol = data["symbol"].as_str().unwrap().to_owned();
    let channel = message["cmd"].as_str().unwrap().to_owned();
    ((symbol, channel), data["seq"].as_u64().unwrap())
}
