//! error: weights file `../files/named.safetensors`: `fc3.weight`: expected F32 [2, 3], found no tensor of this name; the file has `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/named.safetensors", names = ["fc1", "fc3"];
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
