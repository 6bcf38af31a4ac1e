//! burn with its CPU backend Flex and its own layers, loss and Adam.

#[path = "../../mlp.rs"]
mod mlp;
#[path = "../../../harness/served.rs"]
mod served;

use burn::{
    module::Param,
    nn::{Linear, loss::CrossEntropyLoss},
    optim::{AdamConfig, GradientsParams, ModuleOptimizer},
    prelude::*,
    tensor::activation::relu,
};
use served::{Result, Served, Setup, serve};

fn main() -> Result<()> {
    serve("0.22.1", |setup| make(&setup))
}

fn make(setup: &Setup) -> Result<Box<dyn Served>> {
    let device = match setup.trains {
        true => Device::flex().autodiff(),
        false => Device::flex(),
    };
    let [i, ..] = mlp::shape(setup)?;
    let features = setup.features()?;
    let batches = features
        .chunks_exact(setup.batch * i)
        .map(|batch| Tensor::from_data(TensorData::new(batch.to_vec(), [setup.batch, i]), &device));
    let batches = batches.collect();
    let net = Net::new(setup, &device)?;
    if !setup.trains {
        return Ok(Box::new(Inference {
            net,
            batches,
            next: 0,
        }));
    }
    let labels = setup.labels()?;
    let targets = labels.chunks_exact(setup.batch).map(|labels| {
        let classes: Vec<i64> = labels.iter().map(|&label| label.into()).collect();
        Tensor::from_data(TensorData::new(classes, [setup.batch]), &device)
    });
    Ok(Box::new(Training {
        net: Some(net.clone()),
        initial: net,
        optimizer: adam(),
        loss: CrossEntropyLoss::new(None, &device),
        targets: targets.collect(),
        losses: Vec::new(),
        batches,
    }))
}

#[derive(Module, Debug)]
struct Net {
    first: Linear,
    second: Linear,
}

impl Net {
    fn new(setup: &Setup, device: &Device) -> Result<Self> {
        let [i, h, o] = mlp::shape(setup)?;
        let [w0, b0, w2, b2] = mlp::weights(setup)?;
        // burn stores a weight as `[inputs, outputs]`: copied to that layout once, not a transposed view.
        let linear = |weight: Vec<f32>, bias: Vec<f32>, inputs: usize, outputs: usize| {
            let columns =
                (0..inputs * outputs).map(|at| weight[at % outputs * inputs + at / outputs]);
            let weight = TensorData::new(columns.collect(), [inputs, outputs]);
            Linear {
                weight: Param::from_data(weight, device),
                bias: Some(Param::from_data(TensorData::new(bias, [outputs]), device)),
            }
        };
        Ok(Net {
            first: linear(w0, b0, i, h),
            second: linear(w2, b2, h, o),
        })
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(relu(self.first.forward(x)))
    }
}

/// burn's default epsilon is 1e-5; the other contenders use 1e-8.
fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

struct Training {
    initial: Net,
    /// `None` only while the optimiser owns it.
    net: Option<Net>,
    optimizer: ModuleOptimizer,
    loss: CrossEntropyLoss,
    batches: Vec<Tensor<2>>,
    targets: Vec<Tensor<1, Int>>,
    losses: Vec<f32>,
}

impl Served for Training {
    fn reset(&mut self) -> Result<()> {
        self.net = Some(self.initial.clone());
        self.optimizer = adam();
        self.losses.clear();
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let batch = self.losses.len() % self.batches.len();
            let net = self
                .net
                .take()
                .ok_or("the optimiser has not returned the network")?;
            let logits = net.forward(self.batches[batch].clone());
            let loss = self.loss.forward(logits, self.targets[batch].clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            self.net = Some(self.optimizer.step(1e-3, net, gradients));
            self.losses.push(loss.into_scalar::<f32>());
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.losses[..count].to_vec())
    }
}

struct Inference {
    net: Net,
    batches: Vec<Tensor<2>>,
    next: usize,
}

impl Served for Inference {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(self.net.forward(self.batches[self.next].clone()));
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let logits = self.net.forward(self.batches[0].clone()).into_data();
        let mut logits = logits
            .try_to_vec::<f32>()
            .map_err(|error| format!("{error:?}"))?;
        logits.truncate(count);
        Ok(logits)
    }
}
