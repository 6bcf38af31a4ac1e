//! error: weights file `../files/f64.safetensors`: `2.bias`: expected F32 [2], found F64 [2]

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/f64.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
