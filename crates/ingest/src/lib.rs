//! From frames to published events: sources, venues, connection life, the ingest loop.

mod batch;
mod filter;
mod frame;
mod http;
mod json;
mod lanes;
mod live;
mod notice;
mod publish;
mod recorded;
mod remark;
pub mod rest;
mod run;
mod socket;
mod source;
mod tap;
mod venue;
mod walk;

pub use batch::{DepthRun, EventBatch};
pub use filter::Filtered;
pub use frame::{Frame, Stamp};
pub use json::{Json, Parsers, Tally};
pub use live::{
    ApiKey, Backoff, FetchConfig, FetchPort, Fetcher, KeepAlive, Limit, LiveConfig, LiveSource,
    Polling, Profile, RelaySource, Roots, fetching,
};
pub use notice::{Importance, Notice, NoticeReceiver, NoticeSender, notices};
pub use publish::{EventPublisher, GAPS_KEPT_MAX, GapRecord, PublishConfig, PublishIntervals};
pub use recorded::{
    FrameWait, Moment, NEAR_NS_MAX, PARK_NS_MAX, PEAK_WINDOW_NS, Pace, PaceError, Peak,
    RECORDED_FILES_MAX, RecordedSource, RecordedTally, Reopen, ThreadWait, Window,
};
pub use remark::Remark;
pub use run::{DecodeFailure, End, Ingest, IngestReport};
pub use source::{ConnectionTally, Incoming, KernelTimeTally, Source, SourceError};
pub use tap::Tapped;
pub use venue::binance::{Binance, Market};
pub use venue::bitget::Bitget;
pub use venue::bybit::{Bybit, BybitProduct};
pub use venue::coinbase_advanced::CoinbaseAdvanced;
pub use venue::coinbase_exchange::CoinbaseExchange;
pub use venue::held::HELD_EVENTS_MAX;
pub use venue::kraken::Kraken;
pub use venue::kraken_v1::KrakenV1;
pub use venue::okx::Okx;
pub use venue::rows::{RowFormat, Rows};
pub use venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
pub use venue::tardis_csv::TardisCsv;
pub use venue::tickdb;
pub use venue::{
    Acknowledged, Action, Checks, Command, DecodeError, Fetch, Inbound, Refusal, Venue,
};
pub use walk::{Walk, WalkTally, Walked};
