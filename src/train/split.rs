//! The split into training and held-out validation samples, determined by the seed and the same in every epoch.

use crate::{
    data::{Samples, Targets},
    error::{Error, Result},
    seed,
};

/// The indices of training and validation samples.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) train: Vec<u32>,
    pub(super) validation: Vec<u32>,
}

impl Split {
    /// Holds out `held_out` of the samples: stratified by class, to within one sample, for labels; any samples for
    /// target values and for several labels per sample.
    ///
    /// # Errors
    /// [`Error::Setting`] when no samples would be left to train on.
    pub(super) fn new(samples: &Samples, held_out: usize, seed: u64) -> Result<Self> {
        let mut order: Vec<u32> = (0..samples.len as u32).collect();
        if held_out == 0 {
            return Ok(Split {
                train: order,
                validation: Vec::new(),
            });
        }
        if held_out >= samples.len {
            return Err(Error::Setting {
                setting: "validation samples",
                expected: format!("fewer than the {} samples there are", samples.len),
                found: held_out.to_string(),
            });
        }
        seed::shuffle_for_split(&mut order, seed);
        let class = |sample: u32| match &samples.targets {
            Targets::Labels(labels) => usize::from(labels[sample as usize]),
            Targets::Values(_) | Targets::MultiLabels(_) => 0,
        };
        let mut counts = [0; 256];
        order.iter().for_each(|&sample| counts[class(sample)] += 1);
        let mut quotas = quotas(&counts, held_out);
        let (validation, train) = order.into_iter().partition(|&sample| {
            let quota = &mut quotas[class(sample)];
            let is_held_out = *quota > 0;
            *quota -= usize::from(is_held_out);
            is_held_out
        });
        Ok(Split { train, validation })
    }
}

/// `held_out` divided among classes in proportion to their `counts`: each class's share rounded down, plus one for
/// the classes with the largest remainders, lower classes first among equals.
fn quotas(counts: &[usize; 256], held_out: usize) -> [usize; 256] {
    let total: usize = counts.iter().sum();
    let share = |count: usize| count as u128 * held_out as u128;
    let mut quotas = counts.map(|count| (share(count) / total as u128) as usize);
    let mut by_remainder: Vec<usize> = (0..256).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(share(counts[class]) % total as u128));
    let missing = held_out - quotas.iter().sum::<usize>();
    for &class in by_remainder.iter().take(missing) {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        data::{DataFor, Dataset},
        shape::Features,
        target::Classes,
    };

    fn dataset(labels: Vec<u8>) -> Dataset<Features<1>, Classes<7>> {
        Dataset::from_values(vec![0.0; labels.len()], labels).unwrap()
    }

    #[test]
    fn another_seed_holds_out_other_samples() {
        let data = dataset((0..100).map(|i| i % 7).collect());
        let held_out = |seed| Split::new(data.samples(), 20, seed).unwrap().validation;
        assert_eq!(held_out(1), held_out(1));
        assert_ne!(held_out(1), held_out(2));
    }

    /// The samples that tests/reference/early_stopping.py holds out.
    #[test]
    fn the_split_of_the_pytorch_fixture() {
        let file = include_bytes!("../../tests/reference/training.safetensors");
        let file = safetensors::SafeTensors::deserialize(file).unwrap();
        let data = dataset(file.tensor("labels").unwrap().data().to_vec());
        let split = Split::new(data.samples(), 80, 1).unwrap();
        let json = include_bytes!("../../tests/reference/early_stopping.json");
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(serde_json::json!(split.validation), json["validation"]);
    }

    proptest! {
        /// Every sample is in exactly one of the two, and each class has its share of both, to within one sample.
        #[test]
        fn every_class_has_its_share(
            labels in prop::collection::vec(0u8..7, 2..300), share in 0.0f64..1.0, seed: u64
        ) {
            let data = dataset(labels.clone());
            let held_out = ((labels.len() - 1) as f64 * share) as usize;
            let split = Split::new(data.samples(), held_out, seed).unwrap();
            prop_assert_eq!(split.validation.len(), held_out);
            let mut all = [split.train, split.validation.clone()].concat();
            all.sort();
            prop_assert!(all.iter().copied().eq(0..labels.len() as u32));
            for class in 0..7 {
                let of = |samples: &mut dyn Iterator<Item = u8>| samples.filter(|&l| l == class).count() as f64;
                let held = of(&mut split.validation.iter().map(|&i| labels[i as usize]));
                let exact = of(&mut labels.iter().copied()) * held_out as f64 / labels.len() as f64;
                prop_assert!((held - exact).abs() < 1.0, "class {}: {} against {}", class, held, exact);
            }
        }
    }
}
