//! The random variation of handwriting.

use rand::{Rng, RngExt};

/// An approximately standard normal draw: the sum of four uniform draws, scaled to mean 0 and variance 1 (within
/// ± 3.47).
pub(super) fn normal<R: Rng>(rng: &mut R) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random::<f32>()).sum();
    (sum - 2.0) * 3.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::ChaCha8Rng};

    use super::*;

    #[test]
    fn mean_and_variance_are_the_standard_normals() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<f64> = (0..10_000).map(|_| normal(&mut rng).into()).collect();
        let mean = draws.iter().sum::<f64>() / 1e4;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 1e4;
        // standard deviations of 0.01 and 0.013
        assert!(
            mean.abs() < 0.05 && (variance - 1.0).abs() < 0.065,
            "{mean}, {variance}"
        );
    }
}
