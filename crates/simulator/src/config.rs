use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Channel, Faults, Profile, Protocol};

/// What to serve, where, and how it misbehaves.
///
/// Start from [`SimulatorConfig::new`] and change what matters.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Where to listen: a loopback address, port 0 for any free one.
    pub listen: SocketAddr,
    /// Where messages come from.
    pub feed: Feed,
    /// What the feed carries and clients may subscribe to; another channel is refused with code
    /// 1004. At least one.
    pub channels: Vec<Channel>,
    /// Which keys are let in.
    pub api_key: KeyCheck,
    /// Stop numbering and sending after this many messages, then stay connected and answer pings.
    pub frames_max: Option<u64>,
    /// Close and end this long after [`Simulator::run`](crate::Simulator::run) was called.
    pub duration_ms: Option<u64>,
    /// Sending begins when this many (symbol, channel) pairs have been subscribed, 1 unless
    /// changed. A client that subscribes to several channels misses the first messages of the
    /// later ones otherwise.
    pub start_after_subscriptions: u32,
    /// Restarts in the course of sending.
    pub restarts: Restarts,
    /// How long a connection that is being closed may take to receive what was already sent. When
    /// the run is stopped it has 500 ms at most.
    pub drain_ms_max: u64,
    /// Whether each data message carries `seq`.
    pub numbered: bool,
    /// Milliseconds since the Unix epoch at which the generated feed's time starts and that pongs
    /// count from. Fixed unless changed, so that a seed gives the same messages every time.
    pub epoch_ms: u64,
    /// Where the simulator departs from, or settles, what the protocol leaves open.
    pub faults: Faults,
}

impl SimulatorConfig {
    /// A free port of 127.0.0.1, every channel, any key, numbered, endless, without faults. Recorded
    /// frames are served without a look at keys. A venue that pings its clients does.
    pub fn new(feed: Feed) -> Self {
        let (api_key, ping_interval_ms) = match feed {
            Feed::Recorded { .. } => (KeyCheck::Off, None),
            Feed::Venue { protocol, .. } => (KeyCheck::Off, protocol.ping_interval_ms()),
            Feed::Generated { .. } | Feed::Session { .. } => (KeyCheck::Any, None),
        };
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            feed,
            channels: Channel::ALL.to_vec(),
            api_key,
            frames_max: None,
            duration_ms: None,
            start_after_subscriptions: 1,
            restarts: Restarts::default(),
            drain_ms_max: 5_000,
            numbered: true,
            epoch_ms: EPOCH_MS,
            faults: Faults { ping_interval_ms, ..Faults::default() },
        }
    }
}

/// Where messages come from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// Made up from a seed: a random walk per symbol.
    Generated {
        /// The symbols there are; others are answered with code 2002.
        symbols: Vec<String>,
        /// When messages are due.
        profile: Profile,
        /// The same seed gives the same messages at the same times.
        seed: u64,
    },
    /// Recorded Binance spot and USD-M sessions, as TickDB messages. Any symbol can be subscribed;
    /// one that is not recorded stays silent.
    Session {
        /// The sessions, one connection each, merged by arrival time.
        paths: Vec<PathBuf>,
        /// How fast.
        speed: Speed,
    },
    /// Recorded sessions of any venue, each frame byte for byte as it was received. See the crate's
    /// front page for how a recording and its live clients keep together.
    Recorded {
        /// The sessions, merged by time.
        paths: Vec<PathBuf>,
        /// How fast.
        speed: Speed,
        /// Commands that a client must have sent before it gets its first frame. If absent, the
        /// recording decides where it knows what its client sent; where it does not, the first
        /// frame waits until the client has sent no command for 100 ms, or none for one second
        /// after it came.
        start_after_commands: Option<u32>,
    },
    /// Recorded sessions of one venue, served as that venue would: each client gets what it
    /// subscribes to. See the crate's front page.
    Venue {
        /// How the venue speaks.
        protocol: Protocol,
        /// The sessions, merged by time.
        paths: Vec<PathBuf>,
        /// How fast.
        speed: Speed,
        /// Subscribe commands of all clients together after which the recording begins. If absent,
        /// it begins when somebody has subscribed and nobody has sent a command for 100 ms.
        start_after: Option<u32>,
        /// How long the recording waits for an HTTP request whose answer comes next, and how long a
        /// request waits for an answer that comes later.
        get_wait_ms_max: u64,
    },
}

/// How fast recorded sessions are served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Times as fast as it was recorded. Must be above 0.
    Times(f64),
    /// As fast as clients take it. There is no pace to keep then, so a re-dressed session waits
    /// while nobody is subscribed.
    Max,
}

/// A text that is no speed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no speed: expected `max` or a number above 0")]
pub struct SpeedError(String);

impl Speed {
    /// Whether the number is in range, which that of a parsed speed is.
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::Times(times) => times.is_finite() && times > 0.0,
            Self::Max => true,
        }
    }

    /// When something is due, so long after the start of the recording.
    pub(crate) fn due_ns(self, elapsed_ns: u64) -> u64 {
        match self {
            Self::Max => 0,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "exact below 104 days of recording, and saturating beyond"
            )]
            Self::Times(times) => (elapsed_ns as f64 / times) as u64,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(formatter, "{times}"),
            Self::Max => formatter.write_str("max"),
        }
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        let speed =
            if text == "max" { Some(Self::Max) } else { text.parse().ok().map(Self::Times) };
        speed.filter(|speed| speed.is_valid()).ok_or_else(|| SpeedError(text.to_owned()))
    }
}

/// Which keys are let in.
#[derive(Clone, Eq, PartialEq)]
pub enum KeyCheck {
    /// Any key that is not empty; a connection without one is refused with code 1002.
    Any,
    /// This one; others are refused with code 1001.
    Exactly(String),
    /// Nobody is asked for a key.
    Off,
}

impl fmt::Debug for KeyCheck {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Any => "Any",
            Self::Exactly(_) => "Exactly(..)",
            Self::Off => "Off",
        })
    }
}

/// Restarts of the server: connections and listener close, messages go on being numbered, and
/// after a while it listens again on the same port.
///
/// A restart waits until somebody is subscribed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Restarts {
    /// How many.
    pub count: u32,
    /// From the last connection's end to listening again.
    pub down_ms: u64,
    /// Numbered messages from one to the next. If absent they are spread evenly over
    /// [`frames_max`](SimulatorConfig::frames_max), or else over
    /// [`duration_ms`](SimulatorConfig::duration_ms), one of which is then needed.
    pub every_frames: Option<u64>,
}

/// 2026-01-05 14:30:00 UTC, a Monday: the New York market opens.
const EPOCH_MS: u64 = 1_767_623_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_max_or_a_number_above_nothing() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("10".parse(), Ok(Speed::Times(10.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        assert_eq!(Speed::Times(0.5).to_string().parse(), Ok(Speed::Times(0.5)));
        for text in ["", "0", "-1", "nan", "inf", "fast"] {
            let error = text.parse::<Speed>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is no speed: expected `max` or a number above 0")
            );
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", KeyCheck::Exactly("secret".to_owned())), "Exactly(..)");
    }
}
