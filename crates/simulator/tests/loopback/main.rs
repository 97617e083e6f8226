//! The simulator over real sockets: what a client sees of the protocol, of faults, of restarts and
//! of recorded sessions.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod recorded_captures;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod session;
#[cfg(test)]
mod venue;
