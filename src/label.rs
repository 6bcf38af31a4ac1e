//! Classes with names: [`Label`], an enumeration of them, and [`Logits`], the end of a network that tells them apart.

use core::{fmt::Debug, marker::PhantomData};

use crate::{
    layer::Layer,
    plan::Plan,
    shape::{Features, Sealed, Shape},
};

#[doc(inline)]
pub use crate::classes;
#[cfg(feature = "train")]
#[doc(hidden)]
pub use serde;

/// The classes of a data set or of a network, by name; [`classes!`](crate::classes!) implements it.
///
/// A data set of these labels is a `Dataset<S, L>`; a network that ends with [`Logits<L>`](Logits) takes it, and another one
/// does not.
pub trait Label: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The logits, `Features<C>`.
    type Logits: Shape;
    /// The classes, in the order of the logits.
    const ALL: &'static [Self];
    /// Their names, in the same order: distinct, not empty, without commas, quotes, backslashes and control characters.
    const NAMES: &'static [&'static str];

    /// The index of the class, from 0.
    fn index(self) -> usize;

    /// The name of the class.
    fn name(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }
}

/// Checks the constants of a [`Label`].
///
/// # Panics
/// At compile time, when there are not as many classes and names as logits, or when a name is not allowed.
const fn check<L: Label>() {
    let names = L::NAMES;
    assert!(
        names.len() == <L::Logits as Shape>::LEN && names.len() == L::ALL.len(),
        "a label has as many classes as names and logits"
    );
    let mut i = 0;
    while i < names.len() {
        let name = names[i].as_bytes();
        assert!(!name.is_empty(), "the name of a class is empty");
        let mut j = 0;
        while j < name.len() {
            assert!(
                !matches!(name[j], 0..b' ' | b'"' | b'\\' | b','),
                "the name of a class has a comma, a quote, a backslash or a control character"
            );
            j += 1;
        }
        let mut other = 0;
        while other < i {
            assert!(
                !crate::text::same(name, names[other].as_bytes()),
                "two classes have the same name"
            );
            other += 1;
        }
        i += 1;
    }
}

/// The last layer of a network whose classes have names, and its output's shape: `y = x`, one logit for each class of `L`.
///
/// Input `[B, C]`, output `[B, C]`; `L` has `C` classes, another number is a compile error. It computes nothing and has no
/// number among the layers. Such a network trains on a `Dataset<S, L>`, `classify` returns an `L`, evaluations print the names,
/// and a weights file has them in its metadata: one with other names is refused, also by [`frozen!`](crate::frozen!) when
/// compiling. A file without names, from PyTorch, is accepted.
///
/// ```
/// use tuplenet::prelude::*;
///
/// tuplenet::classes! {
///     /// Species of the genus Iris.
///     pub enum Species { Setosa, Versicolor, Virginica }
/// }
/// type Net = (Standardize<4>, Linear<4, 16>, ReLU, Linear<16, 3>, Logits<Species>);
/// assert_eq!(Net::PLAN.classes(), ["Setosa", "Versicolor", "Virginica"]);
/// ```
///
/// ```compile_fail,E0277
/// use tuplenet::prelude::*;
///
/// tuplenet::classes! { pub enum Answer { No, Yes } }
/// type Net = (Linear<4, 3>, Logits<Answer>); // `Answer` does not have as many classes as there are values in `Features<3>`
/// const _: Plan = Net::PLAN;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Logits<L>(PhantomData<L>);

impl<L: Label> Sealed for Logits<L> {}

impl<L: Label> Shape for Logits<L> {
    const LEN: usize = {
        check::<L>();
        <L::Logits as Shape>::LEN
    };
    const DIMS: &'static [usize] = <L::Logits as Shape>::DIMS;
    type Array = <L::Logits as Shape>::Array;
    type Class = L;

    fn zeros() -> Self::Array {
        L::Logits::zeros()
    }

    fn values(sample: &Self::Array) -> &[f32] {
        L::Logits::values(sample)
    }

    fn values_mut(sample: &mut Self::Array) -> &mut [f32] {
        L::Logits::values_mut(sample)
    }

    fn class(index: usize) -> L {
        // `check` has found as many classes as logits
        L::ALL.get(index).copied().unwrap_or(const { L::ALL[0] })
    }
}

/// A label with as many classes as `Shape` has values.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have as many classes as there are values in `{Shape}`",
    label = "the layer before `Logits` gives another number of logits",
    note = "a network that ends with `Logits<{Self}>` gives one logit for each class: change the width of its last `Linear`"
)]
pub trait HasLogits<Shape> {}

impl<const C: usize, L: Label + HasLogits<Features<C>>> Layer<Features<C>> for Logits<L> {
    type Out = Logits<L>;
    const PLAN: Plan = Plan::identity().with_classes(L::NAMES);
}

/// An enumeration of the classes of a data set, which implements [`Label`], `Display`, `FromStr` and, with the feature `train`,
/// serde's `Deserialize`, so that it may be a column of a table.
///
/// A class is written as its variant's name, or as the text after `=`, which is what files have.
///
/// ```
/// tuplenet::classes! {
///     /// Of the tumour of the breast.
///     #[derive(PartialOrd, Ord)]
///     pub enum Diagnosis { Malignant = "M", Benign = "B" }
/// }
/// use tuplenet::label::Label;
///
/// assert_eq!(Diagnosis::NAMES, ["M", "B"]);
/// assert_eq!("B".parse(), Ok(Diagnosis::Benign));
/// assert_eq!(Diagnosis::Malignant.to_string(), "M");
/// let unknown = "X".parse::<Diagnosis>().unwrap_err();
/// assert_eq!(unknown.to_string(), "expected one of M, B");
/// ```
#[macro_export]
macro_rules! classes {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $($(#[$of_class:meta])* $class:ident $(= $text:literal)?),+ $(,)?
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visibility enum $name { $($(#[$of_class])* $class),+ }

        impl $crate::label::Label for $name {
            type Logits = $crate::shape::Features<{ [$(stringify!($class)),+].len() }>;
            const ALL: &'static [Self] = &[$($name::$class),+];
            const NAMES: &'static [&'static str] = &[$($crate::classes!(@name $class $($text)?)),+];

            fn index(self) -> usize {
                self as usize
            }
        }

        impl $crate::label::HasLogits<$crate::shape::Features<{ [$(stringify!($class)),+].len() }>> for $name {}

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad($crate::label::Label::name(*self))
            }
        }

        $crate::deserialize_label!($name);

        impl ::core::str::FromStr for $name {
            type Err = $crate::label::UnknownClass;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::label::find(text)
            }
        }
    };
    (@name $class:ident) => { stringify!($class) };
    (@name $class:ident $text:literal) => { $text };
}

/// Implements serde's `Deserialize` for a label, from the name of a class, if this crate has serde.
#[cfg(feature = "train")]
#[doc(hidden)]
#[macro_export]
macro_rules! deserialize_label {
    ($name:ident) => {
        impl<'de> $crate::label::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::label::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::label::deserialize(deserializer)
            }
        }
    };
}

/// As above: it has not.
#[cfg(not(feature = "train"))]
#[doc(hidden)]
#[macro_export]
macro_rules! deserialize_label {
    ($name:ident) => {};
}

/// The class whose name comes next; for [`classes!`](crate::classes!).
#[cfg(feature = "train")]
#[doc(hidden)]
pub fn deserialize<'de, L: Label, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<L, D::Error> {
    use serde::{
        Deserialize, Deserializer,
        de::{EnumAccess, Error, VariantAccess, Visitor},
    };

    struct Class<L>(PhantomData<L>);

    impl<'de, L: Label> Visitor<'de> for Class<L> {
        type Value = L;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "the name of a class")
        }

        fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<L, A::Error> {
            let (Name(class), variant) = data.variant()?;
            variant.unit_variant()?;
            Ok(class)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<L, E> {
            find(text).map_err(|_| E::unknown_variant(text, L::NAMES))
        }
    }

    struct Name<L>(L);

    impl<'de, L: Label> Deserialize<'de> for Name<L> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer
                .deserialize_identifier(Class(PhantomData))
                .map(Name)
        }
    }
    deserializer.deserialize_enum("", L::NAMES, Class(PhantomData))
}

/// The error of a text that names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownClass {
    names: &'static [&'static str],
}

impl core::fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "expected one of ")?;
        for (at, name) in self.names.iter().enumerate() {
            write!(f, "{}{name}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownClass {}

/// The class of this name; for [`classes!`](crate::classes!).
#[doc(hidden)]
pub fn find<L: Label>(text: &str) -> Result<L, UnknownClass> {
    let named = L::NAMES.iter().position(|name| *name == text);
    let class = named.and_then(|at| L::ALL.get(at));
    class.copied().ok_or(UnknownClass { names: L::NAMES })
}
