//! A network: a tuple of layers that fit together.

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::Shape,
    summary::Summary,
};

/// A tuple of 1 to 16 layers, each of which takes the output of the one before it. Tuples nest.
///
/// Everything here is `const`, so facts about a network can be checked at compile time:
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);
/// const _: () = assert!(Net::PARAMS == 101_770);
/// const _: () = assert!(Net::FLOP == 2 * 784 * 128 + 128 + 2 * 128 * 10);
/// println!("{}", Net::summary());
/// ```
///
/// # What `cargo check` sees
/// A trait bound refuses layers that do not fit together, so `cargo check` reports them. Conditions that stable Rust
/// cannot express as a bound are assertions in [`PLAN`](Network::PLAN): every width is 1 or more, there are at most
/// [`Plan::CAPACITY`] steps, memory can hold the parameters, and the plan of a custom layer has the widths of its
/// type. (And in [`Frozen`](crate::frozen::Frozen): the activations fit the stack or the buffer.) `cargo build` evaluates
/// them for every network that a program uses; `cargo check` does so only where a constant names the plan. One line next
/// to the network's type is enough:
///
/// ```compile_fail,E0080
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<784, 0>, ReLU, Linear<0, 10>);
/// const _: Plan = Net::PLAN; // "a layer has widths of 1 or more, found a width of 0"
/// ```
pub trait Network: Sized + 'static {
    /// The input shape, as in `Features<784>`.
    type In: Shape;
    /// The output shape, as in `Features<10>`.
    type Output: Shape;
    /// The steps that engines run.
    const PLAN: Plan;
    /// The number of parameters.
    const PARAMS: usize;
    /// Floating-point operations for one sample, forward; 1 MAC = 2 FLOP.
    const FLOP: usize;
    /// The bytes of the outputs of every step for one sample, in `f32`: what training keeps of a sample from the forward
    /// pass to the backward pass, at most.
    const ACTIVATION_BYTES: usize;

    /// A table of the layers with output shapes and parameters, as `torchinfo` prints it.
    fn summary() -> Summary {
        Summary::new(Self::PLAN, Self::In::DIMS)
    }
}

impl<N> Network for N
where
    N: First + Layer<<N as First>::In> + 'static,
    N::Out: Shape,
{
    type In = <N as First>::In;
    type Output = N::Out;
    const PLAN: Plan = {
        let plan = <N as Layer<<N as First>::In>>::PLAN;
        assert!(
            plan.maps(<N::In as Shape>::LEN, <N::Out as Shape>::LEN),
            "the plan of a layer takes or gives another width than its type"
        );
        assert!(
            <N::In as Shape>::LEN > 0,
            "a network takes 1 feature or more, found a width of 0"
        );
        assert!(
            plan.standardizes_only_the_input(),
            "`Standardize` is the first layer of a network or of a branch of a `Parallel`, and no branch goes around it"
        );
        assert!(
            plan.embeds_only_the_input(),
            "an embedding reads the input of a network"
        );
        plan
    };
    const PARAMS: usize = <N as Network>::PLAN.params();
    const FLOP: usize = <N as Network>::PLAN.flop();
    const ACTIVATION_BYTES: usize = <N as Network>::PLAN.activation_bytes();
}

// The tuples. For three layers the macro writes
//
//     impl<A: First, B, C> First for (A, B, C) { type In = A::In; }
//     impl<In, A: Layer<In>, B: Layer<A::Out>, C: Layer<B::Out>> Layer<In> for (A, B, C) {
//         type Out = C::Out;
//         const PLAN: Plan = A::PLAN.then(B::PLAN).then(C::PLAN);
//     }
//
// It recurses over the tuple with accumulators: [bounds] [plan] [names] [last output], then the remaining layers.
macro_rules! tuple {
    ($first:ident $($rest:ident)*) => {
        impl<$first: First, $($rest),*> First for ($first, $($rest,)*) {
            type In = $first::In;
        }
        tuple!(@fold [In, $first: Layer<In>] [$first::PLAN] [$first] [$first::Out] $($rest)*);
    };
    (@fold [$($bounds:tt)*] [$($plan:tt)*] [$($name:ident)*] [$($out:tt)*]) => {
        impl<$($bounds)*> Layer<In> for ($($name,)*) {
            type Out = $($out)*;
            const PLAN: Plan = $($plan)*;
        }
    };
    (@fold [$($bounds:tt)*] [$($plan:tt)*] [$($name:ident)*] [$($out:tt)*] $next:ident $($rest:ident)*) => {
        tuple!(@fold [$($bounds)*, $next: Layer<$($out)*>] [$($plan)*.then($next::PLAN)]
            [$($name)* $next] [$next::Out] $($rest)*);
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);
tuple!(A B C D E F G H I J K L M);
tuple!(A B C D E F G H I J K L M N);
tuple!(A B C D E F G H I J K L M N O);
tuple!(A B C D E F G H I J K L M N O P);

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    type Sixteen = (
        Input<4>,
        ReLU,
        Sigmoid,
        Tanh,
        LeakyReLU,
        GELU,
        Softplus,
        Dropout<10>,
        Linear<4, 5>,
        ReLU,
        Linear<5, 6>,
        SiLU,
        Linear<6, 7>,
        ELU,
        Linear<7, 8>,
        Hardswish,
    );

    #[test]
    fn sixteen_layers_and_nesting_make_networks() {
        assert_eq!(Sixteen::PLAN.steps().len(), 15);
        assert_eq!(Sixteen::PARAMS, 25 + 36 + 49 + 64);
        type Nested = ((Linear<3, 4>, (ReLU,)), ((Linear<4, 5>,), Tanh));
        assert_eq!(
            Nested::PLAN,
            <(Linear<3, 4>, ReLU, Linear<4, 5>, Tanh)>::PLAN
        );
    }
}
