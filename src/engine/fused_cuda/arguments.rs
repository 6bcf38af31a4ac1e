//! What kernels take, the structures as `kernels/run.cu` and `kernels/dropout.cu` declare them.

#![allow(
    unsafe_code,
    reason = "structures of numbers and addresses, as C lays them out"
)]

use cudarc::driver::{DeviceRepr, ValidAsZeroBits};

use crate::{
    engine::rule::Rule,
    error::{Error, Result},
    objective, seed,
};

/// An address on the device.
pub(super) type Address = u64;

/// No address.
pub(super) const NULL: Address = 0;

/// What all batches of a run have in common.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RunArguments {
    pub(super) data: Data,
    pub(super) order: Address,
    pub(super) first: Address,
    pub(super) steps: Address,
    pub(super) statistics: Address,
    pub(super) masks: Address,
    pub(super) parameters: Parameters,
    pub(super) loss: Loss,
    pub(super) losses: Address,
    pub(super) size: i32,
}

/// The batch with this index, of `len` samples.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) index: u32,
    pub(super) len: i32,
}

/// What differs from step to step of a run.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) update: Update,
    pub(super) divisor: f32,
    pub(super) number: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Data {
    pub(super) bytes: Address,
    pub(super) values: Address,
    pub(super) labels: Address,
    pub(super) bits: Address,
    pub(super) targets: Address,
    pub(super) weights: Address,
    pub(super) scale: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Parameters {
    pub(super) weights: Address,
    pub(super) moments: [Address; 2],
    pub(super) gradients: Address,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Loss {
    pub(super) kind: u32,
    pub(super) smoothing: f32,
    pub(super) delta: f32,
    pub(super) class_weights: Address,
}

impl Loss {
    /// What the kernels need to know of a loss.
    ///
    /// # Errors
    /// [`Error::Setting`] for a loss of one's own, which is code for the CPU.
    pub(super) fn new(loss: &objective::Loss, class_weights: Address) -> Result<Loss> {
        let of_kind = |kind: u32| Loss {
            kind,
            ..Loss::default()
        };
        Ok(match loss {
            objective::Loss::CrossEntropy => of_kind(0),
            objective::Loss::SmoothedCrossEntropy { smoothing } => Loss {
                smoothing: *smoothing as f32,
                ..of_kind(0)
            },
            objective::Loss::WeightedCrossEntropy { smoothing, .. } => Loss {
                smoothing: *smoothing as f32,
                class_weights,
                ..of_kind(0)
            },
            objective::Loss::MeanSquaredError => of_kind(1),
            objective::Loss::MeanAbsoluteError => of_kind(2),
            objective::Loss::Huber { delta } => Loss {
                delta: *delta as f32,
                ..of_kind(3)
            },
            objective::Loss::BinaryCrossEntropy => of_kind(4),
            objective::Loss::Custom(_) => {
                return Err(Error::Setting {
                    setting: "loss",
                    expected: "one that the engine `fused` has on a GPU; `dfdx` takes any"
                        .to_owned(),
                    found: "a loss of one's own".to_owned(),
                });
            }
        })
    }
}

/// A step of an optimiser.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Update {
    kind: u32,
    nesterov: u32,
    rate: f32,
    momentum: f32,
    decay: f32,
    keep: f32,
    betas: [f32; 2],
    complements: [f32; 2],
    epsilon: f32,
}

impl From<Rule> for Update {
    fn from(rule: Rule) -> Update {
        let none = Update::default();
        match rule {
            Rule::Store => none,
            Rule::Sgd { rate, decay } => Update {
                kind: 1,
                rate,
                decay,
                ..none
            },
            Rule::Momentum {
                rate,
                momentum,
                nesterov,
                decay,
            } => Update {
                kind: 2,
                nesterov: nesterov.into(),
                rate,
                momentum,
                decay,
                ..none
            },
            Rule::Adam {
                betas,
                complements,
                step,
                epsilon,
                decay,
                keep,
            } => Update {
                kind: 3,
                rate: step,
                decay,
                keep,
                betas,
                complements,
                epsilon,
                ..none
            },
        }
    }
}

/// The random words of a dropout.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    key: [u32; 8],
    of_step_0: u64,
    per_step: u64,
}

impl Stream {
    /// Those of the operation `index` of the plan, in the training with this seed.
    pub(super) fn of_dropout(seed: u64, index: usize) -> Stream {
        let (key, of_step_0) = seed::dropout_stream(seed, 0, index);
        let (_, of_step_1) = seed::dropout_stream(seed, 1, index);
        let words = key.as_chunks::<4>().0;
        Stream {
            key: std::array::from_fn(|word| u32::from_le_bytes(words[word])),
            of_step_0,
            per_step: of_step_1 - of_step_0,
        }
    }
}

/// What the launches of all steps of a run have in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StepArguments {
    pub(super) run: RunArguments,
    pub(super) stages: Vec<StageAddresses>,
    /// Determines the masks of dropout.
    pub(super) seed: u64,
    /// The largest norm of a gradient, and where the factor for it is.
    pub(super) clip: Option<(f64, Address)>,
}

/// The addresses of a stage's buffers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StageAddresses {
    pub(super) values: Address,
    pub(super) products: Address,
    pub(super) gradients: Address,
}

// SAFETY: `repr(C)`, of numbers and addresses, with the fields of the structure `Run` there.
unsafe impl DeviceRepr for RunArguments {}
// SAFETY: as above, of that name there.
unsafe impl DeviceRepr for Batch {}
// SAFETY: as above.
unsafe impl DeviceRepr for Step {}
// SAFETY: as above.
unsafe impl DeviceRepr for Stream {}
// SAFETY: all its fields are numbers.
unsafe impl ValidAsZeroBits for Step {}
