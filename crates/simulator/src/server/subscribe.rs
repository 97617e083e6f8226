//! Commands, and what they are answered.

use serde_json::json;

use super::command::{self, Command, Request};
use super::connection::Connection;
use super::gate::Admission;
use super::send::pair_of;
use super::{Server, reply};
use crate::{AckData, AckPer, AckWhen, Channel, FirstPush, PartialSuccess, Silenced, Time};

/// Why a symbol cannot be subscribed.
type Reason = (u16, &'static str);

impl<T: Time> Server<'_, T> {
    /// Does what a client said, or says why not.
    pub(super) fn obey(&mut self, connection: &mut Connection, text: &str, now_ns: u64) {
        match command::parse(text) {
            Ok(Command::Ping) => self.pong(connection, now_ns),
            Ok(Command::Subscribe(request)) => self.subscribe(connection, &request, now_ns),
            Ok(Command::Unsubscribe(request)) => self.unsubscribe(connection, &request),
            Err(refused) => {
                let reason = (refused.code, reply::message(refused.code));
                self.refuse(connection, refused.command, reason, None);
            }
        }
    }

    fn pong(&mut self, connection: &mut Connection, now_ns: u64) {
        self.report.pings += 1;
        if self.is_silenced(connection, Silenced::Pongs) {
            return;
        }
        let elapsed_ms = now_ns.saturating_sub(self.began_ns) / 1_000_000;
        let mut text = Vec::new();
        let timestamp_ms = self.config.epoch_ms.saturating_add(elapsed_ms);
        reply::write_pong(&mut text, self.config.faults.pong, timestamp_ms);
        connection.push_reply(&text);
    }

    fn subscribe(&mut self, connection: &mut Connection, request: &Request, now_ns: u64) {
        let faults = &self.config.faults;
        let channel = request.channel;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for symbol in &request.symbols {
            match self.check(connection, request, symbol, good.len()) {
                Ok(pair) => good.push((pair, symbol.as_str())),
                Err(reason) => bad.push((reason, symbol.as_str())),
            }
        }
        if faults.ack.per == AckPer::Symbol {
            for (reason, symbol) in bad {
                let data = json!({"channel": channel.name(), "symbols": [symbol]}).to_string();
                self.refuse(connection, "subscribe", reason, Some(&data));
            }
            for (pair, symbol) in good {
                self.accept_pairs(connection, channel, &[(pair, symbol)], now_ns);
            }
            return;
        }
        let Some(&(reason, _)) = bad.first() else {
            self.accept_pairs(connection, channel, &good, now_ns);
            return;
        };
        let symbols: Vec<&str> = bad.iter().map(|&(_, symbol)| symbol).collect();
        let mut data = json!({"channel": channel.name(), "symbols": symbols});
        if reason.0 == 4003 {
            data["suggestion"] = "Use HTTP API /v1/market/depth for current depth data".into();
        }
        self.refuse(connection, "subscribe", reason, Some(&data.to_string()));
        if faults.partial == PartialSuccess::AcceptKnown {
            self.start_pairs(connection, &good, now_ns);
        }
    }

    /// The pair of a symbol that may be subscribed. `more` others of the same command will be too.
    fn check(
        &mut self,
        connection: &Connection,
        request: &Request,
        symbol: &str,
        more: usize,
    ) -> Result<usize, Reason> {
        let refused = |code| Err((code, reply::message(code)));
        let faults = &self.config.faults;
        if !self.config.channels.contains(&request.channel) {
            return refused(1004);
        }
        let fault = faults.refuse_subscriptions.iter().find(|refuse| {
            refuse.channel.is_none_or(|channel| channel == request.channel)
                && refuse.symbol.as_ref().is_none_or(|refused| refused == symbol)
        });
        if let Some(fault) = fault {
            return refused(fault.code);
        }
        if !request.has_type && faults.ambiguous_symbols.iter().any(|known| known == symbol) {
            return Err((2001, "AMBIGUOUS_SYMBOL"));
        }
        let Some(index) = self.source.find(symbol) else { return refused(2002) };
        let pair = pair_of(index, request.channel);
        let count = connection.subscriptions as usize + more + 1;
        let full = faults.subscriptions_max.is_some_and(|max| count > max as usize);
        if full && !connection.is_subscribed(pair) {
            return refused(3004);
        }
        Ok(pair)
    }

    /// Acknowledges and subscribes.
    fn accept_pairs(
        &mut self,
        connection: &mut Connection,
        channel: Channel,
        pairs: &[(usize, &str)],
        now_ns: u64,
    ) {
        let ack = self.config.faults.ack;
        let data = match ack.data {
            AckData::Empty => Some("{}".to_owned()),
            AckData::Absent => None,
            AckData::Subscription => {
                let symbols: Vec<&str> = pairs.iter().map(|&(_, symbol)| symbol).collect();
                Some(json!({"channel": channel.name(), "symbols": symbols}).to_string())
            }
        };
        let mut text = Vec::new();
        reply::write(&mut text, "subscribe", 0, data.as_deref());
        match ack.when {
            AckWhen::BeforeData => connection.push_reply(&text),
            AckWhen::AfterData { frames } => connection.hold_ack(frames, text),
            AckWhen::Never => {}
        }
        self.start_pairs(connection, pairs, now_ns);
    }

    fn start_pairs(&mut self, connection: &mut Connection, pairs: &[(usize, &str)], now_ns: u64) {
        for &(pair, _) in pairs {
            self.report.subscriptions += u64::from(!connection.is_subscribed(pair));
            connection.subscribe(pair);
            self.start_pair(pair, now_ns);
            if self.config.faults.first_push == FirstPush::OnSubscribe {
                self.first_pushes.push(pair);
            }
        }
    }

    /// Subscribes what the connection's query asked for; what cannot be is left out, as there is
    /// no command to answer.
    pub(super) fn subscribe_query(
        &mut self,
        connection: &mut Connection,
        admission: &Admission,
        now_ns: u64,
    ) {
        let named = |channel: &&Channel| {
            let mut names = admission.channels.iter();
            admission.channels.is_empty() || names.any(|name| name == channel.name())
        };
        for &channel in Channel::ALL.iter().filter(named) {
            let request = Request { channel, symbols: admission.symbols.clone(), has_type: false };
            for symbol in &request.symbols {
                if let Ok(pair) = self.check(connection, &request, symbol, 0) {
                    self.start_pairs(connection, &[(pair, symbol)], now_ns);
                }
            }
        }
    }

    fn unsubscribe(&mut self, connection: &mut Connection, request: &Request) {
        let mut unknown = Vec::new();
        for symbol in &request.symbols {
            match self.source.find(symbol) {
                Some(index) => connection.unsubscribe(pair_of(index, request.channel)),
                None => unknown.push(symbol.as_str()),
            }
        }
        if unknown.is_empty() {
            let mut text = Vec::new();
            reply::write(&mut text, "unsubscribe", 0, Some("{}"));
            connection.push_reply(&text);
        } else {
            let data = json!({"channel": request.channel.name(), "symbols": unknown}).to_string();
            self.refuse(connection, "unsubscribe", (2002, reply::message(2002)), Some(&data));
        }
    }

    fn refuse(
        &mut self,
        connection: &mut Connection,
        command: &str,
        reason: Reason,
        data: Option<&str>,
    ) {
        self.report.refused += 1;
        let mut text = Vec::new();
        reply::write_message(&mut text, command, reason, data);
        connection.push_reply(&text);
    }
}
