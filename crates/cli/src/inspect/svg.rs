//! The rate over time as a picture in SVG, complete in itself.

use plotters::coord::Shift;
use plotters::prelude::{
    AreaSeries, ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoFont, RGBColor, SVGBackend,
    WHITE,
};
use tickring_metrics::{Ns, counted, grouped};

use super::Inspection;
use super::chart::whole;
use super::dump::rfc3339;
use super::timeline::{Columns, Timeline};

/// Size of the picture, in pixels.
const SIZE: (u32, u32) = (1_000, 420);

/// Columns of the picture: more could not be told apart.
const COLUMNS_MAX: usize = 400;

/// Space above the highest rate.
const HEADROOM: f64 = 1.05;

const BLUE: RGBColor = RGBColor(31, 90, 166);
const GREY: RGBColor = RGBColor(90, 90, 90);

/// Draws the rate over time.
///
/// # Errors
/// There is no time to draw: the frames came at one moment, or there are none.
pub(crate) fn draw(inspection: &Inspection, timeline: &Timeline) -> Result<String, String> {
    let columns = timeline.columns(COLUMNS_MAX);
    if columns.frames.len() < 2 {
        return Err("the recording is too short for a picture of its rate".to_owned());
    }
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    let drawn = fill(&area, inspection, &columns);
    drop(area);
    drawn.map_err(|error| error.to_string())?;
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn fill(
    area: &Area<'_>,
    inspection: &Inspection,
    columns: &Columns,
) -> Result<(), Box<dyn std::error::Error>> {
    let unit = Unit::of(columns);
    let rates = columns.rates();
    let rate_max = rates.iter().copied().fold(0.0, f64::max) * HEADROOM;
    let steps = outline(columns, &rates, unit);
    let end = steps.last().map_or(1.0, |&(time, _)| time);
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .caption(caption(inspection, columns), ("sans-serif", 16).into_font().color(&GREY))
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..end, 0.0..rate_max)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY)
        .x_desc(format!("{} since {}", unit.word, rfc3339(columns.start_ns)))
        .y_desc("frames/s")
        .x_label_formatter(&|time| time_label(*time))
        .y_label_formatter(&|rate| whole(*rate))
        .label_style(("sans-serif", 13).into_font().color(&GREY))
        .draw()?;
    chart.draw_series(AreaSeries::new(steps, 0.0, BLUE.mix(0.35)).border_style(BLUE))?;
    area.present()?;
    Ok(())
}

fn caption(inspection: &Inspection, columns: &Columns) -> String {
    let names: Vec<&str> = inspection
        .sessions
        .iter()
        .map(|it| it.name.rsplit('/').next().unwrap_or_default())
        .collect();
    let what = match names.as_slice() {
        [name] => (*name).to_owned(),
        _ => counted(names.len() as u64, "session"),
    };
    format!(
        "{what}: {} frames in {}, each step the mean of {}",
        grouped(inspection.frames),
        Ns(inspection.span_ns),
        Ns(columns.column_ns)
    )
}

/// A time without the noise of binary fractions.
fn time_label(time: f64) -> String {
    let text = format!("{time:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// In what time is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Unit {
    word: &'static str,
    ns: u64,
}

impl Unit {
    /// The greatest of which there are at least three.
    fn of(columns: &Columns) -> Self {
        let units = [
            Self { word: "days", ns: 86_400_000_000_000 },
            Self { word: "hours", ns: 3_600_000_000_000 },
            Self { word: "minutes", ns: 60_000_000_000 },
            Self { word: "seconds", ns: 1_000_000_000 },
        ];
        let span_ns = columns.column_ns.saturating_mul(columns.frames.len() as u64);
        let fits = units.into_iter().find(|it| span_ns / it.ns >= 3);
        fits.unwrap_or(Self { word: "milliseconds", ns: 1_000_000 })
    }

    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn count(self, time_ns: u64) -> f64 {
        time_ns as f64 / self.ns as f64
    }
}

/// The rates as steps: each column's left and right upper corner.
fn outline(columns: &Columns, rates: &[f64], unit: Unit) -> Vec<(f64, f64)> {
    let last = rates.len().saturating_sub(1);
    let corners = (0..).zip(rates).flat_map(|(index, &rate)| {
        let start_ns = columns.column_ns.saturating_mul(index);
        let is_last = index == last as u64;
        let length_ns = if is_last { columns.last_column_ns.max(1) } else { columns.column_ns };
        [start_ns, start_ns.saturating_add(length_ns)].map(|time_ns| (unit.count(time_ns), rate))
    });
    corners.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_a_step_in_the_unit_that_fits() {
        let columns = Columns {
            start_ns: 7,
            column_ns: 60_000_000_000,
            last_column_ns: 30_000_000_000,
            frames: vec![60, 120, 30],
        };
        let unit = Unit::of(&columns);
        assert_eq!(unit.word, "minutes");
        let steps = outline(&columns, &columns.rates(), unit);
        assert_eq!(steps, [(0.0, 1.0), (1.0, 1.0), (1.0, 2.0), (2.0, 2.0), (2.0, 1.0), (2.5, 1.0)]);
    }

    #[test]
    fn times_are_labelled_without_noise() {
        assert_eq!(time_label(0.1 + 0.2), "0.3");
        assert_eq!(time_label(20.0), "20");
        assert_eq!(time_label(0.0), "0");
    }

    #[test]
    fn the_unit_is_the_greatest_of_which_there_are_three() {
        for (span_ms, word) in [
            (2_999, "milliseconds"),
            (3_000, "seconds"),
            (179_000, "seconds"),
            (180_000, "minutes"),
        ] {
            let (column_ns, last_column_ns) = (1_000_000 * span_ms, 0);
            let columns = Columns { start_ns: 0, column_ns, last_column_ns, frames: vec![1] };
            assert_eq!(Unit::of(&columns).word, word, "{span_ms} ms");
        }
    }
}
