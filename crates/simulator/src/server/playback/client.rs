use super::keep_alive::is_keep_alive;
use crate::server::HEARD_MAX;
use crate::server::connection::{Connection, Heard};
use crate::{RecordedReport, SimulatorConfig, SimulatorReport};

/// One live client, and how far it has done what the recorded one did.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) connection: Connection,
    /// The recording knows when its client came, or what it sent.
    pub(super) is_told: bool,
    /// Text messages that it sent, keep-alives left out.
    commands: u64,
    /// When it came, or sent the last of them.
    spoke_ns: u64,
    /// It may get frames.
    has_begun: bool,
    /// Recorded commands so far.
    commands_recorded: u64,
    /// Those that it did not send in time.
    commands_missing: u64,
    /// Since when it is waited for to send the next.
    asked_ns: Option<u64>,
}

/// Whether a recorded command was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Sent,
    Awaited,
    /// It is not waited for any longer.
    Missing,
}

impl Client {
    /// A client that has come now.
    pub(super) const fn new(connection: Connection, now_ns: u64) -> Self {
        Self {
            connection,
            is_told: false,
            commands: 0,
            spoke_ns: now_ns,
            has_begun: false,
            commands_recorded: 0,
            commands_missing: 0,
            asked_ns: None,
        }
    }

    /// Listens to it; true if it said anything.
    pub(super) fn hear(
        &mut self,
        config: &SimulatorConfig,
        now_ns: u64,
        report: &mut SimulatorReport,
        recorded: &mut RecordedReport,
    ) -> bool {
        let mut busy = false;
        for _ in 0..HEARD_MAX {
            match self.connection.hear(now_ns) {
                Heard::Nothing => break,
                Heard::Text(text) if is_keep_alive(text.as_bytes()) => report.pings += 1,
                Heard::Text(_) => {
                    recorded.commands += 1;
                    self.commands += 1;
                    self.spoke_ns = now_ns;
                }
                Heard::Opened(_) | Heard::Refused | Heard::Other => {}
            }
            busy = true;
        }
        self.connection.keep_time(config, now_ns);
        busy
    }

    /// Whether it may have its first frame, or has had it.
    pub(super) fn may_begin(&mut self, after_commands: Option<u32>, now_ns: u64) -> bool {
        self.has_begun = self.has_begun
            || match after_commands {
                Some(commands) => self.commands >= u64::from(commands),
                None => self.is_told || self.has_said_all(now_ns),
            };
        self.has_begun
    }

    /// Whether it has likely said all that it will say without an answer.
    const fn has_said_all(&self, now_ns: u64) -> bool {
        let silence_ns = now_ns.saturating_sub(self.spoke_ns);
        silence_ns >= if self.commands == 0 { FIRST_COMMAND_NS_MAX } else { NEXT_COMMAND_NS_MAX }
    }

    /// Whether it has sent one more recorded command. Asked again until it is not awaited.
    pub(super) fn answers(&mut self, now_ns: u64) -> Answer {
        self.is_told = true;
        let asked_ns = *self.asked_ns.get_or_insert(now_ns);
        let answer = if self.commands + self.commands_missing > self.commands_recorded {
            Answer::Sent
        } else if now_ns.saturating_sub(asked_ns) < RECORDED_COMMAND_NS_MAX {
            return Answer::Awaited;
        } else {
            self.commands_missing += 1;
            Answer::Missing
        };
        self.commands_recorded += 1;
        self.asked_ns = None;
        answer
    }
}

/// How long a client may take to send its first command, where the recording does not say that it
/// sends any.
const FIRST_COMMAND_NS_MAX: u64 = 1_000_000_000;
/// Silence after which no further command is expected, where the recording does not say how many
/// there are.
const NEXT_COMMAND_NS_MAX: u64 = 100_000_000;
/// How long a recorded command is waited for.
const RECORDED_COMMAND_NS_MAX: u64 = 5_000_000_000;
