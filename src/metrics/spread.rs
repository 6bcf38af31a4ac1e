//! [`Spread`]: a number that was measured several times.

use std::fmt;

/// The mean of some values and how far they are apart, such as the accuracies of several seeds.
///
/// ```
/// use tuplenet::metrics::Spread;
///
/// let accuracies = Spread::of(&[0.9801, 0.9801, 0.9772]).expect("there are three");
/// assert_eq!(accuracies.to_string(), "0.9791 ± 0.0017 (3 values from 0.9772 to 0.9801)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The number of values.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the population that the values are a sample of, with `n - 1` in the divisor; 0 of one value.
    pub deviation: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// That of these values; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let divisor = count.saturating_sub(1).max(1) as f64;
        (count > 0).then(|| Spread {
            count,
            mean,
            deviation: (squares.sum::<f64>() / divisor).sqrt(),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread {
            count,
            mean,
            deviation,
            min,
            max,
        } = self;
        write!(
            f,
            "{mean:.4} ± {deviation:.4} ({count} values from {min:.4} to {max:.4})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_numpy() {
        assert_eq!(Spread::of(&[]), None);
        let one = Spread::of(&[3.0]).unwrap();
        assert_eq!(
            (one.mean, one.deviation, one.min, one.max),
            (3.0, 0.0, 3.0, 3.0)
        );
        // numpy.std([1, 2, 4, 7], ddof=1)
        let four = Spread::of(&[7.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!((four.mean, four.min, four.max), (3.5, 1.0, 7.0));
        assert!((four.deviation - 2.645_751_311_064_590_6).abs() < 1e-15);
    }
}
