//! builds: a frozen model whose activations exceed the stack, in a buffer

use tuplenet::prelude::*;

type Net = (Linear<16, 131073>,);

fn main() {
    let mut buffer = [0.0; Frozen::<Net>::ACTIVATION_LEN];
    match Frozen::<Net>::from_bytes(b"no file") {
        Ok(net) => println!("{}", net.predict_in(&[0.0; 16], &mut buffer)[0]),
        Err(mismatch) => println!("{mismatch}"),
    }
}
