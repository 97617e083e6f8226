//! A result for people.

use std::fmt::Write as _;

use tickring_harness::{Figures, Verdict};
use tickring_metrics::{Ns, grouped};

use super::against::ComparisonReport;
use super::report::{BenchReport, ScenarioReport};
use super::self_test::SelfTest;

/// The whole result.
pub(crate) fn report(report: &BenchReport) -> String {
    let mut out = String::new();
    write_report(&mut out, report).expect("a string takes everything");
    out
}

fn write_report(out: &mut String, report: &BenchReport) -> std::fmt::Result {
    head(out, report)?;
    table(out, report)?;
    kinds(out, report)?;
    costs(out, report)?;
    if let Some(comparison) = &report.comparison {
        compared(out, comparison)?;
    }
    report.flags.iter().try_for_each(|flag| writeln!(out, "note: {flag}"))
}

/// What the self-test found.
pub(crate) fn self_test(tested: &SelfTest) -> String {
    let SelfTest { tries, same_passed, same_within_noise, slow_failed, .. } = tested;
    let percent = |share: f64| format!("{:+.1} %", share * 100.0);
    format!(
        "{}, {} rounds a side\n\
         the same program against itself: {same_passed} of {tries} pass ({same_within_noise} within \
         the noise), median change {}\n\
         {} % more work: {slow_failed} of {tries} fail, median change {}\n\
         {}\n",
        tested.threshold,
        tested.rounds_of_a_side,
        percent(tested.same_change),
        tested.delay_percent,
        percent(tested.slow_change),
        if tested.is_passed() { "the comparison can be relied on" } else { "it cannot tell" },
    )
}

fn head(out: &mut String, report: &BenchReport) -> std::fmt::Result {
    let host = &report.host;
    writeln!(
        out,
        "{}, {} of {} cores, Linux {}, governor {}, clock {}",
        host.cpu_model,
        host.cores_usable,
        host.cores_present,
        host.kernel,
        host.governor.as_deref().unwrap_or("unknown"),
        host.clock_source.as_deref().unwrap_or("unknown"),
    )?;
    writeln!(out, "tickring {}, {}, {}", host.version, host.profile, host.rustc)?;
    if let Some(verdict) = &report.host_verdict {
        let of = |name: &str| verdict[name].as_u64().unwrap_or_default();
        writeln!(
            out,
            "host: {}, {} good, {} to look at, {} bad (`tickring doctor` says which)",
            verdict["word"].as_str().unwrap_or("unknown"),
            of("ok"),
            of("warn"),
            of("bad")
        )?;
    }
    let input = &report.input;
    let (frames, bytes) = (grouped(input.frames), grouped(input.bytes));
    writeln!(out, "input: {} ({frames} frames, {bytes} bytes)", input.name)?;
    let clock = &report.clock;
    writeln!(
        out,
        "clock: step {:.1} ns, a reading {:.1} ns; {} rounds, seed {}",
        clock.step_ns, clock.read_ns, report.settings.rounds, report.settings.seed
    )?;
    if let (Some(tight), Some(paused)) = (report.floor.tight_ns, report.floor.paused_ns) {
        writeln!(
            out,
            "floor: a cache line to another core takes {tight:.1} ns, after a pause {paused:.1} ns"
        )?;
    } else {
        writeln!(out, "floor: not measured; no two cores answered in time")?;
    }
    writeln!(out)
}

fn table(out: &mut String, report: &BenchReport) -> std::fmt::Result {
    let width = report.scenarios.iter().map(|it| it.name.len()).max().unwrap_or_default().max(8);
    writeln!(
        out,
        "{:width$} {:>9} {:>9} {:>9} {:>9} {:>13} {:>7}",
        "scenario", "p50", "p99", "p99.9", "max", "a second", "spread"
    )?;
    for scenario in &report.scenarios {
        write!(out, "{:width$} ", scenario.name)?;
        let Figures { p50_ns, p99_ns, p99_9_ns, max_ns, .. } = scenario.latency_ns;
        if scenario.since == "block" {
            let each = if p50_ns < EXACT_NS { format!("{p50_ns:.1} ns") } else { shown(p50_ns) };
            write!(out, "{each:>9} {:<29} ", format!("each {}", scenario.item))?;
        } else {
            for ns in [p50_ns, p99_ns, p99_9_ns, max_ns] {
                write!(out, "{:>9} ", shown(ns))?;
            }
        }
        let spread = format!("{:.1} %", scenario.p50_spread * 100.0);
        let mark = if scenario.is_oversubscribed { "  OVERSUBSCRIBED" } else { "" };
        writeln!(out, "{:>13} {spread:>7}{mark}", grouped(whole(scenario.per_s)))?;
    }
    writeln!(out)
}

fn kinds(out: &mut String, report: &BenchReport) -> std::fmt::Result {
    for scenario in report.scenarios.iter().filter(|it| !it.kinds.is_empty()) {
        writeln!(out, "{} by kind of message", scenario.name)?;
        for (kind, figures) in &scenario.kinds {
            let [p50, p99, max] = [figures.p50_ns, figures.p99_ns, figures.max_ns].map(shown);
            let count = grouped(figures.count);
            writeln!(out, "  {kind:20} {count:>12}  p50 {p50:>8}  p99 {p99:>8}  max {max:>8}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Shares, what recording costs, allocations, the burst that waited.
fn costs(out: &mut String, report: &BenchReport) -> std::fmt::Result {
    let figure = |scenario: &ScenarioReport, name: &str| scenario.figures.get(name).copied();
    for scenario in &report.scenarios {
        let names = ["read_ns", "decode_ns", "publish_ns", "handle_ns"];
        let parts: Vec<f64> = names.iter().filter_map(|name| figure(scenario, name)).collect();
        let sum: f64 = parts.iter().sum();
        if parts.len() == names.len() && sum > 0.0 {
            write!(out, "of a frame:")?;
            for (name, ns) in names.iter().zip(&parts) {
                let word = name.trim_end_matches("_ns");
                write!(out, " {word} {:.0} ns ({:.0} %)", ns, ns / sum * 100.0)?;
            }
            writeln!(out)?;
        }
        if let (Some(ns), Some(bytes)) =
            (figure(scenario, "all_handled_ns"), figure(scenario, "waiting_bytes"))
        {
            writeln!(
                out,
                "{}: all handled after {}, {} bytes of them waited in the socket",
                scenario.name,
                shown(ns),
                grouped(whole(bytes))
            )?;
        }
    }
    if let (Some(recording), Some(stamping)) =
        (report.recording_ns_per_event, report.stamping_ns_per_event)
    {
        writeln!(
            out,
            "recording every stage costs {recording:.1} ns an event, the two times that it carries \
             {stamping:.1} ns"
        )?;
    }
    if let Some(each) = report.allocations_per_message {
        writeln!(
            out,
            "allocations a message: ingest {}, worker {} (the most of any round)",
            each.ingest, each.worker
        )?;
    }
    writeln!(out)
}

fn compared(out: &mut String, comparison: &ComparisonReport) -> std::fmt::Result {
    writeln!(out, "against {}", comparison.against)?;
    for difference in &comparison.host_differences {
        writeln!(out, "  another machine or build: {difference}")?;
    }
    for entry in &comparison.scenarios {
        let it = &entry.comparison;
        let verdict = match it.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::WithinNoise => "within noise",
        };
        let (before, after) = (shown(it.base_ns), shown(it.new_ns));
        writeln!(
            out,
            "  {:28} {:12} {before:>9} -> {after:>9}  {:+6.1} % (noise {:.1} %)  {verdict}",
            entry.name,
            entry.threshold,
            it.change * 100.0,
            it.noise * 100.0
        )?;
    }
    for name in &comparison.unmatched {
        writeln!(out, "  {name}: only in one of the two")?;
    }
    writeln!(out)
}

/// Below this, a value of a whole block is shown with a digit behind the point.
const EXACT_NS: f64 = 10_000.0;

fn shown(ns: f64) -> String {
    Ns(whole(ns)).to_string()
}

/// The nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are not below 0, and a cast saturates"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
