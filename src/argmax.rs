//! [`argmax`]: the class predicted by logits.

/// The index of the largest value, the first in a tie, or of the first NaN, if there is one; 0 for an empty slice.
///
/// A NaN counts as larger than any number: comparisons alone would skip it and return the index of an ordinary value.
///
/// Source: `torch.argmax`, `jax.numpy.argmax`, `numpy.argmax`.
///
/// ```
/// use tuplenet::metrics::argmax;
///
/// assert_eq!(argmax(&[0.5, 2.0, 2.0]), 1);
/// assert_eq!(argmax(&[0.5, 2.0, f32::NAN]), 2);
/// ```
pub fn argmax(values: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (place, &value) in values.iter().enumerate() {
        if value.is_nan() {
            return place;
        }
        if value > best.1 {
            best = (place, value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nan_or_else_the_first_of_the_largest_values() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        assert_eq!(argmax(&[1.0, 3.0, 3.0, 2.0]), 1);
        assert_eq!(argmax(&[-inf, -inf]), 0);
        assert_eq!(argmax(&[-inf, f32::MIN, inf, inf]), 2);
        assert_eq!(argmax(&[5.0, nan, inf]), 1);
        assert_eq!(argmax(&[nan, 7.0, nan]), 0);
        assert_eq!(argmax(&[inf, 0.0, -nan]), 2);
        assert_eq!(argmax(&[]), 0);
    }
}
