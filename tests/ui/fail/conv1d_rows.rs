//! error: `Conv1d<3, 4, 3>` cannot follow a layer that gives `Image<3, 2, 9>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<3, 2, 9>, Conv1d<3, 4, 3>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
