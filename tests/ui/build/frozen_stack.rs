//! error: the activations of this network need 131088 values, and the stack takes at most 131072: pass a buffer to `predict_in`

use tuplenet::prelude::*;

type Net = (Linear<16, 131073>,);

fn main() {
    match Frozen::<Net>::from_bytes(b"no file") {
        Ok(net) => println!("{}", net.predict(&[0.0; 16])[0]),
        Err(mismatch) => println!("{mismatch}"),
    }
}
