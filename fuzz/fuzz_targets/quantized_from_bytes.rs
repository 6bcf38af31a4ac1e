//! `Quantized::from_bytes` on arbitrary bytes, in a valid file and as the values of one; `tests/quantized/reader.rs` tests the
//! same properties with fewer inputs.

#![no_main]

use tuplenet::shape::{Features, Sample, Shape};

use crate::oracle::{Dense, Images, Model, Range, fix_length, is_read, values_len, written};

#[path = "../../tests/quantized/oracle.rs"]
mod oracle;
#[path = "../../tests/quantized/reference.rs"]
mod reference;

// The first byte says which network it is and what the rest becomes.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind & 1 {
        0 => read::<Dense, _, 3>(kind >> 1, bytes),
        _ => read::<Images, _, 2>(kind >> 1, bytes),
    }
});

fn read<N, S: Shape, const O: usize>(kind: u8, bytes: &[u8])
where
    N: Model<In = S, Output = Features<O>>,
    S::Array: Sample<S>,
{
    let (file, is_valid) = match kind % 5 {
        0 => (written::<N>(Range::Moderate, bytes), true),
        1 => (written::<N>(Range::Valid, bytes), true),
        2 => (written::<N>(Range::Any, bytes), false),
        3 => (bytes.to_vec(), false),
        _ => {
            let file = written::<N>(Range::Moderate, &[3, 0, 1]);
            (replaced(file, bytes), false)
        }
    };
    assert!(is_read::<N, S, O>(&file) || !is_valid);
}

/// A file of which bytes replace a part, whose ends are in the first four of them; the header's length is that of the new one.
fn replaced(mut file: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let Some((&[a, b, c, d], bytes)) = bytes.split_first_chunk() else {
        return file;
    };
    let values_len = values_len(&file);
    let [start, end] =
        [[a, b], [c, d]].map(|end| usize::from(u16::from_le_bytes(end)) % file.len());
    file.splice(start.min(end)..start.max(end), bytes.iter().copied());
    fix_length(&mut file, values_len);
    file
}
