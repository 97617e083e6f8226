use crate::server::connection::{Connection, Heard};
use crate::server::door;
use crate::server::gate::Admission;
use crate::{SimulatorConfig, SimulatorReport};

/// Connections in the handshake, or on their way out.
#[derive(Debug, Default)]
pub(super) struct Others(Vec<Connection>);

impl Others {
    pub(super) fn extend(&mut self, connections: impl IntoIterator<Item = Connection>) {
        self.0.extend(connections);
    }

    /// Goes on with handshakes and farewells; `admit` gets those who came in. True if anybody did.
    pub(super) fn hear(
        &mut self,
        config: &SimulatorConfig,
        now_ns: u64,
        report: &mut SimulatorReport,
        mut admit: impl FnMut(Connection, Admission),
    ) -> bool {
        let mut busy = false;
        let mut index = 0;
        while let Some(connection) = self.0.get_mut(index) {
            match connection.hear(now_ns) {
                Heard::Opened(admission) => {
                    busy = true;
                    if let Some(code) = admission.refused {
                        report.connections_refused += 1;
                        door::turn_away(connection, code, config, now_ns);
                    } else {
                        report.connections += 1;
                        admit(self.0.remove(index), admission);
                        continue;
                    }
                }
                Heard::Refused => {
                    busy = true;
                    report.connections_refused += 1;
                }
                Heard::Nothing | Heard::Text(_) | Heard::Other => {}
            }
            index += 1;
        }
        busy
    }

    /// Forgets the connections that have ended: frames that were handed to them in vain.
    pub(super) fn bury(&mut self, report: &mut SimulatorReport) -> u64 {
        let mut frames = 0;
        self.0.retain(|connection| match connection.gone() {
            Some(undelivered) => {
                report.bytes_undelivered += undelivered.bytes as u64;
                frames += undelivered.frames;
                false
            }
            None => true,
        });
        frames
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.0.iter_mut()
    }
}
