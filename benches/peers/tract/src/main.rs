//! tract, inference only: its ONNX reader, for a fixed batch, optimised.

#[allow(dead_code)] // the labels, as nothing is trained here
#[path = "../../../harness/served.rs"]
mod served;

use std::fs;

use served::{Result, Served, Setup, serve};
use tract_onnx::prelude::*;

fn main() -> Result<()> {
    serve("0.23.9", |setup| Ok(Box::new(Inference::new(&setup)?)))
}

/// The sizes of a sample, from the first line of `layers.txt`.
fn input(setup: &Setup) -> Result<Vec<usize>> {
    let layers = fs::read_to_string(setup.folder.join("layers.txt"))?;
    let input = layers.lines().next().unwrap_or_default();
    let sizes = input.split(' ').skip(3).map(str::parse);
    Ok(sizes.collect::<std::result::Result<_, _>>()?)
}

struct Inference {
    /// Reused between calls, so that no call allocates it.
    state: TypedSimpleState,
    batches: Vec<TValue>,
    next: usize,
}

impl Inference {
    fn new(setup: &Setup) -> Result<Self> {
        if setup.trains || setup.eight_bits || setup.batch != 1 {
            return Err("inference of batches of 1 only, in f32".into());
        }
        let model = tract_onnx::onnx().model_for_path(setup.folder.join("network.onnx"))?;
        let shape = [vec![1], input(setup)?].concat();
        let model = model.with_input_fact(0, f32::fact(&shape).into())?;
        let plan = model.into_optimized()?.into_runnable()?;
        let features = setup.features()?;
        let batches = features.chunks_exact(shape.iter().product());
        let batches = batches.map(|batch| Ok(Tensor::from_shape(&shape, batch)?.into_tvalue()));
        Ok(Inference {
            state: plan.spawn()?,
            batches: batches.collect::<TractResult<_>>()?,
            next: 0,
        })
    }

    fn forward(&mut self, batch: usize) -> TractResult<TValue> {
        let mut outputs = self.state.run(tvec![self.batches[batch].clone()])?;
        Ok(outputs.remove(0))
    }
}

impl Served for Inference {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(self.forward(self.next)?);
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let logits = self.forward(0)?;
        Ok(logits
            .to_plain_array_view::<f32>()?
            .iter()
            .take(count)
            .copied()
            .collect())
    }
}
