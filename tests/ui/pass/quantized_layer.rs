//! A layer that an eight-bit model has.

use tuplenet::prelude::*;

tuplenet::quantized! {
    static NET: (Linear<2, 3>, Dropout<3>, Linear<3, 2>) = "../files/eight_bit.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
