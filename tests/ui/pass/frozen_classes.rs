//! The file has the names of the network's classes.

use tuplenet::prelude::*;

tuplenet::classes! {
    pub enum Label { No, Yes }
}

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>, Logits<Label>) = "../files/classes.safetensors";
}

fn main() {
    println!("{}", NET.classify(&[0.5, -0.5]));
}
