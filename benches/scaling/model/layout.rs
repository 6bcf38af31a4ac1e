//! What the backward pass computes when, and the parts of the gradient that are added up at once: as
//! `src/engine/fused/run/gradients.rs` divides it, from the plan.

use tuplenet::plan::{Op, Plan};

/// The values of a block of columns have this many columns, and an odd number of rows.
const BLOCK: usize = 16;
/// As in `gradients.rs`.
const PIECE_LEN: usize = 1 << 16;

/// The pieces of a gradient in the order in which they are computed.
pub struct Layout {
    /// The share of the forward pass of the time that samples take.
    pub forward: f64,
    pub pieces: Vec<Piece>,
    /// The ends of the parts whose sums are begun at once.
    pub parts: Vec<usize>,
    /// The channels of each batch normalisation, whose statistics are exchanged, too.
    pub norms: Vec<usize>,
}

pub struct Piece {
    /// The end of its values, padding included.
    pub end: usize,
    pub len: usize,
    /// Its share of the time that samples take.
    pub backward: f64,
}

impl Layout {
    /// For a network of images and `Linear`, or of `Linear` alone. Time is in proportion to FLOP: the gradient of a layer's weights
    /// takes as long as its forward pass, and so does that of its input, which the first layer does without.
    pub fn of(plan: &Plan) -> Layout {
        let steps = plan.steps();
        let is_first =
            |at: usize| steps[..at].iter().all(|step| step.params() == 0) && steps[at].params() > 0;
        let all = (0..steps.len()).map(|at| {
            let backward = if is_first(at) { 1 } else { 2 };
            (1 + backward) * steps[at].flop()
        });
        let all = all.sum::<usize>() as f64;
        let mut layout = Layout {
            forward: plan.flop() as f64 / all,
            pieces: Vec::new(),
            parts: Vec::new(),
            norms: Vec::new(),
        };
        let (mut images, mut of_images) = (Vec::new(), 0.0);
        for (at, step) in steps.iter().enumerate().rev() {
            let flop = step.flop() as f64 / all;
            let input = if is_first(at) { 0.0 } else { flop };
            match step.op {
                Op::Linear => layout.add_linear([step.inputs, step.outputs], flop, input),
                Op::BatchNorm { channels } => {
                    layout.norms.push(channels);
                    images.push(padded([1, channels]));
                    of_images += flop + input;
                }
                Op::Conv2d(window) => {
                    images.push(padded([window.fan_in(), window.output[0]]));
                    of_images += flop + input;
                }
                // what has no weights is computed with the piece before it
                _ => match layout.pieces.last_mut().filter(|_| images.is_empty()) {
                    Some(piece) => piece.backward += flop + input,
                    None => of_images += flop + input,
                },
            }
        }
        // the gradients of all images are stored in one phase, the first layer's first
        for len in images.into_iter().rev() {
            layout.add(len, std::mem::take(&mut of_images));
        }
        layout.cut();
        layout
    }

    /// The values of the gradient, padding included.
    pub fn values(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.end)
    }

    /// Pieces of whole blocks of columns; the gradient of the input is computed with the last.
    fn add_linear(&mut self, [inputs, outputs]: [usize; 2], weights: f64, input: f64) {
        let blocks = outputs.div_ceil(BLOCK);
        let block = padded([inputs, 1]);
        let most = (PIECE_LEN / block).max(1);
        for first in (0..blocks).step_by(most) {
            let count = most.min(blocks - first);
            let is_last = first + count == blocks;
            let backward = weights * count as f64 / blocks as f64;
            self.add(count * block, backward + if is_last { input } else { 0.0 });
        }
    }

    fn add(&mut self, len: usize, backward: f64) {
        let end = self.values() + len;
        self.pieces.push(Piece { end, len, backward });
    }

    fn cut(&mut self) {
        for piece in &self.pieces {
            if piece.end - self.parts.last().unwrap_or(&0) >= PIECE_LEN / 2 {
                self.parts.push(piece.end);
            }
        }
        if self.parts.last() != Some(&self.values()) {
            self.parts.push(self.values());
        }
    }
}

/// The values of weights and biases `[inputs + 1, outputs]`.
fn padded([inputs, outputs]: [usize; 2]) -> usize {
    ((inputs + 1) | 1) * outputs.next_multiple_of(BLOCK)
}
