//! error: weights file `../files/named.safetensors`: `names`: expected a name for each layer, found `fc1` twice

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/named.safetensors", names = ["fc1", "fc1"];
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
