//! error: weights file `../files/no_json.safetensors`: `header`: expected `,` or `}`, found `;` (byte 71 of the file)

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/no_json.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
