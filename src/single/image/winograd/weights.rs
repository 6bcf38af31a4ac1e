//! The weights for Winograd's algorithm.

use super::part::PRODUCTS;

/// `G g G'`: of a kernel `[3][3]`, the weights `[4][4]` of the 16 products.
pub(crate) const fn winograd_weights(kernel: [f32; 9]) -> [f32; PRODUCTS] {
    let [a, b, c, d, e, f, g, h, i] = kernel;
    let columns = [
        expanded([a, d, g]),
        expanded([b, e, h]),
        expanded([c, f, i]),
    ];
    let [x, y, z] = columns;
    let rows = [
        expanded([x[0], y[0], z[0]]),
        expanded([x[1], y[1], z[1]]),
        expanded([x[2], y[2], z[2]]),
        expanded([x[3], y[3], z[3]]),
    ];
    // SAFETY: both are 16 values, one after another.
    unsafe { core::mem::transmute::<[[f32; 4]; 4], [f32; PRODUCTS]>(rows) }
}

/// `G g`.
const fn expanded([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, (a + b + c) * 0.5, (a - b + c) * 0.5, c]
}
