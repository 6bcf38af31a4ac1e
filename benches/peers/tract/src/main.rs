//! tract, inference only: Gemm, Relu, Gemm, as tract's ONNX reader builds them, then optimised.

#[path = "../../mlp.rs"]
mod mlp;
#[allow(dead_code)] // the labels, as nothing is trained here
#[path = "../../../harness/served.rs"]
mod served;

use served::{Result, Served, Setup, serve};
use tract_core::{
    internal::*,
    ops::{
        einsum::EinSum,
        math::{add, max},
    },
};

fn main() -> Result<()> {
    serve("0.23.9", |setup| Ok(Box::new(Inference::new(&setup)?)))
}

fn model(setup: &Setup) -> Result<TypedModel> {
    let [i, h, o] = mlp::shape(setup)?;
    let [w0, b0, w2, b2] = mlp::weights(setup)?;
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact([setup.batch, i]))?;
    let z = gemm(&mut model, "first", x, (&w0, &b0), [h, i])?;
    let zero = model.add_const("zero", tensor2(&[[0.0_f32]]))?;
    let a = model.wire_node("relu", max(), &[zero, z])?[0];
    let y = gemm(&mut model, "second", a, (&w2, &b2), [o, h])?;
    model.select_output_outlets(&[y])?;
    Ok(model)
}

/// ONNX's Gemm with its second operand transposed.
fn gemm(
    model: &mut TypedModel,
    name: &str,
    x: OutletId,
    (weight, bias): (&[f32], &[f32]),
    shape: [usize; 2],
) -> TractResult<OutletId> {
    let weight = Tensor::from_shape(&shape, weight)?;
    let weight = model.add_const(format!("{name}.weight"), weight)?;
    let bias = Tensor::from_shape(&[1, shape[0]], bias)?;
    let bias = model.add_const(format!("{name}.bias"), bias)?;
    let axes = AxesMapping::for_numpy_matmul(2, false, true, false)?;
    let product = EinSum::new(axes, f32::datum_type());
    let product = model.wire_node(format!("{name}.product"), product, &[x, weight])?[0];
    Ok(model.wire_node(name, add(), &[product, bias])?[0])
}

struct Inference {
    /// Reused between calls, so that no call allocates it.
    state: TypedSimpleState,
    batches: Vec<TValue>,
    next: usize,
}

impl Inference {
    fn new(setup: &Setup) -> Result<Self> {
        if setup.trains || setup.batch != 1 {
            return Err("inference of batches of 1 only".into());
        }
        let plan = model(setup)?.into_optimized()?.into_runnable()?;
        let rows = [setup.batch, mlp::shape(setup)?[0]];
        let features = setup.features()?;
        let batches = features.chunks_exact(rows[0] * rows[1]);
        let batches = batches.map(|batch| Ok(Tensor::from_shape(&rows, batch)?.into_tvalue()));
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
