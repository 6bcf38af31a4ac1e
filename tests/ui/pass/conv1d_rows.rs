//! A sequence is an image of one row.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<3, 1, 9>, Conv1d<3, 4, 3>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
