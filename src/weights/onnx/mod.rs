//! Networks with their weights as ONNX files, for other programs.

mod activations;
mod graph;
mod images;
mod inputs;
mod joins;
mod lowering;
mod norms;
mod proto;
mod tokens;
mod value;

use std::path::Path;

use prost::Message;
use serde_json::json;

use self::{
    graph::Graph,
    proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto},
};
use super::{Parameters, Weights, file, header::CLASSES, names::Names};
use crate::{
    error::{Error, Result},
    network::Network,
    shape::{Inputs, Shape},
};

/// The set of operators, of ONNX 1.13 (2022): what both onnxruntime (1.14 and newer) and tract 0.23 read. Newer ones have
/// `Gelu` (20) and `Swish` (24) besides.
const OPSET: i64 = 18;
/// The format of the file, of the same version.
const IR_VERSION: i64 = 8;
/// The largest message that readers of Protocol Buffers take.
const MAX_BYTES: usize = i32::MAX as usize;

impl<N: Network> Weights<N> {
    /// Writes the network and its weights as an ONNX file, for inference with onnxruntime, tract and others.
    ///
    /// The file is written as by [`Weights::save`]; [`Weights::to_onnx`] says what is in it. This crate does not read it: save
    /// a `.safetensors` file, too.
    ///
    /// ```no_run
    /// use tuplenet::prelude::*;
    ///
    /// Weights::<(Linear<4, 3>, GELU, Linear<3, 2>)>::init(1).save_onnx("net.onnx")?;
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Weights::to_onnx`]; [`Error::Io`] when the file or its folder cannot be written.
    pub fn save_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(path.as_ref(), &self.to_onnx()?)
    }

    /// The network and its weights as the bytes of an ONNX file, of opset 18.
    ///
    /// | | name | type |
    /// | --- | --- | --- |
    /// | input | `input` | float32 `[batch, N]` of `Features<N>`, `[batch, C, H, W]` of an `Image`, with `H = 1` of a `Sequence`; int64 `[batch, L]` of `Tokens`, `[batch]` of a `Category` |
    /// | inputs of a [`Pair`](crate::shape::Pair) | `input_0`, `input_1` | as above; of a pair within it `input_1_0`, `input_1_1` |
    /// | output | `logits` | float32 `[batch, O]`: what [`predict`](crate::engine::Engine::predict) returns, without a softmax |
    ///
    /// `batch` is any size. The initialisers have the names of [`Weights::tensors`] and [`Weights::buffers`], as in `0.weight`,
    /// and their values. Dropout is left out, and a batch normalisation has its running statistics. The model's `metadata_props`
    /// have the names of the classes, if they have names, as a JSON array under the key `classes`.
    ///
    /// Source: <https://onnx.ai/onnx/repo-docs/IR.html>.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// type Net = (Linear<4, 3>, GELU, Linear<3, 2>);
    /// let weights = Weights::<Net>::init(1);
    /// let file = weights.to_onnx()?;
    /// assert!(file.len() > 4 * Net::PARAMS);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OnnxSize`] when the file would have 2 GiB or more, which readers of ONNX refuse.
    pub fn to_onnx(&self) -> Result<Vec<u8>> {
        to_onnx(self.parameters(), &N::In::INPUTS, N::Output::DIMS)
    }
}

fn to_onnx(parameters: Parameters<'_>, inputs: &Inputs, output: &[usize]) -> Result<Vec<u8>> {
    let model = model(parameters, inputs, output);
    check_size(model.encoded_len())?;
    Ok(model.encode_to_vec())
}

fn model(parameters: Parameters<'_>, inputs: &Inputs, output: &[usize]) -> ModelProto {
    let names = Names::Sequential;
    let tensors = parameters.tensors(names).chain(parameters.buffers(names));
    let mut graph = Graph::with(tensors);
    let inputs = inputs::tensors(inputs);
    let logits = lowering::lower(&mut graph, parameters.plan, &inputs, output);
    let classes = parameters.plan.classes();
    let classes = (!classes.is_empty()).then(|| StringStringEntryProto {
        key: Some(CLASSES.to_owned()),
        value: Some(json!(classes).to_string()),
    });
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some(env!("CARGO_PKG_NAME").to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(graph.finish(&inputs, logits, "logits")),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: classes.into_iter().collect(),
    }
}

fn check_size(bytes: usize) -> Result<()> {
    match bytes {
        0..=MAX_BYTES => Ok(()),
        found => Err(Error::OnnxSize {
            expected: MAX_BYTES,
            found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_reader_takes_is_an_error() {
        assert!(check_size(MAX_BYTES).is_ok());
        let error = check_size(MAX_BYTES + 1).unwrap_err().to_string();
        let expected = "expected a file of at most 2147483647 bytes, found 2147483648";
        assert!(error.contains(expected), "{error}");
    }
}
