//! What the ingest thread has to say to people, handed to another thread that prints it.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};

use crate::live::Redactor;
use crate::venue::Action;

/// Notices that wait for the printing thread; a burst beyond it is dropped, never waited for.
const NOTICES_CAPACITY: usize = 256;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Importance {
    /// Something is wrong and data may be missing.
    Warning,
    /// Life of a connection.
    Info,
    /// For finding faults.
    Debug,
}

/// Something people may want to read. Holds no URL and no key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A socket is being opened.
    Connecting {
        /// Host and port.
        host: String,
        /// Counted from 1.
        attempt: u32,
    },
    /// The handshake is done.
    Connected {
        /// Host and port.
        host: String,
    },
    /// Every subscription was answered.
    Subscribed,
    /// The connection ended.
    Disconnected {
        /// Why, in words.
        reason: String,
    },
    /// The next attempt comes after a wait.
    Waiting {
        /// Length of the wait.
        delay_ms: u64,
    },
    /// The connection is open but silent.
    Stale {
        /// Silence so far.
        silence_ms: u64,
    },
    /// Commands were sent and not all were answered in time.
    Unanswered {
        /// How long we waited.
        waited_ms: u64,
    },
    /// The venue refused something.
    Refused {
        /// The venue's code.
        code: i64,
        /// The venue's words.
        message: String,
        /// What follows.
        action: Action,
    },
    /// A snapshot could not be fetched, this time or for good.
    Unfetched {
        /// Of what, and why.
        reason: String,
    },
    /// The kernel's receive times cannot be had: times count from the reads.
    NoKernelTime {
        /// Why.
        reason: String,
    },
    /// A connection nears its end by age or the venue's word: the next one is opened beside it.
    Renewing,
    /// The connection that was opened beside another has taken its place.
    TakenOver,
    /// A frame could not be decoded; said once a reason.
    Undecoded {
        /// The error in words.
        error: String,
    },
    /// For finding faults: a command was sent.
    Sent {
        /// The command; never holds the key.
        command: String,
    },
}

impl Notice {
    /// How much it matters.
    #[must_use]
    pub const fn importance(&self) -> Importance {
        match self {
            Self::Disconnected { .. }
            | Self::Stale { .. }
            | Self::Unanswered { .. }
            | Self::Refused { .. }
            | Self::Unfetched { .. }
            | Self::NoKernelTime { .. }
            | Self::Undecoded { .. } => Importance::Warning,
            Self::Connecting { .. }
            | Self::Connected { .. }
            | Self::Subscribed
            | Self::Renewing
            | Self::TakenOver
            | Self::Waiting { .. } => Importance::Info,
            Self::Sent { .. } => Importance::Debug,
        }
    }
}

impl Notice {
    /// The same without secrets and control characters, its texts cut to a printable length.
    fn cleaned(mut self, secrets: &Redactor) -> Self {
        let text = match &mut self {
            Self::Connecting { host: text, .. }
            | Self::Connected { host: text }
            | Self::Disconnected { reason: text }
            | Self::Unfetched { reason: text }
            | Self::NoKernelTime { reason: text }
            | Self::Refused { message: text, .. }
            | Self::Undecoded { error: text }
            | Self::Sent { command: text } => text,
            Self::Subscribed
            | Self::Renewing
            | Self::TakenOver
            | Self::Waiting { .. }
            | Self::Stale { .. }
            | Self::Unanswered { .. } => return self,
        };
        *text = secrets.clean(text);
        self
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { host, attempt } => {
                write!(out, "connecting to {host}, attempt {attempt}")
            }
            Self::Connected { host } => write!(out, "connected to {host}"),
            Self::Subscribed => out.write_str("every subscription was answered"),
            Self::Unfetched { reason } => out.write_str(reason),
            Self::NoKernelTime { reason } => {
                write!(
                    out,
                    "no receive times from the kernel ({reason}): times count from the reads"
                )
            }
            Self::Renewing => out.write_str("opening the next connection beside this one"),
            Self::TakenOver => out.write_str("the next connection has taken over"),
            Self::Disconnected { reason } => write!(out, "disconnected: {reason}"),
            Self::Waiting { delay_ms } => write!(out, "next attempt in {delay_ms} ms"),
            Self::Stale { silence_ms } => write!(out, "no frame for {silence_ms} ms"),
            Self::Unanswered { waited_ms } => {
                write!(out, "not every subscription was answered within {waited_ms} ms")
            }
            Self::Refused { code, message, action } => {
                write!(out, "the venue refused with code {code} ({message}): ")?;
                match action {
                    Action::Continue => out.write_str("going on with the rest"),
                    Action::Reconnect { .. } => out.write_str("connecting again later"),
                    Action::Stop => out.write_str("stopping"),
                }
            }
            Self::Undecoded { error } => write!(out, "frame not decoded: {error}"),
            Self::Sent { command } => write!(out, "sent {command}"),
        }
    }
}

/// The ingest thread's end: never blocks.
///
/// A live source tells it the key; from then on no clone of it lets the key through.
#[derive(Clone, Debug)]
pub struct NoticeSender {
    sender: SyncSender<Notice>,
    /// Written when a source is made, read once a notice: nobody waits for it.
    secrets: Arc<RwLock<Redactor>>,
}

/// The printing thread's end.
pub type NoticeReceiver = Receiver<Notice>;

/// A bounded channel for notices.
#[must_use]
pub fn notices() -> (NoticeSender, NoticeReceiver) {
    let (sender, receiver) = sync_channel(NOTICES_CAPACITY);
    (NoticeSender { sender, secrets: Arc::default() }, receiver)
}

impl NoticeSender {
    /// Hands a notice over, or drops it when nobody reads fast enough: the counters of the report
    /// tell the same story.
    pub fn send(&self, notice: Notice) {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        drop(self.sender.try_send(notice.cleaned(&secrets)));
    }

    /// Keeps more secrets out of every notice, whichever clone sends it.
    pub(crate) fn hide(&self, secrets: &Redactor) {
        self.secrets.write().unwrap_or_else(PoisonError::into_inner).hide_all(secrets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::ApiKey;

    #[test]
    fn a_secret_told_to_one_sender_passes_through_none() {
        let (sender, receiver) = notices();
        let other = sender.clone();
        let mut secrets = Redactor::default();
        secrets.hide(&ApiKey::new("s3c/ret"));
        sender.hide(&secrets);
        let message = "bad key s3c%2Fret\n".to_owned();
        other.send(Notice::Refused { code: 1, message, action: Action::Stop });
        let said = receiver.recv().unwrap().to_string();
        assert!(said.contains("(bad key [redacted] )"), "{said}");
    }
}
