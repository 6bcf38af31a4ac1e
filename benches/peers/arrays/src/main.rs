//! Plain Rust without a library, inference only: arrays of constant sizes and two loops, which the compiler vectorises.

#[path = "../../mlp.rs"]
mod mlp;
#[allow(dead_code)] // the labels, as nothing is trained here
#[path = "../../../harness/served.rs"]
mod served;

use served::{Result, Served, Setup, serve};

fn main() -> Result<()> {
    serve("", |setup| match mlp::shape(&setup)? {
        [784, 128, 10] => make::<784, 128, 10>(&setup),
        [784, 500, 10] => make::<784, 500, 10>(&setup),
        [64, 64, 16] => make::<64, 64, 16>(&setup),
        shape => Err(format!("no network of shape {shape:?} was compiled").into()),
    })
}

fn make<const I: usize, const H: usize, const O: usize>(setup: &Setup) -> Result<Box<dyn Served>> {
    if setup.trains || setup.batch != 1 {
        return Err("inference of batches of 1 only".into());
    }
    let [w0, b0, w2, b2] = mlp::weights(setup)?;
    Ok(Box::new(Net::<I, H, O> {
        first: Linear::new(&w0, &b0)?,
        second: Linear::new(&w2, &b2)?,
        samples: setup.features()?.as_chunks().0.to_vec(),
        next: 0,
    }))
}

struct Linear<const I: usize, const O: usize> {
    /// One row per input: the inner loop reads contiguous memory and needs no horizontal sum.
    weight: Box<[[f32; O]; I]>,
    bias: [f32; O],
}

impl<const I: usize, const O: usize> Linear<I, O> {
    /// Transposes the saved weight, `[O, I]`.
    fn new(saved: &[f32], bias: &[f32]) -> Result<Self> {
        let mut weight: Box<[[f32; O]; I]> = vec![[0.0; O]; I]
            .try_into()
            .map_err(|_| "expected one row per input")?;
        for (o, column) in saved.as_chunks::<I>().0.iter().enumerate() {
            for (row, &w) in weight.iter_mut().zip(column) {
                row[o] = w;
            }
        }
        let bias = bias.try_into()?;
        Ok(Linear { weight, bias })
    }

    fn forward(&self, x: &[f32; I]) -> [f32; O] {
        let mut y = self.bias;
        for (x, row) in x.iter().zip(&*self.weight) {
            for (y, w) in y.iter_mut().zip(row) {
                *y += x * w;
            }
        }
        y
    }
}

struct Net<const I: usize, const H: usize, const O: usize> {
    first: Linear<I, H>,
    second: Linear<H, O>,
    samples: Vec<[f32; I]>,
    next: usize,
}

impl<const I: usize, const H: usize, const O: usize> Net<I, H, O> {
    fn forward(&self, x: &[f32; I]) -> [f32; O] {
        let hidden = self.first.forward(x).map(|z| z.max(0.0));
        self.second.forward(&hidden)
    }
}

impl<const I: usize, const H: usize, const O: usize> Served for Net<I, H, O> {
    fn reset(&mut self) -> Result<()> {
        Ok(())
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            std::hint::black_box(self.forward(&self.samples[self.next]));
            self.next = (self.next + 1) % self.samples.len();
        }
        Ok(())
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.forward(&self.samples[0])[..count].to_vec())
    }
}
