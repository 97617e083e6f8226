use tickring_event::Kind;

/// A table of an export.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Table {
    /// One row an execution.
    Trades,
    /// One row a push of the best bid and ask.
    TopOfBook,
    /// One row a level of a depth message; a message without levels is one row without a side.
    Levels,
    /// One row an interval.
    Bars,
    /// One row for each place where something is missing.
    Gaps,
    /// One row a change of connection state.
    Status,
    /// One row a recorded entry, undecoded.
    Frames,
}

impl Table {
    /// Tables of events, in the order of [`Kind::ALL`].
    pub const EVENTS: [Self; 6] =
        [Self::Trades, Self::TopOfBook, Self::Levels, Self::Bars, Self::Gaps, Self::Status];

    /// The table's name, which its file is called after.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::TopOfBook => "top_of_book",
            Self::Levels => "levels",
            Self::Bars => "bars",
            Self::Gaps => "gaps",
            Self::Status => "status",
            Self::Frames => "frames",
        }
    }

    /// The table that events of a kind go to.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Trade => Self::Trades,
            Kind::TopOfBook => Self::TopOfBook,
            Kind::Levels => Self::Levels,
            Kind::Bar => Self::Bars,
            Kind::Gap => Self::Gaps,
            Kind::Status => Self::Status,
        }
    }
}
