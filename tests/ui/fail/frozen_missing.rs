//! error: weights file `../files/missing.safetensors`: `2.bias`: expected F32 [2], found no tensor of this name; the file has `0.weight`, `0.bias`, `2.weight`

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/missing.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
