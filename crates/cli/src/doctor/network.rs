//! What the network stack does with bursts.

use tickring_metrics::grouped;

use super::finding::{Absent, Check, Judged, Reading, State, Step};
use super::host::Host;
use super::memory::{LIMITS, limit};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "net.busy_poll",
        title: "busy polling",
        good: "net.core.busy_read and net.core.busy_poll above 0",
        why: "A read then looks into the network card's queue itself instead of waiting for its \
              interrupt: microseconds less a message, where the driver can do it.",
        judge: busy_poll,
    },
    Check {
        id: "net.socket_memory",
        title: "socket memory",
        good: "tcp_rmem up to 16 MiB, rmem_max 4 MiB",
        why: "A burst waits in the socket while a strategy catches up; a full socket makes the venue \
              stop sending, and some venues disconnect slow readers.",
        judge: socket_memory,
    },
    Check {
        id: "net.tcp_loss",
        title: "TCP drops and prunes",
        good: "none since boot",
        why: "The kernel threw away or squeezed together what a full socket held; it has to be sent \
              again, which takes a round trip.",
        judge: tcp_loss,
    },
    Check {
        id: "net.backlog",
        title: "receive backlog",
        good: "no packet was dropped before its socket",
        why: "A packet that finds a core's backlog full is lost and has to be sent again.",
        judge: backlog,
    },
    Check {
        id: "limits.files",
        title: "open files",
        good: "1,024 or more",
        why: "Connections, captures and recordings are files; a reconnect that gets none ends the run.",
        judge: files,
    },
];

fn busy_poll(host: &Host) -> Judged {
    let read_us = host.root.number("/proc/sys/net/core/busy_read")?;
    let poll_us = host.root.number("/proc/sys/net/core/busy_poll")?;
    let read = format!("busy_read {read_us} us, busy_poll {poll_us} us");
    Ok(Reading::new(
        State::Warn.unless(read_us > 0 && poll_us > 0),
        read,
        "/proc/sys/net/core/busy_*",
    )
    .mends(["net.core.busy_read", "net.core.busy_poll"].map(|it| Step::sysctl(it, 50))))
}

fn socket_memory(host: &Host) -> Judged {
    let (tcp, any) = ("/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/core/rmem_max");
    let words = host.root.read(tcp)?;
    let sizes: Option<Vec<u64>> = words.split_whitespace().map(|it| it.parse().ok()).collect();
    let Some([least, usual, most]) = sizes.as_deref() else { return Err(Absent::strange(tcp)) };
    let rmem_max = host.root.number(any)?;
    let mut steps = Vec::new();
    if *most < TCP_BYTES_MIN {
        steps.push(Step::Run(format!(
            "sysctl -w net.ipv4.tcp_rmem='{least} {usual} {TCP_BYTES_MIN}'"
        )));
    }
    if rmem_max < RMEM_BYTES_MIN {
        steps.push(Step::sysctl("net.core.rmem_max", RMEM_BYTES_MIN));
    }
    let read = format!("tcp_rmem up to {} KiB, rmem_max {} KiB", kib(*most), kib(rmem_max));
    Ok(Reading::new(State::Warn.unless(steps.is_empty()), read, format!("{tcp}, {any}"))
        .mends(steps))
}

fn kib(bytes: u64) -> String {
    grouped(bytes / 1024)
}

fn tcp_loss(host: &Host) -> Judged {
    let path = "/proc/net/netstat";
    let text = host.root.read(path)?;
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (Some(names), Some(counts)) = (rows.next(), rows.next()) else {
        return Err(Absent::strange(path));
    };
    let lost: Vec<String> = names
        .split_whitespace()
        .zip(counts.split_whitespace())
        .filter(|(name, count)| LOSSES.contains(name) && *count != "0")
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let read = if lost.is_empty() { "none since boot".to_owned() } else { lost.join(", ") };
    let raise = "more socket memory (`net.socket_memory`) and strategies that keep up; the counters \
                 start over at boot and are of all programs";
    Ok(Reading::new(State::Warn.unless(lost.is_empty()), read, path)
        .mend(Step::Advice(raise.into())))
}

fn backlog(host: &Host) -> Judged {
    let path = "/proc/net/softnet_stat";
    let text = host.root.read(path)?;
    let column = |index: usize| {
        let of = |line: &str| u64::from_str_radix(line.split_whitespace().nth(index)?, 16).ok();
        text.lines()
            .map(of)
            .collect::<Option<Vec<u64>>>()
            .map(|it| it.into_iter().fold(0, u64::saturating_add))
    };
    let strange = || Absent::strange(path);
    let (dropped, squeezed) = (column(1).ok_or_else(strange)?, column(2).ok_or_else(strange)?);
    let read = format!("{dropped} dropped, {squeezed} times out of budget since boot");
    let steps = [("net.core.netdev_max_backlog", 16_384), ("net.core.netdev_budget", 600)];
    Ok(Reading::new(State::Warn.unless(dropped == 0), read, path)
        .mends(steps.map(|(name, value)| Step::sysctl(name, value))))
}

fn files(host: &Host) -> Judged {
    let limit = limit(host, "Max open files")?;
    let read = limit.map_or_else(|| "unlimited".to_owned(), grouped);
    let raise = "`ulimit -n 65536` before the start, or `LimitNOFILE=65536` in its unit";
    Ok(Reading::new(State::Warn.unless(limit.is_none_or(|it| it >= FILES_MIN)), read, LIMITS)
        .mend(Step::Advice(raise.into())))
}

/// Counters of what a receiving socket lost or had to squeeze.
const LOSSES: &[&str] =
    &["PruneCalled", "RcvPruned", "OfoPruned", "TCPRcvCollapsed", "TCPBacklogDrop", "TCPRcvQDrop"];

/// A burst of 20,000 messages of 400 bytes, with the kernel's own share.
const TCP_BYTES_MIN: u64 = 16 << 20;
const RMEM_BYTES_MIN: u64 = 4 << 20;
const FILES_MIN: u64 = 1_024;
