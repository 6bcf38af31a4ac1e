//! builds: the width of a frozen model is checked when it is made

use tuplenet::prelude::*;

type Net = (Linear<16, 65537>,);

fn main() {
    match Frozen::<Net>::from_bytes(b"no file") {
        Ok(net) => println!("{}", net.predict(&[0.0; 16])[0]),
        Err(mismatch) => println!("{mismatch}"),
    }
}
