//! Runs side by side: read from what they left behind, shown as text, JSON and a page.

pub(crate) mod axis;
pub(crate) mod figures;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod ladder;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod tag;
pub(crate) mod text;
pub(crate) mod timeline;

use tickring_metrics::TimelineEntry;

use self::figures::{CurvePoint, Figures};

/// One run, from all its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    /// Name of its files without their endings.
    pub(crate) name: String,
    /// Its files as they were given.
    pub(crate) files: Vec<String>,
    /// When it began, in ns since 1970, where a file says so.
    pub(crate) start_time_ns: Option<u64>,
    /// What was timed, in the order of the files.
    pub(crate) series: Vec<Series>,
    /// What happened when, where a file says so.
    pub(crate) timeline: Vec<TimelineEntry>,
}

/// What was recorded under one tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) tag: String,
    pub(crate) figures: Figures,
    /// Value by share, rising; empty where only the figures are known.
    pub(crate) curve: Vec<CurvePoint>,
    /// The same over time; empty where that is not known.
    pub(crate) intervals: Vec<IntervalPoint>,
}

/// One interval of a series.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct IntervalPoint {
    /// When it began, in ns since the run did.
    pub(crate) at_ns: u64,
    pub(crate) length_ns: u64,
    pub(crate) figures: Figures,
}

impl Run {
    /// What is recorded under a tag.
    pub(crate) fn series(&self, tag: &str) -> Option<&Series> {
        self.series.iter().find(|it| it.tag == tag)
    }
}

/// Text for a terminal or a page: what could steer either is replaced.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { char::REPLACEMENT_CHARACTER } else { it }).collect()
}
