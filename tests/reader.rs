//! The reader of weights files against the crate `safetensors`, on valid, truncated and modified files.

use std::{collections::HashMap, fs};

use proptest::{collection::vec, prelude::*, sample::Index};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tuplenet::prelude::*;

use crate::{
    cases::cases,
    changes::change,
    oracle::{Net, is_read},
};

const NAMES: [&str; 2] = ["0", "2"];

/// The bytes of the tensors of [`Net`], in its order, as `F32`.
const SIZES: [(usize, &[usize]); 4] = [(24, &[3, 2]), (12, &[3]), (24, &[2, 3]), (8, &[2])];

/// A file written by the crate `safetensors`; the dtypes of its tensors are chosen.
fn written(
    names: [&str; 2],
    values: &[u8],
    dtypes: [Dtype; 4],
    metadata: Option<HashMap<String, String>>,
) -> Vec<u8> {
    let mut rest = values;
    let mut tensors = Vec::new();
    for (i, (bytes, shape)) in SIZES.into_iter().enumerate() {
        let name = format!("{}.{}", names[i / 2], ["weight", "bias"][i % 2]);
        let dtype = dtypes[i];
        let bytes = if dtype == Dtype::F32 {
            bytes
        } else {
            bytes / 2
        };
        let (data, after) = rest.split_at(bytes);
        rest = after;
        tensors.push((name, TensorView::new(dtype, shape.to_vec(), data).unwrap()));
    }
    safetensors::serialize(tensors, metadata).unwrap()
}

/// A file of small numbers.
fn file() -> Vec<u8> {
    let values = (1u8..=17).flat_map(|i| (f32::from(i) / 8.0 - 1.0).to_le_bytes());
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    written(
        NAMES,
        &values.collect::<Vec<u8>>(),
        [Dtype::F32; 4],
        Some(metadata),
    )
}

/// The end of the header.
fn header_end(file: &[u8]) -> usize {
    8 + usize::from(file[0]) + 256 * usize::from(file[1])
}

#[test]
fn every_truncated_file_is_rejected() {
    let file = file();
    assert!(is_read(&file, NAMES));
    for len in 0..file.len() {
        assert!(!is_read(&file[..len], NAMES), "{len}");
    }
}

#[test]
fn a_file_with_any_changed_byte_is_rejected_or_matches_the_oracle() {
    let good = file();
    let end = header_end(&good);
    let mut read = 0;
    for at in 0..good.len() {
        for other in 0..=u8::MAX {
            let mut file = good.clone();
            file[at] = other;
            let is_read = is_read(&file, NAMES);
            assert!(is_read || at < end, "byte {at} of the tensors");
            read += usize::from(is_read && at < end && other != good[at]);
        }
    }
    // The bytes of the metadata, which may be arbitrary.
    assert!(read > 0);
}

#[test]
fn only_tensors_of_equal_size_can_be_swapped() {
    let file = file();
    let end = header_end(&file);
    let header = std::str::from_utf8(&file[8..end]).unwrap();
    let pieces: Vec<&str> = header.split("\"data_offsets\":[").collect();
    let offsets: Vec<&str> = pieces[1..]
        .iter()
        .map(|piece| piece.split_once(']').unwrap().0)
        .collect();
    assert_eq!(offsets.len(), 4);
    let mut read = 0;
    for places in 0..4usize.pow(4) {
        let mut changed = pieces[0].to_owned();
        for (i, piece) in pieces[1..].iter().enumerate() {
            let place = places / 4usize.pow(i as u32) % 4;
            let rest = piece.split_once(']').unwrap().1;
            changed += &format!("\"data_offsets\":[{}]{rest}", offsets[place]);
        }
        let mut bytes = (changed.len() as u64).to_le_bytes().to_vec();
        bytes.extend(changed.bytes());
        bytes.extend(&file[end..]);
        read += usize::from(is_read(&bytes, NAMES));
    }
    assert_eq!(
        read, 2,
        "as it is, and with the two weights' places exchanged"
    );
}

#[test]
fn saved_by_name_the_tensors_have_the_names() {
    let names = ["fc1", "fc2"];
    let weights = Weights::<Net>::init(1);
    assert!(format!("{weights:?}").ends_with("(17 values)"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.safetensors");
    weights.save_named(&path, &names).unwrap();
    let bytes = fs::read(&path).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), 4);
    for tensor in weights.tensors() {
        let (layer, part) = tensor.name.split_once('.').unwrap();
        let name = format!("{}.{part}", names[usize::from(layer == "2")]);
        let stored = theirs.tensor(&name).unwrap();
        let values: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!((stored.dtype(), stored.data()), (Dtype::F32, &values[..]));
    }
    assert_eq!(Weights::<Net>::load_named(&path, &names).unwrap(), weights);
}

proptest! {
    #![proptest_config(cases(4096))]

    #[test]
    fn modified_files_are_rejected_or_match_the_oracle(
        changes in vec(change(), 1..5),
        fixes_length in any::<bool>(),
    ) {
        let mut file = file();
        for change in changes {
            change.apply(&mut file);
        }
        if fixes_length && file.len() > 76 {
            let header = file.len() as u64 - 76;
            file[..8].copy_from_slice(&header.to_le_bytes());
        }
        is_read(&file, NAMES);
    }
}

proptest! {
    // Each case writes a file to the disk.
    #![proptest_config(cases(1024))]

    #[test]
    fn every_file_written_by_the_crate_safetensors_is_read(
        first in "[a-zA-Z0-9_.]{1,12}",
        second in "[a-zA-Z0-9_.]{1,12}",
        values in vec(any::<u8>(), 68),
        metadata in proptest::option::of(proptest::collection::hash_map(any::<String>(), any::<String>(), 0..4)),
        dtypes in any::<[Index; 4]>(),
    ) {
        prop_assume!(first != second);
        let names = [first.as_str(), second.as_str()];
        let dtypes = dtypes.map(|index| *index.get(&[Dtype::F32, Dtype::F16, Dtype::BF16]));
        let bytes = written(names, &values, dtypes, metadata);
        prop_assert!(is_read(&bytes, names));

        let theirs = SafeTensors::deserialize(&bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        fs::write(&path, &bytes).unwrap();
        let weights = Weights::<Net>::load_named(&path, &names).unwrap();
        for tensor in weights.tensors() {
            let (layer, part) = tensor.name.split_once('.').unwrap();
            let layer = names[usize::from(layer == "2")];
            let stored = theirs.tensor(&format!("{layer}.{part}")).unwrap();
            prop_assert_eq!(&tensor.shape, stored.shape());
            for (i, value) in tensor.values.iter().enumerate() {
                let bits = match stored.dtype() {
                    Dtype::F32 => u32::from_le_bytes(stored.data()[4 * i..][..4].try_into().unwrap()),
                    dtype => {
                        let bits = [stored.data()[2 * i], stored.data()[2 * i + 1]];
                        match dtype {
                            Dtype::F16 => half::f16::from_le_bytes(bits).to_f32(),
                            _ => half::bf16::from_le_bytes(bits).to_f32(),
                        }
                        .to_bits()
                    }
                };
                prop_assert!(value.to_bits() == bits || value.is_nan() && f32::from_bits(bits).is_nan());
            }
        }
    }
}
