//! How a venue's server speaks: one dialect a venue, in a file of its own here.
//!
//! A dialect gives a recorded session to live clients the way the venue would: it answers what they
//! subscribe to, sends each of them what they subscribed to, numbers it for their connection, and
//! makes a present snapshot for whoever comes late or starts over.

pub(crate) mod text_book;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// A venue's protocol, from the server's side. Pure: no socket, clock or thread inside.
pub(crate) trait Dialect: Debug {
    /// Takes the next recorded frame, before any client gets it: keeps the books that it changes.
    /// Returns the topic it belongs to, such as `book/BTC/USD`, for those who subscribed to that;
    /// `None` for what was the recording client's own business (acks, pongs, greetings): this server
    /// says such things itself.
    fn take(&mut self, text: &[u8]) -> Option<String>;

    /// What a client gets when its handshake is done.
    fn greet(&mut self, client: &mut Subscriber) -> Vec<String>;

    /// Answers a client's text: acks, refusals, pongs, and the present snapshot of what it subscribed
    /// to, where frames of that topic were taken already. Keeps [`Subscriber::topics`].
    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String>;

    /// A recorded frame as this client gets it: as it is, or with the numbers of its own connection.
    fn render<'a>(&mut self, client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]>;

    /// Answers an HTTP GET: `None` where the venue has no such path.
    fn get(&mut self, _path: &str) -> Option<HttpAnswer> {
        None
    }

    /// Whether the recording must not go on before somebody has asked for a path: where what was
    /// recorded next is the answer to such a request.
    fn awaits_get(&self, _text: &[u8]) -> bool {
        false
    }
}

/// What a server knows of one client.
#[derive(Debug, Default)]
pub(crate) struct Subscriber {
    /// What it subscribed to, in the words of [`Dialect::take`].
    pub(crate) topics: BTreeSet<String>,
    /// The next number of its connection, where the venue counts messages.
    pub(crate) next_number: u64,
}

/// An answer to an HTTP GET.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
}
