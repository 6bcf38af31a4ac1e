//! error: weights file `../files/extra.safetensors`: `4.bias`: expected only the network's 4 tensors, found one more

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/extra.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
