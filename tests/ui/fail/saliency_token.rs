//! error: `Category<9>` has tokens, with respect to which a logit has no gradient

use tuplenet::{Result, prelude::*, shape::Sample};

type Net = (Embedding<9, 2>,);

/// The gradient of the first logit.
pub fn explain(net: &Tape<Net>, sample: &impl Sample<<Net as Network>::In>) -> Result<()> {
    net.saliency(sample, 0).map(drop)
}

fn main() {}
