//! The matrices of Winograd's algorithm F(2x2, 3x3), on vectors of any kind: those of one sample, and those of the engine `Fused`.

use super::part::PRODUCTS;
use crate::single::arithmetic::Arithmetic;

/// `G g G'`: of a kernel, the weights `[4][4]` of the 16 products.
pub(crate) const fn winograd_weights(kernel: [[f32; 3]; 3]) -> [f32; PRODUCTS] {
    let [x, y, z] = [
        expanded(kernel[0]),
        expanded(kernel[1]),
        expanded(kernel[2]),
    ];
    let columns = [
        expanded([x[0], y[0], z[0]]),
        expanded([x[1], y[1], z[1]]),
        expanded([x[2], y[2], z[2]]),
        expanded([x[3], y[3], z[3]]),
    ];
    let [a, b, c, d] = columns;
    [
        a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1], a[2], b[2], c[2], d[2], a[3], b[3], c[3],
        d[3],
    ]
}

/// `G g`.
const fn expanded([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, (a + b + c) * 0.5, (a - b + c) * 0.5, c]
}

/// `B' d B`.
#[inline(always)]
pub(crate) fn winograd_inputs<A: Arithmetic>(
    arithmetic: A,
    d: [[A::Vector; 4]; 4],
) -> [[A::Vector; 4]; 4] {
    let mut rows = d;
    for l in 0..4 {
        let column = differences(arithmetic, [d[0][l], d[1][l], d[2][l], d[3][l]]);
        for (row, value) in rows.iter_mut().zip(column) {
            row[l] = value;
        }
    }
    for row in &mut rows {
        *row = differences(arithmetic, *row);
    }
    rows
}

/// `B' d`.
#[inline(always)]
fn differences<A: Arithmetic>(arithmetic: A, [a, b, c, d]: [A::Vector; 4]) -> [A::Vector; 4] {
    [
        arithmetic.sub(a, c),
        arithmetic.add(b, c),
        arithmetic.sub(c, b),
        arithmetic.sub(b, d),
    ]
}

/// `A' m A`.
#[inline(always)]
pub(crate) fn winograd_outputs<A: Arithmetic>(
    arithmetic: A,
    m: [[A::Vector; 4]; 4],
) -> [[A::Vector; 2]; 2] {
    let [mut first, mut second] = [m[0]; 2];
    for l in 0..4 {
        [first[l], second[l]] = sums(arithmetic, [m[0][l], m[1][l], m[2][l], m[3][l]]);
    }
    [sums(arithmetic, first), sums(arithmetic, second)]
}

/// `A' m`.
#[inline(always)]
fn sums<A: Arithmetic>(arithmetic: A, [a, b, c, d]: [A::Vector; 4]) -> [A::Vector; 2] {
    [
        arithmetic.add(arithmetic.add(a, b), c),
        arithmetic.sub(arithmetic.sub(b, c), d),
    ]
}
