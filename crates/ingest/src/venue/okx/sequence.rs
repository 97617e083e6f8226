//! Continuity of one instrument's book: what continues it, and what it begins with.

use tickring_book::ChecksumForm;
use tickring_event::{GapReason, Origin};

use crate::batch::EventBatch;
use crate::venue::chain::{Chain, Resync, gap, mark_stale};
use crate::venue::checked::CheckedBook;
use crate::venue::held::Held;

/// The numbers of an update: both, or it is not numbered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) previous: u64,
    pub(super) last: u64,
}

/// What an update is to the book, beside its events, which begin at `from` of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) origin: Origin,
    pub(super) link: Option<Link>,
    /// The venue's checksum, where it sends one.
    pub(super) checksum: Option<u32>,
    pub(super) from: usize,
}

/// What has to be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(super) enum Wish {
    Nothing,
    /// That the subscription starts over.
    Resync,
    /// The book, over HTTP.
    Fetch,
}

/// The book of one instrument.
#[derive(Debug)]
pub(super) struct Depth {
    pub(super) checked: CheckedBook,
    /// The book is kept as it was written: its snapshot had a checksum.
    pub(super) is_written: bool,
    /// A snapshot of the whole book came over this connection.
    pub(super) is_whole: bool,
    /// The subscription was asked to start over.
    is_asked: bool,
    /// The book was asked for over HTTP.
    is_fetching: bool,
    /// The book came over HTTP, and no update has continued it yet.
    is_bridging: bool,
    held: Held<Link>,
}

impl Depth {
    pub(super) fn new() -> Self {
        Self {
            checked: CheckedBook::new(ChecksumForm::Okx),
            is_written: false,
            is_whole: false,
            is_asked: false,
            is_fetching: false,
            is_bridging: false,
            held: Held::default(),
        }
    }

    /// For which checksum its levels are kept as they were written, if they are.
    pub(super) fn form(&self) -> Option<ChecksumForm> {
        self.is_written.then_some(self.checked.written.form())
    }

    /// A snapshot came over the connection: what was held is older.
    pub(super) fn snapshot(&mut self, last: u64, update: &Update, batch: &mut EventBatch) -> Wish {
        self.is_whole = true;
        self.begin(last);
        let wish = self.compare(update, batch);
        self.held.give_up(batch);
        wish
    }

    /// A picture of the best levels came: it is the book while there is no other.
    pub(super) fn picture(&mut self, last: u64, from: usize, batch: &mut EventBatch) {
        if self.is_whole {
            batch.truncate(from);
        } else {
            self.checked.chain.seed(last);
        }
    }

    /// An update came.
    pub(super) fn update(&mut self, update: &Update, batch: &mut EventBatch) -> Wish {
        let Some(last) = self.checked.chain.last() else { return self.wait(update, batch) };
        if !self.is_whole {
            // Only the best levels stand there; a change of the whole book cannot continue them.
            self.checked.chain = Chain::default();
            return self.wait(update, batch);
        }
        match update.link {
            Some(link) if self.is_bridging && link.last <= last => {
                mark_stale(update.from, batch);
                return Wish::Nothing;
            }
            Some(link) if self.continues(link, last) => {
                self.is_bridging = false;
                self.checked.chain.advance(link.last);
            }
            Some(link) => {
                let gap = gap(GapReason::Sequence, last, link.previous);
                let resync = self.checked.break_before(gap, update.from, &update.origin, batch);
                return self.wish(resync);
            }
            None if update.checksum.is_none() => batch.remark("no_sequence"),
            None => {}
        }
        self.compare(update, batch)
    }

    /// The book came over HTTP, as the batch's events from `from` on. Gives it up where it is not
    /// needed, or older than what was held.
    pub(super) fn fetched(&mut self, last: u64, from: usize, batch: &mut EventBatch) -> Wish {
        self.is_fetching = false;
        let has_book = self.is_whole && self.checked.chain.last().is_some();
        if has_book || self.is_asked {
            batch.truncate(from);
            return Wish::Nothing;
        }
        let first = self.held.ids().find(|link| link.last > last);
        if first.is_some_and(|link| link.previous > last) {
            batch.truncate(from);
            return self.fetch();
        }
        self.is_whole = true;
        self.is_written = false;
        self.begin(last);
        self.is_bridging = true;
        let mut at = last;
        while let Some(link) = self.held.first() {
            if self.is_bridging && link.last <= at {
                self.held.release_stale(batch);
            } else if self.continues(link, at) {
                self.is_bridging = false;
                self.checked.chain.advance(link.last);
                at = link.last;
                self.held.release(batch);
            } else {
                let origin = batch.events()[from].origin();
                let gap = gap(GapReason::Sequence, at, link.previous);
                let resync = self.checked.chain.break_off(gap, &origin, batch);
                self.held.give_up(batch);
                return self.wish(resync);
            }
        }
        Wish::Nothing
    }

    /// Depth that could not be read.
    pub(super) fn undecoded(&mut self, origin: &Origin, batch: &mut EventBatch) -> Wish {
        self.held.give_up(batch);
        let gap = gap(GapReason::Undecoded, 0, 0);
        let resync = self.checked.chain.break_off(gap, origin, batch);
        self.wish(resync)
    }

    /// A picture of the best levels that could not be read: the next one comes by itself.
    pub(super) fn picture_undecoded(&mut self, origin: &Origin, batch: &mut EventBatch) {
        if !self.is_whole && self.checked.chain.last().is_some() {
            let gap = gap(GapReason::Undecoded, 0, 0);
            if self.checked.chain.break_off(gap, origin, batch) == Resync::Ask {
                self.checked.chain = Chain::default();
            }
        }
    }

    /// The subscription has started over. Should an update come first again, the book is fetched.
    pub(super) fn resubscribed(&mut self) {
        if self.is_asked {
            self.is_asked = false;
            self.checked.chain = Chain::default();
        }
    }

    /// The connection ended: what was held cannot be continued, and the book starts over.
    pub(super) fn disconnected(&mut self, origin: &Origin, batch: &mut EventBatch) {
        self.held.give_up(batch);
        self.checked.chain.disconnected(origin, batch);
        (self.is_whole, self.is_written) = (false, false);
        (self.is_asked, self.is_fetching, self.is_bridging) = (false, false, false);
    }

    /// No snapshot will come for what is held.
    pub(super) fn finish(&mut self, batch: &mut EventBatch) {
        self.held.give_up(batch);
    }

    fn begin(&mut self, last: u64) {
        self.checked.chain.seed(last);
        (self.is_asked, self.is_fetching, self.is_bridging) = (false, false, false);
    }

    /// Whether an update continues a book up to `last`, which is 0 where its snapshot had no number.
    const fn continues(&self, link: Link, last: u64) -> bool {
        let bridges = self.is_bridging && link.previous <= last && link.last > last;
        bridges || link.previous == last || last == 0
    }

    /// An update without a book: held for the book to be fetched, or stale where it is not numbered
    /// or the subscription starts over anyway.
    fn wait(&mut self, update: &Update, batch: &mut EventBatch) -> Wish {
        match update.link {
            Some(link) if !self.is_asked => {
                self.held.push(link, update.from, batch);
                self.held.trim(batch);
                if self.is_fetching { Wish::Nothing } else { self.fetch() }
            }
            _ => {
                let resync = self.checked.chain.skip(update.from, batch);
                self.wish(resync)
            }
        }
    }

    fn compare(&mut self, update: &Update, batch: &mut EventBatch) -> Wish {
        let Some(venue) = update.checksum else { return Wish::Nothing };
        if !self.is_written {
            batch.remark("unchecked");
            return Wish::Nothing;
        }
        let resync = self.checked.compare(venue, update.from, &update.origin, batch);
        self.wish(resync)
    }

    const fn fetch(&mut self) -> Wish {
        self.is_fetching = true;
        Wish::Fetch
    }

    fn wish(&mut self, resync: Resync) -> Wish {
        if resync == Resync::No {
            return Wish::Nothing;
        }
        self.is_asked = true;
        Wish::Resync
    }
}
