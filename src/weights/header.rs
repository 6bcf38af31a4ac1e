//! Parses the header of a safetensors file and locates a network's tensors, in `const fn`s that also run at compile
//! time.
//!
//! The file is 8 bytes of header length (little-endian), the header (JSON: `dtype`, `shape` and `data_offsets` of each
//! tensor, and optional `__metadata__`), then the tensors' bytes. Source:
//! <https://github.com/huggingface/safetensors#format>. The parser enforces the rules of the format, and some more:
//! no unknown fields, no duplicate tensors, and exactly the network's tensors.
//!
//! A checkpoint is such a file with more tensors: the weights of the best epoch, if stored, under the prefix `best.`,
//! and those of the last step under `weights.`. The former are read if present.

mod checkpoint;
mod entries;
mod tensor_info;

use self::checkpoint::{after, prefix_in_checkpoint};
#[cfg(feature = "train")]
pub(crate) use self::tensor_info::CLASSES;
pub(crate) use self::{
    entries::{Entries, check_rest, missing, put},
    tensor_info::TensorInfo,
};
pub use super::place::{Dtype, Place};
use super::{
    Mismatch,
    json::attempt,
    names::{Layer, Names, Part},
};
use crate::{
    plan::{Plan, Step},
    text::Text,
};

/// The largest header that the format allows.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// The places of all tensors, indexed by layer with tensors, from 0.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Those of each, indexed by [`Part`].
    pub(crate) tensors: [[Place; Part::MAX]; Plan::CAPACITY],
}

/// The tensors in the header by layer, and the extra tensors that the network does not have.
struct Table<'a> {
    /// Those of each layer, indexed by [`Part`].
    tensors: [[Option<TensorInfo<'a>>; Part::MAX]; Plan::CAPACITY],
    /// The first extra tensor, and the total bytes of all of them.
    extra: Option<&'a str>,
    extra_bytes: usize,
}

/// Parses the header and checks that the file has exactly the tensors of `plan`.
///
/// # Errors
/// [`Mismatch`], with the tensor's name, what was expected and what was found.
pub(crate) const fn places(file: &[u8], plan: &Plan, names: Names<'_>) -> Result<Places, Mismatch> {
    attempt!(names.check(plan));
    let (header, data) = attempt!(split(file));
    let prefix = match names {
        Names::Sequential => prefix_in_checkpoint(header),
        Names::Listed(_) => None,
    };
    let table = attempt!(table(header, data, plan, names, prefix));

    let nowhere = Place {
        dtype: Dtype::F32,
        start: 0,
    };
    let mut places = Places {
        tensors: [[nowhere; Part::MAX]; Plan::CAPACITY],
    };
    let data_start = file.len() - data.len();
    let (mut count, mut covered) = (0, 0);
    if prefix.is_some() {
        covered = table.extra_bytes;
    }
    let mut next = Layer::first(plan);
    while let Some(layer) = next {
        let step = &plan.steps()[layer.index];
        let parts = Part::of(step);
        let mut i = 0;
        while i < parts.len() {
            let part = parts[i];
            let Some(info) = table.tensors[layer.ordinal][part as usize] else {
                let name = names.tensor(layer, step, part);
                return Err(missing(header, name, part.dtype(), part.shape(step)));
            };
            let dtype = attempt!(check(&info, layer, part, step, names));
            attempt!(table.check_overlap(&info, layer, part, plan, names));
            count += 1;
            covered += info.end - info.start;
            places.tensors[layer.ordinal][part as usize] = Place {
                dtype,
                start: data_start + info.start,
            };
            i += 1;
        }
        next = layer.next(plan);
    }
    let extra = match prefix {
        Some(_) => None,
        None => table.extra,
    };
    attempt!(check_rest(extra, count, (covered, data.len())));
    Ok(places)
}

/// The header and the tensors' bytes.
pub(crate) const fn split(file: &[u8]) -> Result<(&str, &[u8]), Mismatch> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        let found = Text::new().then_number(file.len()).then(" bytes");
        return Err(Mismatch::header(Text::of("a safetensors file"), found));
    };
    let length = u64::from_le_bytes(*length);
    if length > rest.len() as u64 {
        let expected = Text::of("a safetensors file, which begins with its header's length");
        let found = Text::of("a length of more bytes than follow (")
            .then_number(rest.len())
            .then(")");
        return Err(Mismatch::header(expected, found));
    }
    if length > MAX_HEADER_BYTES {
        let expected = Text::of("a header of at most 100000000 bytes");
        return Err(Mismatch::header(
            expected,
            Text::new().then_number(length as usize),
        ));
    }
    let (header, data) = rest.split_at(length as usize);
    match core::str::from_utf8(header) {
        Ok(header) => Ok((header, data)),
        Err(error) => {
            let found = Text::of("other bytes (byte ")
                .then_number(8 + error.valid_up_to())
                .then(" of the file)");
            Err(Mismatch::header(Text::of("UTF-8"), found))
        }
    }
}

const fn table<'a>(
    header: &'a str,
    data: &[u8],
    plan: &Plan,
    names: Names<'_>,
    prefix: Option<&str>,
) -> Result<Table<'a>, Mismatch> {
    let mut table = Table {
        tensors: [[None; Part::MAX]; Plan::CAPACITY],
        extra: None,
        extra_bytes: 0,
    };
    let mut entries = attempt!(Entries::new(header, data.len(), plan.classes()));
    while let Some((key, info)) = attempt!(entries.next()) {
        let is_put = match after(prefix, key) {
            Some(key) => attempt!(table.put(key, info, plan, names)),
            None => false,
        };
        if !is_put {
            if table.extra.is_none() {
                table.extra = Some(key);
            }
            table.extra_bytes = table.extra_bytes.saturating_add(info.end - info.start);
        }
    }
    Ok(table)
}

impl<'a> Table<'a> {
    /// Stores a tensor in its slot. Returns whether it is one of the network's.
    const fn put(
        &mut self,
        key: &str,
        info: TensorInfo<'a>,
        plan: &Plan,
        names: Names<'_>,
    ) -> Result<bool, Mismatch> {
        let mut next = Layer::first(plan);
        while let Some(layer) = next {
            let step = &plan.steps()[layer.index];
            if let Some(part) = names.part(layer, step, key.as_bytes()) {
                let slot = &mut self.tensors[layer.ordinal][part as usize];
                attempt!(put(slot, key, info));
                return Ok(true);
            }
            next = layer.next(plan);
        }
        Ok(false)
    }

    /// Checks that no other tensor overlaps this one's bytes.
    const fn check_overlap(
        &self,
        info: &TensorInfo<'_>,
        layer: Layer,
        part: Part,
        plan: &Plan,
        names: Names<'_>,
    ) -> Result<(), Mismatch> {
        let mut next = Layer::first(plan);
        while let Some(other) = next {
            if other.ordinal > layer.ordinal {
                break;
            }
            let parts = Part::of(&plan.steps()[other.index]);
            let mut i = 0;
            while i < parts.len() {
                let at = parts[i] as usize;
                let is_self = other.ordinal == layer.ordinal && at == part as usize;
                if let Some(second) = &self.tensors[other.ordinal][at]
                    && !is_self
                    && info.overlaps(second)
                {
                    let name = names.tensor(layer, &plan.steps()[layer.index], part);
                    let other_name = names.tensor(other, &plan.steps()[other.index], parts[i]);
                    return Err(info.overlapping(name, (second, other_name)));
                }
                i += 1;
            }
            next = other.next(plan);
        }
        Ok(())
    }
}

/// Checks a tensor's dtype and shape.
const fn check(
    info: &TensorInfo<'_>,
    layer: Layer,
    part: Part,
    step: &Step,
    names: Names<'_>,
) -> Result<Dtype, Mismatch> {
    let dtype = match (info.dtype.as_bytes(), part.dtype()) {
        (b"F32", Dtype::F32) => Some(Dtype::F32),
        (b"F16", Dtype::F32) => Some(Dtype::F16),
        (b"BF16", Dtype::F32) => Some(Dtype::Bf16),
        (b"I64", Dtype::I64) => Some(Dtype::I64),
        _ => None,
    };
    let shape = part.shape(step);
    match dtype {
        Some(dtype) if info.has_shape(&shape) => Ok(dtype),
        _ => {
            let name = names.tensor(layer, step, part);
            Err(info.unlike(name, part.dtype(), shape))
        }
    }
}

#[cfg(test)]
mod tests;
