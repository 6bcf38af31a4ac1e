//! error: weights file `../files/swapped.safetensors`: `0.weight`: expected F32 [3, 2], found F32 [2, 3]

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/swapped.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
