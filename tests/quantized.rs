//! Eight-bit models: their bits, their logits beside those in `f32`, their accuracy, and the files that are refused.

#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "quantized/accuracy.rs"]
mod accuracy;
#[path = "quantized/bits.rs"]
mod bits;
mod cases;
mod changes;
#[path = "quantized/files.rs"]
mod files;
#[path = "quantized/near.rs"]
mod near;
#[path = "quantized/oracle.rs"]
mod oracle;
#[path = "quantized/reader.rs"]
mod reader;
#[path = "quantized/reference.rs"]
mod reference;
#[path = "samples.rs"]
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
mod samples;
