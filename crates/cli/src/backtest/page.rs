//! A backtest as one page that needs nothing else: no script, no request.

use tickring_backtest::{Tested, Trade};
use tickring_metrics::grouped;

use super::json::symbol;
use super::pictures;
use super::rule;
use super::text::{
    INSTRUMENT_COLUMNS, engine_words, figures, heading, instrument_cells, money, percent,
    span_words,
};
use super::{Done, NOT_MODELLED, StrategyDone};
use crate::inspect::dump::rfc3339;
use crate::report_page::page::{HEAD_END, escape, figure, style};

/// The page, in well-formed XML.
///
/// # Errors
/// A picture cannot be drawn, in words.
pub(crate) fn page(done: &Done) -> Result<String, String> {
    let names: Vec<_> = done.strategies.iter().map(|it| escape(&heading(it))).collect();
    let title = format!("tickring backtest: {}", names.join(", "));
    let mut html = format!("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>{title}</title>\n");
    html.push_str(HEAD_END);
    html.push_str(&format!("<style>\n{}{OWN_STYLE}</style>\n</head>\n<body>\n", style()));
    html.push_str(&format!("<h1>{title}</h1>\n"));
    let (source, hash) = (escape(&done.source), escape(&done.run_hash));
    html.push_str(&format!(
        "<p>{source}<br />run hash <b>{hash}</b>; {}</p>\n",
        engine_words(done)
    ));
    html.push_str(&warnings(done));
    html.push_str("<section>\n<h2>Over time</h2>\n");
    html.push_str(&figure(&pictures::equity(done), "equity")?);
    html.push_str(&figure(&pictures::drawdown(done), "drawdown")?);
    html.push_str("</section>\n");
    for it in &done.strategies {
        html.push_str(&section(it)?);
    }
    html.push_str("<section>\n<h2>What is not modelled</h2>\n<ul>\n");
    for line in NOT_MODELLED {
        html.push_str(&format!("<li>{}</li>\n", escape(line)));
    }
    html.push_str("</ul>\n<p>Rule and formulas: docs/BACKTEST.md of tickring.</p>\n</section>\n");
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

fn warnings(done: &Done) -> String {
    let lines = done.warnings();
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|it| format!("<li>{}</li>\n", escape(it))).collect();
    format!("<ul class=\"warnings\">\n{lines}</ul>\n")
}

/// One strategy: its figures, its rule, its instruments, its trades.
fn section(done: &StrategyDone) -> Result<String, String> {
    let tested = &done.tested;
    let heading = escape(&heading(done));
    let mut html = format!("<section>\n<h2>{heading}</h2>\n<p>{}</p>\n", span_words(tested));
    html.push_str("<div class=\"beside\">\n");
    html.push_str(&pairs("Figures", &figures(tested)));
    html.push_str(&pairs("Rule, costs and slippage", &rule::words(&tested.rule)));
    html.push_str("</div>\n");
    for it in tested.instruments.iter().filter(|it| !it.price_curve.points().is_empty()) {
        html.push_str(&figure(&pictures::price(tested, it), &heading)?);
    }
    let head = ["instrument"].into_iter().chain(INSTRUMENT_COLUMNS);
    let rows = tested.instruments.iter().take(ROWS_MAX).map(|it| {
        let mut cells = vec![it.symbol.clone()];
        cells.extend(instrument_cells(it));
        cells
    });
    html.push_str(&table(&head.collect::<Vec<_>>(), rows.collect()));
    html.push_str(&trades(tested));
    html.push_str("</section>\n");
    Ok(html)
}

fn trades(tested: &Tested) -> String {
    let open = tested.listed.iter().filter(|it| it.exit_time_ns.is_none()).count() as u64;
    let (all, shown) = (tested.trades.count + open, tested.listed.len().min(ROWS_MAX));
    if shown == 0 {
        return String::new();
    }
    let row = |it: &Trade| {
        let time = |ns: u64| rfc3339(ns).replace(".000000000Z", "Z");
        vec![
            time(it.entry_time_ns),
            it.exit_time_ns.map_or_else(|| "open".to_owned(), time),
            symbol(it, tested).to_owned(),
            if it.direction > 0.0 { "long" } else { "short" }.to_owned(),
            rule::number(it.quantity),
            rule::number(it.entry_price),
            rule::number(it.exit_price),
            money(it.profit),
            percent(it.profit_share()),
            money(it.fees),
        ]
    };
    // The last ones are the more telling, as they lead to where the account is now, but of very many
    // only the first are listed.
    let (which, from) =
        if tested.unlisted > 0 { ("first", 0) } else { ("last", tested.listed.len() - shown) };
    let rows = tested.listed[from..from + shown].iter().map(row).collect();
    let head = [
        "entry",
        "exit",
        "instrument",
        "side",
        "quantity",
        "entry price",
        "exit price",
        "profit",
        "of entry",
        "fees",
    ];
    let part = if shown as u64 == all {
        grouped(all)
    } else {
        format!("the {which} {shown} of {}", grouped(all))
    };
    format!("<h3>Trades ({part})</h3>\n{}", table(&head, rows))
}

fn pairs(caption: &str, rows: &[(&'static str, String)]) -> String {
    let row = |(what, value): &(&str, String)| {
        format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(what), escape(value))
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table>\n<caption>{caption}</caption>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let head: String = head.iter().map(|it| format!("<th>{}</th>", escape(it))).collect();
    let row = |cells: Vec<String>| {
        let mut cells = cells.into_iter();
        let first = escape(&cells.next().unwrap_or_default());
        let rest: String = cells.map(|it| format!("<td>{}</td>", escape(&it))).collect();
        format!("<tr><th>{first}</th>{rest}</tr>\n")
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!(
        "<div class=\"scroll\">\n<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</div>\n"
    )
}

/// What the report's page has no need of.
const OWN_STYLE: &str = "\
.beside{display:flex;flex-wrap:wrap;gap:8px 40px;align-items:flex-start;margin-bottom:1rem}
caption{text-align:left;font-weight:600;padding:4px 0}
.beside td{white-space:normal}
p{overflow-wrap:anywhere}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
ul.warnings{border-left:4px solid var(--gap);padding:.4rem 1.6rem;margin:.5rem 0}
";

/// Rows of a table that anybody reads.
const ROWS_MAX: usize = 100;
