//! A logit has a gradient with respect to features.

use tuplenet::{Result, prelude::*, shape::Sample};

type Net = (Linear<9, 2>,);

/// The gradient of the first logit.
pub fn explain(net: &Tape<Net>, sample: &impl Sample<<Net as Network>::In>) -> Result<()> {
    net.saliency(sample, 0).map(drop)
}

fn main() {}
