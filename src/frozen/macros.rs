//! The macro `frozen!`.

/// Embeds weights files as static models, each checked against its network at compile time.
///
/// ```text
/// frozen! {
///     pub static NAME: NETWORK = "FILE.safetensors";
///     pub static NAME: NETWORK = "FILE.safetensors", names = ["fc1", "fc2"];
/// }
/// ```
///
/// The path is relative to the source file, as in [`include_bytes!`]. The file must hold the network's tensors, of
/// type `F32`, `F16` or `BF16` (the last two are converted at compile time), and nothing else; otherwise compilation
/// fails with the tensor's name and the expected and found shapes:
///
/// ```text
/// error[E0080]: evaluation panicked: weights file `digits.safetensors`: `0.weight`: expected F32 [64, 784], found F32 [32, 784]
/// ```
///
/// Keys are those of `torch.nn.Sequential` (`0.weight`, `0.bias`, `2.weight`, ...). For a model whose layers are
/// named, `names` has one name for each `Linear`, in order. The program does not embed the file, but its values, once,
/// packed at compile time in the order in which they are read. See [`Frozen`](crate::frozen::Frozen) for an example.
#[macro_export]
macro_rules! frozen {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $network:ty = $path:expr
        $(, names = $names:expr)?; $($rest:tt)*) => {
        $(#[$attribute])*
        $visibility static $name: $crate::frozen::Frozen<$network> = {
            #[allow(unused_imports)]
            use $crate::frozen::embed::NoPlan as _;
            const PLAN: ::core::option::Option<$crate::plan::Plan> =
                $crate::frozen::embed::PlanOf::<$network>::PLAN;
            const FILE: &[u8] = ::core::include_bytes!($path);
            const PLACES: ::core::option::Option<$crate::frozen::embed::Places> =
                $crate::frozen::embed::places(
                    &PLAN,
                    FILE,
                    $path,
                    $crate::frozen!(@names $($names)?),
                );
            // Constant evaluation of a large file takes a second or two.
            #[allow(long_running_const_eval)]
            static VALUES: $crate::frozen::embed::Packed<{ $crate::frozen::embed::rows(&PLAN) }> =
                $crate::frozen::embed::packed(&PLAN, FILE, &PLACES);
            $crate::frozen::embed::frozen(&VALUES)
        };
        $crate::frozen! { $($rest)* }
    };
    (@names) => { $crate::frozen::embed::Names::Sequential };
    (@names $names:expr) => { $crate::frozen::embed::Names::Listed(&$names) };
}
