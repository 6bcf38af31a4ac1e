//! [`argmax`]: the class that logits predict.

/// The index of the largest value, the first of equal ones; of the first NaN, if there is one; 0 for no values.
///
/// A NaN counts as larger than any number: with comparisons alone it would be passed over, and the index would be that
/// of a value like any other.
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
    fn the_first_of_the_largest_and_before_all_the_first_nan() {
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
