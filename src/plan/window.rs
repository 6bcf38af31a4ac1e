//! [`Window`]: a kernel that moves over an image.

use core::ops::Range;

/// A kernel that moves over an image: the geometry of a convolution or a pooling.
///
/// `output = (input + 2 padding - kernel) / stride + 1`, rounded down, for each side. In a convolution with `G` groups, the
/// outputs of a group, `O / G` channels, depend on its inputs alone, `C / G` channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Window {
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// Channels, rows and columns of the output.
    pub output: [usize; 3],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// The distance between two positions of the kernel: rows and columns.
    pub stride: [usize; 2],
    /// Rows and columns of zeros on each side of the input (for a maximum: of nothing).
    pub padding: [usize; 2],
    /// `G`, the groups of channels of a convolution.
    pub groups: usize,
    /// Whether it moves over a sequence, an image of one row: then the weight of a convolution has no axis for the rows
    /// in files, and the name of the operation is that of one dimension.
    pub is_1d: bool,
}

impl Window {
    /// A kernel over an image of `input` channels, rows and columns that gives `channels` channels, in one group.
    ///
    /// # Panics
    /// At compile time, when a size is 0, or when the kernel is larger than the image with its padding.
    pub const fn new(
        input: [usize; 3],
        channels: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Window {
        assert!(
            stride[0] > 0 && stride[1] > 0,
            "a stride is 1 or more, found 0"
        );
        Window {
            input,
            output: [
                channels,
                positions(input[1], kernel[0], stride[0], padding[0]),
                positions(input[2], kernel[1], stride[1], padding[1]),
            ],
            kernel,
            stride,
            padding,
            groups: 1,
            is_1d: false,
        }
    }

    /// A kernel of one dimension over a sequence of `length` positions with `input` channels, that gives `channels`
    /// channels.
    ///
    /// # Panics
    /// As [`Window::new`].
    pub const fn over_sequence(
        [input, length]: [usize; 2],
        channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Window {
        let window = Window::new(
            [input, 1, length],
            channels,
            [1, kernel],
            [1, stride],
            [0, padding],
        );
        Window {
            is_1d: true,
            ..window
        }
    }

    /// A kernel of a pooling as large as the image, which gives one value for each channel.
    ///
    /// # Panics
    /// As [`Window::new`].
    pub const fn over_all(input: [usize; 3]) -> Window {
        let [channels, rows, columns] = input;
        Window::new(input, channels, [rows, columns], [1; 2], [0; 2])
    }

    /// The same with that many groups of channels.
    ///
    /// # Panics
    /// At compile time, when the number of groups does not divide that of the input or of the output channels.
    pub const fn grouped(self, groups: usize) -> Window {
        assert!(
            groups > 0
                && self.input[0].is_multiple_of(groups)
                && self.output[0].is_multiple_of(groups),
            "the groups of a convolution divide its input and its output channels"
        );
        Window { groups, ..self }
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
        let start = position * self.stride[axis];
        let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]);
        start.saturating_sub(self.padding[axis])..end.min(self.input[axis + 1])
    }

    /// The number of input values that one output value of a convolution depends on.
    pub const fn fan_in(&self) -> usize {
        let [inputs, _] = self.group_channels();
        product([inputs, self.kernel[0], self.kernel[1]])
    }

    /// The number of input and of output channels of a group.
    pub(crate) const fn group_channels(&self) -> [usize; 2] {
        [self.input[0] / self.groups, self.output[0] / self.groups]
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
        let window = Window::new([1, 5, 8], 1, [3, 2], [2, 3], [1, 1]);
        let of = |axis: usize| (0..window.output[axis + 1]).map(move |at| window.inside(axis, at));
        assert_eq!(of(0).collect::<Vec<_>>(), [0..2, 1..4, 3..5]);
        assert_eq!(of(1).collect::<Vec<_>>(), [0..1, 2..4, 5..7]);
    }

    #[test]
    fn a_kernel_has_the_inputs_of_its_group() {
        let window = Window::new([8, 5, 5], 12, [3, 2], [1, 1], [0, 0]).grouped(4);
        assert_eq!((window.fan_in(), window.group_channels()), (2 * 6, [2, 3]));
    }

    #[test]
    #[should_panic(expected = "the groups of a convolution divide")]
    fn groups_that_do_not_divide_the_channels_are_refused() {
        let _ = Window::new([8, 5, 5], 6, [3, 3], [1, 1], [0, 0]).grouped(4);
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
            let window = Window::new([3, side, side], 8, [kernel; 2], [stride; 2], [padding; 2]);
            assert_eq!(window.output, [8, expected, expected]);
            assert_eq!(window.fan_in(), 3 * kernel * kernel);
        }
    }
}
