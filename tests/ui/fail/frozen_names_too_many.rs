//! error: weights file `../files/named.safetensors`: `names`: expected 2, one for each layer with parameters, found 3

use tuplenet::prelude::*;

const TWO: [&str; 2] = ["fc1", "fc2"];
const THREE: [&str; 3] = ["fc1", "fc2", "fc3"];

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/named.safetensors", names = THREE;
}

fn main() {
    println!("{TWO:?} {THREE:?} {:?}", NET.predict(&[0.5, -0.5]));
}
