//! One picture: lines between two axes, as SVG whose colours a page can change.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::{
    ChartBuilder, Circle, Color, EmptyElement, IntoDrawingArea, IntoFont, PathElement, Polygon,
    RGBColor, SVGBackend,
};

use super::axis::{Axis, Tick};

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// What it shows, in words.
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
    /// Places on the x axis at which something was lost.
    pub(crate) marks: Vec<f64>,
    /// Places that something happened at.
    pub(crate) markers: Vec<Markers>,
    pub(crate) height: Height,
}

/// Places of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Markers {
    pub(crate) label: String,
    pub(crate) pen: Pen,
    pub(crate) shape: Shape,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a place is marked with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    /// A triangle below its place, which its tip points up to.
    Up,
    /// A triangle above its place, which its tip points down to.
    Down,
    /// A square around its place.
    Square,
}

impl Shape {
    /// Its corners in pixels around its place; y goes down.
    pub(crate) const fn corners(self) -> [(i32, i32); 4] {
        match self {
            Self::Up => [(0, 2), (6, 13), (-6, 13), (0, 2)],
            Self::Down => [(0, -2), (6, -13), (-6, -13), (0, -2)],
            Self::Square => [(-3, -3), (3, -3), (3, 3), (-3, 3)],
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Height {
    Full,
    Low,
}

/// One line of a picture.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) pen: Pen,
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether the points themselves are shown.
    pub(crate) has_dots: bool,
}

/// How a line looks: a colour and a kind of dashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pen {
    pub(crate) colour: usize,
    pub(crate) dash: usize,
}

/// For which screen a picture is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Screen {
    Wide,
    Narrow,
}

impl Pen {
    /// The colour in the picture. Dashes are told by its last two bits: the page knows what they
    /// mean, and without it the eye does not see them.
    pub(crate) fn rgb(self) -> RGBColor {
        let (red, green, blue) = COLOURS[self.colour % COLOURS.len()].light;
        let dash = u8::try_from(self.dash % DASHES.len()).expect("there are few kinds of dashes");
        RGBColor(red, green, blue | dash)
    }

    pub(crate) fn hex(self) -> String {
        hex(self.rgb())
    }
}

/// As the pictures write it.
pub(crate) fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Draws a picture.
///
/// # Errors
/// The library's own words.
pub(crate) fn draw(plot: &Plot, screen: Screen) -> Result<String, String> {
    let mut text = String::new();
    fill(&mut text, plot, screen).map_err(|error| error.to_string())?;
    Ok(text)
}

fn fill(text: &mut String, plot: &Plot, screen: Screen) -> Result<(), Box<dyn std::error::Error>> {
    let Plot { x, y, lines, marks, markers, height, .. } = plot;
    let area = SVGBackend::with_string(text, size(screen, *height)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(6)
        .margin_right(22)
        .x_label_area_size(44)
        .y_label_area_size(if screen == Screen::Wide { 84 } else { 72 })
        .build_cartesian_2d(Coordinate::of(x), Coordinate::of(y))?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_desc(&x.title)
        .y_desc(&y.title)
        .x_label_formatter(&|at| label(&x.ticks, *at))
        .y_label_formatter(&|at| label(&y.ticks, *at))
        .label_style(("sans-serif", FONT_SIZE).into_font().color(&INK))
        .axis_desc_style(("sans-serif", FONT_SIZE).into_font().color(&INK))
        .draw()?;
    for &at in marks {
        let ends = vec![(at, y.start), (at, y.end)];
        chart.draw_series([PathElement::new(ends, GAP.stroke_width(1))])?;
    }
    for line in lines {
        let colour = line.pen.rgb();
        if line.points.len() > 1 {
            let path = PathElement::new(line.points.clone(), colour.stroke_width(2));
            chart.draw_series([path])?;
        }
        if line.has_dots || line.points.len() == 1 {
            let dots = line.points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
            chart.draw_series(dots)?;
        }
    }
    for Markers { pen, shape, points, .. } in markers {
        let colour = pen.rgb();
        let marker = |&place: &(f64, f64)| {
            EmptyElement::at(place) + Polygon::new(shape.corners().to_vec(), colour.filled())
        };
        chart.draw_series(points.iter().map(marker))?;
    }
    area.present()?;
    Ok(())
}

/// An axis with its own ticks and no others.
struct Coordinate {
    start: f64,
    end: f64,
    ticks: Vec<f64>,
}

impl Coordinate {
    fn of(axis: &Axis) -> Self {
        let end = if axis.end > axis.start { axis.end } else { axis.start + 1.0 };
        Self { start: axis.start, end, ticks: axis.ticks.iter().map(|it| it.at).collect() }
    }
}

impl Ranged for Coordinate {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "pixels are few, and it saturates")]
    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.start) / (self.end - self.start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.start..self.end
    }
}

/// The label of the tick that is there.
fn label(ticks: &[Tick], at: f64) -> String {
    let near = ticks.iter().min_by(|a, b| (a.at - at).abs().total_cmp(&(b.at - at).abs()));
    near.map_or_else(String::new, |it| it.label.clone())
}

const fn size(screen: Screen, height: Height) -> (u32, u32) {
    match (screen, height) {
        (Screen::Wide, Height::Full) => (960, 380),
        (Screen::Wide, Height::Low) => (960, 210),
        (Screen::Narrow, Height::Full) => (400, 320),
        (Screen::Narrow, Height::Low) => (400, 210),
    }
}

/// A colour on a light page and on a dark one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colour {
    /// The last two bits of blue are 0; see [`Pen::rgb`].
    pub(crate) light: (u8, u8, u8),
    pub(crate) dark: (u8, u8, u8),
}

/// Told apart by most eyes, after Okabe and Ito's palette.
pub(crate) const COLOURS: [Colour; 8] = [
    Colour { light: (0x00, 0x72, 0xb0), dark: (0x4d, 0xa8, 0xe8) },
    Colour { light: (0xd5, 0x5e, 0x00), dark: (0xff, 0x94, 0x47) },
    Colour { light: (0x00, 0x96, 0x68), dark: (0x3d, 0xd6, 0xa6) },
    Colour { light: (0xc0, 0x60, 0x98), dark: (0xeb, 0xa4, 0xcc) },
    Colour { light: (0x8a, 0x6d, 0x00), dark: (0xd9, 0xb9, 0x3b) },
    Colour { light: (0x3a, 0x9e, 0xd8), dark: (0x8a, 0xd2, 0xff) },
    Colour { light: (0x7a, 0x52, 0xc4), dark: (0xb7, 0x9b, 0xff) },
    Colour { light: (0x70, 0x70, 0x70), dark: (0xb0, 0xb0, 0xb0) },
];

/// Kinds of dashes, as CSS has them.
pub(crate) const DASHES: [&str; 4] = ["none", "8 4", "2 3", "10 3 2 3"];

pub(crate) const INK: RGBColor = RGBColor(0x1f, 0x23, 0x27);
pub(crate) const GRID: RGBColor = RGBColor(0xd0, 0xd4, 0xda);
pub(crate) const GAP: RGBColor = RGBColor(0xc8, 0x10, 0x2e);

const FONT_SIZE: u32 = 14;
