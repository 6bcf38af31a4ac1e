//! [`softmax`]: from logits to probabilities.

/// `p_c = exp(z_c) / sum_k exp(z_k)`, in place, computed after subtracting the largest logit, so that nothing overflows.
pub(crate) fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = libm::expf(*value - largest);
        sum += *value;
    }
    for value in values {
        *value /= sum;
    }
}
