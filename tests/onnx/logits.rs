//! tract's logits are those of `Fused`, for a batch of one sample and of several.

use tract_onnx::{
    pb::{TypeProto, type_proto},
    prelude::*,
};
use tuplenet::{
    prelude::*,
    shape::{Sample, Shape},
};

use crate::{
    case::{Case, SAMPLES, gather},
    model, networks, structure,
};

/// The arrays that the graph takes of these samples.
fn inputs(types: &[TypeProto], samples: &[Vec<f32>]) -> TVec<TValue> {
    let mut first = 0;
    let array = |of: &TypeProto| {
        let Some(type_proto::Value::TensorType(of)) = &of.value else {
            panic!("{of:?}");
        };
        let mut dims: Vec<usize> = vec![samples.len()];
        let sizes = &of.shape.as_ref().unwrap().dim[1..];
        dims.extend(sizes.iter().map(structure::size));
        let len = dims[1..].iter().product();
        let values = gather(samples, first, len);
        first += len;
        let tensor = match of.elem_type {
            structure::INT64 => {
                let tokens: Vec<i64> = values.iter().map(|&token| token as i64).collect();
                Tensor::from_shape(&dims, &tokens)
            }
            _ => Tensor::from_shape(&dims, &values),
        };
        tensor.unwrap().into_tvalue()
    };
    let arrays = types.iter().map(array).collect();
    assert_eq!(first, samples[0].len());
    arrays
}

fn check<N: Network>()
where
    <N::In as Shape>::Array: Sample<N::In>,
{
    let case = Case::<N>::new();
    let graph = model(&case.weights).graph.unwrap();
    let types: Vec<_> = graph
        .input
        .into_iter()
        .map(|input| input.r#type.unwrap())
        .collect();
    let file = case.weights.to_onnx().unwrap();
    let read = tract_onnx::onnx().model_for_read(&mut &*file).unwrap();
    let runnable = read.into_optimized().unwrap().into_runnable().unwrap();
    let largest = case
        .logits
        .iter()
        .fold(0f32, |most, logit| most.max(logit.abs()));
    for batch in [1, SAMPLES] {
        let outputs = runnable
            .run(inputs(&types, &case.samples[..batch]))
            .unwrap();
        let logits = outputs[0].to_plain_array_view::<f32>().unwrap();
        assert_eq!(logits.shape(), [&[batch], N::Output::DIMS].concat());
        let expected = &case.logits[..batch * N::Output::LEN];
        for (at, (found, expected)) in logits.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 1e-5 * largest,
                "batch of {batch}, [{at}]: {found} against {expected}"
            );
        }
    }
}

/// A test for each network.
macro_rules! tests {
    ($($name:ident: $network:ty;)*) => {$(
        #[test]
        fn $name() {
            check::<$network>();
        }
    )*};
}
networks::on_every_network!(tests);
