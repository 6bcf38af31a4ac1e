//! Arithmetic on the sides of images and on numbers of channels, in types: public as its traits stand in public bounds, and
//! not meant for users.
//!
//! Stable Rust cannot compute `H - K + 1` in a type. So a side becomes the type [`Size<H>`](Size), a table of `impl`s
//! leads from there to the side less 1 or its half, and one `impl` turns two sizes back into an
//! [`Image`](crate::shape::Image). Sums of channels are in `sum.rs`. Everything that does not fit is a missing `impl`, which `cargo check` reports.

mod sum;
mod table;

pub use self::sum::{Addend, Digits, Plus, Whole, WithRow};
use crate::shape::{Image, Shape};

/// The largest side of an image, and the largest sum of channels.
pub const LARGEST: usize = 512;

/// A side as a type. `Size<0>` stands for none; whatever follows from it is `Size<0>` again.
#[derive(Debug)]
pub struct Size<const N: usize>;

/// A size: its row in the table.
pub trait Dim {
    type Row: Row;
}

/// A row of the table.
pub trait Row {
    type Less: Dim;
    type More: Dim;
    type Half: Dim;
    type Halves: Dim;
    type Thirds: Dim;
    type More8: Dim;
    type More64: Dim;
    type Digits;
}

impl<Less: Dim, More: Dim, Half: Dim, Halves: Dim, Thirds: Dim, Digits> Row
    for (Less, More, Half, Halves, Thirds, Digits)
{
    type Less = Less;
    type More = More;
    type Half = Half;
    type Halves = Halves;
    type Thirds = Thirds;
    type More8 = <Times<7> as Steps>::More<More>;
    type More64 = <Times<7> as Steps>::More8<Self::More8>;
    type Digits = Digits;
}

/// The row of `Size<0>`.
#[derive(Debug)]
pub struct Nothing;

impl Row for Nothing {
    type Less = Size<0>;
    type More = Size<0>;
    type Half = Size<0>;
    type Halves = Size<0>;
    type Thirds = Size<0>;
    type More8 = Size<0>;
    type More64 = Size<0>;
    type Digits = Digits<0, 0, 0>;
}

impl Dim for Size<0> {
    type Row = Nothing;
}

/// The row of a size other than 0.
pub trait Something {}

impl<Less, More, Half, Halves, Thirds, Digits> Something
    for (Less, More, Half, Halves, Thirds, Digits)
{
}

/// `X - 1`.
pub type Less<X> = <<X as Dim>::Row as Row>::Less;
/// `X + 1`.
pub type More<X> = <<X as Dim>::Row as Row>::More;
/// `X + 8`.
pub type More8<X> = <<X as Dim>::Row as Row>::More8;
/// `X + 64`.
pub type More64<X> = <<X as Dim>::Row as Row>::More64;
/// `X / 2`, rounded up.
pub type Half<X> = <<X as Dim>::Row as Row>::Half;
/// `X / 2`, or none where it is not whole.
pub type Halves<X> = <<X as Dim>::Row as Row>::Halves;
/// `X / 3`, or none where it is not whole.
pub type Thirds<X> = <<X as Dim>::Row as Row>::Thirds;

/// `N` steps in the table.
#[derive(Debug)]
pub struct Times<const N: usize>;

/// What [`Times`] does.
pub trait Steps {
    type Less<X: Dim>: Dim;
    type More<X: Dim>: Dim;
    type More8<X: Dim>: Dim;
    type More64<X: Dim>: Dim;
}

impl Steps for Times<0> {
    type Less<X: Dim> = X;
    type More<X: Dim> = X;
    type More8<X: Dim> = X;
    type More64<X: Dim> = X;
}

macro_rules! times {
    ($($n:literal: $before:literal;)*) => {$(
        impl Steps for Times<$n> {
            type Less<X: Dim> = <Times<$before> as Steps>::Less<Less<X>>;
            type More<X: Dim> = <Times<$before> as Steps>::More<More<X>>;
            type More8<X: Dim> = <Times<$before> as Steps>::More8<More8<X>>;
            type More64<X: Dim> = <Times<$before> as Steps>::More64<More64<X>>;
        }
    )*};
}
times! {
    1: 0; 2: 1; 3: 2; 4: 3; 5: 4; 6: 5; 7: 6; 8: 7; 9: 8; 10: 9; 11: 10; 12: 11; 13: 12; 14: 13; 15: 14;
}

/// What a layer `L` makes of a side.
#[diagnostic::on_unimplemented(
    message = "`{L}` has a kernel, stride or padding that is not supported",
    label = "this window is not supported",
    note = "convolutions: kernels of 1 to 11, 14 and 16, strides of 1, 2, 4, 8 and 16, a padding of at most half the \
        kernel",
    note = "pooling: by 2, 3, 4 or 8, or a kernel of 3 with a stride of 1 or 2 and a padding of 0 or 1"
)]
pub trait Moves<L> {
    type Of<X: Dim>: Dim;
}

/// Both sides of the image `In` after the layer `L`, whose window moves by `M` over the rows and by `N` over the columns.
pub type Moved<L, In, M, N = M> = (
    <M as Moves<L>>::Of<<In as Sides<L>>::H>,
    <N as Moves<L>>::Of<<In as Sides<L>>::W>,
);

/// The same of a sequence, whose window moves by `N` over the columns alone.
pub type Along<L, In, N> = (
    <In as Sides<L>>::H,
    <N as Moves<L>>::Of<<In as Sides<L>>::W>,
);

/// A convolution's kernel of `K` that moves by `S`, with `P` zeros on each side.
#[derive(Debug)]
pub struct Kernel<const K: usize, const S: usize, const P: usize>;

#[diagnostic::do_not_recommend] // the error is about `Moves`, which names the layer
impl<L, const K: usize, const S: usize, const P: usize> Moves<L> for Kernel<K, S, P>
where
    Margin<K, P>: Change,
    Stride<S>: Change,
{
    type Of<X: Dim> = <Stride<S> as Change>::Of<<Margin<K, P> as Change>::Of<X>>;
}

/// The positions of a kernel on a side: `X + 2 P - (K - 1)`.
#[derive(Debug)]
pub struct Margin<const K: usize, const P: usize>;

/// Every `S`-th of them: `X / S`, rounded up.
#[derive(Debug)]
pub struct Stride<const S: usize>;

/// What [`Margin`] and [`Stride`] make of a side.
pub trait Change {
    type Of<X: Dim>: Dim;
}

macro_rules! change {
    ($($of:ty: |$x:ident| $result:ty;)*) => {$(
        impl Change for $of {
            type Of<$x: Dim> = $result;
        }
    )*};
}
change! {
    Stride<1>: |X| X;
    Stride<2>: |X| Half<X>;
    Stride<4>: |X| Half<Half<X>>;
    Stride<8>: |X| Half<Half<Half<X>>>;
    Stride<16>: |X| Half<Half<Half<Half<X>>>>;
}
macro_rules! margins {
    ($($k:literal: $($p:literal)*;)*) => {$($(
        change! {
            Margin<$k, $p>: |X| <Times<{ usize::saturating_sub($k - 1, 2 * $p) }> as Steps>::Less<
                <Times<{ usize::saturating_sub(2 * $p, $k - 1) }> as Steps>::More<X>,
            >;
        }
    )*)*};
}
margins! {
    1: 0; 2: 0 1; 3: 0 1; 4: 0 1 2; 5: 0 1 2; 6: 0 1 2 3; 7: 0 1 2 3; 8: 0 1 2 3 4; 9: 0 1 2 3 4;
    10: 0 1 2 3 4 5; 11: 0 1 2 3 4 5; 14: 0; 16: 0;
}

/// A pooling window of `K` that moves by `S`, with a padding of `P` on each side.
#[derive(Debug)]
pub struct Pooling<const K: usize, const S: usize, const P: usize>;

macro_rules! poolings {
    ($($k:literal $s:literal $p:literal: |$x:ident| $result:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<L> Moves<L> for Pooling<$k, $s, $p> {
            type Of<$x: Dim> = $result;
        }
    )*};
}
poolings! {
    2 2 0: |X| Halves<X>;
    3 3 0: |X| Thirds<X>;
    4 4 0: |X| Halves<Halves<X>>;
    8 8 0: |X| Halves<Halves<Halves<X>>>;
    3 1 1: |X| X;
    3 2 0: |X| <Kernel<3, 2, 0> as Moves<L>>::Of<X>;
    3 2 1: |X| <Kernel<3, 2, 1> as Moves<L>>::Of<X>;
}

/// The sides of an image as sizes, for the layer `L`.
#[diagnostic::on_unimplemented(
    message = "`{L}` cannot follow a layer that gives `{Self}`, whose sides are too long",
    label = "an image that is too large",
    note = "the sides of an image are at most 512"
)]
pub trait Sides<L> {
    type H: Dim;
    type W: Dim;
}

#[diagnostic::do_not_recommend]
impl<L, const C: usize, const H: usize, const W: usize> Sides<L> for Image<C, H, W>
where
    Size<H>: Dim,
    Size<W>: Dim,
{
    type H = Size<H>;
    type W = Size<W>;
}

/// From two sizes back to the image that a kernel gives, where there is one.
#[diagnostic::on_unimplemented(
    message = "the kernel of `{L}` is larger than the image before it, `{In}`",
    label = "a kernel that is larger than its image",
    note = "with its padding, an image is at least as large as the kernel; the result has sides of at most 512"
)]
pub trait Covers<L, In> {
    type Image<const C: usize>: Shape;
}

#[diagnostic::do_not_recommend]
impl<L, In, const H: usize, const W: usize> Covers<L, In> for (Size<H>, Size<W>)
where
    Size<H>: Dim<Row: Something>,
    Size<W>: Dim<Row: Something>,
{
    type Image<const C: usize> = Image<C, H, W>;
}

/// From two sizes back to the image that a pooling gives, where there is one; the message of another mistake.
#[diagnostic::on_unimplemented(
    message = "`{L}` does not divide the image before it, `{In}`",
    label = "a pooling that would drop rows or columns",
    note = "both sides of the image are multiples of the window; `Floor<{L}>` would drop the rest, as PyTorch does"
)]
pub trait Tiles<L, In> {
    type Image<const C: usize>: Shape;
}

#[diagnostic::do_not_recommend]
impl<L, In, const H: usize, const W: usize> Tiles<L, In> for (Size<H>, Size<W>)
where
    Size<H>: Dim<Row: Something>,
    Size<W>: Dim<Row: Something>,
{
    type Image<const C: usize> = Image<C, H, W>;
}
