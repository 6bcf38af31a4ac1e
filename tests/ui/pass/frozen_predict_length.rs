//! The array is as long as the network's input is wide.

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5_f32; 2]));
}
