//! Each layer has its own name.

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/named.safetensors", names = ["fc1", "fc2"];
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
