//! The networks: hidden layers of one width, of the widths and depths that are measured.

use tuplenet::{layers::Repeat, prelude::*, shape::Features};

use crate::Result;

/// Work on a network whose type is chosen at run time.
pub trait Job {
    type Out;
    fn on<N: Network<In = Features<784>, Output = Features<10>>>(self) -> Result<Self::Out>;
}

pub fn dispatch<J: Job>(width: usize, depth: usize, job: J) -> Result<J::Out> {
    /// Each depth with the number of layers after the first.
    macro_rules! networks {
        ($($width:literal x $depth:literal = 1 + $more:literal)*) => {
            match (width, depth) {
                $(($width, $depth) => job.on::<(
                    Linear<784, $width>,
                    ReLU,
                    Repeat<$more, (Linear<$width, $width>, ReLU)>,
                    Linear<$width, 10>,
                )>(),)*
                _ => Err(format!("no network of {depth} layers of width {width} was compiled").into()),
            }
        };
    }
    networks! {
        32 x 1 = 1 + 0
        64 x 1 = 1 + 0
        128 x 1 = 1 + 0
        256 x 1 = 1 + 0
        512 x 1 = 1 + 0
        1024 x 1 = 1 + 0
        2048 x 1 = 1 + 0
        4096 x 1 = 1 + 0
        8192 x 1 = 1 + 0
        128 x 2 = 1 + 1
        128 x 4 = 1 + 3
        128 x 8 = 1 + 7
        128 x 16 = 1 + 15
        128 x 32 = 1 + 31
    }
}
