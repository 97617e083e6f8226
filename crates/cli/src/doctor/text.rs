//! An examination for people: grouped, aligned, with colour where that helps.

use std::fmt::{self, Write as _};

use tickring_metrics::{Ns, grouped};

use super::Examination;
use super::finding::{Finding, State, Step};
use super::jitter::{CoreJitter, Jitter};

/// How a terminal is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Characters of a line.
    pub(crate) width: usize,
    pub(crate) is_coloured: bool,
}

/// The examination as text, several lines, each ended by a newline and none longer than the page
/// where words allow it.
pub(crate) fn text(examination: &Examination, page: Page) -> String {
    let mut out = String::new();
    write(&mut out, examination, page).expect("a string takes any text");
    out
}

fn write(out: &mut String, examination: &Examination, page: Page) -> fmt::Result {
    let Examination { host, findings, verdict, jitter, .. } = examination;
    page.fold(out, "doctor: ", &verdict.to_string())?;
    let kind = if host.virtualised { ", virtual" } else { "" };
    page.fold(out, "host: ", &format!("{}, Linux {}{kind}", host.model, host.kernel))?;
    page.fold(out, "cores: ", &format!("{} ({})", host.judged, host.chosen))?;
    let mut group = "";
    let width = findings.iter().map(|it| it.id.len()).max().unwrap_or(0);
    for finding in findings {
        let of = finding.id.split('.').next().unwrap_or_default();
        if of != group {
            writeln!(out, "\n{}", page.paint("1", heading(of)))?;
            group = of;
        }
        page.finding(out, finding, width)?;
    }
    match jitter {
        Some(jitter) => write_jitter(out, jitter),
        None => Ok(()),
    }
}

fn heading(group: &str) -> &str {
    match group {
        "irq" => "interrupts",
        "net" => "network",
        group => group,
    }
}

impl Page {
    fn finding(self, out: &mut String, finding: &Finding, id_width: usize) -> fmt::Result {
        let Finding { id, title, state, read, from, good, why, mend } = finding;
        let word = self.paint(colour(*state), &format!("{:<4}", state.word()));
        // The colour takes no room on the page.
        let head = format!("  {word}  {id:<id_width$}  ");
        let head_width = 10 + id_width;
        if *state == State::Absent {
            return self.fold_at(out, (&head, head_width), &format!("{title}: {read} ({from})"));
        }
        self.fold_at(out, (&head, head_width), &format!("{title}: {read}"))?;
        if *state == State::Ok {
            return Ok(());
        }
        self.detail(out, "good", good)?;
        self.detail(out, "why", why)?;
        for step in mend.iter().take(STEPS_MAX) {
            self.step(out, step)?;
        }
        let more = mend.len().saturating_sub(STEPS_MAX);
        if more > 0 {
            self.detail(out, "", &format!("and {more} more: see --fix-script"))?;
        }
        self.detail(out, "from", from)
    }

    /// A line of what is told of a finding.
    fn detail(self, out: &mut String, label: &str, text: &str) -> fmt::Result {
        self.fold_at(out, (&self.label(label), LABEL_WIDTH), text)
    }

    fn label(self, label: &str) -> String {
        format!("        {}  ", self.paint("2", &format!("{label:<4}")))
    }

    /// Commands are not folded: they are there to be copied.
    fn step(self, out: &mut String, step: &Step) -> fmt::Result {
        match step {
            Step::Advice(_) => self.detail(out, "mend", &step.to_string()),
            _ => writeln!(out, "{}{step}", self.label("mend")),
        }
    }

    fn fold(self, out: &mut String, head: &str, text: &str) -> fmt::Result {
        self.fold_at(out, (head, head.len()), text)
    }

    /// Writes words behind a head of some width, on as many lines as it takes.
    fn fold_at(self, out: &mut String, (head, indent): (&str, usize), text: &str) -> fmt::Result {
        let room = self.width.saturating_sub(indent).max(ROOM_MIN);
        out.push_str(head);
        let mut used = 0;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                write!(out, "\n{:indent$}", "")?;
                used = 0;
            }
            if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += length;
        }
        out.push('\n');
        Ok(())
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The terminal's code of a state's colour.
const fn colour(state: State) -> &'static str {
    match state {
        State::Absent => "2",
        State::Ok => "32",
        State::Warn => "33",
        State::Bad => "31;1",
    }
}

fn write_jitter(out: &mut String, jitter: &Jitter) -> fmt::Result {
    let how = if jitter.together { "all at once" } else { "one after another" };
    writeln!(out, "\njitter of each core, {how}: gaps of a busy thread")?;
    let head = ["core", "for", "> 1 us", "> 10 us", "> 100 us", "> 1 ms", "longest", "lost"];
    let row = |cells: [String; 8]| {
        let cells = cells.iter().zip([4, 8, 10, 10, 10, 8, 10, 10]);
        cells.map(|(cell, width)| format!(" {cell:>width$}")).collect::<String>()
    };
    writeln!(out, " {}", row(head.map(str::to_owned)))?;
    for it in &jitter.cores {
        let CoreJitter { core, measured_ns, gap_ns_max, lost_share, .. } = it;
        let cells = [
            core.to_string(),
            Ns(*measured_ns).to_string(),
            grouped(it.gaps_above_1us),
            grouped(it.gaps_above_10us),
            grouped(it.gaps_above_100us),
            grouped(it.gaps_above_1ms),
            Ns(*gap_ns_max).to_string(),
            format!("{:.4} %", lost_share * 100.0),
        ];
        writeln!(out, " {}", row(cells))?;
    }
    for core in &jitter.refused {
        writeln!(out, "  core {core}: the kernel lets no thread be pinned there")?;
    }
    Ok(())
}

/// Characters before what is told of a finding.
const LABEL_WIDTH: usize = 14;

/// Steps of one finding that are shown.
const STEPS_MAX: usize = 3;

/// Characters for words on the narrowest terminal.
const ROOM_MIN: usize = 24;
