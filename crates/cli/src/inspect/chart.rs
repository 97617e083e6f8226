//! The rate over time as a picture of characters.

use tickring_metrics::{Ns, grouped};

use super::dump::rfc3339;
use super::timeline::{Columns, Timeline};

/// Lines of the picture.
const ROWS: usize = 8;

/// Characters of a cell from empty to full.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same where only ASCII can be shown.
const ASCII: [char; 4] = [' ', '.', ':', '#'];

/// What a terminal can show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Canvas {
    /// Characters of a line.
    pub(crate) width: usize,
    /// Whether block characters are shown as such.
    pub(crate) is_unicode: bool,
}

/// Draws the rate over time, no colours; nothing where there are fewer than two columns to show.
pub(crate) fn draw(timeline: &Timeline, canvas: Canvas) -> String {
    // As wide as the label of any rate up to a billion.
    let label_width = "1,000,000,000".len();
    let columns = timeline.columns(canvas.width.saturating_sub(label_width + 3));
    let rates = columns.rates();
    let rate_max = rates.iter().copied().fold(0.0, f64::max);
    if columns.frames.len() < 2 || rate_max <= 0.0 {
        return String::new();
    }
    let letters: &[char] = if canvas.is_unicode { &BLOCKS } else { &ASCII };
    let full = letters.len() - 1;
    let heights: Vec<usize> =
        rates.iter().map(|rate| steps(rate / rate_max, ROWS * full)).collect();
    let mut text = format!("frames/s over time, each column {}\n", Ns(columns.column_ns));
    for row in (0..ROWS).rev() {
        let label = match row {
            0 => String::new(),
            _ if row == ROWS - 1 => whole(rate_max),
            _ if row == ROWS / 2 - 1 => whole(rate_max / 2.0),
            _ => String::new(),
        };
        let cells =
            heights.iter().map(|height| letters[height.saturating_sub(row * full).min(full)]);
        let line = format!("{label:>label_width$} |{}", cells.collect::<String>());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let base = "-".repeat(columns.frames.len());
    text.push_str(&format!("{:>label_width$} +{base}\n", "0"));
    text.push_str(&format!("{:label_width$}  {}\n", "", ends(&columns)));
    text
}

/// When the picture begins, and how long it is: on one line where both fit.
fn ends(columns: &Columns) -> String {
    let count = columns.frames.len();
    let length_ns = columns.column_ns * (count as u64 - 1) + columns.last_column_ns;
    let start = rfc3339(columns.start_ns);
    // Without the part of a second.
    let (start, end) = (format!("{}Z", &start[..19]), format!("+{}", Ns(length_ns)));
    let width = count.saturating_sub(end.len()).max(start.len() + 1);
    format!("{start:width$}{end}")
}

/// A share of `most` steps, at least one for what is not nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share is between 0 and 1, and steps are few"
)]
fn steps(share: f64, most: usize) -> usize {
    let steps = (share * most as f64).round() as usize;
    if share > 0.0 { steps.max(1) } else { 0 }
}

/// A rate without decimals, or with one where it is small.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive, and a rate past 2^64 may be shown as that"
)]
pub(crate) fn whole(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{rate:.1}"),
        _ => grouped(rate.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames in each millisecond, from 0.
    fn timeline(counts: &[u64]) -> Timeline {
        let mut timeline = Timeline::default();
        for (ms, &count) in (0..).zip(counts) {
            (0..count).for_each(|_| timeline.add(1_000_000 * ms));
        }
        timeline
    }

    #[test]
    fn the_picture_shows_each_column_with_its_height() {
        let canvas = Canvas { width: 80, is_unicode: true };
        let text = draw(&timeline(&[64, 0, 32, 1, 9, 16]), canvas);
        let expected = "\
frames/s over time, each column 1.00 ms
       64,000 |█
              |█
              |█
              |█
       32,000 |█ █  █
              |█ █  █
              |█ █ ▁█
              |█ █▁██
            0 +------
               1970-01-01T00:00:00Z +5.00 ms
";
        assert_eq!(text, expected);
    }

    #[test]
    fn without_unicode_the_picture_is_ascii() {
        let canvas = Canvas { width: 80, is_unicode: false };
        // The last column is half as long: it has twice the rate.
        let text = draw(&timeline(&[24, 2, 1, 12]), canvas);
        assert!(text.is_ascii());
        assert!(text.contains("|#:.#\n"), "{text}");
    }

    #[test]
    fn the_picture_is_no_wider_than_the_canvas() {
        for width in [40, 80, 200] {
            let text = draw(&timeline(&[3; 1_000]), Canvas { width, is_unicode: true });
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.max(44), "{widest} of {width}");
        }
    }

    #[test]
    fn where_there_is_no_time_there_is_no_picture() {
        let canvas = Canvas { width: 80, is_unicode: true };
        assert_eq!(draw(&timeline(&[]), canvas), "");
        assert_eq!(draw(&timeline(&[7]), canvas), "");
    }

    #[test]
    fn small_rates_keep_a_decimal() {
        assert_eq!(whole(0.0), "0");
        assert_eq!(whole(0.25), "0.2");
        assert_eq!(whole(9.96), "10.0");
        assert_eq!(whole(1_234.5), "1,235");
    }
}
