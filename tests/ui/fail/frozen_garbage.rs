//! error: weights file `../files/garbage.safetensors`: `header`: expected a safetensors file, which begins with its header's length, found a length of more bytes than follow (17)

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/garbage.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
