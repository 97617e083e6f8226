//! Levels of depth messages.

use std::sync::Arc;

use arrow_array::types::{Decimal128Type, UInt32Type};
use tickring_event::{Flags, Instruments, Level, Levels};

use super::{Head, HeadRows, Rows};
use crate::ExportError;
use crate::column::{Column, Marks, Values, Words};
use crate::number::{Decimals, Exact};

pub(crate) struct LevelRows {
    head: HeadRows,
    side: Words,
    level: Values<UInt32Type>,
    price: Values<Decimal128Type>,
    quantity: Values<Decimal128Type>,
    is_first: Marks,
    is_last: Marks,
    is_snapshot: Marks,
    is_stale: Marks,
    /// Levels of the message so far.
    bids: u32,
    asks: u32,
}

impl LevelRows {
    pub(crate) fn new(instruments: Arc<Instruments>, decimals: Decimals) -> Self {
        Self {
            head: HeadRows::new(instruments),
            side: Words::new("side"),
            level: Values::new("level"),
            price: decimals.column("price"),
            quantity: decimals.column("quantity"),
            is_first: Marks::new("is_first"),
            is_last: Marks::new("is_last"),
            is_snapshot: Marks::new("is_snapshot"),
            is_stale: Marks::new("is_stale"),
            bids: 0,
            asks: 0,
        }
    }

    /// Adds a row for each level; one without a level for an event that has none, so that its
    /// message is not lost. First and last are the rows at the ends of the message, not all those
    /// of the events there.
    pub(crate) fn push(
        &mut self,
        head: &Head,
        exact: Exact<'_>,
        levels: &Levels,
        flags: Flags,
    ) -> Result<(), ExportError> {
        if flags.contains(Flags::FIRST) {
            (self.bids, self.asks) = (0, 0);
        }
        let rows = (levels.bids().len() + levels.asks().len()).max(1);
        let mut row = 0;
        let mut place = || {
            let at = Place { is_first: row == 0, is_last: row + 1 == rows, flags };
            row += 1;
            at
        };
        for level in levels.bids() {
            let index = self.bids;
            self.bids += 1;
            self.push_level(head, exact, Some(("bid", index, level)), place())?;
        }
        for level in levels.asks() {
            let index = self.asks;
            self.asks += 1;
            self.push_level(head, exact, Some(("ask", index, level)), place())?;
        }
        if levels.is_empty() {
            self.push_level(head, exact, None, place())?;
        }
        Ok(())
    }

    fn push_level(
        &mut self,
        head: &Head,
        exact: Exact<'_>,
        level: Option<(&str, u32, &Level)>,
        place: Place,
    ) -> Result<(), ExportError> {
        let price = level.map(|(_, _, it)| exact.price(it.price)).transpose()?;
        let quantity = level.map(|(_, _, it)| exact.quantity(it.quantity)).transpose()?;
        let Place { is_first, is_last, flags } = place;
        self.head.push(head);
        self.side.push(level.map(|(side, ..)| side));
        self.level.push_option(level.map(|(_, index, _)| index));
        self.price.push_option(price);
        self.quantity.push_option(quantity);
        self.is_first.push(is_first && flags.contains(Flags::FIRST));
        self.is_last.push(is_last && flags.contains(Flags::LAST));
        self.is_snapshot.push(flags.contains(Flags::SNAPSHOT));
        self.is_stale.push(flags.contains(Flags::STALE));
        Ok(())
    }
}

/// Where a row stands in its event, and the event in its message.
#[derive(Clone, Copy, Debug)]
struct Place {
    is_first: bool,
    is_last: bool,
    flags: Flags,
}

impl Rows for LevelRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, side, level, price, quantity, .. } = self;
        let Self { is_first, is_last, is_snapshot, is_stale, .. } = self;
        head.columns_with([side, level, price, quantity, is_first, is_last, is_snapshot, is_stale])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}
