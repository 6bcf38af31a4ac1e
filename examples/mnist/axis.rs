//! The axes of charts: linear, logarithmic or of whole epochs, with ticks at round numbers.

use std::ops::Range;

use plotters::{
    coord::{
        ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::Ranged,
};

/// The maximum number of labelled ticks of an epoch axis, and of a value axis.
const MOST_EPOCHS: usize = 11;
const MOST_VALUES: usize = 8;

/// An axis: its range and its ticks.
#[derive(Clone, Debug)]
pub struct Axis {
    range: Range<f64>,
    /// Ticks with a label and a grid line.
    ticks: Vec<Tick>,
    /// Ticks with only a lighter grid line.
    minor: Vec<Tick>,
    is_logarithmic: bool,
}

/// `digits * 10^exponent`, so that it is exact and its label is short.
#[derive(Clone, Copy, Debug)]
struct Tick {
    digits: i64,
    exponent: i32,
}

impl Tick {
    fn value(self) -> f64 {
        // Dividing by a power of ten is exact where multiplying by its inverse is not.
        match self.exponent {
            0.. => self.digits as f64 * 10f64.powi(self.exponent),
            _ => self.digits as f64 / 10f64.powi(-self.exponent),
        }
    }

    fn label(self) -> String {
        match self.exponent {
            _ if self.digits == 0 => "0".to_owned(),
            -5..=5 => format!("{:.*}", 0.max(-self.exponent) as usize, self.value()),
            _ => format!("{:e}", self.value()),
        }
    }
}

impl Axis {
    /// From 0 to `last` epochs, ticks at whole numbers.
    pub fn epochs(last: usize) -> Axis {
        let last = last.max(1) as f64;
        let step = step(last, MOST_EPOCHS, 0);
        Axis::linear(0.0..last, multiples(0.0, last, step))
    }

    /// For finite values.
    ///
    /// It starts at 0, unless all values are close together and far above 0, as accuracies are.
    pub fn values(values: &[f64]) -> Axis {
        let (lowest, highest) = ends(values.iter().copied());
        let is_close = lowest > highest / 2.0 && lowest < highest;
        let margin = (highest - if is_close { lowest } else { 0.0 }) * 0.06;
        let bottom = if is_close {
            lowest - margin
        } else {
            lowest.min(0.0)
        };
        let top = if highest > bottom {
            highest + margin
        } else {
            bottom + 1.0
        };
        let step = step(top - bottom, MOST_VALUES, i32::MIN);
        Axis::linear(bottom..top, multiples(bottom, top, step))
    }

    /// For values of at least 0: logarithmic if those above 0 span more than a decade, else as
    /// [`Axis::values`]. On a logarithmic axis 0 is at the bottom.
    pub fn loss(values: &[f64]) -> Axis {
        let (lowest, highest) = ends(values.iter().copied().filter(|value| *value > 0.0));
        if highest <= 10.0 * lowest {
            return Axis::values(values);
        }
        let range = lowest / 1.12..highest * 1.12;
        let (bottom, top) = (range.start.log10(), range.end.log10());
        // 1, 2 and 5 times the powers of ten if they are few; else as many powers of ten as there is room for.
        let decades = top - bottom;
        let labelled: &[i64] = if decades <= 2.7 { &[1, 2, 5] } else { &[1] };
        let every = (decades / MOST_VALUES as f64).ceil() as i32;
        let exponents = bottom.floor() as i32..=top.floor() as i32;
        let mut axis = Axis {
            range,
            ticks: Vec::new(),
            minor: Vec::new(),
            is_logarithmic: true,
        };
        for exponent in exponents {
            for digits in 1..10 {
                let tick = Tick { digits, exponent };
                if !axis.range.contains(&tick.value()) {
                    continue;
                }
                if labelled.contains(&digits) && exponent % every == 0 {
                    axis.ticks.push(tick);
                } else if every == 1 || digits == 1 {
                    axis.minor.push(tick);
                }
            }
        }
        axis
    }

    fn linear(range: Range<f64>, ticks: Vec<Tick>) -> Axis {
        Axis {
            range,
            ticks,
            minor: Vec::new(),
            is_logarithmic: false,
        }
    }

    pub fn is_logarithmic(&self) -> bool {
        self.is_logarithmic
    }

    /// The value, or its logarithm on a logarithmic axis.
    fn scaled(&self, value: f64) -> f64 {
        if self.is_logarithmic {
            value.log10()
        } else {
            value
        }
    }
}

/// The axis as a plotters coordinate.
impl Ranged for Axis {
    type ValueType = f64;
    type FormatOption = NoDefaultFormatting;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        let scaled = self.scaled(self.range.start)..self.scaled(self.range.end);
        // Plotters puts the logarithm of 0 at the bottom.
        RangedCoordf64::from(scaled).map(&self.scaled(*value), pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = if hint.weight().allow_light_points() {
            &self.minor
        } else {
            &self.ticks
        };
        ticks.iter().map(|tick| tick.value()).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.value() == *value);
        tick.map_or_else(String::new, |tick| tick.label())
    }
}

/// Minimum and maximum; 0 and 0 if there are no values.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let both = values.map(|value| (value, value));
    both.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or_default()
}

/// The smallest tick step of 1, 2 or 5 times a power of ten, with an exponent of at least `least`, such that `span`
/// contains fewer than `most` of them.
fn step(span: f64, most: usize, least: i32) -> Tick {
    let power = (span / most as f64).log10().floor() as i32;
    let first = power.max(least);
    let steps = (first..).flat_map(|exponent| [1, 2, 5].map(|digits| Tick { digits, exponent }));
    // The tolerance of a thousandth allows for rounding of `span`.
    let fits = |step: &Tick| span / step.value() < most as f64 - 1.0 + 1e-3;
    steps.into_iter().find(fits).unwrap_or(Tick {
        digits: 1,
        exponent: first,
    })
}

/// The multiples of `step` from `low` to `high`.
fn multiples(low: f64, high: f64, step: Tick) -> Vec<Tick> {
    let nearly = 1e-9;
    let first = (low / step.value() - nearly).ceil() as i64;
    let last = (high / step.value() + nearly).floor() as i64;
    let ticks = (first..=last).map(|count| Tick {
        digits: count * step.digits,
        exponent: step.exponent,
    });
    ticks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        let ticks = axis.ticks.iter().map(|tick| tick.value());
        ticks.map(|tick| axis.format_ext(&tick)).collect()
    }

    fn every_tick_equals_its_label(axis: &Axis) {
        let mut before = i32::MIN;
        for (tick, label) in axis.ticks.iter().zip(labels(axis)) {
            let value: f64 = label.parse().unwrap();
            assert_eq!(value, tick.value(), "{axis:?}");
            let pixel = axis.map(&value, (0, 1000));
            assert!((0..=1000).contains(&pixel) && pixel > before, "{axis:?}");
            before = pixel;
        }
        let mut distinct = labels(axis);
        distinct.dedup();
        assert_eq!(distinct, labels(axis));
    }

    #[test]
    fn epochs_have_ticks_at_whole_numbers() {
        for (last, expected) in [
            (0, "0 1"),
            (1, "0 1"),
            (3, "0 1 2 3"),
            (5, "0 1 2 3 4 5"),
            (10, "0 1 2 3 4 5 6 7 8 9 10"),
            (11, "0 2 4 6 8 10"),
            (23, "0 5 10 15 20"),
            (50, "0 5 10 15 20 25 30 35 40 45 50"),
            (150, "0 20 40 60 80 100 120 140"),
        ] {
            assert_eq!(labels(&Axis::epochs(last)).join(" "), expected, "{last}");
        }
        for last in 0..2000 {
            let axis = Axis::epochs(last);
            every_tick_equals_its_label(&axis);
            assert!(axis.ticks.iter().all(|tick| tick.value().fract() == 0.0));
            assert!((2..=MOST_EPOCHS).contains(&axis.ticks.len()), "{axis:?}");
        }
    }

    #[test]
    fn value_axes_start_at_zero_unless_values_are_close_together() {
        for (lowest, highest, expected) in [
            (0.0002, 0.001, "0 0.0002 0.0004 0.0006 0.0008 0.0010"),
            (96.2, 98.1, "96.5 97.0 97.5 98.0"),
            (0.0, 4e-9, "0 1e-9 2e-9 3e-9 4e-9"),
            // A single value has an axis too.
            (96.0, 96.0, "0 20 40 60 80 100"),
            (0.0, 0.0, "0 0.2 0.4 0.6 0.8 1.0"),
        ] {
            let axis = Axis::values(&[highest, lowest]);
            assert_eq!(labels(&axis).join(" "), expected);
            assert_eq!(axis.range.start == 0.0, expected.starts_with('0'));
        }
    }

    #[test]
    fn a_loss_of_more_than_a_decade_is_logarithmic() {
        for (lowest, highest, expected) in [
            (0.3, 2.9, "0 0.5 1.0 1.5 2.0 2.5 3.0"),
            (0.2, 2.3, "0.2 0.5 1 2"),
            (0.02, 2.4, "0.02 0.05 0.1 0.2 0.5 1 2"),
            (0.0001, 2.3, "0.0001 0.001 0.01 0.1 1"),
            (1e-12, 2.3, "1e-12 1e-10 1e-8 1e-6 0.0001 0.01 1"),
        ] {
            let axis = Axis::loss(&[highest, 0.0, lowest]);
            assert_eq!(labels(&axis).join(" "), expected, "{lowest} {highest}");
            assert_eq!(axis.is_logarithmic(), highest > 10.0 * lowest);
            assert_eq!(axis.map(&0.0, (0, 1000)), 0);
        }
        assert!(!Axis::loss(&[0.0]).is_logarithmic());
        assert!(!Axis::loss(&[]).is_logarithmic());
    }

    #[test]
    fn every_axis_contains_its_values_and_has_a_few_distinct_ticks() {
        for high in -9..6 {
            for low in -14..=high {
                for digits in [1.0, 1.7, 4.3, 9.9] {
                    let ends = [digits * 10f64.powi(low), 9.95 * 10f64.powi(high)];
                    for axis in [Axis::values(&ends), Axis::loss(&ends)] {
                        every_tick_equals_its_label(&axis);
                        assert!((2..=9).contains(&axis.ticks.len()), "{axis:?}");
                        let [bottom, top] = ends.map(|value| axis.map(&value, (0, 1000)));
                        assert!(0 <= bottom && bottom <= top && top < 1000, "{axis:?}");
                    }
                }
            }
        }
    }
}
