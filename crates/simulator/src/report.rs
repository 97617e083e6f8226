use crate::Channel;

/// What a run did. Every count is exact.
///
/// With one client, and without [`Disorder::repeat_every`](crate::Disorder::repeat_every),
/// `frames_numbered = frames_sent + frames_while_away + frames_withheld`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SimulatorReport {
    /// WebSocket connections that were opened and not refused.
    pub connections: u64,
    /// Connections that were refused: key, path, limit or fault.
    pub connections_refused: u64,
    /// (symbol, channel) pairs that were subscribed, once for each connection.
    pub subscriptions: u64,
    /// Commands, or symbols of a command, that were answered with a code other than 0.
    pub refused: u64,
    /// `{"cmd":"ping"}` commands received; with recorded frames, keep-alives of any venue.
    pub pings: u64,
    /// Times the server went away and came back.
    pub restarts: u32,
    /// Messages that got a number.
    pub frames_numbered: u64,
    /// Data frames handed to connections: one message for two clients is two.
    pub frames_sent: u64,
    /// Bytes of text in those frames.
    pub bytes_sent: u64,
    /// Messages that were numbered while nobody was subscribed to them.
    pub frames_while_away: u64,
    /// Messages that were numbered, had somebody to go to, and were held back from all by a fault.
    pub frames_withheld: u64,
    /// Bytes that were still waiting for a connection when it ended. What the operating system had
    /// taken and not delivered is not known.
    pub bytes_undelivered: u64,
    /// How far sending fell behind the schedule at worst, in ns.
    pub behind_ns_max: u64,
    /// Recorded lines that gave no message: no ticker before the first trade, no depth before the
    /// book is known, other kinds.
    pub lines_without_message: u64,
    /// Times a recorded book was lost because lines were missing.
    pub session_gaps: u64,
    /// The last number of each pair that was ever subscribed, in order of symbol table and channel.
    pub last_numbers: Vec<LastNumber>,
    /// What became of a recording; `None` for a market's messages.
    pub recorded: Option<RecordedReport>,
    /// What became of a venue's recording.
    pub venue: Option<VenueReport>,
}

/// How a venue's recording was served.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VenueReport {
    /// Text messages that clients sent, keep-alives left out.
    pub commands: u64,
    /// Recorded frames that were played.
    pub frames_played: u64,
    /// Those of them that nobody was subscribed to, or that nobody can subscribe to.
    pub frames_unclaimed: u64,
    /// Frames that were handed to a connection whose socket had not taken them whole when it ended.
    /// A client that reads to the end received `frames_sent` less these.
    pub frames_undelivered: u64,
    /// Times all connections were cut.
    pub cuts: u32,
    /// Connections that were told that they would be closed.
    pub notices: u64,
    /// HTTP requests that were answered well.
    pub gets: u64,
    /// HTTP requests that were answered in another way: by fault, or because there is nothing.
    pub gets_refused: u64,
    /// Recorded answers to an HTTP request that nobody made in time.
    pub gets_missing: u64,
    /// Places at which the recording itself misses entries.
    pub holes: u64,
    /// Whether every entry was served.
    pub is_complete: bool,
}

/// How recorded frames were served.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RecordedReport {
    /// Text messages that clients sent, keep-alives left out.
    pub commands: u64,
    /// Recorded commands that a client did not send in time; the recording went on without.
    pub commands_missing: u64,
    /// Connections that were closed because the recorded one was.
    pub disconnects: u64,
    /// Places at which the recording itself misses entries.
    pub holes: u64,
    /// Whether every entry was served.
    pub is_complete: bool,
}

/// How far one symbol's channel was numbered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastNumber {
    /// The symbol.
    pub symbol: String,
    /// The channel.
    pub channel: Channel,
    /// The last number given, 0 if none.
    pub number: u64,
}
