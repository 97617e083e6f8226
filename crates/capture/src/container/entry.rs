/// Most connections of one capture: each has three channels, and a hole's channel follows.
pub const CAPTURE_CONNECTIONS_MAX: usize = 256;

/// One thing that happened, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'a> {
    /// A frame arrived.
    Received {
        /// Number of the connection, from 0.
        connection: u8,
        /// When the read that completed it returned, ns since the epoch.
        arrival_ns: u64,
        /// The message exactly as received.
        text: &'a [u8],
    },
    /// A command was sent. Keys never are commands.
    Sent {
        /// Number of the connection, from 0.
        connection: u8,
        /// When, ns since the epoch.
        time_ns: u64,
        /// The message as sent.
        text: &'a [u8],
    },
    /// A connection changed its state.
    Changed {
        /// Number of the connection, from 0.
        connection: u8,
        /// When, ns since the epoch.
        time_ns: u64,
        /// To what.
        change: ConnectionChange,
    },
    /// Here entries are missing.
    Hole(Hole),
}

impl Entry<'_> {
    /// When it happened, ns since the epoch; of a hole, when it begins.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        match *self {
            Self::Received { arrival_ns, .. } => arrival_ns,
            Self::Sent { time_ns, .. } | Self::Changed { time_ns, .. } => time_ns,
            Self::Hole(Hole { first_ns, .. }) => first_ns,
        }
    }

    /// The same of the connection that lies `first` further on. Holes have none.
    ///
    /// # Panics
    /// When there is no such connection: see [`CAPTURE_CONNECTIONS_MAX`].
    #[must_use]
    pub fn renumbered(mut self, first: u8) -> Self {
        match &mut self {
            Self::Received { connection, .. }
            | Self::Sent { connection, .. }
            | Self::Changed { connection, .. } => {
                *connection = connection.checked_add(first).expect("connections are counted");
            }
            Self::Hole(_) => {}
        }
        self
    }
}

/// A connection's new state, in the words of whoever recorded it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionChange {
    /// The state's number; what it means is the recorder's business.
    pub state: u8,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// A code that goes with it; 0 where there is none.
    pub code: i32,
}

/// Entries that are missing: the writer could not keep up, the disk failed, or a chunk is damaged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hole {
    /// Time of the first one, ns since the epoch.
    pub first_ns: u64,
    /// Time of the last one, ns since the epoch.
    pub last_ns: u64,
    /// How many; 0 when that cannot be known.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a channel of a connection is for; the channel's number is `3 * connection + role`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Received,
    Sent,
    Changed,
}

/// Roles of each connection.
pub(super) const ROLES: u16 = 3;

impl Role {
    pub(super) const ALL: [Self; ROLES as usize] = [Self::Received, Self::Sent, Self::Changed];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
            Self::Changed => "changed",
        }
    }

    pub(super) const fn channel(self, connection: u8) -> u16 {
        ROLES * connection as u16 + self as u16
    }

    /// The connection and role of a channel; `None` for that of holes.
    pub(super) fn of(channel: u16, connections: u16) -> Option<(u8, Self)> {
        let connection = u8::try_from(channel / ROLES).ok()?;
        (channel < ROLES * connections)
            .then(|| (connection, Self::ALL[usize::from(channel % ROLES)]))
    }
}

/// Bytes of a [`ConnectionChange`] in a capture.
pub(super) const CHANGE_BYTES: usize = 9;

impl ConnectionChange {
    pub(super) fn to_bytes(self) -> [u8; CHANGE_BYTES] {
        let mut bytes = [0; CHANGE_BYTES];
        bytes[0] = self.state;
        bytes[1..5].copy_from_slice(&self.attempt.to_le_bytes());
        bytes[5..].copy_from_slice(&self.code.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; CHANGE_BYTES] = bytes.try_into().ok()?;
        let [state, a0, a1, a2, a3, c0, c1, c2, c3] = bytes;
        let attempt = u32::from_le_bytes([a0, a1, a2, a3]);
        Some(Self { state, attempt, code: i32::from_le_bytes([c0, c1, c2, c3]) })
    }
}

/// Bytes of a [`Hole`] in a capture.
pub(super) const HOLE_BYTES: usize = 32;

impl Hole {
    /// Takes in one more entry that is missing.
    pub(super) fn add(&mut self, time_ns: u64, bytes: usize) {
        self.add_all(time_ns, time_ns, 1, bytes as u64);
    }

    /// Takes in more entries that are missing, from the first of them to the last.
    pub(super) fn add_all(&mut self, first_ns: u64, last_ns: u64, entries: u64, bytes: u64) {
        self.first_ns = if self.entries == 0 { first_ns } else { self.first_ns.min(first_ns) };
        self.last_ns = self.last_ns.max(last_ns);
        self.entries += entries;
        self.bytes += bytes;
    }

    pub(super) fn to_bytes(self) -> [u8; HOLE_BYTES] {
        let mut bytes = [0; HOLE_BYTES];
        let words = [self.first_ns, self.last_ns, self.entries, self.bytes];
        for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HOLE_BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * at..8 * at + 8]);
            u64::from_le_bytes(word)
        };
        Some(Self { first_ns: word(0), last_ns: word(1), entries: word(2), bytes: word(3) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_holes_read_as_they_are_written() {
        let change = ConnectionChange { state: 4, attempt: u32::MAX, code: -1_006 };
        assert_eq!(ConnectionChange::from_bytes(&change.to_bytes()), Some(change));
        assert_eq!(ConnectionChange::from_bytes(&[0; 8]), None);
        let mut hole = Hole::default();
        hole.add(7, 100);
        hole.add(5, 1);
        assert_eq!(hole, Hole { first_ns: 5, last_ns: 7, entries: 2, bytes: 101 });
        assert_eq!(Hole::from_bytes(&hole.to_bytes()), Some(hole));
        assert_eq!(Hole::from_bytes(&[]), None);
    }

    #[test]
    fn a_channel_is_one_role_of_one_connection() {
        for connection in [0, 1, 255] {
            for role in Role::ALL {
                let channel = role.channel(connection);
                assert_eq!(Role::of(channel, 256), Some((connection, role)));
            }
        }
        assert_eq!(Role::of(3, 1), None);
        assert_eq!(Role::of(768, 256), None);
    }
}
