//! Pictures of a network's first layer.

use tuplenet::{
    Result,
    models::{LeNet, MnistClassifier},
    prelude::*,
    shape::{Image, Shape},
};

use crate::{
    network::DigitNetwork,
    pictures::{self, Picture},
};

/// The maximum number of units in a picture of weights.
const UNITS: usize = 100;
/// The fraction of the weights within the colour scale: without clipping, a few outliers would leave the others white.
const NOT_CUT: f32 = 0.995;

/// A network whose first layer can be drawn.
pub trait FirstLayer: DigitNetwork {
    /// Describes the picture of the weights.
    const WEIGHTS: &'static str;

    /// The first layer's weights, red above 0, blue below, on a common scale.
    fn draw_weights(weights: &Weights<Self>) -> Picture;

    /// The sample, and the output of the first layer for it, if that is images.
    fn draw_feature_maps(
        weights: &Weights<Self>,
        sample: &<Self::In as Shape>::Array,
    ) -> Result<Option<Picture>>;
}

impl<const H: usize> FirstLayer for MnistClassifier<H> {
    const WEIGHTS: &'static str =
        "first-layer weights, the strongest units first; red above 0, blue below";

    /// The weights of the strongest hidden units, a tile each, on a scale that clips outliers.
    ///
    /// A unit's strength is the norm of its incoming weights times the norm of its outgoing weights. As ReLU is
    /// positively homogeneous, a factor can move from one to the other without changing the function or this product.
    fn draw_weights(weights: &Weights<Self>) -> Picture {
        let (incoming, rest) = weights.as_slice().split_at(784 * H);
        let outgoing = &rest[H..];
        let length =
            |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
        let mut units: Vec<(f32, &[f32])> = incoming
            .chunks_exact(784)
            .enumerate()
            .map(|(unit, row)| {
                let mut column = outgoing.iter().skip(unit).step_by(H).copied().take(10);
                let strength = length(&mut row.iter().copied()) * length(&mut column);
                (strength, row)
            })
            .collect();
        units.sort_by(|a, b| b.0.total_cmp(&a.0));
        units.truncate(UNITS);
        let scale = quantile(units.iter().flat_map(|(_, row)| *row), NOT_CUT);
        let tiles: Vec<Picture> = units
            .iter()
            .map(|(_, row)| pictures::diverging(row, scale))
            .collect();
        pictures::sheet(&tiles, columns(tiles.len()))
    }

    fn draw_feature_maps(_: &Weights<Self>, _: &[f32; 784]) -> Result<Option<Picture>> {
        Ok(None)
    }
}

/// The first layers of [`LeNet`]: its output is the feature maps.
type Convolution = (Image<1, 28, 28>, Conv2d<1, 6, 5, 1, 2>, ReLU);

impl FirstLayer for LeNet {
    const WEIGHTS: &'static str = "kernels of the first convolution; red above 0, blue below";

    fn draw_weights(weights: &Weights<Self>) -> Picture {
        let kernels = &weights.as_slice()[..6 * 25];
        let largest = pictures::largest(kernels);
        let tiles: Vec<Picture> = kernels
            .chunks_exact(25)
            .map(|kernel| pictures::diverging(kernel, largest))
            .collect();
        pictures::sheet(&tiles, 6)
    }

    fn draw_feature_maps(
        weights: &Weights<Self>,
        sample: &[[[f32; 28]; 28]; 1],
    ) -> Result<Option<Picture>> {
        let first = &weights.as_slice()[..Convolution::PARAMS];
        let maps = Tape::<Convolution>::new(Weights::from_slice(first)?)?.predict(sample)?;
        let largest = pictures::largest(maps.as_flattened().as_flattened());
        let mut tiles = vec![pictures::grey(sample.as_flattened().as_flattened())];
        tiles.extend(maps.iter().map(|map| {
            let shares = map
                .as_flattened()
                .iter()
                .map(|value| value / largest.max(f32::MIN_POSITIVE));
            pictures::grey(&shares.collect::<Vec<f32>>())
        }));
        Ok(Some(pictures::sheet(&tiles, 7)))
    }
}

/// The quantile `share` of the absolute values other than 0.
fn quantile<'a>(values: impl Iterator<Item = &'a f32>, share: f32) -> f32 {
    let sizes = values.map(|value| value.abs()).filter(|&size| size > 0.0);
    let mut sizes: Vec<f32> = sizes.collect();
    sizes.sort_by(f32::total_cmp);
    let last = sizes.len().saturating_sub(1);
    let at = (last as f32 * share).ceil() as usize;
    sizes.get(at).copied().unwrap_or_default()
}

/// The number of columns from 8 to 12 that leaves the fewest empty tiles in the last row.
fn columns(tiles: usize) -> usize {
    let empty = |columns: &usize| tiles.next_multiple_of(*columns) - tiles;
    (8..=12).rev().min_by_key(empty).unwrap_or(10)
}
