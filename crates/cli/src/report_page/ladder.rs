//! Series of all runs in groups, each of which is a table and a picture.

use super::figures::Rank;
use super::tag::{Ladder, Member, Parts};
use super::{Run, Series};

/// Series that belong beside each other.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) title: String,
    /// What its members are steps of, if they are.
    pub(crate) ladder: Option<Ladder>,
    pub(crate) members: Vec<GroupMember<'a>>,
}

/// One tag in every run.
#[derive(Clone, Debug)]
pub(crate) struct GroupMember<'a> {
    pub(crate) label: String,
    /// How far up a ladder.
    pub(crate) step: Option<f64>,
    /// In the order of the runs.
    pub(crate) series: Vec<Option<&'a Series>>,
}

/// Puts the series of runs into groups, in the order in which they come; steps rise.
pub(crate) fn groups(runs: &[Run]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    for series in runs.iter().flat_map(|it| &it.series) {
        if !tags.contains(&series.tag.as_str()) {
            tags.push(&series.tag);
            add(&mut groups, runs, &series.tag);
        }
    }
    for group in &mut groups {
        group.members.sort_by(|a, b| a.step.unwrap_or(0.0).total_cmp(&b.step.unwrap_or(0.0)));
    }
    groups
}

fn add<'a>(groups: &mut Vec<Group<'a>>, runs: &'a [Run], tag: &str) {
    let Parts { group: title, member } = Parts::of(tag);
    let (ladder, step, label) = match member {
        Member::Step(ladder, step) => (Some(ladder), Some(step), step_label(ladder, step)),
        Member::Name(name) => (None, None, name),
    };
    let series = runs.iter().map(|run| run.series(tag)).collect();
    let member = GroupMember { label, step, series };
    match groups.iter_mut().find(|it| it.title == title && it.ladder == ladder) {
        Some(group) => group.members.push(member),
        None => groups.push(Group { title, ladder, members: vec![member] }),
    }
}

/// A step of a ladder, as short as it can be told exactly.
pub(crate) fn step_label(ladder: Ladder, step: f64) -> String {
    match ladder {
        Ladder::Rate => format!("{}/s", short(step)),
        Ladder::Burst => short(step),
    }
}

fn short(number: f64) -> String {
    let (value, unit) = match number {
        1e6.. => (number / 1e6, "M"),
        1e3.. => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let text = format!("{value:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// One column of a table: two lines of head, and a cell for each row of [`ROWS`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Column {
    pub(crate) heads: [String; 2],
    pub(crate) cells: Vec<String>,
}

impl Group<'_> {
    /// What the table is called.
    pub(crate) fn heading(&self) -> String {
        match self.ladder {
            Some(ladder) => format!("{} by {}", self.title, ladder.name()),
            None => self.title.clone(),
        }
    }

    /// The table's columns: each run of each member, and how it compares with the first run.
    pub(crate) fn columns(&self, runs: &[Run], format_ns: impl Fn(u64) -> String) -> Vec<Column> {
        let mut columns = Vec::new();
        for member in &self.members {
            let first = member.series.first().copied().flatten();
            for (index, series) in member.series.iter().enumerate() {
                let Some(series) = series else { continue };
                let name = if runs.len() > 1 { runs[index].name.as_str() } else { "" };
                let cell =
                    |rank| series.figures.get(rank).map_or_else(|| "-".to_owned(), &format_ns);
                let mut cells: Vec<_> = Rank::ALL.into_iter().map(cell).collect();
                cells.push(tickring_metrics::grouped(series.figures.count));
                let heads = [member.label.clone(), name.to_owned()];
                columns.push(Column { heads, cells });
                if let Some(first) = first.filter(|_| index > 0) {
                    columns.push(ratios(member, series, first));
                }
            }
        }
        columns
    }
}

/// How many times as large figures are as those of the first run.
fn ratios(member: &GroupMember<'_>, series: &Series, first: &Series) -> Column {
    let cell = |rank| {
        let ratio = series.figures.ratio(&first.figures, rank);
        ratio.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"))
    };
    let mut cells: Vec<_> = Rank::ALL.into_iter().map(cell).collect();
    cells.push(String::new());
    Column { heads: [member.label.clone(), "ratio".to_owned()], cells }
}

/// Names of a table's rows.
pub(crate) fn rows() -> impl Iterator<Item = &'static str> {
    Rank::ALL.into_iter().map(Rank::label).chain(["count"])
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figures;
    use super::*;

    fn run(name: &str, tags: &[(&str, u64)]) -> Run {
        let series = tags.iter().map(|&(tag, ns)| Series {
            tag: tag.to_owned(),
            figures: Figures { count: 2_000, values_ns: [Some(ns); 6] },
            ..Series::default()
        });
        Run { name: name.to_owned(), series: series.collect(), ..Run::default() }
    }

    #[test]
    fn steps_rise_and_stages_keep_their_order() {
        let ladders = ["ring.rate=1000000", "ring.burst-10", "ring.rate=500", "ring.burst-2"];
        let stages = ["queue.b", "total.b", "queue.a"];
        let tags: Vec<_> = ladders.into_iter().chain(stages).map(|tag| (tag, 1)).collect();
        let run = run("x", &tags);
        let runs = [run];
        let told: Vec<_> = groups(&runs)
            .iter()
            .map(|it| {
                let labels: Vec<_> = it.members.iter().map(|it| it.label.as_str()).collect();
                format!("{}: {}", it.heading(), labels.join(" "))
            })
            .collect();
        let ladders = ["ring by rate: 500/s 1M/s", "ring by burst: 2 10"];
        assert_eq!(told[..2], ladders);
        assert_eq!(told[2..], ["queue: b a", "total: b"]);
    }

    #[test]
    fn other_runs_are_compared_with_the_first() {
        let runs =
            [run("old", &[("queue.a", 100), ("queue.b", 1)]), run("new", &[("queue.a", 50)])];
        let columns = groups(&runs)[0].columns(&runs, |ns| ns.to_string());
        let told: Vec<_> = columns
            .iter()
            .map(|it| format!("{} {} {}", it.heads[0], it.heads[1], it.cells[0]))
            .collect();
        assert_eq!(told, ["a old 100", "a new 50", "a ratio 0.50", "b old 1"]);
        assert_eq!(columns[0].cells.last().unwrap(), "2,000");
    }

    #[test]
    fn rates_are_told_shortly() {
        for (rate, expected) in
            [(0.5, "0.5/s"), (999.0, "999/s"), (10_000.0, "10k/s"), (1_500_000.0, "1.5M/s")]
        {
            assert_eq!(step_label(Ladder::Rate, rate), expected);
        }
    }
}
