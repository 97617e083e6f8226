//! What a live connection is told before it starts.

use std::fmt;

use tickring_event::ConnectionId;

use crate::live::backoff::Backoff;
use crate::live::key::{ApiKey, percent_encode};
use crate::live::profile::{Limit, Profile};
use crate::source::SourceError;

/// Largest message and frame unless told otherwise.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Silence allowed where nothing is sent that the venue would answer.
const SILENCE_MS_WITHOUT_KEEP_ALIVE: u64 = 60_000;

/// How long two connections run side by side: longer than one of them lags behind the other.
const OVERLAP_MS_MIN: u64 = 500;

/// Silence allowed, in intervals of the keep-alive.
const SILENCE_KEEP_ALIVES: u64 = 3;

/// One connection: where to, who we are, and every limit of its life.
///
/// `Debug` shows neither the key nor the query of the URL.
#[derive(Clone)]
pub struct LiveConfig {
    /// `ws://` or `wss://`, host, and what follows. A query stays; a key in it is treated as one.
    pub url: String,
    /// Goes into the query, in place of one that the URL holds.
    pub key: Option<ApiKey>,
    /// Name of the query parameter for the key.
    pub key_parameter: String,
    /// What is sent regularly, if anything.
    pub keep_alive: Option<KeepAlive>,
    /// Time for one address to accept a TCP connection.
    pub connect_ms_max: u64,
    /// Time for TLS and the WebSocket upgrade together.
    pub handshake_ms_max: u64,
    /// Time from the first command to the answer of the last.
    pub subscribe_ms_max: u64,
    /// Every command is answered: a connection on which one was not, in twice that time, is given up.
    pub must_answer: bool,
    /// Time without any frame after which the connection is given up.
    pub silence_ms_max: u64,
    /// Attempts that may be made, over all connections of the source.
    pub attempts: Option<Limit>,
    /// Messages that may be sent over one connection; what is above waits.
    pub messages: Option<Limit>,
    /// Books that may be started over on one connection; what is above waits.
    pub resyncs: Option<Limit>,
    /// Snapshots that may be fetched, over all connections of the source; what is above waits.
    pub fetches: Option<Limit>,
    /// Age at which the venue cuts a connection; a [`RelaySource`](crate::RelaySource) opens the next
    /// one before.
    pub age_ms_max: Option<u64>,
    /// How long a new connection runs beside the one it is to replace, at least.
    pub overlap_ms_min: u64,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// How long a connection that carried data must last to start the backoff over.
    pub healthy_ms_min: u64,
    /// Attempts without such a connection before giving up; `None` goes on for ever.
    pub attempts_max: Option<u32>,
    /// Largest message; a larger one ends the connection.
    pub message_bytes_max: usize,
    /// Largest frame of a message.
    pub frame_bytes_max: usize,
    /// Whom TLS trusts.
    pub roots: Roots,
    /// What an empty read is followed by.
    pub polling: Polling,
    /// The kernel is asked when it received what is read (Linux).
    pub kernel_time: bool,
    /// The number its frames carry.
    pub connection: ConnectionId,
}

/// A text that is sent regularly, so that the venue answers and both sides know of each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeepAlive {
    /// The message.
    pub text: String,
    /// Time between two of them.
    pub interval_ms: u64,
}

/// Whose signature on the venue's certificate is accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Roots {
    /// Those of the operating system; the bundled ones where it has none (a bare container).
    #[default]
    System,
    /// Mozilla's, compiled in.
    Bundled,
    /// These alone, each in DER: a private authority.
    Given(Vec<Vec<u8>>),
}

/// What an empty read is followed by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Polling {
    /// The next one at once: shortest reaction, and the thread needs a core of its own.
    Busy,
    /// A wait for the socket, at most 50 ms.
    #[default]
    Block,
}

impl LiveConfig {
    /// The defaults for `url`; silence is allowed for three keep-alives.
    #[must_use]
    pub fn new(url: impl Into<String>, keep_alive: Option<KeepAlive>) -> Self {
        let silence_ms_max = keep_alive.as_ref().map_or(SILENCE_MS_WITHOUT_KEEP_ALIVE, |it| {
            it.interval_ms.saturating_mul(SILENCE_KEEP_ALIVES)
        });
        Self {
            url: url.into(),
            key: None,
            key_parameter: "api_key".to_owned(),
            keep_alive,
            connect_ms_max: 3_050,
            handshake_ms_max: 10_000,
            subscribe_ms_max: 10_000,
            must_answer: false,
            silence_ms_max,
            attempts: None,
            messages: None,
            resyncs: None,
            fetches: None,
            age_ms_max: None,
            overlap_ms_min: OVERLAP_MS_MIN,
            backoff: Backoff::default(),
            healthy_ms_min: 30_000,
            attempts_max: None,
            message_bytes_max: MESSAGE_BYTES_MAX,
            frame_bytes_max: MESSAGE_BYTES_MAX,
            roots: Roots::default(),
            polling: Polling::default(),
            kernel_time: false,
            connection: ConnectionId(0),
        }
    }

    /// What `profile` asks for, at `url` where that is another than the profile's.
    #[must_use]
    pub fn of_profile(profile: &Profile, url: Option<String>) -> Self {
        let Profile { keep_alive, attempts, messages, resyncs, fetches, age_ms_max, .. } = *profile;
        let keep_alive =
            keep_alive.map(|(text, interval_ms)| KeepAlive { text: text.to_owned(), interval_ms });
        Self {
            must_answer: true,
            silence_ms_max: profile.silence_ms_max,
            attempts: Some(attempts),
            messages: Some(messages),
            resyncs: Some(resyncs),
            fetches,
            age_ms_max,
            ..Self::new(url.unwrap_or_else(|| profile.url.to_owned()), keep_alive)
        }
    }

    /// Checks everything that can be checked without a socket.
    ///
    /// # Errors
    /// [`SourceError::Configuration`] names the setting; it never holds the key.
    pub fn validate(&self) -> Result<(), SourceError> {
        let Self { key, key_parameter, keep_alive, backoff, .. } = self;
        crate::socket::Endpoint::new(&self.url, key.as_ref(), key_parameter)
            .map_err(SourceError::Configuration)?;
        let positive = [
            ("connect_ms_max", self.connect_ms_max),
            ("handshake_ms_max", self.handshake_ms_max),
            ("subscribe_ms_max", self.subscribe_ms_max),
            ("silence_ms_max", self.silence_ms_max),
            ("delay_ms_min of the backoff", backoff.delay_ms_min),
            ("message_bytes_max", self.message_bytes_max as u64),
            ("frame_bytes_max", self.frame_bytes_max as u64),
            ("age_ms_max", self.age_ms_max.unwrap_or(1)),
            ("attempts_max", self.attempts_max.map_or(1, u64::from)),
            ("interval_ms of the keep-alive", keep_alive.as_ref().map_or(1, |it| it.interval_ms)),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return invalid(format!("{name} must not be 0"));
        }
        if key.as_ref().is_some_and(|key| key.expose().is_empty()) {
            return invalid("the API key is empty".to_owned());
        }
        if key_parameter.is_empty() || percent_encode(key_parameter) != *key_parameter {
            return invalid("key_parameter must be a plain word".to_owned());
        }
        if backoff.delay_ms_max < backoff.delay_ms_min {
            return invalid("delay_ms_max of the backoff is below its delay_ms_min".to_owned());
        }
        let Some(KeepAlive { text, interval_ms }) = keep_alive else { return Ok(()) };
        if text.is_empty() {
            return invalid("the keep-alive has no text".to_owned());
        }
        if self.silence_ms_max <= *interval_ms {
            return invalid(format!(
                "silence_ms_max ({}) must be above the interval of the keep-alive ({interval_ms})",
                self.silence_ms_max
            ));
        }
        Ok(())
    }
}

fn invalid(text: String) -> Result<(), SourceError> {
    Err(SourceError::Configuration(text))
}

impl fmt::Debug for LiveConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key may be in the query and a password before an `@`.
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let url = if url.contains('@') { "[redacted]" } else { url };
        out.debug_struct("LiveConfig")
            .field("url", &url)
            .field("key", &self.key)
            .field("keep_alive", &self.keep_alive)
            .field("silence_ms_max", &self.silence_ms_max)
            .field("backoff", &self.backoff)
            .field("roots", &self.roots)
            .field("polling", &self.polling)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> LiveConfig {
        let keep_alive = KeepAlive { text: "ping".to_owned(), interval_ms: 1_000 };
        LiveConfig::new("ws://127.0.0.1:1/x?api_key=s3cret", Some(keep_alive))
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut LiveConfig), expected: &str) {
        let mut config = config();
        change(&mut config);
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn the_defaults_are_valid_and_allow_three_keep_alives_of_silence() {
        config().validate().unwrap();
        assert_eq!(config().silence_ms_max, 3_000);
        LiveConfig::new("wss://host/", None).validate().unwrap();
    }

    #[test]
    fn what_cannot_work_is_named_before_the_first_socket() {
        check(|it| it.url = "http://host/".to_owned(), "ws://");
        check(|it| it.url = "ws://".to_owned(), "URL");
        check(|it| it.url = "host".to_owned(), "ws://");
        check(|it| it.url = "ws://s3cret@host/".to_owned(), "user name");
        check(|it| it.url = "ws://host/?api_key=s3cret \u{7f}".to_owned(), "URL");
        check(|it| it.connect_ms_max = 0, "connect_ms_max");
        check(|it| it.attempts_max = Some(0), "attempts_max");
        check(|it| it.key = Some(ApiKey::new("")), "key is empty");
        check(|it| it.key_parameter = "a&b".to_owned(), "key_parameter");
        check(|it| it.backoff.delay_ms_max = 5, "delay_ms_max");
        check(|it| it.silence_ms_max = 1_000, "silence_ms_max");
        check(|it| it.keep_alive.as_mut().unwrap().text.clear(), "no text");
    }

    #[test]
    fn debug_output_holds_no_key() {
        let mut config = config();
        config.key = Some(ApiKey::new("s3cret"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("ws://127.0.0.1:1/x"), "{shown}");
        config.url = "ws://me:s3cret@host/".to_owned();
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
