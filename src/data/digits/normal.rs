//! The random variation of handwriting.

use rand::{Rng, RngExt};

/// An approximately standard normal draw: the sum of four uniform draws, scaled to mean 0 and variance 1 (within
/// ± 3.47).
pub(super) fn normal<R: Rng>(rng: &mut R) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random::<f32>()).sum();
    (sum - 2.0) * 3.0_f32.sqrt()
}
