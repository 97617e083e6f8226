//! Who comes in: the listener, and what every handshake is checked against.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};

use super::connection::Connection;
use super::gate::{Gate, Rules};
use super::reply;
use crate::{Ending, Faults, Feed, RefusalForm, SimulatorConfig, SimulatorError};

#[derive(Debug)]
pub(crate) struct Door {
    /// `None` while the door is shut.
    listener: Option<TcpListener>,
    rules: Arc<Rules>,
    refused_by_fault: u32,
}

impl Door {
    /// Takes over a non-blocking listener.
    pub(super) fn new(config: &SimulatorConfig, listener: TcpListener) -> Self {
        let faults = &config.faults;
        let rules = Rules {
            key: config.api_key.clone(),
            form: faults.refusal,
            retry_after_s: faults.refuse_connections.and_then(|refuse| refuse.retry_after_s),
            query_subscriptions: faults.query_subscriptions,
            any_path: matches!(config.feed, Feed::Recorded { .. } | Feed::Venue { .. }),
        };
        Self { listener: Some(listener), rules: Arc::new(rules), refused_by_fault: 0 }
    }

    pub(super) fn open(&mut self, listener: TcpListener) {
        self.listener = Some(listener);
    }

    /// From now on nobody is listened for.
    pub(super) fn shut(&mut self) {
        self.listener = None;
    }

    /// Takes the next connection that waits, if there is one; `present` are there already.
    pub(super) fn accept(
        &mut self,
        faults: &Faults,
        present: usize,
        now_ns: u64,
    ) -> Result<Option<Connection>, SimulatorError> {
        while let Some(stream) = self.next()? {
            let connection = self.admit(stream, faults, present, now_ns);
            if connection.is_some() {
                return Ok(connection);
            }
        }
        Ok(None)
    }

    /// The socket of whoever waits next, if anybody does.
    pub(super) fn next(&self) -> Result<Option<TcpStream>, SimulatorError> {
        loop {
            let Some(listener) = &self.listener else { return Ok(None) };
            match listener.accept() {
                Ok((stream, _)) => return Ok(Some(stream)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(None),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => return Err(SimulatorError::Accept(error)),
                },
            }
        }
    }

    /// Begins a handshake. `None` for a socket that cannot be set up: its client has closed it.
    pub(super) fn admit(
        &mut self,
        stream: TcpStream,
        faults: &Faults,
        present: usize,
        now_ns: u64,
    ) -> Option<Connection> {
        let gate = self.gate(faults, present);
        Connection::new(stream, gate, now_ns).ok()
    }

    /// The check of the next handshake.
    fn gate(&mut self, faults: &Faults, present: usize) -> Gate {
        let refused_before = self.refused_by_fault;
        let by_fault = faults
            .refuse_connections
            .filter(|refuse| refuse.count.is_none_or(|count| refused_before < count));
        self.refused_by_fault += u32::from(by_fault.is_some());
        let full = faults
            .connections_max
            .is_some_and(|connections_max| present >= connections_max as usize);
        let refuse = by_fault.map(|refuse| refuse.code).or_else(|| full.then_some(3003));
        Gate { rules: Arc::clone(&self.rules), refuse, admission: Arc::new(OnceLock::new()) }
    }
}

/// Ends a connection whose handshake was finished only to say why it is not wanted.
pub(super) fn turn_away(
    connection: &mut Connection,
    code: u16,
    config: &SimulatorConfig,
    now_ns: u64,
) {
    let faults = &config.faults;
    let deadline_ns = now_ns.saturating_add(config.drain_ms_max.saturating_mul(1_000_000));
    let ending = if faults.refusal == RefusalForm::Message {
        let mut text = Vec::new();
        reply::write(&mut text, "connect", code, None);
        connection.push_reply(&text);
        faults.ending
    } else {
        Ending::CloseFrame(4000 + code % 1000)
    };
    connection.close(ending, reply::message(code), deadline_ns);
}
