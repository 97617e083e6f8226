use serde_json::Value;

use super::*;

/// A report in which every optional part is present.
fn full() -> Report {
    let strategy = StrategyReport {
        name: "spread".to_owned(),
        core: Some(3),
        wait: "spin".to_owned(),
        handled: 93_954,
        figures: BTreeMap::from([("spread".to_owned(), 0.1)]),
        latency_ns: StageLatencies {
            queue: LatencySummary {
                count: 93_954,
                p50: 1_230,
                p99: 12_300,
                p99_9: 45_600,
                max: 1_200_000,
                ..LatencySummary::default()
            },
            ..StageLatencies::default()
        },
        ..StrategyReport::default()
    };
    let book = BookReport {
        levels: [1_000, 998],
        top5: TopLevels {
            bids: vec![["61234.5".to_owned(), "0.2".to_owned()]],
            asks: vec![["61234.6".to_owned(), "1.5".to_owned()]],
        },
        last_sequence: 50_093_421_584,
        seeded: true,
        snapshots: 1,
        applied: 93_000,
        stale: 3,
        gaps: 0,
        checksums: None,
        top_check: None,
        valid: true,
    };
    Report {
        schema_version: SCHEMA_VERSION,
        command: "replay".to_owned(),
        wall_ns: 500_000_000,
        frames: 93_954,
        bytes: 12_300_000,
        messages: BTreeMap::from([("trade".to_owned(), 5)]),
        events: EventsReport { published: 93_954, ..EventsReport::default() },
        gaps: vec![GapReport::default()],
        ring: RingReport {
            capacity: 16_384,
            depth_max: 512,
            utilisation_max: 0.031_25,
            ..RingReport::default()
        },
        strategies: vec![strategy.clone()],
        services: vec![StrategyReport { name: "recorder".to_owned(), ..strategy }],
        books: Some(BTreeMap::from([("BTCUSDT".to_owned(), book)])),
        bottleneck: "balanced".to_owned(),
        drained: true,
        ..Report::default()
    }
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&serde_json::to_string(report).unwrap()).unwrap()
}

#[track_caller]
fn check_fields(object: &Value, expected: &str) {
    let mut expected: Vec<_> = expected.split_whitespace().collect();
    expected.sort_unstable();
    let mut fields: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, expected);
}

#[test]
fn field_names_are_the_contract() {
    let report = json(&full());
    check_fields(
        &report,
        "schema_version command host start_time_ns wall_ns frames bytes decode_errors control messages events \
         loss gaps connections ring timeline stages strategies services books run_hash bottleneck drained",
    );
    check_fields(&report["host"], "cpus model pinned virtualised");
    check_fields(&report["decode_errors"], "total by_reason");
    check_fields(&report["control"], "acks pongs refusals ignored scan_declined");
    check_fields(&report["messages"], "trade");
    check_fields(&report["events"], "published trade top_of_book levels bar gap status");
    check_fields(&report["loss"], "gaps dropped missing duplicated reordered");
    check_fields(&report["gaps"][0], "connection instrument reason expected received missing");
    check_fields(&report["connections"], "attempts reconnects");
    check_fields(&report["ring"], "capacity depth_max utilisation_max stalls stall_ns");
    check_fields(&report["stages"], "decode stall");
    for list in ["strategies", "services"] {
        let entry = &report[list][0];
        check_fields(
            entry,
            "name worker core wait handled conflated skipped errors retries received_hash quarantined culprit \
             signals signals_dropped figures latency_ns",
        );
        check_fields(&entry["latency_ns"], "queue handle total");
    }
    check_fields(&report["stages"]["decode"], "count min mean p50 p90 p99 p99_9 p99_99 max");
    let book = &report["books"]["BTCUSDT"];
    check_fields(book, "levels top5 last_sequence seeded snapshots applied stale gaps valid");
    check_fields(&book["top5"], "bids asks");
    assert_eq!(book["levels"], serde_json::json!([1_000, 998]));
    assert_eq!(book["top5"]["bids"], serde_json::json!([["61234.5", "0.2"]]));
}

#[test]
fn optional_parts_are_left_out_or_null() {
    let mut report = Report { strategies: vec![StrategyReport::default()], ..Report::default() };
    let plain = json(&report);
    assert!(plain.get("books").is_none());
    assert!(plain["decode_errors"].get("examples").is_none());
    assert!(plain.get("remarks").is_none());
    assert!(plain["strategies"][0]["core"].is_null());
    assert!(plain["strategies"][0]["culprit"].is_null());
    assert!(plain["stages"]["decode"].get("clamped").is_none());

    report.decode_errors.examples.insert("malformed".to_owned(), "{".to_owned());
    report.stages.decode.clamped = 2;
    let remark = RemarkReport { count: 3, example: "{}".to_owned() };
    report.remarks.insert("unknown_channel".to_owned(), remark);
    assert!(plain["stages"].get("kernel").is_none());
    assert!(plain["connections"].get("kernel_time").is_none());
    let kernel_time = KernelTimeReport { reads: 9, ..KernelTimeReport::default() };
    report.connections.kernel_time = Some(kernel_time);
    report.stages.kernel = Some(LatencySummary { count: 9, p50: 7, ..LatencySummary::default() });
    let checksums = Some(ChecksumsReport { checked: 9, failed: 1 });
    let book = BookReport { checksums, ..BookReport::default() };
    report.books = Some(BTreeMap::from([("BTC/USD".to_owned(), book)]));
    let filled = json(&report);
    assert_eq!(filled["decode_errors"]["examples"]["malformed"], "{");
    assert_eq!(filled["stages"]["decode"]["clamped"], 2);
    check_fields(&filled["connections"]["kernel_time"], "reads reads_without clamped error_ns_max");
    assert_eq!(filled["stages"]["kernel"]["p50"], 7);
    let text = report.to_text();
    assert!(text.contains("kernel time: 9 reads, 0 without, 0 clamped"), "{text}");
    assert!(text.contains("kernel: p50 7 ns"), "{text}");
    check_fields(&filled["remarks"]["unknown_channel"], "count example");
    check_fields(&filled["books"]["BTC/USD"]["checksums"], "checked failed");
}

#[test]
fn text_shows_the_run_at_a_glance() {
    let text = full().to_text();
    let expected = "\
replay: 93,954 frames, 12.3 MB, 93,954 events in 0.500 s (187,908 frames/s, 24.6 MB/s)
loss: nothing lost
ring: 16,384 slots, at most 512 in use (3.1 %), 0 stalls for 0 ns

strategy               handled  stage       p50      p99    p99.9      max
spread                  93,954  queue   1.23 us  12.3 us  45.6 us  1.20 ms
                                handle     0 ns     0 ns     0 ns     0 ns
                                total      0 ns     0 ns     0 ns     0 ns

service                handled  stage       p50      p99    p99.9      max
recorder                93,954  queue   1.23 us  12.3 us  45.6 us  1.20 ms
                                handle     0 ns     0 ns     0 ns     0 ns
                                total      0 ns     0 ns     0 ns     0 ns

books: 1
  BTCUSDT: 61234.5 / 61234.6, 1,000 + 998 levels, 93,000 applied, 3 stale, 0 gaps
bottleneck: balanced; source and strategies keep pace with each other
";
    assert_eq!(text, expected);
}

#[test]
fn text_names_what_was_lost() {
    let mut report = Report {
        loss: LossReport { gaps: 2, dropped: 1, missing: 1_200, duplicated: 3, reordered: 4 },
        ..full()
    };
    report.decode_errors.total = 1;
    report.decode_errors.by_reason.insert("frame is not valid JSON".to_owned(), 1);
    let text = report.to_text();
    assert!(text.contains(
        "loss: 2 gaps, 1,200 messages missing at the venue, 1 event dropped on a full ring, \
         1 frame not decoded; 3 duplicated; 4 reordered\n  1: frame is not valid JSON\n"
    ));
    assert!(!text.contains("nothing lost"));
}

#[test]
fn a_repeated_message_is_told_but_is_no_loss() {
    let mut report = full();
    report.loss.duplicated = 1;
    assert!(report.to_text().contains("loss: nothing lost; 1 duplicated\n"));
}

#[test]
fn text_names_a_quarantined_strategy_and_an_undrained_run() {
    let mut report = full();
    report.drained = false;
    report.strategies[0].skipped = 1_000;
    report.strategies[0].quarantined = true;
    report.strategies[0].culprit = Some("panicked: index out of bounds".to_owned());
    let text = report.to_text();
    assert!(text.contains("  1,000 skipped, quarantined: panicked: index out of bounds\n"));
    assert!(text.contains("not drained"));
}

#[test]
fn text_tells_workers_of_one_strategy_apart() {
    let mut report = full();
    report.strategies.push(StrategyReport { worker: 1, ..report.strategies[0].clone() });
    let text = report.to_text();
    assert!(text.contains("\nspread/0 ") && text.contains("\nspread/1 "));
}

#[test]
fn text_marks_a_book_that_is_not_valid() {
    let mut report = full();
    let books = report.books.as_mut().unwrap();
    books.insert("ETHUSDT".to_owned(), BookReport::default());
    let text = report.to_text();
    assert!(text.contains("books: 2, 1 not valid\n"));
    let levels = "  ETHUSDT: - / -, 0 + 0 levels, 0 applied, 0 stale, 0 gaps";
    assert!(text.contains(&format!("{levels}, NOT VALID: no snapshot came\n")), "{text}");
    let checksums = Some(ChecksumsReport { checked: 9, failed: 1 });
    let book = BookReport { seeded: true, checksums, ..BookReport::default() };
    report.books.as_mut().unwrap().insert("ETHUSDT".to_owned(), book);
    let text = report.to_text();
    assert!(text.contains(&format!("{levels}, 9 checksums, 1 failed, NOT VALID\n")), "{text}");
}

#[test]
fn text_advises_on_the_strategy_that_gates() {
    let report = Report { bottleneck: "strategy spread".to_owned(), ..full() };
    assert!(report.to_text().contains("bottleneck: strategy spread; it gates the ring: "));
}
