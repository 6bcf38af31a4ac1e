//! The macro `quantized!`.

/// Embeds files of eight-bit models, each checked against its network at compile time.
///
/// ```text
/// quantized! {
///     pub static NAME: NETWORK = "FILE.safetensors";
/// }
/// ```
///
/// The path is relative to the source file, as in [`include_bytes!`]. The file is one that `Quantizer` has written for this network;
/// otherwise compilation fails with the tensor's name and the expected and found shapes:
///
/// ```text
/// error[E0080]: evaluation panicked: eight-bit model `digits.safetensors`: `0.weight`: expected I8 [64, 784], found I8 [32, 784]
/// ```
///
/// So it does for a network with a layer that has no eight-bit form. See [`Quantized`](crate::quantized::Quantized) for an example.
#[macro_export]
macro_rules! quantized {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $network:ty = $path:expr; $($rest:tt)*) => {
        $(#[$attribute])*
        $visibility static $name: $crate::quantized::Quantized<$network> = {
            #[allow(unused_imports)]
            use $crate::frozen::embed::NoPlan as _;
            const PLAN: ::core::option::Option<$crate::plan::Plan> =
                $crate::frozen::embed::PlanOf::<$network>::PLAN;
            const FILE: &[u8] = ::core::include_bytes!($path);
            const PROGRAM: ::core::option::Option<$crate::quantized::embed::Program> =
                $crate::quantized::embed::program(&PLAN);
            const PLACES: ::core::option::Option<$crate::quantized::embed::Places> =
                $crate::quantized::embed::places(&PLAN, &PROGRAM, FILE, $path);
            // Constant evaluation of a large file takes a second or two.
            #[allow(long_running_const_eval)]
            static VALUES: $crate::quantized::embed::Packed<
                { $crate::quantized::embed::steps(&PROGRAM) },
                { $crate::quantized::embed::blocks(&PROGRAM) },
            > = $crate::quantized::embed::packed(&PROGRAM, FILE, &PLACES);
            $crate::quantized::embed::quantized(&VALUES)
        };
        $crate::quantized! { $($rest)* }
    };
}
