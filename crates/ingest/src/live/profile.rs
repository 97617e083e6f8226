//! What a venue asks of whoever connects to it.

/// What a venue asks of whoever connects to it. Every figure has its source beside the constant that
/// gives it.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Where its socket is.
    pub url: &'static str,
    /// Where its REST interface is, for venues whose snapshots come from there.
    pub rest_url: Option<&'static str>,
    /// What is sent regularly, and how often in ms, where the client keeps the connection alive.
    pub keep_alive: Option<(&'static str, u64)>,
    /// Silence after which a connection is taken for dead, in ms. Control frames count as life.
    pub silence_ms_max: u64,
    /// Connections that may be tried.
    pub attempts: Limit,
    /// Messages that may be sent over one connection.
    pub messages: Limit,
    /// Books that may be started over on one connection.
    pub resyncs: Limit,
    /// Snapshots that may be fetched over HTTP from one address, where they come from there.
    pub fetches: Option<Limit>,
    /// Age at which the venue cuts a connection, in ms, where it does. A new one takes over before.
    pub age_ms_max: Option<u64>,
}

/// So many in any window of this length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// How many.
    pub count: u32,
    /// The window, in ms.
    pub window_ms: u64,
}
