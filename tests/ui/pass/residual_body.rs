//! The layers of the body fit.

use tuplenet::{prelude::*, shape::Image};

type Block = Residual<(Conv2d<8, 8, 3, 1, 1>, ReLU, Conv2d<8, 8, 1>)>;
type Net = (Image<8, 12, 12>, Block, GlobalAvgPool2d, Linear<8, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
