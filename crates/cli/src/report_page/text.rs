//! Runs side by side as text.

use std::fmt::Write as _;

use tickring_metrics::{Ns, counted, grouped};

use super::Run;
use super::ladder::{Column, Group, groups, rows};
use super::timeline::{Facts, facts};
use crate::args::UnitName;
use crate::inspect::chart::whole;
use crate::inspect::dump::rfc3339;

/// Width of the names of rows.
const ROW_WIDTH: usize = 7;

/// The longest head of a column; longer ones are cut.
const HEAD_MAX: usize = 24;

/// Tells of all runs, on lines of at most `width` characters where columns are no wider.
pub(crate) fn text(runs: &[Run], unit: UnitName, width: usize) -> String {
    let mut text = String::new();
    for run in runs {
        write_run(&mut text, run);
    }
    let suffix = unit_word(unit).map_or_else(String::new, |it| format!(" ({it})"));
    for group in groups(runs) {
        writeln!(text, "\n{}{suffix}", group.heading()).expect("a string takes any text");
        write_table(&mut text, &group, runs, (unit, width));
    }
    text
}

fn write_run(text: &mut String, run: &Run) {
    let mut line = format!("{}: {}", run.name, run.files.join(" + "));
    if let Some(start_ns) = run.start_time_ns {
        line.push_str(&format!(", began {}", rfc3339(start_ns)));
    }
    text.push_str(&format!("{line}\n"));
    if let Some(facts) = facts(&run.timeline) {
        text.push_str(&format!("  {}\n", timeline_words(&facts)));
    }
}

/// A timeline in one line.
pub(crate) fn timeline_words(facts: &Facts) -> String {
    let mut words = format!(
        "{}: {} events/s, at most {}; ring at most {} deep, slowest reader {} behind; {}",
        Ns(facts.span_ns),
        whole(facts.events_per_s_mean),
        whole(facts.events_per_s_max),
        grouped(facts.depth_max),
        grouped(facts.lag_max),
        counted(facts.gaps, "gap"),
    );
    if let Some(at_ns) = facts.first_gap_at_ns {
        words.push_str(&format!(" from {} on", Ns(at_ns)));
    }
    if facts.dropped > 0 {
        words.push_str(&format!("; {} dropped", counted(facts.dropped, "event")));
    }
    words
}

/// As many columns beside each other as fit, the rest below. Columns of one member stay together
/// where they can.
fn write_table(
    text: &mut String,
    group: &Group<'_>,
    runs: &[Run],
    (unit, width): (UnitName, usize),
) {
    let columns = group.columns(runs, |ns| latency(ns, unit));
    let mut rest: &[Column] = &columns;
    while !rest.is_empty() {
        let mut used = ROW_WIDTH;
        let fits = rest.iter().take_while(|column| {
            used += column_width(column);
            used <= width
        });
        let (now, later) = rest.split_at(whole_members(rest, fits.count().max(1)));
        write_columns(text, now);
        rest = later;
    }
}

/// So many of the first `count` columns that no member is cut; all where there is one member.
fn whole_members(columns: &[Column], count: usize) -> usize {
    let is_end =
        |at: &usize| *at == columns.len() || columns[*at].heads[0] != columns[*at - 1].heads[0];
    (1..=count).rev().find(is_end).unwrap_or(count)
}

fn write_columns(text: &mut String, columns: &[Column]) {
    for line in 0..2 {
        if columns.iter().any(|it| !it.heads[line].is_empty()) {
            let cells = columns.iter().map(|it| head(&it.heads[line]));
            write_row(text, "", columns, cells);
        }
    }
    for (index, row) in rows().enumerate() {
        let cells = columns.iter().map(|it| it.cells[index].clone());
        write_row(text, row, columns, cells);
    }
}

fn write_row(
    text: &mut String,
    name: &str,
    columns: &[Column],
    cells: impl Iterator<Item = String>,
) {
    let mut line = format!("{name:<ROW_WIDTH$}");
    for (column, cell) in columns.iter().zip(cells) {
        write!(line, "{cell:>0$}", column_width(column)).expect("a string takes any text");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// With two blanks before it.
fn column_width(column: &Column) -> usize {
    let heads = column.heads.iter().map(|it| head(it).chars().count());
    let cells = column.cells.iter().map(|it| it.chars().count());
    heads.chain(cells).max().unwrap_or(0) + 2
}

/// A head that is not too long; its end tells more than its beginning.
fn head(text: &str) -> String {
    let count = text.chars().count();
    if count <= HEAD_MAX {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - (HEAD_MAX - 2)).collect();
    format!("..{end}")
}

/// A latency in a unit, with that unit's name only where each has its own.
pub(crate) fn latency(ns: u64, unit: UnitName) -> String {
    let value = super::figures::float(ns);
    match unit {
        UnitName::Auto => Ns(ns).to_string(),
        UnitName::Ns => grouped(ns),
        UnitName::Us => format!("{:.3}", value / 1e3),
        UnitName::Ms => format!("{:.6}", value / 1e6),
        UnitName::S => format!("{:.9}", value / 1e9),
    }
}

/// The unit of a whole table, where there is one.
pub(crate) const fn unit_word(unit: UnitName) -> Option<&'static str> {
    match unit {
        UnitName::Auto => None,
        UnitName::Ns => Some("ns"),
        UnitName::Us => Some("us"),
        UnitName::Ms => Some("ms"),
        UnitName::S => Some("s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Series;
    use super::super::figures::Figures;
    use super::*;

    fn run(name: &str, tags: &[&str], ns: u64) -> Run {
        let series = tags.iter().map(|tag| Series {
            tag: (*tag).to_owned(),
            figures: Figures {
                count: 12_000,
                values_ns: [Some(ns), Some(2 * ns), Some(3 * ns), None, Some(8 * ns), Some(9 * ns)],
            },
            ..Series::default()
        });
        Run {
            name: name.to_owned(),
            files: vec![format!("{name}.hlog")],
            series: series.collect(),
            ..Run::default()
        }
    }

    #[test]
    fn two_runs_stand_side_by_side_with_their_ratio() {
        let runs = [run("old", &["queue.a"], 1_000), run("new", &["queue.a"], 1_500)];
        let expected = "\
old: old.hlog
new: new.hlog

queue
               a        a      a
             old      new  ratio
p50      1.00 us  1.50 us   1.50
p90      2.00 us  3.00 us   1.50
p99      3.00 us  4.50 us   1.50
p99.9          -        -      -
p99.99   8.00 us  12.0 us   1.50
max      9.00 us  13.5 us   1.50
count     12,000   12,000
";
        assert_eq!(text(&runs, UnitName::Auto, 80), expected);
    }

    #[test]
    fn a_ladder_that_is_too_wide_goes_on_below() {
        let tags: Vec<_> = (1..=20).map(|rate| format!("ring.rate={rate}000")).collect();
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        let text = text(&[run("x", &tags, 1_000)], UnitName::Us, 60);
        assert!(text.contains("\nring by rate (us)\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert_eq!(text.matches("p99.99 ").count(), 4, "{text}");
        assert!(text.contains(" 20k/s"));
        assert!(text.contains(" 1.000"), "{text}");
    }

    #[test]
    fn a_table_is_cut_between_members_where_it_can_be() {
        let runs = [run("old", &["q.a", "q.b"], 1_000), run("new", &["q.a", "q.b"], 1_500)];
        let wide = text(&runs, UnitName::Auto, 50);
        assert_eq!(wide.matches("             old      new  ratio\n").count(), 2, "{wide}");
        let narrow = text(&runs, UnitName::Auto, 20);
        assert_eq!(narrow.matches("p50 ").count(), 6, "{narrow}");
    }

    #[test]
    fn a_head_is_cut_where_it_is_too_long() {
        assert_eq!(head("short"), "short");
        assert_eq!(head(&"x".repeat(40)).chars().count(), HEAD_MAX);
    }
}
