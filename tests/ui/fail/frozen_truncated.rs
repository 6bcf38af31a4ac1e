//! error: weights file `../files/truncated.safetensors`: `2.bias`: expected bytes within the 67 after the header, found bytes 60 to 68

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/truncated.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
