//! Files of which bytes were changed: data sets of other values, or refused.

use std::collections::HashMap;

use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tuplenet::Error;

use super::{
    Temporary,
    files::{Set, right},
};
use crate::cases::cases;

proptest! {
    #![proptest_config(cases(2000))]

    /// A file with any bytes changed or cut is a data set of its values, or refused.
    #[test]
    fn any_change_is_read_or_refused(
        // as often among the tensors as in the header, and as often small as any byte
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<bool>(), prop_oneof![any::<u8>(), 0u8..5, Just(0x7f), Just(0xff)]), 0..4
        ),
        cut in 0usize..40
    ) {
        let mut bytes = right(&[0.5, -1.0, 2.0, 0.0], [0, 2]);
        for (at, is_tensor, byte) in &changes {
            let len = bytes.len();
            let at = if *is_tensor { len - 1 - at.index(18) } else { at.index(len) };
            bytes[at] = *byte;
        }
        bytes.truncate(bytes.len() - cut.saturating_sub(30));
        let file = Temporary::with(&bytes);
        match Set::map_safetensors(&file) {
            Err(error) => prop_assert!(matches!(error, Error::DataFile { .. } | Error::Data { .. }), "{}", error),
            Ok(data) => {
                // by the crate `safetensors`
                let tensors = SafeTensors::deserialize(&bytes).unwrap();
                let tensors: HashMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
                let features = &tensors["features"];
                let values = match features.dtype() {
                    Dtype::U8 => features.data().iter().map(|&byte| f32::from(byte) / 255.0).collect::<Vec<_>>(),
                    _ => features.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
                };
                let labels = &tensors["labels"];
                let size = labels.dtype().bitsize() / 8;
                for at in 0..data.len() {
                    for (value, read) in values[2 * at..].iter().zip(data.sample(at).unwrap()) {
                        prop_assert!(value.is_finite() && (value - read).abs() <= 1e-6 * value.abs());
                    }
                    let label = labels.data()[at * size];
                    prop_assert!(label < 3);
                    prop_assert_eq!(data.label(at), Some(label.into()));
                }
                prop_assert_eq!(data.len() * 2, values.len());
            }
        }
    }
}
