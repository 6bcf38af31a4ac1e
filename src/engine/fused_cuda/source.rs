//! The CUDA C of a network: the templates in `kernels`, and its stages with their sizes as constants.

use std::fmt::Write;

use super::{
    precision::Precision,
    program::{Element, Program, Stage},
};

/// The rows and columns of a product's tiles.
pub(super) const TILES: [usize; 2] = [64, 16];

/// In the order in which they use each other, what computes the sums of products, and what uses that.
const TEMPLATES: [&str; 2] = [
    include_str!("kernels/run.cu"),
    include_str!("kernels/tile.cu"),
];
const SUMS: &str = include_str!("kernels/sums.cu");
const TENSOR_SUMS: &str = include_str!("kernels/tensor_sums.cu");
const FURTHER_TEMPLATES: [&str; 6] = [
    include_str!("kernels/product.cu"),
    include_str!("kernels/activation.cu"),
    include_str!("kernels/update.cu"),
    include_str!("kernels/stage.cu"),
    include_str!("kernels/loss.cu"),
    include_str!("kernels/dropout.cu"),
];

/// The name of a stage's product with tiles of this size, as `forward_0_by_16`.
pub(super) fn product_name(name: &str, stage: usize, tile: usize) -> String {
    format!("{name}_{stage}_by_{tile}")
}

/// The source, whose kernels are those of [`product_name`] (`forward`, `learn` and, but for the first stage, `backward`),
/// `loss_of_samples`, and those of the templates.
pub(super) fn source(program: &Program, precision: Precision) -> String {
    let mut source = TEMPLATES.concat();
    match precision {
        Precision::F32 => add(&mut source, SUMS),
        Precision::Tf32 | Precision::Bf16 => {
            let is_bf16 = precision == Precision::Bf16;
            add(&mut source, &format!("constexpr bool IS_BF16 = {is_bf16};"));
            add(&mut source, TENSOR_SUMS);
        }
    }
    add(&mut source, &FURTHER_TEMPLATES.concat());
    let features = program.features;
    element_functions(&mut source, "Prelude", &program.prelude, features, program);
    for (index, stage) in program.stages.iter().enumerate() {
        let name = format!("Stage{index}");
        element_functions(&mut source, &name, &stage.elements, stage.outputs, program);
        for tile in TILES {
            products(&mut source, program, (index, stage), tile);
        }
    }
    let (classes, last) = (program.outputs(), program.stages.len() - 1);
    add(
        &mut source,
        &format!(
            "extern \"C\" __global__ void loss_of_samples(Run run, Batch batch, const float *y, const float *kept, \
             float *gradient) {{\n    \
             losses<{classes}>(run, batch, y, kept, gradient, Stage{last}{{run.masks, run.statistics, batch.len}});\n}}"
        ),
    );
    source
}

fn add(source: &mut String, text: &str) {
    source.push_str(text);
    source.push('\n');
}

/// The kernels of a stage's products. `learn` has most blocks, so each multiprocessor runs two of them.
fn products(source: &mut String, program: &Program, (index, stage): (usize, &Stage), tile: usize) {
    let (inputs, outputs, offset) = (stage.inputs, stage.outputs, stage.offset);
    let sizes = format!("{tile}, {inputs}, {outputs}");
    let name = |name: &str| product_name(name, index, tile);
    let (parameter, x) = match index {
        0 => (
            "",
            format!(
                "Features<{}, Prelude>{{run.data, Samples(run, batch), Prelude{{run.masks, run.statistics, batch.len}}}}",
                program.features
            ),
        ),
        _ => (", const float *x", format!("Values<{inputs}>{{x}}")),
    };
    add(
        source,
        &format!(
            "extern \"C\" __global__ void {}(Run run, Batch batch, float *kept, float *y{parameter}) {{\n    \
             forward<{sizes}>({x}, run.parameters.weights + {offset}, kept, y, batch.len, \
             Stage{index}{{run.masks, run.statistics, batch.len}});\n}}\n\
             extern \"C\" __global__ void __launch_bounds__(THREADS, 2) {}(Run run, Batch batch, \
             const float *gradient{parameter}) {{\n    \
             learn<{sizes}>(gradient, {x}, run.parameters, {offset}, batch.len, run.steps[number(run, batch)]);\n}}",
            name("forward"),
            name("learn"),
        ),
    );
    if let Some(before) = index.checked_sub(1) {
        add(
            source,
            &format!(
                "extern \"C\" __global__ void {}(Run run, Batch batch, const float *gradient, const float *kept, \
                 float *result) {{\n    \
                 backward<{sizes}>(gradient, run.parameters.weights + {offset}, kept, result, batch.len, \
                 Stage{before}{{run.masks, run.statistics, batch.len}});\n}}",
                name("backward"),
            ),
        );
    }
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
            Element::Activation { function, percent } => {
                let argument = percent.map(|percent| format!(", {percent}.0f / 100.0f"));
                let argument = argument.unwrap_or_default();
                let _ = write!(value, " v = {function}(v{argument});");
                let _ = write!(
                    slope,
                    " d *= {function}_slope(v{argument}); v = {function}(v{argument});"
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
