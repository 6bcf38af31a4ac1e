//! A network for images of MNIST, shared by the examples.

use tuplenet::{data::MnistShape, prelude::*, shape::Features};

/// A network that takes images of MNIST, as vectors or as images, and gives ten logits.
pub trait DigitNetwork: Network<In: MnistShape, Output = Features<10>> {}

impl<N: Network<In: MnistShape, Output = Features<10>>> DigitNetwork for N {}
