//! error: eight-bit model `../files/good.safetensors`: `input.scale`: expected F32 [], found no tensor of this name; the file has `0.weight`, `0.bias`, `2.weight`, `2.bias`

use tuplenet::prelude::*;

tuplenet::quantized! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
