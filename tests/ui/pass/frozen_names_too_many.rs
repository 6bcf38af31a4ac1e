//! There is a name for each layer with parameters.

use tuplenet::prelude::*;

const TWO: [&str; 2] = ["fc1", "fc2"];
const THREE: [&str; 3] = ["fc1", "fc2", "fc3"];

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/named.safetensors", names = TWO;
}

fn main() {
    println!("{TWO:?} {THREE:?} {:?}", NET.predict(&[0.5, -0.5]));
}
