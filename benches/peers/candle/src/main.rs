//! candle with candle-nn's layers, loss and AdamW with weight decay 0, which is Adam.

#[path = "../../../harness/served.rs"]
mod served;

#[path = "../../layers.rs"]
mod layers;

use candle_core::{DType, Device, Result as CandleResult, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss::cross_entropy};
use layers::{Layer, layers};
use served::{Result, Served, Setup, serve};

fn main() -> Result<()> {
    serve("0.11.1", |setup| make(&setup))
}

fn make(setup: &Setup) -> Result<Box<dyn Served>> {
    let features = setup.features()?;
    let net = Net::new(setup)?;
    if setup.trains && net.layers.iter().any(|layer| layer.name == "MaxPool2d") {
        // It multiplies the gradient by the share of equal maxima in the window, a quarter where there are none.
        return Err("the gradient of its max pooling is not that of the maximum".into());
    }
    let tables = ["EmbeddingBag", "WeightedBag", "TokenEmbedding"];
    if net.layers.iter().any(|layer| tables.contains(&layer.name.as_str())) {
        return Err("networks of vectors and images only".into());
    }
    let mut dims = vec![setup.batch];
    dims.extend(&net.layers[0].sizes);
    let batches = features.chunks_exact(dims.iter().product());
    let batches = batches.map(|batch| Tensor::from_slice(batch, &dims[..], &Device::Cpu));
    let batches = batches.collect::<CandleResult<Vec<_>>>()?;
    if !setup.trains {
        return Ok(Box::new(Inference {
            parameters: net.tensors(Tensor::detach),
            layers: net.layers,
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
    layers: Vec<Layer>,
    /// Weight and bias of each layer that has them.
    parameters: Vec<Var>,
}

impl Net {
    fn new(setup: &Setup) -> Result<Self> {
        let layers = layers(setup)?;
        let mut parameters = Vec::new();
        for Layer {
            sizes,
            parameters: values,
            ..
        } in &layers
        {
            let [weight, bias] = &values[..] else {
                continue;
            };
            let shape = match sizes[..] {
                [inputs, outputs] => vec![outputs, inputs],
                [inputs, outputs, kernel, ..] => vec![outputs, inputs, kernel, kernel],
                _ => return Err("a layer with weights has inputs and outputs".into()),
            };
            parameters.push(Var::from_slice(weight, &shape[..], &Device::Cpu)?);
            parameters.push(Var::from_slice(bias, shape[0], &Device::Cpu)?);
        }
        Ok(Net { layers, parameters })
    }

    fn optimizer(&self) -> CandleResult<AdamW> {
        let settings = ParamsAdamW {
            lr: 1e-3,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        AdamW::new(self.parameters.clone(), settings)
    }

    fn copies(&self) -> CandleResult<Vec<Tensor>> {
        self.parameters
            .iter()
            .map(|var| var.as_tensor().copy())
            .collect()
    }

    /// `convert` decides whether gradients are tracked.
    fn tensors(&self, convert: impl Fn(&Tensor) -> Tensor) -> Vec<Tensor> {
        self.parameters
            .iter()
            .map(|var| convert(var.as_tensor()))
            .collect()
    }
}

fn forward(layers: &[Layer], parameters: &[Tensor], x: &Tensor) -> CandleResult<Tensor> {
    let (mut x, mut parameters) = (x.clone(), parameters.iter());
    for Layer { name, sizes, .. } in layers {
        x = match (name.as_str(), &sizes[..]) {
            ("Linear", _) => {
                let (weight, bias) = two(&mut parameters)?;
                x.matmul(&weight.t()?)?.broadcast_add(bias)?
            }
            ("Conv2d", &[_, outputs, _, stride, padding]) => {
                let (weight, bias) = two(&mut parameters)?;
                let y = x.conv2d(weight, padding, stride, 1, 1)?;
                y.broadcast_add(&bias.reshape((1, outputs, 1, 1))?)?
            }
            ("ReLU", _) => x.relu()?,
            ("MaxPool2d", &[kernel, stride]) => x.max_pool2d_with_stride(kernel, stride)?,
            ("Flatten", _) => x.flatten_from(1)?,
            _ => x,
        };
    }
    Ok(x)
}

/// Weight and bias.
fn two<'a>(
    parameters: &mut impl Iterator<Item = &'a Tensor>,
) -> CandleResult<(&'a Tensor, &'a Tensor)> {
    let both = parameters.next().zip(parameters.next());
    both.ok_or_else(|| candle_core::Error::Msg("a layer without weights".to_owned()))
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
            let parameters = self.net.tensors(Tensor::clone);
            let logits = forward(&self.net.layers, &parameters, &self.batches[batch])?;
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
    layers: Vec<Layer>,
    parameters: Vec<Tensor>,
    batches: Vec<Tensor>,
    next: usize,
}

impl Served for Inference {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(forward(
                &self.layers,
                &self.parameters,
                &self.batches[self.next],
            )?);
            self.next = (self.next + 1) % self.batches.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        let mut logits = forward(&self.layers, &self.parameters, &self.batches[0])?
            .flatten_all()?
            .to_vec1()?;
        logits.truncate(count);
        Ok(logits)
    }
}
