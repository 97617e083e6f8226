//! Pages of bars joined to one run: no bar doubled, none left out. Pure: asking is the caller's.
//!
//! What the venue leaves open does not matter: whether a page begins at the start or ends at the end
//! of what was asked for, is in rising or falling order, holds its boundaries or not, or has fewer
//! bars than there are. All that is relied on is that a page leaves out nothing between its own first
//! and last bar, and is empty only where there is nothing.

use super::{BARS_DEFAULT, RestBar};

/// A page that is asked for. Boundaries are times of bars, and the page may hold them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ask {
    pub(crate) start_ms: Option<u64>,
    pub(crate) end_ms: Option<u64>,
    pub(crate) rows_max: u64,
    /// Whether what may be missing behind the page's last bar is asked for as well.
    pub(crate) is_followed: bool,
}

/// All that is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) limit: Option<u64>,
    pub(crate) start_ms: Option<u64>,
    pub(crate) end_ms: Option<u64>,
    /// Least distance between the starts of two bars.
    pub(crate) step_ms: u64,
    pub(crate) page_rows_max: u64,
}

/// Asks for pages until `span` is covered; its bars by rising time.
///
/// # Errors
/// Those of `ask`.
pub(crate) fn join<E>(
    span: &Span,
    ask: impl FnMut(&Ask) -> Result<Vec<RestBar>, E>,
) -> Result<Vec<RestBar>, E> {
    let pages = Pages { ask, page_rows_max: span.page_rows_max, rows_seen_max: 0 };
    match span.start_ms {
        Some(start_ms) => from_start(span, start_ms, pages),
        None => to_end(span, pages),
    }
}

/// What is left to do, in order of time.
enum Part {
    Unknown { start_ms: u64, end_ms: Option<u64> },
    Known(Vec<RestBar>),
}

fn from_start<E>(
    span: &Span,
    start_ms: u64,
    mut pages: Pages<impl FnMut(&Ask) -> Result<Vec<RestBar>, E>>,
) -> Result<Vec<RestBar>, E> {
    let limit = usize::try_from(span.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let mut bars = Vec::new();
    // The earliest on top.
    let mut parts = vec![Part::Unknown { start_ms, end_ms: span.end_ms }];
    while let Some(part) = parts.pop() {
        if bars.len() >= limit {
            break;
        }
        let (start_ms, end_ms) = match part {
            Part::Known(known) => {
                bars.extend(known);
                continue;
            }
            Part::Unknown { start_ms, end_ms } => (start_ms, end_ms),
        };
        let rows_max = (limit - bars.len()) as u64;
        let page = pages.page(Some(start_ms), end_ms, rows_max)?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { continue };
        let (first_ms, last_ms) = (first.time_ms, last.time_ms);
        // Another bar fits behind the last one only where a whole step does; the same in front.
        if end_ms.is_none_or(|end_ms| end_ms - last_ms >= span.step_ms) {
            parts.push(Part::Unknown { start_ms: last_ms + 1, end_ms });
        }
        parts.push(Part::Known(page));
        if first_ms - start_ms >= span.step_ms {
            parts.push(Part::Unknown { start_ms, end_ms: Some(first_ms - 1) });
        }
    }
    bars.truncate(limit);
    Ok(bars)
}

fn to_end<E>(
    span: &Span,
    mut pages: Pages<impl FnMut(&Ask) -> Result<Vec<RestBar>, E>>,
) -> Result<Vec<RestBar>, E> {
    let limit = usize::try_from(span.limit.unwrap_or(BARS_DEFAULT)).unwrap_or(usize::MAX);
    let mut end_ms = span.end_ms;
    // The newest one first.
    let mut known: Vec<Vec<RestBar>> = Vec::new();
    let mut count = 0;
    while count < limit {
        let page = pages.page(None, end_ms, (limit - count) as u64)?;
        let Some(first) = page.first() else { break };
        let first_ms = first.time_ms;
        count += page.len();
        known.push(page);
        let Some(before_ms) = first_ms.checked_sub(1) else { break };
        end_ms = Some(before_ms);
    }
    let mut bars: Vec<_> = known.into_iter().rev().flatten().collect();
    bars.drain(..bars.len().saturating_sub(limit));
    Ok(bars)
}

struct Pages<A> {
    ask: A,
    page_rows_max: u64,
    /// The most rows that a page had.
    rows_seen_max: usize,
}

impl<A, E> Pages<A>
where
    A: FnMut(&Ask) -> Result<Vec<RestBar>, E>,
{
    /// A page of bars from `start_ms` to `end_ms`, by rising time; empty where there are none.
    fn page(
        &mut self,
        start_ms: Option<u64>,
        end_ms: Option<u64>,
        rows_max: u64,
    ) -> Result<Vec<RestBar>, E> {
        // A boundary may count or not, so one beyond it is asked for, and what is too much left out.
        let boundaries = u64::from(start_ms.is_some()) + u64::from(end_ms.is_some());
        let wide = Ask {
            start_ms: start_ms.map(|it| it.saturating_sub(1)),
            end_ms: end_ms.map(|it| it.saturating_add(1)),
            rows_max: rows_max.saturating_add(boundaries).min(self.page_rows_max),
            is_followed: start_ms.is_some(),
        };
        let mut page = (self.ask)(&wide)?;
        let rows = page.len();
        self.rows_seen_max = self.rows_seen_max.max(rows);
        keep(&mut page, start_ms, end_ms);
        if page.is_empty() && rows > 0 && self.rows_seen_max as u64 <= BOUNDARIES {
            // Pages so short that boundaries alone may have filled it: one of them at a time is left
            // out, since it may not count, and what stands right at it would be lost with the other.
            for narrow in [Ask { end_ms, ..wide }, Ask { start_ms, ..wide }] {
                page = (self.ask)(&narrow)?;
                keep(&mut page, start_ms, end_ms);
                if !page.is_empty() {
                    break;
                }
            }
        }
        Ok(page)
    }
}

/// Puts a page in order and leaves out what was not asked for.
fn keep(page: &mut Vec<RestBar>, start_ms: Option<u64>, end_ms: Option<u64>) {
    page.retain(|bar| {
        start_ms.is_none_or(|it| bar.time_ms >= it) && end_ms.is_none_or(|it| bar.time_ms <= it)
    });
    page.sort_by_key(|bar| bar.time_ms);
    page.dedup_by_key(|bar| bar.time_ms);
}

/// Rows of a page that may be beyond what was asked for.
const BOUNDARIES: u64 = 2;

#[cfg(test)]
mod tests;
