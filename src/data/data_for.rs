//! [`DataFor`]: which data sets fit a network.

use std::sync::Arc;

use super::{Dataset, Samples};
use crate::{
    label::{Label, Logits},
    shape::{Features, Shape},
    target::{Classes, MultiLabel, Target, Values},
};

/// Samples that fit a network with input `In` and output `Out`: only a [`Dataset`] of those shapes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit a network that takes `{In}` and gives `{Out}`",
    label = "data of another shape than the network's",
    note = "a `Dataset<S, Classes<C>>` fits a network that takes `S` and gives `Features<C>`, a `Dataset<S, L>` of classes with \
        names one that ends with `Logits<L>`; a `TrainingSet` is not evaluated on"
)]
pub trait DataFor<In: Shape, Out: Shape> {
    /// What the samples are labelled with.
    type Target: Target;

    /// The samples, of `In::LEN` features each, with labels below `Out::LEN`, or `Out::LEN` target values or bits
    /// each.
    fn samples(&self) -> &Arc<Samples>;

    /// The SHA-256 of the samples, in hexadecimal; equal checksums mean equal samples.
    fn sha256(&self) -> String;
}

// One `impl` for every `Target<Output = Features<O>>` would report a type mismatch instead of the message above.
macro_rules! data_for {
    ($($target:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: Shape, const O: usize> DataFor<S, Features<O>> for Dataset<S, $target<O>> {
            type Target = $target<O>;

            fn samples(&self) -> &Arc<Samples> {
                &self.samples
            }

            fn sha256(&self) -> String {
                self.sha256()
            }
        }
    )*};
}
data_for!(Classes Values MultiLabel);

#[diagnostic::do_not_recommend]
impl<S: Shape, L: Label> DataFor<S, Logits<L>> for Dataset<S, L> {
    type Target = L;

    fn samples(&self) -> &Arc<Samples> {
        &self.samples
    }

    fn sha256(&self) -> String {
        self.sha256()
    }
}
