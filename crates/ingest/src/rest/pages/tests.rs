use proptest::prelude::*;

use super::super::Exact;
use super::*;

const STEP_MS: u64 = 60;

fn bar(time_ms: u64) -> RestBar {
    let one = || Exact::parse("1").unwrap();
    RestBar {
        time_ms,
        open: one(),
        high: one(),
        low: one(),
        close: one(),
        volume: one(),
        quote_volume: None,
        open_interest: None,
    }
}

/// How a venue answers what is not documented.
#[derive(Clone, Copy, Debug)]
struct Ways {
    rows_max: usize,
    /// Of a range with a start, the first bars come; else the last ones.
    from_start: bool,
    falling: bool,
    start_counts: bool,
    end_counts: bool,
}

const DOCUMENTED: Ways = Ways {
    rows_max: 1_000,
    from_start: true,
    falling: false,
    start_counts: true,
    end_counts: true,
};

/// A venue that has bars at these times.
struct Venue {
    times_ms: Vec<u64>,
    ways: Ways,
    asks: Vec<Ask>,
}

impl Venue {
    fn answer(&mut self, ask: &Ask) -> Vec<RestBar> {
        let Ways { rows_max, from_start, falling, start_counts, end_counts } = self.ways;
        self.asks.push(*ask);
        let after = |time_ms: &u64| {
            ask.start_ms.is_none_or(|it| if start_counts { *time_ms >= it } else { *time_ms > it })
        };
        let before = |time_ms: &u64| {
            ask.end_ms.is_none_or(|it| if end_counts { *time_ms <= it } else { *time_ms < it })
        };
        let mut page: Vec<u64> =
            self.times_ms.iter().copied().filter(after).filter(before).collect();
        let rows = rows_max.min(usize::try_from(ask.rows_max).unwrap()).min(page.len());
        if from_start && ask.start_ms.is_some() {
            page.truncate(rows);
        } else {
            page.drain(..page.len() - rows);
        }
        if falling {
            page.reverse();
        }
        page.into_iter().map(bar).collect()
    }
}

fn joined(venue: &mut Venue, span: &Span) -> Vec<u64> {
    let bars = join(span, |ask| Ok::<_, ()>(venue.answer(ask))).unwrap();
    bars.iter().map(|bar| bar.time_ms).collect()
}

/// What must come, by a plain look at all bars.
fn expected(times_ms: &[u64], span: &Span) -> Vec<u64> {
    let Span { limit, start_ms, end_ms, .. } = *span;
    let (start, end) = (start_ms.unwrap_or(0), end_ms.unwrap_or(u64::MAX));
    let all: Vec<u64> = times_ms.iter().copied().filter(|it| (start..=end).contains(it)).collect();
    let count = |limit: u64| all.len().min(usize::try_from(limit).unwrap());
    match (start_ms, limit) {
        (Some(_), None) => all,
        (Some(_), Some(limit)) => all[..count(limit)].to_vec(),
        (None, limit) => all[all.len() - count(limit.unwrap_or(BARS_DEFAULT))..].to_vec(),
    }
}

fn span(limit: Option<u64>, start_ms: Option<u64>, end_ms: Option<u64>) -> Span {
    Span { limit, start_ms, end_ms, step_ms: STEP_MS, page_rows_max: 1_000 }
}

fn venue(bars: u64, ways: Ways) -> Venue {
    Venue { times_ms: (1..=bars).map(|it| it * STEP_MS).collect(), ways, asks: Vec::new() }
}

#[test]
fn five_thousand_bars_come_in_six_pages_of_a_thousand() {
    let mut venue = venue(6_000, DOCUMENTED);
    let span = span(Some(5_000), Some(STEP_MS), None);
    assert_eq!(joined(&mut venue, &span), expected(&venue.times_ms, &span));
    // One bar of each page is that of the page before it.
    assert_eq!(venue.asks.len(), 6);
}

#[test]
fn the_newest_bars_are_asked_for_as_the_vendor_shows_it() {
    let mut venue = venue(6_000, DOCUMENTED);
    let span = span(Some(500), None, None);
    assert_eq!(joined(&mut venue, &span), expected(&venue.times_ms, &span));
    let ask = Ask { start_ms: None, end_ms: None, rows_max: 500, is_followed: false };
    assert_eq!(venue.asks, [ask]);
}

#[test]
fn a_venue_without_bars_is_asked_once() {
    for span in [span(None, None, None), span(None, Some(0), None), span(Some(9), Some(5), Some(9))]
    {
        let mut venue = venue(0, DOCUMENTED);
        assert_eq!(joined(&mut venue, &span), Vec::<u64>::new());
        assert_eq!(venue.asks.len(), 1);
    }
}

#[test]
fn a_page_of_a_single_row_still_moves_on() {
    for from_start in [true, false] {
        let mut venue = venue(7, Ways { rows_max: 1, from_start, ..DOCUMENTED });
        let span = span(None, Some(0), None);
        assert_eq!(joined(&mut venue, &span), venue.times_ms);
    }
}

#[test]
fn a_page_of_a_single_row_hides_no_bar_right_at_the_start() {
    for start_counts in [true, false] {
        let ways = Ways { rows_max: 1, from_start: false, start_counts, ..DOCUMENTED };
        let mut venue = venue(9, ways);
        let span = span(None, Some(8 * STEP_MS), None);
        assert_eq!(joined(&mut venue, &span), [8 * STEP_MS, 9 * STEP_MS]);
    }
}

#[test]
fn the_first_error_ends_the_joining() {
    let mut asks = 0;
    let ended = join(&span(None, Some(0), None), |_| {
        asks += 1;
        if asks == 2 { Err("refused") } else { Ok(vec![bar(STEP_MS)]) }
    });
    assert_eq!((ended, asks), (Err("refused"), 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bar_is_doubled_and_none_is_missing(
        gaps in prop::collection::vec(prop_oneof![8 => Just(1_u64), 1 => 2..40_u64], 0..80),
        offset_ms in 0..STEP_MS,
        rows_max in 1..20_usize, page_rows_max in 3..20_u64,
        [from_start, falling, start_counts, end_counts] in any::<[bool; 4]>(),
        limit in prop::option::of(1..100_u64),
        start in prop::option::of(0..4_000_u64), length in prop::option::of(0..4_000_u64),
    ) {
        let mut time_ms = offset_ms;
        let mut times_ms = Vec::new();
        for gap in gaps {
            time_ms += gap * STEP_MS;
            times_ms.push(time_ms);
        }
        let ways = Ways { rows_max, from_start, falling, start_counts, end_counts };
        let end_ms = length.map(|it| start.unwrap_or(0) + it);
        let span = Span { limit, start_ms: start, end_ms, step_ms: STEP_MS, page_rows_max };
        let wanted = expected(&times_ms, &span);
        let mut venue = Venue { times_ms, ways, asks: Vec::new() };
        prop_assert_eq!(joined(&mut venue, &span), wanted);
        prop_assert!(venue.asks.iter().all(|ask| ask.rows_max <= page_rows_max));
    }
}
