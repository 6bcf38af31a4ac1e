//! Pictures of a network's first layer.

use tuplenet::{
    Result,
    models::{LeNet, MnistClassifier, ResNet8},
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

/// The first layers of [`LeNet`]: their output is the feature maps.
type LeNetMaps = (Image<1, 28, 28>, Conv2d<1, 6, 5, 1, 2>, ReLU);
/// The first layers of [`ResNet8`], likewise.
type ResNetMaps = (
    Image<1, 28, 28>,
    Conv2d<1, 16, 3, 1, 1>,
    BatchNorm2d<16>,
    ReLU,
);

const KERNELS: &str = "kernels of the first convolution; red above 0, blue below";

impl FirstLayer for LeNet {
    const WEIGHTS: &'static str = KERNELS;

    fn draw_weights(weights: &Weights<Self>) -> Picture {
        draw_kernels(&weights.as_slice()[..6 * 25], 25)
    }

    fn draw_feature_maps(
        weights: &Weights<Self>,
        sample: &[[[f32; 28]; 28]; 1],
    ) -> Result<Option<Picture>> {
        draw_maps::<LeNetMaps, 6, Self>(weights, sample).map(Some)
    }
}

impl FirstLayer for ResNet8<1, 28, 28, 10> {
    const WEIGHTS: &'static str = KERNELS;

    fn draw_weights(weights: &Weights<Self>) -> Picture {
        draw_kernels(&weights.as_slice()[..16 * 9], 9)
    }

    fn draw_feature_maps(
        weights: &Weights<Self>,
        sample: &[[[f32; 28]; 28]; 1],
    ) -> Result<Option<Picture>> {
        draw_maps::<ResNetMaps, 16, Self>(weights, sample).map(Some)
    }
}

/// Kernels of `len` weights each, a tile each, on a common scale.
fn draw_kernels(kernels: &[f32], len: usize) -> Picture {
    let largest = pictures::largest(kernels);
    let tiles: Vec<Picture> = kernels
        .chunks_exact(len)
        .map(|kernel| pictures::diverging(kernel, largest))
        .collect();
    pictures::sheet(&tiles, tiles.len().min(8))
}

/// The sample, and the output for it of `F`, the first layers of `N`.
fn draw_maps<F, const CHANNELS: usize, N: Network>(
    weights: &Weights<N>,
    sample: &[[[f32; 28]; 28]; 1],
) -> Result<Picture>
where
    F: Network<In = Image<1, 28, 28>, Output = Image<CHANNELS, 28, 28>>,
{
    let mut first = Weights::<F>::from_slice(&weights.as_slice()[..F::PARAMS])?;
    let statistics = &weights.statistics()[..F::PLAN.statistics()];
    first.statistics_mut().copy_from_slice(statistics);
    let maps = Tape::<F>::new(first)?.predict(sample)?;
    let largest = pictures::largest(maps.as_flattened().as_flattened());
    let mut tiles = vec![pictures::grey(sample.as_flattened().as_flattened())];
    tiles.extend(maps.iter().map(|map| {
        let shares = map
            .as_flattened()
            .iter()
            .map(|value| value / largest.max(f32::MIN_POSITIVE));
        pictures::grey(&shares.collect::<Vec<f32>>())
    }));
    let columns = tiles.len().div_ceil(tiles.len().div_ceil(9));
    Ok(pictures::sheet(&tiles, columns))
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
