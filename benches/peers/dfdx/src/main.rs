//! dfdx 0.13 with its own layers, losses and Adam, as its examples use them.

#[path = "../../mlp.rs"]
mod mlp;
#[path = "../../../harness/served.rs"]
mod served;

use dfdx::{data::OneHotEncode, optim::Adam, prelude::*};
use served::{Result, Served, Setup, serve};

type Mlp<const I: usize, const H: usize, const O: usize> = (Linear<I, H>, ReLU, Linear<H, O>);
type Built<const I: usize, const H: usize, const O: usize> =
    <Mlp<I, H, O> as BuildOnDevice<Cpu, f32>>::Built;

fn main() -> Result<()> {
    serve("0.13.0", |setup| match mlp::shape(&setup)? {
        [784, 128, 10] => make::<784, 128, 10>(&setup),
        [784, 500, 10] => make::<784, 500, 10>(&setup),
        [784, 512, 10] => make::<784, 512, 10>(&setup),
        [784, 2048, 10] => make::<784, 2048, 10>(&setup),
        [64, 64, 16] => make::<64, 64, 16>(&setup),
        shape => Err(format!("no network of shape {shape:?} was compiled").into()),
    })
}

fn make<const I: usize, const H: usize, const O: usize>(setup: &Setup) -> Result<Box<dyn Served>> {
    let device = Cpu::default();
    let features = setup.features()?;
    let batches = features.chunks_exact(setup.batch * I);
    let batches = batches.map(|batch| device.tensor_from_vec(batch.to_vec(), (setup.batch, Const)));
    let batches: Vec<Tensor<(usize, Const<I>), f32, Cpu>> = batches.collect();
    let weights = mlp::weights(setup)?;
    let net = build::<I, H, O>(&device, &weights);
    if !setup.trains {
        return Ok(Box::new(Inference {
            net,
            batches,
            next: 0,
        }));
    }
    let labels = setup.labels()?;
    let targets = labels.chunks_exact(setup.batch).map(|labels| {
        let classes = labels.iter().map(|&label| usize::from(label));
        device.one_hot_encode(Const::<O>, classes.collect::<Vec<_>>())
    });
    Ok(Box::new(Training {
        optimizer: Adam::new(&net, AdamConfig::default()),
        gradients: net.alloc_grads(),
        targets: targets.collect(),
        losses: Vec::new(),
        device,
        weights,
        net,
        batches,
    }))
}

fn build<const I: usize, const H: usize, const O: usize>(
    device: &Cpu,
    weights: &[Vec<f32>; 4],
) -> Built<I, H, O> {
    let mut net = device.build_module::<Mlp<I, H, O>, f32>();
    net.0.weight.copy_from(&weights[0]);
    net.0.bias.copy_from(&weights[1]);
    net.2.weight.copy_from(&weights[2]);
    net.2.bias.copy_from(&weights[3]);
    net
}

struct Training<const I: usize, const H: usize, const O: usize> {
    device: Cpu,
    weights: [Vec<f32>; 4],
    net: Built<I, H, O>,
    optimizer: Adam<Built<I, H, O>, f32, Cpu>,
    /// Allocated once, as dfdx recommends.
    gradients: Gradients<f32, Cpu>,
    batches: Vec<Tensor<(usize, Const<I>), f32, Cpu>>,
    targets: Vec<Tensor<(usize, Const<O>), f32, Cpu>>,
    losses: Vec<f32>,
}

impl<const I: usize, const H: usize, const O: usize> Served for Training<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        self.net = build::<I, H, O>(&self.device, &self.weights);
        self.optimizer = Adam::new(&self.net, AdamConfig::default());
        self.gradients = self.net.alloc_grads();
        self.losses.clear();
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let batch = self.losses.len() % self.batches.len();
            let gradients = std::mem::replace(&mut self.gradients, Gradients::leaky());
            let logits = self
                .net
                .forward_mut(self.batches[batch].clone().traced(gradients));
            let loss = cross_entropy_with_logits_loss(logits, self.targets[batch].clone());
            self.losses.push(loss.array());
            self.gradients = loss.backward();
            self.optimizer.update(&mut self.net, &self.gradients)?;
            self.net.zero_grads(&mut self.gradients);
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.losses[..count].to_vec())
    }
}

struct Inference<const I: usize, const H: usize, const O: usize> {
    net: Built<I, H, O>,
    batches: Vec<Tensor<(usize, Const<I>), f32, Cpu>>,
    next: usize,
}

impl<const I: usize, const H: usize, const O: usize> Served for Inference<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let logits = self.net.forward(self.batches[self.next].clone());
            std::hint::black_box(logits);
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let mut logits = self.net.forward(self.batches[0].clone()).as_vec();
        logits.truncate(count);
        Ok(logits)
    }
}
