//! The CUDA C of a network: the templates of `kernels.cu`, and its stages with their sizes as constants.

use std::fmt::Write;

use super::program::{Element, Program};
use crate::plan::Op;

/// The source, whose kernels are `gather_features`, `forward_0` and so on, `loss_of_samples`, `backward_1` and so on,
/// `learn_0` and so on, and those of `kernels.cu`.
pub(super) fn source(program: &Program) -> String {
    let mut source = include_str!("kernels.cu").to_owned();
    let features = program.features;
    element_functions(&mut source, "Prelude", &program.prelude, features, program);
    add(
        &mut source,
        &format!(
            "extern \"C\" __global__ void gather_features(Data data, const u32 *order, float *x, const float *masks, \
             const float *statistics, int batch) {{\n    \
             gather<{features}>(data, order, x, batch, Prelude{{masks, statistics, batch}});\n}}"
        ),
    );
    for (index, stage) in program.stages.iter().enumerate() {
        let (inputs, outputs) = (stage.inputs, stage.outputs);
        let name = format!("Stage{index}");
        element_functions(&mut source, &name, &stage.elements, outputs, program);
        add(
            &mut source,
            &format!(
                "extern \"C\" __global__ void forward_{index}(const float *x, const float *w, float *kept, float *y, \
                 const float *masks, int batch) {{\n    \
                 forward<{inputs}, {outputs}>(x, w, kept, y, batch, {name}{{masks, nullptr, batch}});\n}}\n\
                 extern \"C\" __global__ void learn_{index}(const float *gradient, const float *x, Parameters p, int batch, \
                 Rule rule) {{\n    \
                 learn<{inputs}, {outputs}>(gradient, x, p, {}, batch, rule);\n}}",
                stage.offset
            ),
        );
        if let Some(before) = index.checked_sub(1) {
            add(
                &mut source,
                &format!(
                    "extern \"C\" __global__ void backward_{index}(const float *gradient, const float *w, \
                     const float *kept, float *result, const float *masks, int batch) {{\n    \
                     backward<{inputs}, {outputs}>(gradient, w, kept, result, batch, \
                     Stage{before}{{masks, nullptr, batch}});\n}}"
                ),
            );
        }
    }
    let (classes, last) = (program.outputs(), program.stages.len() - 1);
    add(
        &mut source,
        &format!(
            "extern \"C\" __global__ void loss_of_samples(Data data, const u32 *order, const float *y, const float *kept, \
             float *gradient, float *losses, const float *masks, int batch, float divisor, Loss settings) {{\n    \
             loss<{classes}>(data, order, y, kept, gradient, losses, batch, divisor, settings, \
             Stage{last}{{masks, nullptr, batch}});\n}}"
        ),
    );
    source
}

fn add(source: &mut String, text: &str) {
    source.push_str(text);
    source.push('\n');
}

/// A type with the value of some elements one after another, and with the derivative of that.
fn element_functions(
    source: &mut String,
    name: &str,
    elements: &[Element],
    width: usize,
    program: &Program,
) {
    let (mut value, mut slope) = (String::new(), String::new());
    for element in elements {
        match *element {
            Element::Activation(op) => {
                let (function, argument) = function(op);
                let tanh = if op == Op::Tanh { "tanhf" } else { function };
                let _ = write!(value, " v = {tanh}(v{argument});");
                let _ = write!(
                    slope,
                    " d *= {function}_slope(v{argument}); v = {tanh}(v{argument});"
                );
            }
            Element::Dropout(dropout) => {
                let before = program.dropouts().take(dropout.mask);
                let before: usize = before.map(|dropout| dropout.width).sum();
                let mask = format!("masks[(long long)batch * {before} + b * {width} + i]");
                let _ = write!(value, " if (masks) v *= {mask};");
                let _ = write!(slope, " if (masks) {{ d *= {mask}; v *= {mask}; }}");
            }
            Element::Standardize(offset) => {
                let _ = write!(
                    value,
                    " v = (v - statistics[{offset} + i]) / statistics[{offset} + {width} + i];"
                );
            }
        }
    }
    add(
        source,
        &format!(
            "struct {name} {{\n    const float *masks, *statistics;\n    int batch;\n    \
             __device__ float value(float v, int b, int i) const {{{value} return v; }}\n    \
             __device__ float slope(float v, int b, int i) const {{ float d = 1.0f;{slope} return d; }}\n}};"
        ),
    );
}

/// The function in `kernels.cu` of an activation, and its further argument.
fn function(op: Op) -> (&'static str, String) {
    let hundredth = |percent: u32| format!(", {percent}.0f / 100.0f");
    match op {
        Op::Relu => ("relu", String::new()),
        Op::Sigmoid => ("sigmoid", String::new()),
        Op::Tanh => ("tanh", String::new()),
        Op::LeakyRelu { slope_percent } => ("leaky_relu", hundredth(slope_percent)),
        Op::Gelu => ("gelu", String::new()),
        Op::Softplus => ("softplus", String::new()),
        Op::Silu => ("silu", String::new()),
        Op::Elu { alpha_percent } => ("elu", hundredth(alpha_percent)),
        Op::Hardswish => ("hardswish", String::new()),
        _ => ("", String::new()), // `Program::new` makes no other
    }
}
