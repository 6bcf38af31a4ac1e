//! [`Ranges`]: the smallest and the largest value that each activation has.

use super::{layers::Layers, pass::Pass};
use crate::{
    data::Samples,
    error::{Error, Result},
    plan::Plan,
    quantized::program::Program,
};

/// The scale and the zero point of each value.
pub(super) struct Ranges {
    scales: Vec<(f32, u8)>,
}

impl Ranges {
    /// Those of the values that the samples lead to.
    pub(super) fn of(
        program: &Program,
        plan: &Plan,
        layers: &Layers,
        samples: &Samples,
    ) -> Result<Self> {
        let mut pass = Pass::new(program, plan, layers);
        // 0 has a code in every range: it is the border of an image, and what ReLU gives.
        let mut ranges = vec![[0.0_f32; 2]; pass.values.len()];
        let mut sample = vec![0.0; program.value(0).len()];
        for index in 0..samples.len {
            samples
                .features
                .gather(sample.len(), &[index as u32], &mut sample);
            pass.run(&sample);
            for (range, values) in ranges.iter_mut().zip(&pass.values) {
                if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                    return Err(Error::Data {
                        sample: Some(index),
                        expected: "samples that lead to finite values".to_owned(),
                        found: value.to_string(),
                    });
                }
                for &value in values {
                    *range = [range[0].min(value), range[1].max(value)];
                }
            }
        }
        Ok(Ranges {
            scales: ranges.into_iter().map(scale).collect(),
        })
    }

    /// The scale and the zero point of a value.
    pub(super) fn scale(&self, program: &Program, value: usize) -> (f32, u8) {
        self.scales[program.value(value).scale_of]
    }
}

/// The scale with which the codes 0 to 255 span a range, and the code of 0.
fn scale([low, high]: [f32; 2]) -> (f32, u8) {
    // In `f64`, as the difference may overflow; a range so short that its scale is 0 has one code.
    match ((f64::from(high) - f64::from(low)) / 255.0) as f32 {
        scale if scale >= f32::MIN_POSITIVE => {
            let zero = (-low / scale).round_ties_even();
            (scale, zero.clamp(0.0, 255.0) as u8)
        }
        _ => (1.0, 0),
    }
}
