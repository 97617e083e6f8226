//! A line over time that stays small: where it is full, neighbours become one.

/// Most points of a [`Curve`].
pub const POINTS_MAX: usize = 4_096;

/// A value over time in at most [`POINTS_MAX`] points, each of equally many steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    steps_per_point: u64,
    /// Steps in the last point.
    steps: u64,
}

/// Some steps in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Time of the last of them, ns since the epoch.
    pub time_ns: u64,
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
    /// The last value.
    pub last: f64,
}

impl Curve {
    /// A line without a point.
    #[must_use]
    pub const fn new() -> Self {
        Self { points: Vec::new(), steps_per_point: 1, steps: 0 }
    }

    /// Adds a step. Allocates while there are fewer than [`POINTS_MAX`] points.
    pub fn add(&mut self, step: Point) {
        match self.points.last_mut() {
            Some(last) if self.steps < self.steps_per_point => {
                *last = last.with(&step);
                self.steps += 1;
            }
            _ => {
                if self.points.len() == POINTS_MAX {
                    self.halve();
                }
                self.points.push(step);
                self.steps = 1;
            }
        }
    }

    /// The points, in order of time.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Steps in each point but the last, which may have fewer.
    #[must_use]
    pub const fn steps_per_point(&self) -> u64 {
        self.steps_per_point
    }

    #[cold]
    fn halve(&mut self) {
        for index in 0..POINTS_MAX / 2 {
            self.points[index] = self.points[2 * index].with(&self.points[2 * index + 1]);
        }
        self.points.truncate(POINTS_MAX / 2);
        self.steps_per_point *= 2;
    }
}

impl Default for Curve {
    fn default() -> Self {
        Self::new()
    }
}

impl Point {
    /// A single value.
    #[must_use]
    pub const fn of(time_ns: u64, value: f64) -> Self {
        Self { time_ns, min: value, max: value, last: value }
    }

    /// This and a later one.
    fn with(&self, later: &Self) -> Self {
        Self { min: self.min.min(later.min), max: self.max.max(later.max), ..*later }
    }
}

const _: () = assert!(POINTS_MAX.is_multiple_of(2), "points are joined in pairs");

#[cfg(test)]
mod tests {
    use super::*;

    fn value(step: u64) -> f64 {
        crate::float::from_u64(step * 7_919 % 1_009)
    }

    #[track_caller]
    fn check(steps: u64, steps_per_point: u64, points: usize) {
        let mut curve = Curve::new();
        (0..steps).for_each(|step| curve.add(Point::of(step, value(step))));
        assert_eq!((curve.steps_per_point(), curve.points().len()), (steps_per_point, points));
        let mut from = 0;
        for point in curve.points() {
            let values = || (from..=point.time_ns).map(value);
            let expected = Point {
                time_ns: point.time_ns,
                min: values().fold(f64::MAX, f64::min),
                max: values().fold(f64::MIN, f64::max),
                last: value(point.time_ns),
            };
            assert_eq!(*point, expected);
            from = point.time_ns + 1;
        }
        assert_eq!(from, steps);
    }

    #[test]
    fn a_short_line_is_exact_and_a_long_one_keeps_its_extremes() {
        check(0, 1, 0);
        check(1, 1, 1);
        check(4_096, 1, 4_096);
        check(4_097, 2, 2_049);
        check(100_000, 32, 3_125);
    }
}
