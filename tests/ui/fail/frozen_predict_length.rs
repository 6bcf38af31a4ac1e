//! error: `[f32; 3]` is not one sample of a network that takes `Features<2>`

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5_f32; 3]));
}
