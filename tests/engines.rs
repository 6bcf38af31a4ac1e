//! Tests that every engine has to pass, written once.

use tuplenet::prelude::*;

/// An engine under test.
pub trait Tested {
    type Engine<N: Network>: Engine<N>;

    fn new<N: Network>(weights: Weights<N>) -> Self::Engine<N>;

    /// The mean loss of the samples `order`, and its gradient.
    fn gradient<N: Network>(
        net: &Self::Engine<N>,
        data: &<Self::Engine<N> as Engine<N>>::Data,
        order: &[u32],
        loss: Loss,
    ) -> (f32, Weights<N>);
}

macro_rules! tested {
    ($($name:ident: $engine:ident;)*) => { $(
        pub struct $name;

        impl Tested for $name {
            type Engine<N: Network> = $engine<N>;

            fn new<N: Network>(weights: Weights<N>) -> $engine<N> {
                $engine::new(weights).unwrap()
            }

            fn gradient<N: Network>(
                net: &$engine<N>,
                data: &<$engine<N> as Engine<N>>::Data,
                order: &[u32],
                loss: Loss,
            ) -> (f32, Weights<N>) {
                net.gradient(data, order, loss).unwrap()
            }
        }
    )* };
}
tested! {
    OnTape: Tape;
    OnFused: Fused;
}

/// Makes functions that are generic over the engine tests of each engine.
macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod tape { $(
            #[test]
            fn $test() {
                super::$test::<crate::engines::OnTape>();
            }
        )* }

        mod fused { $(
            #[test]
            fn $test() {
                super::$test::<crate::engines::OnFused>();
            }
        )* }
    };
}
pub(crate) use on_every_engine;
