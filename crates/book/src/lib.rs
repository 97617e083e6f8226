//! Level-2 books built from events: what stands at each price, and whether that can be trusted.
//!
//! A [`Book`] follows one instrument: a snapshot seeds it, deltas change it, a gap makes it invalid
//! until the next snapshot. [`Books`] holds one for every instrument of a stream. Continuity of a
//! venue's numbering is the decoder's business: it arrives here as `Gap` events and `STALE` flags.
//!
//! A [`WrittenBook`] keeps levels as a venue wrote them, for the checksums that some venues send
//! with their books.
//!
//! Left out on purpose: single orders (level 3) and implied prices.
//!
//! ```
//! use tickring_book::{Applied, Book};
//! use tickring_event::{Flags, Level, Levels, MarketEvent, Origin, Price, Quantity};
//!
//! let level = |price, quantity| Level {
//!     price: Price::from_mantissa(price),
//!     quantity: Quantity::from_mantissa(quantity),
//! };
//! let mut levels = Levels::default();
//! assert!(levels.push_bid(level(100, 5)));
//! assert!(levels.push_bid(level(99, 7)));
//! assert!(levels.push_ask(level(101, 2)));
//!
//! let flags = Flags::WHOLE.with(Flags::SNAPSHOT);
//! let mut book = Book::new();
//! let applied = book.apply(&MarketEvent::levels(&Origin::default(), &levels, flags));
//! assert_eq!(applied, Applied::Snapshot);
//! assert_eq!(book.best_bid(), Some(level(100, 5)));
//! assert_eq!(book.levels(), (2, 1));
//! assert!(book.is_valid());
//! ```

mod book;
mod books;
mod checksum;
mod ladder;
mod written;

pub use book::{Applied, Book};
pub use books::Books;
pub use checksum::{ChecksumForm, LevelText};
pub use ladder::LEVELS_CAPACITY;
pub use written::WrittenBook;
