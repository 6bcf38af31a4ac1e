//! Frozen models against PyTorch's logits; `tests/reference/frozen.py` generates the files.

use std::{fs, path::Path};

use safetensors::SafeTensors;
use tuplenet::{frozen::Values, prelude::*, shape::Sample};

use crate::pytorch::floats;

tuplenet::frozen! {
    static RELU: Relu = "reference/frozen/relu.safetensors";
    static TANH: (Linear<12, 17>, Tanh, Linear<17, 3>) = "reference/frozen/tanh.safetensors";
    static SIGMOID: (Linear<9, 33>, Sigmoid, Linear<33, 7>) = "reference/frozen/sigmoid.safetensors";
    static GELU_NET: (Linear<16, 64>, GELU, Linear<64, 16>) = "reference/frozen/gelu.safetensors";
    static LEAKY: (Linear<5, 8>, LeakyReLU<20>, Linear<8, 1>) = "reference/frozen/leaky.safetensors";
    static SOFTPLUS: (Linear<10, 31>, Softplus, Linear<31, 2>) = "reference/frozen/softplus.safetensors";
    static SILU: (Linear<7, 16>, SiLU, Linear<16, 3>) = "reference/frozen/silu.safetensors";
    static ELU_NET: (Linear<6, 17>, ELU<50>, Linear<17, 2>) = "reference/frozen/elu.safetensors";
    static HARDSWISH: (Linear<8, 15>, Hardswish, Linear<15, 3>) = "reference/frozen/hardswish.safetensors";
    static PRELU: Slopes = "reference/frozen/prelu.safetensors";
    static DROPOUT: (Linear<100, 40>, ReLU, Dropout<20>, Linear<40, 10>) = "reference/frozen/dropout.safetensors";
    static FIRST: (Input<8>, Tanh, Linear<8, 2>) = "reference/frozen/first.safetensors";
    static NAMED: Named = "reference/frozen/named.safetensors", names = ["fc1", "fc2"];
    static NESTED: (Linear<14, 9>, Tanh, Linear<9, 4>) = "reference/frozen/nested.safetensors", names = ["encoder.proj", "head"];
    static HALF: Named = "reference/frozen/half.safetensors", names = ["fc1", "fc2"];
    static BFLOAT16: Named = "reference/frozen/bfloat16.safetensors", names = ["fc1", "fc2"];
}

type Relu = (Linear<20, 16>, ReLU, Linear<16, 12>, ReLU, Linear<12, 5>);
type Named = (Linear<24, 16>, ReLU, Linear<16, 10>);
pub(crate) type Slopes = (
    LayerNorm<6>,
    Linear<6, 18>,
    ChannelPReLU<18>,
    LayerNorm<18>,
    Linear<18, 3>,
    PReLU,
);

pub(crate) fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/frozen");
    fs::read(folder.join(format!("{name}.safetensors"))).unwrap()
}

/// Compares the logits of PyTorch's eight samples to 1e-5 of the largest.
fn assert_matches_pytorch<N, V, const I: usize, const O: usize>(name: &str, model: &Frozen<N, V>)
where
    N: Network,
    N::In: tuplenet::shape::Shape<Array = [f32; I]>,
    N::Output: tuplenet::shape::Shape<Array = [f32; O]>,
    [f32; I]: Sample<N::In>,
    V: Values,
{
    let io = file("io");
    let io = SafeTensors::deserialize(&io).unwrap();
    let features = floats(&io, &format!("{name}.features"));
    let logits = floats(&io, &format!("{name}.logits"));
    assert_eq!((features.len(), logits.len()), (8 * I, 8 * O));
    let largest = logits
        .iter()
        .fold(0f32, |most, logit| most.max(logit.abs()));
    for (sample, expected) in features
        .as_chunks::<I>()
        .0
        .iter()
        .zip(logits.as_chunks::<O>().0)
    {
        let found = model.predict(sample);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() <= 1e-5 * largest,
                "{name}: {found} against {expected}"
            );
        }
    }
}

/// Embedded, borrowed, and borrowed at every alignment.
macro_rules! every_way {
    ($($test:ident $name:literal $model:ident $network:ty $(, $names:expr)?;)*) => {$(
        #[test]
        fn $test() {
            assert_matches_pytorch($name, &$model);
            let bytes = file($name);
            for offset in 0..4 {
                let mut shifted = vec![0; offset];
                shifted.extend(&bytes);
                let read = every_way!(@read $network, &shifted[offset..] $(, $names)?).unwrap();
                assert_matches_pytorch($name, &read);
            }
        }
    )*};
    (@read $network:ty, $bytes:expr) => { Frozen::<$network>::from_bytes($bytes) };
    (@read $network:ty, $bytes:expr, $names:expr) => { Frozen::<$network>::from_bytes_named($bytes, &$names) };
}

every_way! {
    relu_is_pytorchs "relu" RELU Relu;
    tanh_is_pytorchs "tanh" TANH (Linear<12, 17>, Tanh, Linear<17, 3>);
    sigmoid_is_pytorchs "sigmoid" SIGMOID (Linear<9, 33>, Sigmoid, Linear<33, 7>);
    gelu_is_pytorchs "gelu" GELU_NET (Linear<16, 64>, GELU, Linear<64, 16>);
    leaky_relu_is_pytorchs "leaky" LEAKY (Linear<5, 8>, LeakyReLU<20>, Linear<8, 1>);
    softplus_is_pytorchs "softplus" SOFTPLUS (Linear<10, 31>, Softplus, Linear<31, 2>);
    silu_is_pytorchs "silu" SILU (Linear<7, 16>, SiLU, Linear<16, 3>);
    elu_is_pytorchs "elu" ELU_NET (Linear<6, 17>, ELU<50>, Linear<17, 2>);
    hardswish_is_pytorchs "hardswish" HARDSWISH (Linear<8, 15>, Hardswish, Linear<15, 3>);
    layer_normalisation_and_slopes_are_pytorchs "prelu" PRELU Slopes;
    dropout_and_sparse_samples_are_pytorchs "dropout" DROPOUT (Linear<100, 40>, ReLU, Dropout<20>, Linear<40, 10>);
    an_activation_first_is_pytorchs "first" FIRST (Input<8>, Tanh, Linear<8, 2>);
    named_layers_are_pytorchs "named" NAMED Named, ["fc1", "fc2"];
    half_precision_is_pytorchs "half" HALF Named, ["fc1", "fc2"];
    bfloat16_is_pytorchs "bfloat16" BFLOAT16 Named, ["fc1", "fc2"];
    nested_names_are_pytorchs "nested" NESTED (Linear<14, 9>, Tanh, Linear<9, 4>), ["encoder.proj", "head"];
}

/// An identity network: its probabilities are the softmax in `f64`, its class is the first of equal logits, as with
/// `numpy.argmax`.
#[test]
fn probabilities_are_the_softmax_and_the_class_is_the_first_of_equal_logits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.safetensors");
    let mut weights = Weights::<(Linear<4, 4>,)>::zeros();
    (0..4).for_each(|at| weights.as_mut_slice()[at * 5] = 1.0);
    weights.save(&path).unwrap();
    let bytes = fs::read(path).unwrap();
    let identity = Frozen::<(Linear<4, 4>,)>::from_bytes(&bytes).unwrap();
    let name = std::any::type_name::<(Linear<4, 4>,)>();
    assert_eq!(format!("{identity:?}"), format!("Frozen<{name}>"));
    let cut = Frozen::<(Linear<4, 4>,)>::from_bytes(&bytes[..99]).unwrap_err();
    assert_eq!(format!("{cut:?}"), format!("Mismatch({cut})"));
    for (logits, class) in [
        ([2.0, 2.0, 2.0, 2.0], 0),
        ([1.0, 3.0, 3.0, 2.0], 1),
        ([-1.0, -5.0, -1.0, -1.0], 0),
        ([0.0, 1.0, 2.0, 2.0], 2),
        ([-30.0, 0.0, -15.0, 1.0], 3),
        // exp(100) overflows `f32`
        ([100.0, 99.0, 98.0, 100.0], 0),
    ] {
        assert_eq!(identity.classify(&logits), class, "{logits:?}");
        let exps = logits.map(|z| f64::from(z).exp());
        let sum: f64 = exps.iter().sum();
        for (found, exp) in identity.probabilities(&logits).into_iter().zip(exps) {
            let expected = exp / sum;
            // an exponential, a sum and a quotient in f32
            assert!(
                (f64::from(found) - expected).abs() < 1e-6 * expected,
                "{logits:?}: {found:e} against {expected:e}"
            );
        }
    }
}
