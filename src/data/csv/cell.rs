//! [`Cell`]: serde's deserializer of one value.

use std::str;

use serde::{
    Deserializer,
    de::{IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};

use super::{
    fault::{Fault, shown_bytes},
    missing::{Missing, is_missing},
};

/// One value of a record, as the file has it, without its quotes.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) missing: Missing,
}

impl<'a> Cell<'a> {
    fn text(self) -> Result<&'a str, Fault> {
        str::from_utf8(self.bytes).map_err(|_| {
            let remedy = "save the table as UTF-8, or read the column as bytes";
            Fault::new("text in UTF-8", shown_bytes(self.bytes), remedy)
        })
    }

    /// Whether there is no value.
    pub(super) fn is_missing(self) -> bool {
        self.text().is_ok_and(|text| is_missing(text.trim()))
    }

    fn number<N: Number>(self) -> Result<N, Fault> {
        let text = self.text()?.trim();
        if !is_missing(text) {
            return N::parse(text).map_err(|expected| Fault::cell(expected, text));
        }
        match self.missing {
            Missing::Value(value) => {
                let text = value.to_string();
                N::parse(&text).map_err(|expected| Fault {
                    remedy: "set another value by `Csv::missing`",
                    ..Fault::cell(expected, &text)
                })
            }
            rule => Err(Fault {
                remedy: "read the column as an `Option`, or skip or replace missing values by `Csv::missing`",
                is_skipped: rule == Missing::SkipRow,
                ..Fault::cell("a number", text)
            }),
        }
    }
}

/// A number as text.
trait Number: Sized {
    /// The number, or what was expected.
    fn parse(text: &str) -> Result<Self, String>;
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Number for $integer {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("an integer from {} to {}", Self::MIN, Self::MAX))
            }
        }
    )*};
}
integers! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }

macro_rules! floats {
    ($($float:ident)*) => {$(
        impl Number for $float {
            fn parse(text: &str) -> Result<Self, String> {
                match text.parse::<$float>() {
                    Ok(number) if number.is_finite() => Ok(number),
                    Ok(_) if text.contains(|char: char| char.is_ascii_digit()) => {
                        Err(format!("a number from {:e} to {:e}", Self::MIN, Self::MAX))
                    }
                    Ok(_) => Err("a finite number".to_owned()),
                    Err(_) => Err("a number".to_owned()),
                }
            }
        }
    )*};
}
floats! { f32 f64 }

macro_rules! numbers {
    ($($deserialize:ident $visit:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.number()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Cell<'_> {
    type Error = Fault;

    numbers! {
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.text()?.trim();
        let is = |words: [&str; 2]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        match (is(["true", "1"]), is(["false", "0"])) {
            (false, false) => Err(Fault::cell("`true`, `false`, `1` or `0`", text)),
            (is_true, _) => visitor.visit_bool(is_true),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_missing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let category: Result<_, Fault> =
            visitor.visit_enum(self.text()?.trim().into_deserializer());
        category.map_err(|fault| Fault {
            is_skipped: self.missing == Missing::SkipRow && self.is_missing(),
            ..fault
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bytes(self.bytes)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    /// Text, also where several values are asked for, so that the error says so.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text()?)
    }

    forward_to_deserialize_any! {
        char str string identifier seq tuple tuple_struct map struct
    }
}
