//! The division of samples in two or more parts, stratified by class, determined by a seed.

use super::{Samples, Targets};
use crate::{
    error::{Error, Result},
    seed,
};

/// The indices of samples to train on, and of those held out.
#[derive(Debug)]
pub(crate) struct Stratified {
    pub(crate) train: Vec<u32>,
    pub(crate) held_out: Vec<u32>,
}

impl Stratified {
    /// Holds out `held_out` of the samples: stratified by class, to within one sample, for labels; any samples for
    /// target values and for several labels per sample.
    ///
    /// # Errors
    /// [`Error::Setting`] when no samples would be left to train on.
    pub(crate) fn new(samples: &Samples, held_out: usize, seed: u64) -> Result<Self> {
        let mut order: Vec<u32> = (0..samples.len as u32).collect();
        if held_out == 0 {
            return Ok(Stratified {
                train: order,
                held_out: Vec::new(),
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
        let class = |sample: u32| class_of(samples, sample);
        let mut counts = [0; 256];
        order.iter().for_each(|&sample| counts[class(sample)] += 1);
        let mut quotas = quotas(&counts, held_out);
        let (held_out, train) = order.into_iter().partition(|&sample| {
            let quota = &mut quotas[class(sample)];
            let is_held_out = *quota > 0;
            *quota -= usize::from(is_held_out);
            is_held_out
        });
        Ok(Stratified { train, held_out })
    }
}

/// The part, below `parts`, of each sample: of each class, as of all samples, every part has as many, to within one.
///
/// Samples are shuffled, sorted by class, and dealt to the parts in turn.
pub(super) fn parts(samples: &Samples, parts: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<u32> = (0..samples.len as u32).collect();
    seed::shuffle_for_split(&mut order, seed);
    order.sort_by_key(|&sample| class_of(samples, sample));
    let mut of_sample = vec![0; samples.len];
    for (at, sample) in order.into_iter().enumerate() {
        of_sample[sample as usize] = at % parts;
    }
    of_sample
}

/// The class of a sample; 0 without labels.
fn class_of(samples: &Samples, sample: u32) -> usize {
    match &samples.targets {
        Targets::Labels(labels) => usize::from(labels[sample as usize]),
        Targets::Values(_) | Targets::MultiLabels(_) => 0,
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
        let held_out = |seed| Stratified::new(data.samples(), 20, seed).unwrap().held_out;
        assert_eq!(held_out(1), held_out(1));
        assert_ne!(held_out(1), held_out(2));
    }

    /// The samples that tests/reference/early_stopping.py holds out.
    #[test]
    fn the_split_of_the_pytorch_fixture() {
        let file = include_bytes!("../../tests/reference/training.safetensors");
        let file = safetensors::SafeTensors::deserialize(file).unwrap();
        let data = dataset(file.tensor("labels").unwrap().data().to_vec());
        let split = Stratified::new(data.samples(), 80, 1).unwrap();
        let json = include_bytes!("../../tests/reference/early_stopping.json");
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(serde_json::json!(split.held_out), json["validation"]);
    }

    proptest! {
        /// Each part has its share of all samples and of each class, to within one sample.
        #[test]
        fn every_part_has_its_share(labels in prop::collection::vec(0u8..7, 1..300), count in 1usize..12, seed: u64) {
            let data = dataset(labels.clone());
            let of_sample = parts(data.samples(), count, seed);
            let share = |is_counted: &dyn Fn(u8) -> bool| -> Vec<usize> {
                let counted = |&(part, label): &(usize, u8)| is_counted(label) && part < count;
                let mut counts = vec![0; count];
                let pairs = of_sample.iter().copied().zip(labels.iter().copied());
                pairs.filter(counted).for_each(|(part, _)| counts[part] += 1);
                counts
            };
            for class in 0..7 {
                let counts = share(&|label| label == class);
                prop_assert_eq!(counts.iter().sum::<usize>(), labels.iter().filter(|&&l| l == class).count());
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
            }
            let counts = share(&|_| true);
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }

        /// Every sample is in exactly one of the two, and each class has its share of both, to within one sample.
        #[test]
        fn every_class_has_its_share(
            labels in prop::collection::vec(0u8..7, 2..300), share in 0.0f64..1.0, seed: u64
        ) {
            let data = dataset(labels.clone());
            let held_out = ((labels.len() - 1) as f64 * share) as usize;
            let split = Stratified::new(data.samples(), held_out, seed).unwrap();
            prop_assert_eq!(split.held_out.len(), held_out);
            let mut all = [split.train, split.held_out.clone()].concat();
            all.sort();
            prop_assert!(all.iter().copied().eq(0..labels.len() as u32));
            for class in 0..7 {
                let of = |samples: &mut dyn Iterator<Item = u8>| samples.filter(|&l| l == class).count() as f64;
                let held = of(&mut split.held_out.iter().map(|&i| labels[i as usize]));
                let exact = of(&mut labels.iter().copied()) * held_out as f64 / labels.len() as f64;
                prop_assert!((held - exact).abs() < 1.0, "class {}: {} against {}", class, held, exact);
            }
        }
    }
}
