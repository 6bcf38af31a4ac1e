//! tuplenet's process: an engine through its public API.

use std::hint::black_box;

use tuplenet::{
    engine::{Batches, Precision, TapeDevice},
    models::Mlp,
    prelude::*,
    shape::Features,
};

use crate::{
    device::Device,
    harness::{
        network::{Job, dispatch},
        served::{Result, Served, Setup, serve as serve_with},
        training::{Data, Maker, Training, dataset, weights},
    },
    options::Ours,
};

/// Creates `Tape` on a dfdx device.
#[derive(Clone)]
struct OnTape<D> {
    device: D,
    batches: Batches,
}

impl<D: TapeDevice> Maker for OnTape<D> {
    type Engine<N: Network> = Tape<N, D>;
    fn make<N: Network>(&self, weights: Weights<N>) -> tuplenet::Result<Tape<N, D>> {
        Ok(Tape::on(self.device.clone(), weights)?.batches(self.batches))
    }
}

/// Creates `FusedCuda` on the GPU with this number.
#[derive(Clone)]
struct OnFused {
    ordinal: usize,
    precision: Precision,
}

impl Maker for OnFused {
    type Engine<N: Network> = FusedCuda<N>;
    fn make<N: Network>(&self, weights: Weights<N>) -> tuplenet::Result<FusedCuda<N>> {
        FusedCuda::with_precision(self.ordinal, weights, self.precision)
    }
}

/// The device's description, or an error that says what is missing.
pub fn find(device: Device) -> Result<String> {
    type Any = Mlp<64, 64, 16>;
    match device {
        Device::Cpu => Ok(device.to_string()),
        Device::Cuda(number) => Ok(Tape::<Any, Cuda>::cuda(number, Weights::zeros())?.device()),
    }
}

/// Answers commands until standard input ends.
pub fn serve(device: Device, engine: Ours) -> Result<()> {
    // An error instead of dfdx's panic, if something is missing.
    find(device)?;
    match (device, engine) {
        (Device::Cpu, Ours::Tape(batches)) => serve_with_maker(OnTape {
            device: Cpu::default(),
            batches,
        }),
        (Device::Cpu, Ours::Fused(_)) => Err("--serve fused: expected a GPU, found cpu".into()),
        (Device::Cuda(number), Ours::Tape(batches)) => {
            let device = Cuda::try_build(number, 0).map_err(|error| error.to_string())?;
            serve_with_maker(OnTape { device, batches })
        }
        (Device::Cuda(ordinal), Ours::Fused(precision)) => {
            serve_with_maker(OnFused { ordinal, precision })
        }
    }
}

fn serve_with_maker<M: Maker + Clone + 'static>(maker: M) -> Result<()> {
    serve_with(env!("CARGO_PKG_VERSION"), |setup| {
        let maker = maker.clone();
        dispatch(
            &setup.network,
            Make {
                maker,
                setup: &setup,
            },
        )
    })
}

struct Make<'a, M> {
    maker: M,
    setup: &'a Setup,
}

impl<M: Maker + 'static> Job for Make<'_, M> {
    type Out = Box<dyn Served>;
    fn on<N, const O: usize, const ROWS: usize>(self) -> Result<Self::Out>
    where
        N: Network<Output = Features<O>>,
    {
        let Make { maker, setup } = self;
        if setup.trains {
            return Ok(Box::new(Training::<M, N>::new(maker, setup)?));
        }
        let net = maker.make::<N>(weights(setup)?)?;
        let data = dataset::<N::In, O>(setup)?;
        let samples: Vec<u32> = (0..data.len() as u32).collect();
        Ok(Box::new(Inference::<M, N> {
            data: net.upload(&data)?,
            net,
            batches: samples.chunks(setup.batch).map(<[u32]>::to_vec).collect(),
            next: 0,
        }))
    }
}

/// Inference on batches of an uploaded data set with [`Engine::logits`], which returns the logits on the host.
struct Inference<M: Maker, N: Network> {
    net: M::Engine<N>,
    data: Data<M, N>,
    batches: Vec<Vec<u32>>,
    next: usize,
}

impl<M: Maker, N: Network> Served for Inference<M, N> {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            black_box(self.net.logits(&self.data, &self.batches[self.next])?);
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.net.logits(&self.data, &self.batches[0])?[..count].to_vec())
    }
}
