use crate::Channel;

/// Where the simulator departs from what the vendor documents, or settles what it leaves open.
///
/// The default is a well-behaved server: acknowledgements first and one a command, strings for
/// numbers, full symbols, trades as arrays.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How a connection is told that it is not wanted: wrong key, too many, refused by fault.
    pub refusal: RefusalForm,
    /// Refuse connections although the key is right.
    pub refuse_connections: Option<RefuseConnections>,
    /// More connections than this are refused with code 3003.
    pub connections_max: Option<u32>,
    /// More (symbol, channel) pairs than this on one connection are refused with code 3004.
    pub subscriptions_max: Option<u32>,
    /// Subscriptions that are refused; the first that matches decides.
    pub refuse_subscriptions: Vec<RefuseSubscription>,
    /// Symbols that are refused as `AMBIGUOUS_SYMBOL` (with code 2001, the vendor gives none)
    /// unless the command names a product `type`.
    pub ambiguous_symbols: Vec<String>,
    /// What becomes of the good symbols of a command that has bad ones as well.
    pub partial: PartialSuccess,
    /// Acknowledgements of `subscribe`.
    pub ack: Ack,
    /// Members of a pong.
    pub pong: PongForm,
    /// Go quiet on each connection after a while.
    pub silence: Option<Silence>,
    /// When a subscription first pushes.
    pub first_push: FirstPush,
    /// Lose, repeat or swap messages.
    pub disorder: Disorder,
    /// How pushed messages are written.
    pub form: Form,
    /// Levels a side in a depth message, 1 to 50; if absent 10 generated and 20 recorded ones.
    pub depth_levels: Option<usize>,
    /// Close a connection that has sent nothing for this long.
    pub silence_ms_max: Option<u64>,
    /// Close a connection that is older than this.
    pub age_ms_max: Option<u64>,
    /// How long before that a venue's clients are told, where the venue does; one second if absent.
    pub notice_ms: Option<u64>,
    /// Send a protocol ping this often.
    pub ping_interval_ms: Option<u64>,
    /// How the server ends a connection.
    pub ending: Ending,
    /// Accept `/v1/market/ws` as a path too, and subscribe what `symbol=` and `channel=` in the
    /// query say, without a command or an acknowledgement.
    pub query_subscriptions: bool,
    /// Cut connections in the course of a venue's recording.
    pub cuts: Cuts,
    /// Answers to HTTP requests.
    pub http: HttpFaults,
}

/// Cuts of all connections at once, spread evenly over the frames of a recording. The recording then
/// waits until somebody has subscribed again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cuts {
    /// How many.
    pub count: u32,
    /// How. By closing the socket, what it has not taken is lost; with a close frame all arrives.
    pub ending: Ending,
}

/// How HTTP requests are answered instead of well: first some with 429, then some with 503, then some
/// with a body that is no JSON.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HttpFaults {
    /// How many are answered with 429.
    pub too_many: u32,
    /// The value of their `Retry-After` header.
    pub retry_after_s: Option<u32>,
    /// How many are answered with 503.
    pub unavailable: u32,
    /// How many get something else than JSON.
    pub garbage: u32,
    /// How long every answer is held back after it was made.
    pub delay_ms: u64,
}

/// How a connection is told that it is not wanted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RefusalForm {
    /// By an HTTP status instead of the upgrade: 401 for 1001 and 1002, 403 for 1003 and 1004, 429
    /// for 3001 to 3004, else 503; the code is in the body.
    #[default]
    Http,
    /// By a message with the code after the upgrade, then a close.
    Message,
    /// By a close frame with status 4000 plus the code's last three digits, and the text as its
    /// reason.
    CloseFrame,
}

/// Connections to refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefuseConnections {
    /// The protocol's code.
    pub code: u16,
    /// How many, from the first; all if absent.
    pub count: Option<u32>,
    /// The value of a `Retry-After` header, with [`RefusalForm::Http`].
    pub retry_after_s: Option<u32>,
}

/// Subscriptions to refuse: those that match both, where an absent one matches all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefuseSubscription {
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this symbol.
    pub symbol: Option<String>,
    /// The protocol's code.
    pub code: u16,
}

/// What becomes of the good symbols of a command that has bad ones as well.
///
/// The reply is one either way: the code of the first bad symbol, and the bad ones in `data`.
/// With [`AckPer::Symbol`] each symbol gets its own reply and the good ones are subscribed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PartialSuccess {
    /// None is subscribed.
    #[default]
    RefuseAll,
    /// They are subscribed.
    AcceptKnown,
}

/// Acknowledgements of `subscribe`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ack {
    /// When.
    pub when: AckWhen,
    /// How many.
    pub per: AckPer,
    /// Their `data`.
    pub data: AckData,
}

/// When a subscription is acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AckWhen {
    /// Before its data.
    #[default]
    BeforeData,
    /// After this many more data messages on the connection.
    AfterData {
        /// How many.
        frames: u64,
    },
    /// Never.
    Never,
}

/// How many acknowledgements a command gets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AckPer {
    /// One.
    #[default]
    Command,
    /// One for each symbol.
    Symbol,
}

/// The `data` of an acknowledgement.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AckData {
    /// `{}`.
    #[default]
    Empty,
    /// There is none.
    Absent,
    /// `channel` and `symbols`.
    Subscription,
}

/// Members of a pong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PongForm {
    /// `cmd`, `code`, `message` and `data`.
    #[default]
    Full,
    /// `cmd` and `data`.
    DataOnly,
}

/// A connection that goes quiet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Silence {
    /// What is no longer sent.
    pub what: Silenced,
    /// After this many data messages on the connection.
    pub after_frames: u64,
}

/// What is no longer sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Silenced {
    /// Answers to `{"cmd":"ping"}`.
    Pongs,
    /// Data.
    Data,
    /// Anything; nothing is read any more either, as from a frozen process.
    Everything,
}

/// When a subscription first pushes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FirstPush {
    /// With the next change.
    #[default]
    OnChange,
    /// At once: a ticker and a depth message of the present state, numbered like any other and
    /// sent to all who are subscribed to it.
    OnSubscribe,
}

/// Messages that do not arrive as they were numbered. Each counts the numbered messages that have
/// somebody to go to; the first of the three that applies decides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Disorder {
    /// Do not send every such message.
    pub lose_every: Option<u64>,
    /// Send every such message twice.
    pub repeat_every: Option<u64>,
    /// Send every such message after the next of its symbol and channel.
    pub swap_every: Option<u64>,
}

/// How pushed messages are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Form {
    /// Prices and quantities.
    pub numbers: NumberForm,
    /// Where the members stand.
    pub shape: Shape,
    /// Trades.
    pub trades: TradeForm,
    /// Symbols.
    pub symbols: SymbolForm,
}

/// How prices and quantities are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum NumberForm {
    /// As strings.
    #[default]
    Text,
    /// As JSON numbers.
    Number,
}

/// Where the members stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Shape {
    /// The channel in `cmd`, the rest in `data`.
    #[default]
    Documented,
    /// The channel in `type`, the rest beside it.
    Flat,
}

/// How a trade message is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TradeForm {
    /// An array `trades`, now and then of several.
    #[default]
    Array,
    /// One trade, its members beside `symbol`.
    Flat,
}

/// How symbols are written in pushed messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SymbolForm {
    /// As they were subscribed.
    #[default]
    AsSubscribed,
    /// Without the market: what follows the first dot is left out.
    WithoutSuffix,
}

/// How the server ends a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// With a close frame of this status.
    CloseFrame(u16),
    /// By closing the socket.
    Tcp,
}

impl Default for Ending {
    /// 1001, going away.
    fn default() -> Self {
        Self::CloseFrame(1001)
    }
}
