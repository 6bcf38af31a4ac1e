//! [`Row`]: serde's deserializer of a record.

use csv::ByteRecord;
use serde::{
    Deserializer,
    de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
};

use super::{cell::Cell, fault::Fault, missing::Missing};

/// A record: its columns by name for a struct, else in their order.
pub(super) struct Row<'a> {
    pub(super) record: &'a ByteRecord,
    /// The names of the columns, if structs are read by name.
    pub(super) names: Option<&'a [String]>,
    /// The places of the columns that are read, in order; `None` for all.
    pub(super) order: Option<&'a [usize]>,
    pub(super) missing: Missing,
    /// How many columns have been read.
    pub(super) read: usize,
}

impl<'a> Row<'a> {
    /// The number of columns to read.
    pub(super) fn len(&self) -> usize {
        self.order.map_or(self.record.len(), <[_]>::len)
    }

    /// The place in the record of the column that is read after `read` others.
    fn place(&self, read: usize) -> Option<usize> {
        self.order
            .map_or(Some(read), |order| order.get(read).copied())
    }

    /// Reads the next column.
    fn cell<T>(&mut self, read: impl FnOnce(Cell<'a>) -> Result<T, Fault>) -> Result<T, Fault> {
        let next = self.place(self.read);
        let Some((place, bytes)) = next.and_then(|at| Some((at, self.record.get(at)?))) else {
            let (found, remedy) = (self.len(), "read as many values as there are columns");
            return Err(Fault::new("more columns", found.to_string(), remedy));
        };
        self.read += 1;
        let missing = self.missing;
        read(Cell { bytes, missing }).map_err(|fault| fault.at(place))
    }
}

/// Deserializes a value of one column.
macro_rules! one_column {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.cell(|cell| cell.$deserialize(visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Row<'_> {
    type Error = Fault;

    one_column! {
        deserialize_any deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.cell(|cell| cell.deserialize_unit_struct(name, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.cell(|cell| cell.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let left = self.len() - self.read;
        visitor.visit_seq(Columns { row: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(Columns { row: self, left })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(left, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.names {
            Some(names) => visitor.visit_map(Named { row: self, names }),
            None => {
                let remedy = "read a tuple, or a table with a header";
                Err(Fault::new(
                    "names of columns",
                    "a table without a header",
                    remedy,
                ))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.names {
            Some(_) => self.deserialize_map(visitor),
            None => self.deserialize_tuple(fields.len(), visitor),
        }
    }
}

/// The next columns, in their order.
struct Columns<'r, 'a> {
    row: &'r mut Row<'a>,
    /// How many values are asked for, each of one column or more.
    left: usize,
}

impl<'de> SeqAccess<'de> for Columns<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let before = self.row.read;
        let element = seed.deserialize(&mut *self.row);
        // A type may refuse a value after it was read, as by `#[serde(try_from = "f32")]`.
        let place = self
            .row
            .place(before)
            .filter(|_| self.row.read == before + 1);
        let element = element.map_err(|fault| place.into_iter().fold(fault, Fault::at));
        element.map(Some)
    }
}

/// The columns with their names.
struct Named<'r, 'a> {
    row: &'r mut Row<'a>,
    names: &'a [String],
}

impl<'de> MapAccess<'de> for Named<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let name = self.names.get(self.row.read);
        name.map(|name| seed.deserialize(name.as_str().into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        self.row.cell(|cell| seed.deserialize(cell))
    }
}
