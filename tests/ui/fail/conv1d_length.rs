//! error: the kernel of `Conv1d<8, 4, 5>` is larger than the image before it, `Image<8, 1, 4>`

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<4, 100>, Embedding<100, 8>, Conv1d<8, 4, 5>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
