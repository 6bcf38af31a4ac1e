//! error: weights file `../files/wide.safetensors`: `0.weight`: expected F32 [3, 2], found F32 [4, 2]

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/wide.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
