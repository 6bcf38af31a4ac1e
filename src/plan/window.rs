//! [`Window`]: a kernel that moves over an image.

use core::ops::Range;

/// A kernel that moves over an image: the geometry of a convolution or a pooling.
///
/// `output = (input + 2 padding - kernel) / stride + 1`, rounded down, for each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Window {
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// Channels, rows and columns of the output.
    pub output: [usize; 3],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// The distance between two positions of the kernel, in rows and in columns.
    pub stride: usize,
    /// Rows and columns of zeros on each side of the input (for a maximum: of nothing).
    pub padding: usize,
}

impl Window {
    /// A kernel over an image of `input` channels, rows and columns that gives `channels` channels.
    ///
    /// # Panics
    /// At compile time, when a size is 0, or when the kernel is larger than the image with its padding.
    pub const fn new(
        input: [usize; 3],
        channels: usize,
        kernel: [usize; 2],
        stride: usize,
        padding: usize,
    ) -> Window {
        assert!(stride > 0, "a stride is 1 or more, found 0");
        Window {
            input,
            output: [
                channels,
                positions(input[1], kernel[0], stride, padding),
                positions(input[2], kernel[1], stride, padding),
            ],
            kernel,
            stride,
            padding,
        }
    }

    /// The number of values of the input.
    pub const fn inputs(&self) -> usize {
        product(self.input)
    }

    /// The number of values of the output.
    pub const fn outputs(&self) -> usize {
        product(self.output)
    }

    /// The rows (axis 0) or columns (axis 1) of the input under the kernel at a position. A padding of at most half the
    /// kernel leaves at least one.
    #[inline(always)]
    pub(crate) fn inside(&self, axis: usize, position: usize) -> Range<usize> {
        let start = position * self.stride;
        let end = (start + self.kernel[axis]).saturating_sub(self.padding);
        start.saturating_sub(self.padding)..end.min(self.input[axis + 1])
    }

    /// The number of input values that one output value of a convolution depends on.
    pub const fn fan_in(&self) -> usize {
        product([self.input[0], self.kernel[0], self.kernel[1]])
    }
}

/// The positions of a kernel on a side.
const fn positions(side: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    let padded = side + 2 * padding;
    assert!(
        kernel > 0 && padded >= kernel,
        "a kernel has 1 or more rows and columns, and is at most as large as the image with its padding"
    );
    (padded - kernel) / stride + 1
}

/// The product of three sizes, which are 1 or more.
const fn product(sizes: [usize; 3]) -> usize {
    let [a, b, c] = sizes;
    assert!(
        a > 0 && b > 0 && c > 0,
        "an image has 1 or more channels, rows and columns, found 0"
    );
    match a.checked_mul(b) {
        Some(ab) => match ab.checked_mul(c) {
            Some(abc) => abc,
            None => panic!("an image has more values than memory can hold"),
        },
        None => panic!("an image has more values than memory can hold"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_input_is_inside() {
        let window = Window::new([1, 5, 4], 1, [3, 2], 2, 1);
        let of = |axis: usize| (0..window.output[axis + 1]).map(move |at| window.inside(axis, at));
        assert_eq!(of(0).collect::<Vec<_>>(), [0..2, 1..4, 3..5]);
        assert_eq!(of(1).collect::<Vec<_>>(), [0..1, 1..3, 3..4]);
    }

    /// Output sides of `torch.nn.Conv2d` for the first layers of LeNet, AlexNet, ResNet and ViT.
    #[test]
    fn the_sides_are_those_of_pytorch() {
        for (side, kernel, stride, padding, expected) in [
            (28, 5, 1, 2, 28),
            (14, 5, 1, 0, 10),
            (227, 11, 4, 0, 55),
            (224, 7, 2, 3, 112),
            (112, 3, 2, 1, 56),
            (224, 16, 16, 0, 14),
        ] {
            let window = Window::new([3, side, side], 8, [kernel, kernel], stride, padding);
            assert_eq!(window.output, [8, expected, expected]);
            assert_eq!(window.fan_in(), 3 * kernel * kernel);
        }
    }
}
