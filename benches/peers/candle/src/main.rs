//! candle with candle-nn's layers, loss and AdamW with weight decay 0, which is Adam.

#[path = "../../../harness/served.rs"]
mod served;

use candle_core::{DType, Device, Module, Result as CandleResult, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, loss::cross_entropy};
use served::{Result, Served, Setup, serve};

fn main() -> Result<()> {
    serve("0.11.1", |setup| make(&setup))
}

fn make(setup: &Setup) -> Result<Box<dyn Served>> {
    let features = setup.features()?;
    let rows = (setup.batch, setup.shape[0]);
    let batches = features.chunks_exact(rows.0 * rows.1);
    let batches = batches.map(|batch| Tensor::from_slice(batch, rows, &Device::Cpu));
    let batches = batches.collect::<CandleResult<Vec<_>>>()?;
    let net = Net::new(setup)?;
    if !setup.trains {
        let layers = net.layers(Tensor::detach);
        return Ok(Box::new(Inference {
            layers,
            batches,
            next: 0,
        }));
    }
    let labels = setup.labels()?;
    let targets = labels
        .chunks_exact(setup.batch)
        .map(|labels| Tensor::from_slice(labels, labels.len(), &Device::Cpu)?.to_dtype(DType::U32));
    Ok(Box::new(Training {
        optimizer: net.optimizer()?,
        initial: net.copies()?,
        targets: targets.collect::<CandleResult<_>>()?,
        losses: Vec::new(),
        net,
        batches,
    }))
}

struct Net {
    /// Weight and bias of the first layer, then of the second.
    parameters: [Var; 4],
}

impl Net {
    fn new(setup: &Setup) -> Result<Self> {
        let [i, h, o] = setup.shape;
        let [w0, b0, w2, b2] = setup.weights()?;
        let var = |values: Vec<f32>, shape: &[usize]| Var::from_vec(values, shape, &Device::Cpu);
        Ok(Net {
            parameters: [
                var(w0, &[h, i])?,
                var(b0, &[h])?,
                var(w2, &[o, h])?,
                var(b2, &[o])?,
            ],
        })
    }

    fn optimizer(&self) -> CandleResult<AdamW> {
        let settings = ParamsAdamW {
            lr: 1e-3,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        AdamW::new(self.parameters.to_vec(), settings)
    }

    fn copies(&self) -> CandleResult<Vec<Tensor>> {
        self.parameters
            .iter()
            .map(|var| var.as_tensor().copy())
            .collect()
    }

    /// `convert` decides whether gradients are tracked.
    fn layers(&self, convert: impl Fn(&Tensor) -> Tensor) -> [Linear; 2] {
        let [w0, b0, w2, b2] = self.parameters.each_ref().map(|var| convert(var.as_tensor()));
        [Linear::new(w0, Some(b0)), Linear::new(w2, Some(b2))]
    }
}

fn forward([first, second]: &[Linear; 2], x: &Tensor) -> CandleResult<Tensor> {
    second.forward(&first.forward(x)?.relu()?)
}

struct Training {
    net: Net,
    optimizer: AdamW,
    initial: Vec<Tensor>,
    batches: Vec<Tensor>,
    targets: Vec<Tensor>,
    losses: Vec<f32>,
}

impl Served for Training {
    fn reset(&mut self) -> Result<()> {
        for (var, value) in self.net.parameters.iter().zip(&self.initial) {
            var.set(value)?;
        }
        self.optimizer = self.net.optimizer()?;
        self.losses.clear();
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let batch = self.losses.len() % self.batches.len();
            let logits = forward(&self.net.layers(Tensor::clone), &self.batches[batch])?;
            let loss = cross_entropy(&logits, &self.targets[batch])?;
            self.optimizer.backward_step(&loss)?;
            self.losses.push(loss.to_scalar()?);
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.losses[..count].to_vec())
    }
}

struct Inference {
    layers: [Linear; 2],
    batches: Vec<Tensor>,
    next: usize,
}

impl Served for Inference {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(forward(&self.layers, &self.batches[self.next])?);
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let mut logits = forward(&self.layers, &self.batches[0])?
            .flatten_all()?
            .to_vec1()?;
        logits.truncate(count);
        Ok(logits)
    }
}
