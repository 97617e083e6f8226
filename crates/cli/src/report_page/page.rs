//! Runs side by side as one page that needs nothing else: no script, no request.

mod markup;
mod pictures;

use std::fmt::Write as _;

pub(crate) use self::markup::{HEAD_END, escape, style};
use self::pictures::{by_step, over_time, percentiles};
use super::Run;
use super::ladder::{Column, Group, groups, rows};
use super::plot::{DASHES, Line, Markers, Plot, Screen, draw};
use super::text::{latency, timeline_words, unit_word};
use super::timeline::facts;
use crate::args::UnitName;
use crate::inspect::dump::rfc3339;

/// The page, in well-formed XML.
///
/// # Errors
/// A picture cannot be drawn, in words.
pub(crate) fn page(runs: &[Run], unit: UnitName) -> Result<String, String> {
    let names: Vec<_> = runs.iter().map(|it| escape(&it.name)).collect();
    let title = format!("tickring report: {}", names.join(", "));
    let mut html = format!("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>{title}</title>\n");
    html.push_str(HEAD_END);
    write!(html, "<style>\n{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n", style())
        .expect("a string takes any text");
    html.push_str(&runs_list(runs));
    for group in groups(runs) {
        html.push_str(&section(&group, runs, unit)?);
    }
    html.push_str("<section>\n<h2>Over time</h2>\n");
    let plots = over_time(runs, unit);
    if plots.is_empty() {
        html.push_str("<p>None of the files tells what happened when.</p>\n");
    }
    for plot in &plots {
        html.push_str(&figure(plot, "over time")?);
    }
    html.push_str("</section>\n</body>\n</html>\n");
    Ok(html)
}

/// What the runs are.
fn runs_list(runs: &[Run]) -> String {
    let mut html = "<ul class=\"runs\">\n".to_owned();
    for run in runs {
        let files: Vec<_> = run.files.iter().map(|it| escape(it)).collect();
        let began =
            run.start_time_ns.map_or_else(String::new, |it| format!(", began {}", rfc3339(it)));
        let facts = facts(&run.timeline)
            .map_or_else(String::new, |it| format!("<br />{}", escape(&timeline_words(&it))));
        let name = escape(&run.name);
        let line = format!("<li><b>{name}</b>: {}{began}{facts}</li>\n", files.join(" + "));
        html.push_str(&line);
    }
    html.push_str("</ul>\n");
    html
}

/// One group: its pictures and its table.
fn section(group: &Group<'_>, runs: &[Run], unit: UnitName) -> Result<String, String> {
    let heading = escape(&group.heading());
    let mut html = format!("<section>\n<h2>{heading}</h2>\n");
    html.push_str(&figure(&percentiles(group, runs, unit), &heading)?);
    if let Some(plot) = by_step(group, runs, unit) {
        html.push_str(&figure(&plot, &heading)?);
    }
    html.push_str(&table(group, runs, unit));
    html.push_str("</section>\n");
    Ok(html)
}

/// A picture for each kind of screen, and what its lines mean; `heading` is what it stands under.
pub(crate) fn figure(plot: &Plot, heading: &str) -> Result<String, String> {
    let title = escape(&plot.title);
    let mut html = format!("<figure>\n<figcaption>{title}</figcaption>\n{}", legend(plot));
    for (screen, class) in [(Screen::Wide, "wide"), (Screen::Narrow, "narrow")] {
        let svg = draw(plot, screen)?;
        let named =
            format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{heading}: {title}\" ");
        html.push_str(&svg.replacen("<svg ", &named, 1));
        html.push('\n');
    }
    html.push_str("</figure>\n");
    Ok(html)
}

fn legend(plot: &Plot) -> String {
    let entry = |class: &str, colour: &str, dash: &str, label: &str| {
        format!(
            "<li><svg class=\"key\" width=\"30\" height=\"10\" viewBox=\"0 0 30 10\">\
             <line class=\"{class}\" x1=\"0\" y1=\"5\" x2=\"30\" y2=\"5\" stroke=\"{colour}\" \
             stroke-width=\"2\" stroke-dasharray=\"{dash}\" /></svg> {}</li>\n",
            escape(label)
        )
    };
    let line = |it: &Line| entry("", &it.pen.hex(), DASHES[it.pen.dash % DASHES.len()], &it.label);
    let mut html: String = plot.lines.iter().map(line).collect();
    for Markers { label, pen, shape, .. } in &plot.markers {
        let corners: Vec<_> = shape.corners().map(|(x, y)| format!("{x},{y}")).into();
        let top = shape.corners().map(|(_, y)| y).into_iter().min().unwrap_or_default();
        html.push_str(&format!(
            "<li><svg class=\"key\" width=\"14\" height=\"11\" viewBox=\"-7 {top} 14 11\">\
             <polygon points=\"{}\" fill=\"{}\" /></svg> {}</li>\n",
            corners.join(" "),
            pen.hex(),
            escape(label)
        ));
    }
    if !plot.marks.is_empty() {
        html.push_str(&entry("gap", &super::plot::hex(super::plot::GAP), "none", "gap"));
    }
    format!("<ul class=\"legend\">\n{html}</ul>\n")
}

fn table(group: &Group<'_>, runs: &[Run], unit: UnitName) -> String {
    let columns = group.columns(runs, |ns| latency(ns, unit));
    let mut html = "<div class=\"scroll\">\n<table>\n<thead>\n".to_owned();
    let head = |line: usize| {
        let cells = columns.iter().map(|it| format!("<th>{}</th>", escape(&it.heads[line])));
        let corner = if line == 0 { unit_word(unit).unwrap_or_default() } else { "" };
        format!("<tr><th>{corner}</th>{}</tr>\n", cells.collect::<String>())
    };
    html.push_str(&head(0));
    if columns.iter().any(|it| !it.heads[1].is_empty()) {
        html.push_str(&head(1));
    }
    html.push_str("</thead>\n<tbody>\n");
    for (index, row) in rows().enumerate() {
        let cell = |it: &Column| format!("<td>{}</td>", escape(&it.cells[index]));
        let cells: String = columns.iter().map(cell).collect();
        html.push_str(&format!("<tr><th>{row}</th>{cells}</tr>\n"));
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    html
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
    use tickring_metrics::TimelineEntry;

    use super::super::figures::Figures;
    use super::super::{IntervalPoint, Series};
    use super::*;

    fn figures(count: u64, ns: u64) -> Figures {
        Figures { count, values_ns: [Some(ns), None, Some(ns), Some(1), None, Some(u64::MAX)] }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_figures_make_a_picture_fail(
            values in vec((any::<u64>(), any::<u64>(), 0..4_u64), 0..5),
            tag in "(ring[.]rate=[0-9]{1,18}[.]?[0-9]{0,2}|.{0,12})",
        ) {
            let point = |&(at_ns, ns, small): &(u64, u64, u64)| IntervalPoint {
                at_ns,
                length_ns: ns,
                figures: figures(small, ns),
            };
            let entry = |&(at_ns, length_ns, gaps): &(u64, u64, u64)| TimelineEntry {
                at_ns,
                length_ns,
                gaps,
                events: at_ns,
                depth_max: length_ns,
                ..TimelineEntry::default()
            };
            let series = values.iter().enumerate().map(|(index, &(count, ns, _))| Series {
                tag: format!("{tag}{index}"),
                figures: figures(count, ns),
                curve: Vec::new(),
                intervals: values.iter().map(point).collect(),
            });
            let run = Run {
                name: tag.clone(),
                start_time_ns: values.first().map(|it| it.0),
                series: series.collect(),
                timeline: values.iter().map(entry).collect(),
                ..Run::default()
            };
            let html = page(&[run.clone(), run], UnitName::Auto).unwrap();
            prop_assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            prop_assert!(html.ends_with("</html>\n"));
        }
    }
}
