//! Frames by recording and kind of message.

use std::path::Path;
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::{Instruments, leading_digits};
use tickring_ingest::{
    Binance, Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, EventBatch, Frame, Inbound,
    Kraken, Market, Okx, Stamp, Subscription, Venue,
};

use super::shapes::ShapeName;

/// Most frames of one kind.
const FRAMES_MAX: usize = 2_000;

type Make = fn(Arc<Instruments>) -> Box<dyn Venue>;

/// Frames of one kind, in their order.
pub(crate) struct Corpus {
    pub(crate) recording: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) shape: ShapeName,
    pub(crate) frames: Vec<Vec<u8>>,
    /// What a decoder must have seen before them: whole books among others.
    pub(crate) before: Vec<Vec<u8>>,
    pub(crate) make: Make,
}

impl Corpus {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.recording, self.kind)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.frames.iter().map(Vec::len).sum()
    }
}

struct Recording {
    name: &'static str,
    file: &'static str,
    make: Make,
    /// Frames that a decoder sees before the first that is timed.
    before: usize,
    /// Kinds of messages, with what a frame of them must hold, and what they are parsed into.
    kinds: &'static [(&'static str, &'static str, ShapeName)],
}

const RECORDINGS: &[Recording] = &[
    Recording {
        name: "binance-spot",
        file: "binance-spot/btcusdt_20240808.gz",
        make: |it| Box::new(Binance::new(Market::Spot, &[], it)),
        before: 400,
        kinds: &[
            ("depthUpdate", "", ShapeName::BinanceDiff),
            ("bookTicker", "", ShapeName::BinanceTop),
            ("trade", "", ShapeName::BinanceTrade),
        ],
    },
    Recording {
        name: "binance-usdm",
        file: "binance-usdm/btcusdt_20240808.gz",
        make: |it| Box::new(Binance::new(Market::UsdM, &[], it)),
        before: 400,
        kinds: &[
            ("depthUpdate", "", ShapeName::BinanceDiff),
            ("bookTicker", "", ShapeName::BinanceTop),
            ("trade", "", ShapeName::BinanceTrade),
        ],
    },
    Recording {
        name: "bybit-linear",
        file: "bybit-v5/linear_20260809.gz",
        make: |it| Box::new(Bybit::new(BybitProduct::Linear, Subscription::default(), it).unwrap()),
        before: 100,
        kinds: &[
            ("orderbook", "delta", ShapeName::BybitBook),
            ("publicTrade", "", ShapeName::BybitTrades),
            ("tickers", "delta", ShapeName::BybitTicker),
        ],
    },
    Recording {
        name: "bybit-spot",
        file: "bybit-v5/spot_20260809.gz",
        make: |it| Box::new(Bybit::new(BybitProduct::Spot, Subscription::default(), it).unwrap()),
        before: 100,
        kinds: &[("kline", "", ShapeName::BybitBars)],
    },
    Recording {
        name: "coinbase-advanced",
        file: "coinbase-advanced/btcusd_ethusd_20260809.gz",
        make: |it| Box::new(CoinbaseAdvanced::new(Subscription::default(), it).unwrap()),
        before: 100,
        kinds: &[
            ("l2_data", "\"update\"", ShapeName::AdvancedBook),
            ("ticker", "", ShapeName::AdvancedTicker),
            ("market_trades", "\"update\"", ShapeName::AdvancedTrades),
        ],
    },
    Recording {
        name: "coinbase-exchange",
        file: "coinbase-exchange/products10_20210417.gz",
        make: |it| Box::new(CoinbaseExchange::new(Subscription::default(), it).unwrap()),
        before: 100,
        kinds: &[
            ("l2update", "", ShapeName::ExchangeBook),
            ("ticker", "", ShapeName::ExchangeTicker),
            ("match", "", ShapeName::ExchangeMatch),
        ],
    },
    Recording {
        name: "kraken",
        file: "kraken-v2/minagbp_d25_20260816.gz",
        make: |it| Box::new(Kraken::new(Subscription::default(), it).unwrap()),
        before: 5,
        kinds: &[("book_update", "", ShapeName::KrakenBook)],
    },
    Recording {
        name: "okx",
        file: "okx-v5/books_20220513.gz",
        make: |it| Box::new(Okx::new(Subscription::default(), it).unwrap()),
        before: 30,
        kinds: &[("book_update", "", ShapeName::OkxBook)],
    },
];

/// Every kind of every recording in `folder`.
pub(crate) fn all(folder: &Path) -> Vec<Corpus> {
    RECORDINGS.iter().flat_map(|recording| recording.corpora(folder)).collect()
}

impl Recording {
    fn corpora(&self, folder: &Path) -> Vec<Corpus> {
        let mut corpora: Vec<_> = self
            .kinds
            .iter()
            .map(|&(kind, _, shape)| Corpus {
                recording: self.name,
                kind,
                shape,
                frames: Vec::new(),
                before: Vec::new(),
                make: self.make,
            })
            .collect();
        let mut before = Vec::new();
        let mut venue = (self.make)(Arc::new(Instruments::with_capacity(64)));
        let mut batch = EventBatch::new();
        let mut reader = LineReader::open(&folder.join(self.file)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            let text = frame.text;
            batch.clear();
            let decoded = venue.decode(&Frame { text, stamp: Stamp::default() }, &mut batch);
            if before.len() < self.before {
                before.push(text.to_vec());
                continue;
            }
            let Ok(Inbound::Data(kind)) = decoded else { continue };
            let name = venue.message_kinds()[kind];
            let holds = |word: &str| std::str::from_utf8(text).unwrap().contains(word);
            let at = self.kinds.iter().position(|(kind, word, _)| *kind == name && holds(word));
            if let Some(corpus) = at.map(|at| &mut corpora[at])
                && corpus.frames.len() < FRAMES_MAX
            {
                corpus.frames.push(text.to_vec());
            }
        }
        corpora.retain(|it| !it.frames.is_empty());
        for corpus in &mut corpora {
            corpus.before.clone_from(&before);
            corpus.renumber();
        }
        corpora
    }
}

/// What a connection numbers its messages with, whatever they are about.
const SEQUENCE: &[u8] = b"\"sequence_num\":";

impl Corpus {
    /// Numbers the frames on where the connection numbers every message: with other kinds left out each
    /// would be a gap, and a decoder would be timed at asking for all its books again.
    fn renumber(&mut self) {
        let mut next = None;
        for text in self.before.iter_mut().chain(&mut self.frames) {
            let Some(found) = text.windows(SEQUENCE.len()).position(|it| it == SEQUENCE) else {
                continue;
            };
            let from = found + SEQUENCE.len();
            let (number, len) = leading_digits(&text[from..]);
            let number = next.unwrap_or(number);
            text.splice(from..from + len, number.to_string().into_bytes());
            next = Some(number + 1);
        }
    }
}
