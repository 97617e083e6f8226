//! The kernel's receive times of what comes over an open connection.

use std::sync::mpsc::sync_channel;

use tickring_event::ConnectionState;
use tickring_ingest::{Incoming, KernelTimeTally, LiveSource, Polling, Source, Stamp, notices};
use tickring_metrics::Clock;
use tungstenite::Message;

use crate::support::{accept, eager, listen, serve};

/// Turns until a frame; its stamp and how long it had waited in the kernel.
fn next_frame(source: &mut LiveSource) -> (Stamp, Option<u64>) {
    loop {
        let stamp = match source.next().unwrap() {
            Incoming::Frame(frame) => frame.stamp,
            Incoming::Status(_, status) if status.state == ConnectionState::Disconnected => {
                panic!("{status:?}")
            }
            _ => continue,
        };
        return (stamp, source.kernel_wait_ticks(stamp));
    }
}

/// Frames one by one, each read only once it was sent: when it was read, what the kernel says, and a
/// moment between the two. Ends when `enough` says so.
fn each_frame(
    kernel_time: bool,
    mut enough: impl FnMut(&Clock, u64, (Stamp, Option<u64>)) -> bool,
) {
    let (listener, url) = listen();
    let (sent, was_sent) = sync_channel(0);
    let (go, may_go) = sync_channel(0);
    let server = serve(move || {
        let mut socket = accept(&listener);
        while may_go.recv().is_ok() {
            socket.send(Message::text("frame")).unwrap();
            sent.send(()).unwrap();
        }
    });
    let clock = Clock::new();
    let mut config = eager(url);
    config.polling = Polling::Busy;
    config.kernel_time = kernel_time;
    let (sender, _receiver) = notices();
    let mut source = LiveSource::new(config, clock.clone(), sender, 7).unwrap();
    while !matches!(source.next().unwrap(), Incoming::Status(_, it) if it.state == ConnectionState::Connected)
    {
    }
    loop {
        go.send(()).unwrap();
        was_sent.recv().unwrap();
        let sent_ticks = clock.ticks();
        let frame = next_frame(&mut source);
        if enough(&clock, sent_ticks, frame) {
            break;
        }
    }
    let tally = source.kernel_time();
    assert_eq!(tally.is_some(), kernel_time);
    let KernelTimeTally { reads, reads_without, clamped, .. } = tally.unwrap_or_default();
    assert!(reads_without <= reads && clamped <= reads);
    drop((go, source));
    server.join().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_frame_tells_how_long_it_waited_in_the_kernel() {
    // The kernel begins to stamp a moment after it was first asked to in a system.
    each_frame(true, |clock, sent_ticks, (stamp, waited)| {
        let Some(waited_ticks) = waited else { return false };
        let least_ns = clock.elapsed_ns(sent_ticks, stamp.arrival_ticks);
        let waited_ns = clock.elapsed_ns(0, waited_ticks);
        // A neighbour may interrupt the reading of the two clocks: not all of it is an error.
        let slack_ns = 50_000_000;
        assert!(waited_ns + slack_ns >= least_ns, "{waited_ns} ns of at least {least_ns}");
        true
    });
}

#[test]
fn nobody_asked_means_that_no_wait_is_told() {
    let mut frames = 0;
    each_frame(false, |_, _, (_, waited)| {
        assert_eq!(waited, None);
        frames += 1;
        frames == 3
    });
}

#[test]
fn the_life_of_a_connection_is_stamped_by_us_alone() {
    let (listener, url) = listen();
    let server = serve(move || accept(&listener));
    let mut config = eager(url);
    config.kernel_time = true;
    let (sender, _receiver) = notices();
    let mut source = LiveSource::new(config, Clock::new(), sender, 7).unwrap();
    let stamp = loop {
        if let Incoming::Status(stamp, status) = source.next().unwrap()
            && status.state == ConnectionState::Connected
        {
            break stamp;
        }
    };
    assert_eq!(source.kernel_wait_ticks(stamp), None);
    drop(server.join().unwrap());
}
