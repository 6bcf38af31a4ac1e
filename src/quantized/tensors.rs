//! The tensors of an eight-bit model's file: their names, types and shapes, and where they are.

use super::program::{Kind, Program};
use crate::{
    plan::{MAX_PATH_BYTES, Plan},
    text::{Text, same},
    weights::{
        Mismatch,
        header::{Entries, TensorInfo, check_rest, missing, put, split},
        json::attempt,
        names::Shape,
        place::{Dtype, Place},
    },
};

/// One of the tensors of a layer: of the network's input, layer 0, or of step `i`, layer `i + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Weight,
    /// One for each output channel.
    WeightScale,
    /// Minus the zero point of the input times the weights, in units of the scales of input and weight.
    Bias,
    /// For each code of the input that of the output.
    Table,
    Scale,
    ZeroPoint,
    /// Of a standardisation of the network's input.
    Mean,
    Deviation,
}

impl Part {
    const MAX: usize = 8;

    /// The tensors of a layer.
    pub(super) const fn of(program: &Program, layer: usize) -> &'static [Part] {
        use Part::*;
        let Some(step) = layer.checked_sub(1) else {
            return match program.standardize {
                Some(_) => &[Mean, Deviation, Scale, ZeroPoint],
                None => &[Scale, ZeroPoint],
            };
        };
        match program.steps()[step].kind {
            Kind::Product => &[Weight, WeightScale, Bias, Scale, ZeroPoint],
            Kind::Logits => &[Weight, WeightScale, Bias],
            Kind::Maximum => &[],
            Kind::Average | Kind::Sum => &[Scale, ZeroPoint],
            Kind::Table => &[Table, Scale, ZeroPoint],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Part::Weight => "weight",
            Part::WeightScale => "weight_scale",
            Part::Bias => "bias",
            Part::Table => "table",
            Part::Scale => "scale",
            Part::ZeroPoint => "zero_point",
            Part::Mean => "mean",
            Part::Deviation => "std",
        }
    }

    pub(super) const fn dtype(self) -> Dtype {
        match self {
            Part::Weight => Dtype::I8,
            Part::Bias => Dtype::I32,
            Part::Table | Part::ZeroPoint => Dtype::U8,
            Part::WeightScale | Part::Scale | Part::Mean | Part::Deviation => Dtype::F32,
        }
    }

    /// `[O, I]`, or `[O, K, L, C]` for a convolution; `[O]` for its scales and a bias; `[256]` for a table; `[I]` for the
    /// moments of features; `[]` for a scale and a zero point.
    pub(super) const fn shape(self, program: &Program, layer: usize) -> Shape {
        let (sizes, rank) = match (self, layer.checked_sub(1)) {
            (Part::Table, _) => ([256, 1, 1, 1], 1),
            (Part::Mean | Part::Deviation, _) => ([program.value(0).len(), 1, 1, 1], 1),
            (Part::Weight, Some(step)) => {
                let window = program.steps()[step].window;
                let [rows, columns] = window.kernel;
                let [inputs, ..] = window.input;
                match rows * columns * window.input[1] * window.input[2] {
                    1 => ([window.output[0], inputs, 1, 1], 2),
                    _ => ([window.output[0], rows, columns, inputs], 4),
                }
            }
            (Part::WeightScale | Part::Bias, Some(step)) => {
                ([program.steps()[step].window.output[0], 1, 1, 1], 1)
            }
            _ => ([1; 4], 0),
        };
        Shape { sizes, rank }
    }

    /// The name in a file, as in `3.body.0.weight_scale` or `input.scale`.
    pub(super) const fn tensor<const N: usize>(self, program: &Program, layer: usize) -> Text<N> {
        let layer = match self {
            Part::Mean | Part::Deviation => moments(program),
            _ => name(program, layer),
        };
        layer.then(".").then(self.name())
    }
}

const fn name<const N: usize>(program: &Program, layer: usize) -> Text<N> {
    match layer.checked_sub(1) {
        Some(step) => program.steps()[step].path.text(),
        None => Text::of("input"),
    }
}

/// The name of the standardisation.
const fn moments<const N: usize>(program: &Program) -> Text<N> {
    match program.standardize {
        Some(path) => path.text(),
        None => Text::new(),
    }
}

/// The places of all tensors in a file.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    starts: [[usize; Part::MAX]; Plan::CAPACITY + 1],
}

impl Places {
    pub(super) const fn of(&self, layer: usize, part: Part) -> Place {
        Place {
            dtype: part.dtype(),
            start: self.starts[layer][part as usize],
        }
    }
}

type Table<'a> = [[Option<TensorInfo<'a>>; Part::MAX]; Plan::CAPACITY + 1];

/// Parses the header of a file and checks that it has exactly the tensors of `program`, with scales that are finite and above 0.
///
/// # Errors
/// [`Mismatch`], with the tensor's name, what was expected and what was found.
pub(super) const fn places(
    file: &[u8],
    program: &Program,
    plan: &Plan,
) -> Result<Places, Mismatch> {
    let (header, data) = attempt!(split(file));
    let mut table: Table<'_> = [[None; Part::MAX]; Plan::CAPACITY + 1];
    let mut extra = None;
    let mut entries = attempt!(Entries::new(header, data.len(), plan.classes()));
    while let Some((key, info)) = attempt!(entries.next()) {
        match find(program, key.as_bytes()) {
            Some((layer, part)) => {
                attempt!(put(&mut table[layer][part as usize], key, info));
            }
            None if extra.is_none() => extra = Some(key),
            None => {}
        }
    }
    let mut places = Places {
        starts: [[0; Part::MAX]; Plan::CAPACITY + 1],
    };
    let (mut count, mut covered, mut layer) = (0, 0, 0);
    while layer <= program.steps().len() {
        let parts = Part::of(program, layer);
        let mut i = 0;
        while i < parts.len() {
            let part = parts[i];
            let name: Text<64> = part.tensor(program, layer);
            let shape = part.shape(program, layer);
            let Some(info) = table[layer][part as usize] else {
                return Err(missing(header, name, part.dtype(), shape));
            };
            if !same(info.dtype.as_bytes(), part.dtype().name().as_bytes())
                || !info.has_shape(&shape)
            {
                return Err(info.unlike(name, part.dtype(), shape));
            }
            attempt!(check_overlap(&table, program, info, name));
            places.starts[layer][part as usize] = file.len() - data.len() + info.start;
            attempt!(check_values(file, places.of(layer, part), part, name, info));
            count += 1;
            covered += info.end - info.start;
            i += 1;
        }
        layer += 1;
    }
    attempt!(check_rest(extra, count, (covered, data.len())));
    Ok(places)
}

/// The layer and the part that a key names.
const fn find(program: &Program, key: &[u8]) -> Option<(usize, Part)> {
    let mut layer = 0;
    while layer <= program.steps().len() {
        let parts = Part::of(program, layer);
        let of_layer: Text<MAX_PATH_BYTES> = name(program, layer);
        let of_moments: Text<MAX_PATH_BYTES> = moments(program);
        let mut i = 0;
        while i < parts.len() {
            let start = match parts[i] {
                Part::Mean | Part::Deviation => of_moments.as_str(),
                _ => of_layer.as_str(),
            };
            if let Some((first, [b'.', rest @ ..])) = key.split_at_checked(start.len())
                && same(first, start.as_bytes())
                && same(rest, parts[i].name().as_bytes())
            {
                return Some((layer, parts[i]));
            }
            i += 1;
        }
        layer += 1;
    }
    None
}

/// Checks that no other tensor overlaps this one's bytes.
const fn check_overlap(
    table: &Table<'_>,
    program: &Program,
    info: TensorInfo<'_>,
    name: Text<64>,
) -> Result<(), Mismatch> {
    let mut layer = 0;
    while layer <= program.steps().len() {
        let parts = Part::of(program, layer);
        let mut i = 0;
        while i < parts.len() {
            if let Some(other) = &table[layer][parts[i] as usize]
                && info.overlaps(other)
            {
                let other_name: Text<64> = parts[i].tensor(program, layer);
                if !same(other_name.as_str().as_bytes(), name.as_str().as_bytes()) {
                    return Err(info.overlapping(name, (other, other_name)));
                }
            }
            i += 1;
        }
        layer += 1;
    }
    Ok(())
}

/// Checks that scales are finite and above 0, and that no weight is -128, for which kernels have no room.
const fn check_values(
    file: &[u8],
    place: Place,
    part: Part,
    name: Text<64>,
    info: TensorInfo<'_>,
) -> Result<(), Mismatch> {
    let bytes = info.end - info.start;
    let (mut bad, mut i) = (None, 0);
    let expected = match part {
        Part::Weight => {
            let (_, weights) = file.split_at(place.start);
            let (weights, _) = weights.split_at(bytes);
            bad = lowest(weights);
            "weights from -127 to 127"
        }
        Part::Scale | Part::WeightScale => {
            while i < bytes / size_of::<f32>() && bad.is_none() {
                let scale = place.value(file, i);
                if !(scale.is_finite() && scale > 0.0) {
                    bad = Some(i);
                }
                i += 1;
            }
            "scales that are finite and above 0"
        }
        _ => return Ok(()),
    };
    match bad {
        None => Ok(()),
        Some(index) => {
            let found = Text::of("another value at index ").then_number(index);
            Err(Mismatch::of(name.as_str(), Text::of(expected), found))
        }
    }
}

/// The index of the first byte 0x80, the weight -128. Sixteen bytes are tested at once, so that constant evaluation takes a tenth of
/// the time.
const fn lowest(weights: &[u8]) -> Option<usize> {
    const ONES: u128 = u128::MAX / 0xff;
    let (words, _) = weights.as_chunks::<16>();
    let mut i = 0;
    while i < words.len() {
        // a byte 0x80 becomes 0, from which subtracting 1 borrows
        let word = u128::from_le_bytes(words[i]) ^ (ONES << 7);
        if word.wrapping_sub(ONES) & !word & (ONES << 7) != 0 {
            break;
        }
        i += 1;
    }
    let mut at = 16 * i;
    while at < weights.len() {
        if weights[at] == 0x80 {
            return Some(at);
        }
        at += 1;
    }
    None
}
