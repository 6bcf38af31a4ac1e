//! error: `Linear<4, 2>` cannot follow a layer that gives `Features<3>`

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<4, 2>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
