//! error: weights file `../files/out_of_range.safetensors`: `2.bias`: expected bytes within the 68 after the header, found bytes 600 to 608

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/out_of_range.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
