//! Data: numbering, and who gets it.

use super::connection::Connection;
use super::{Server, Stage, Then};
use crate::format::Writer;
use crate::{Channel, LastNumber, Silenced, SimulatorError, Time};

/// One symbol's channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    /// Whether it was ever subscribed, from when on its messages are numbered.
    started: bool,
    /// The last number.
    number: u64,
}

/// The state of the disorder faults.
#[derive(Debug, Default)]
pub(super) struct Disordered {
    /// Messages that had somebody to go to.
    count: u64,
    /// The message that waits for the next of its pair.
    swapped: Option<(usize, Vec<u8>)>,
}

pub(super) const fn pair_of(symbol: usize, channel: Channel) -> usize {
    symbol * Channel::ALL.len() + channel.index()
}

const fn symbol_and_channel(pair: usize) -> (usize, Channel) {
    (pair / Channel::ALL.len(), Channel::ALL[pair % Channel::ALL.len()])
}

impl<T: Time> Server<'_, T> {
    /// Numbers messages of a pair from now on; sending begins once enough pairs have started.
    pub(super) fn start_pair(&mut self, pair: usize, now_ns: u64) {
        if self.pairs.len() <= pair {
            self.pairs.resize(pair + 1, Pair::default());
        }
        self.pairs_started += u32::from(!self.pairs[pair].started);
        self.pairs[pair].started = true;
        if self.pairs_started >= self.config.start_after_subscriptions {
            self.sending_since_ns.get_or_insert(now_ns);
        }
    }

    /// Sends what is due by now, up to a batch; true if anything was.
    pub(super) fn send_due(&mut self, now_ns: u64) -> Result<bool, SimulatorError> {
        let Some(since_ns) = self.sending_since_ns else { return Ok(false) };
        for pair in std::mem::take(&mut self.first_pushes) {
            let (symbol, channel) = symbol_and_channel(pair);
            if self.source.has_state(symbol, channel) && !self.is_complete() {
                self.send(symbol, channel);
            }
        }
        let mut busy = false;
        for _ in 0..BATCH_MAX {
            if self.is_blocked() || self.is_complete() || self.is_waiting() {
                break;
            }
            let Some(due) = self.source.peek()? else { break };
            let Some(behind_ns) = now_ns.checked_sub(since_ns.saturating_add(due.due_ns)) else {
                break;
            };
            if self.send(due.symbol, due.channel) && self.source.is_paced() {
                self.report.behind_ns_max = self.report.behind_ns_max.max(behind_ns);
            }
            self.source.take();
            busy = true;
        }
        Ok(busy)
    }

    /// When the next message is due, if anything is to be sent.
    pub(super) fn next_due_ns(&mut self) -> Result<Option<u64>, SimulatorError> {
        let Some(since_ns) = self.sending_since_ns else { return Ok(None) };
        if self.is_complete() || self.is_waiting() {
            return Ok(None);
        }
        Ok(self.source.peek()?.map(|due| since_ns.saturating_add(due.due_ns)))
    }

    /// Whether there is nothing more to number: the run is ending, or that was all.
    fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Closing { then: Then::Finish })
            || self.config.frames_max.is_some_and(|max| self.report.frames_numbered >= max)
    }

    /// A session without a pace waits for somebody to take it.
    fn is_waiting(&self) -> bool {
        !self.source.is_paced() && !self.is_anyone_here()
    }

    pub(super) fn is_anyone_here(&self) -> bool {
        let subscribed =
            |connection: &Connection| connection.is_open() && connection.subscriptions > 0;
        self.connections.iter().any(subscribed)
    }

    /// Whether somebody has not taken enough of what was sent: then all wait, and nothing is
    /// skipped.
    pub(super) fn is_blocked(&self) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.pending() > PENDING_MAX && !self.is_frozen(connection))
    }

    /// Numbers one message and sends it to whom it concerns; true if there was anybody.
    fn send(&mut self, symbol: usize, channel: Channel) -> bool {
        let pair = pair_of(symbol, channel);
        let Some(entry) = self.pairs.get_mut(pair).filter(|pair| pair.started) else {
            return false;
        };
        entry.number += 1;
        let number = self.config.numbered.then_some(entry.number);
        self.report.frames_numbered += 1;
        if !self.connections.iter().any(|connection| connection.wants(pair)) {
            self.report.frames_while_away += 1;
            return false;
        }
        let writer = Writer::new(self.config.faults.form, &mut self.text);
        self.source.write(symbol, channel, number, writer);
        self.deliver(pair);
        true
    }

    /// Hands the message to its connections, in the disorder that is asked for.
    fn deliver(&mut self, pair: usize) {
        let disorder = self.config.faults.disorder;
        self.disordered.count += 1;
        let count = self.disordered.count;
        let hits = |every: Option<u64>| every.is_some_and(|every| count.is_multiple_of(every));
        if hits(disorder.lose_every) {
            self.report.frames_withheld += 1;
            return;
        }
        let times = if hits(disorder.repeat_every) { 2 } else { 1 };
        if times == 1 && hits(disorder.swap_every) && self.disordered.swapped.is_none() {
            self.disordered.swapped = Some((pair, self.text.clone()));
            return;
        }
        for _ in 0..times {
            self.push(pair);
        }
        if let Some((_, text)) = self.disordered.swapped.take_if(|(swapped, _)| *swapped == pair) {
            self.text = text;
            self.push(pair);
        }
    }

    fn push(&mut self, pair: usize) {
        let mut connections = std::mem::take(&mut self.connections);
        let mut pushed = 0;
        for connection in connections.iter_mut().filter(|connection| connection.wants(pair)) {
            let silenced = self.is_silenced(connection, Silenced::Data)
                || self.is_silenced(connection, Silenced::Everything);
            if !silenced {
                connection.push_data(&self.text);
                pushed += 1;
            }
        }
        self.connections = connections;
        self.report.frames_sent += pushed;
        self.report.bytes_sent += pushed * self.text.len() as u64;
        self.report.frames_withheld += u64::from(pushed == 0);
    }

    /// A message that still waits to be swapped is not sent at all.
    pub(super) fn withhold_swapped(&mut self) {
        self.report.frames_withheld += u64::from(self.disordered.swapped.take().is_some());
    }

    pub(super) fn last_numbers(&self) -> Vec<LastNumber> {
        let started = self.pairs.iter().enumerate().filter(|(_, pair)| pair.started);
        let last_number = |(index, pair): (usize, &Pair)| {
            let (symbol, channel) = symbol_and_channel(index);
            let symbol = self.source.symbol(symbol).to_owned();
            LastNumber { symbol, channel, number: pair.number }
        };
        started.map(last_number).collect()
    }
}

/// Messages sent before connections are looked after again.
pub(super) const BATCH_MAX: usize = 256;
/// Bytes that may wait for one connection before the next message waits as well.
pub(super) const PENDING_MAX: usize = 256 * 1024;
