//! Concatenation, composed of dfdx's gather and choice: its own compiles a kernel at run time on a GPU.

use dfdx::prelude::{ChooseFrom, Device, HasShape, Merge, NoneTape, Tape, TryGt};

use super::{image::gather, layer::Matrix};

/// The values of the operands one after another, `[B, I1 + I2 + ..]`.
pub(super) fn concat<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    first: Matrix<D, T>,
    others: Vec<Matrix<D, T>>,
) -> Result<Matrix<D, T>, D::Err> {
    let width_of = |x: &Matrix<D, T>| x.shape().1;
    let width = width_of(&first) + others.iter().map(width_of).sum::<usize>();
    // Of each operand, a matrix of the result's width that has its values from `start` on; before and after, any of them.
    let in_place = |x: Matrix<D, T>, start: usize| {
        let last = width_of(&x) - 1;
        let sources = (0..width).map(|at| at.saturating_sub(start).min(last));
        gather(x, &sources.collect::<Vec<_>>())
    };
    let mut start = width_of(&first);
    let mut y = in_place(first, 0)?;
    for x in others {
        let batch = x.shape().0;
        let is_before = (0..width).map(|at| if at < start { 1.0 } else { 0.0 });
        let is_before = is_before.collect::<Vec<f32>>().repeat(batch);
        let is_before: Matrix<D> = x.device().try_tensor_from_vec(is_before, (batch, width))?;
        let next = start + width_of(&x);
        y = is_before.try_gt(0.0)?.try_choose(y, in_place(x, start)?)?;
        start = next;
    }
    Ok(y)
}
