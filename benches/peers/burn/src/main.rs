use burn::prelude::*;
fn main(){ println!("{:?}", Device::flex()); }
