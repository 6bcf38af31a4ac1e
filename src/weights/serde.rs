//! Weights in values that serde writes and reads: the bytes of their file.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser,
};

use super::{Weights, file, names::Names};
use crate::network::Network;

/// As the bytes of the file that [`Weights::save`] writes.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);
/// let trained = (Weights::<Net>::init(1), 0.97);
/// let text = serde_json::to_string(&trained)?;
/// assert_eq!(serde_json::from_str::<(Weights<Net>, f64)>(&text)?, trained);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<N: Network> Serialize for Weights<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = file::bytes(self.parameters(), Names::Sequential);
        serializer.serialize_bytes(&bytes.map_err(ser::Error::custom)?)
    }
}

impl<'de, N: Network> Deserialize<'de> for Weights<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(Bytes)?;
        Weights::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

/// Bytes, or a sequence of numbers from formats that have no bytes, as JSON.
struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the bytes of a weights file")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    type Net = (Linear<4, 3>, BatchNorm1d<3>, ReLU, Linear<3, 2>);

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let text = serde_json::to_string(&Weights::<Net>::init(1)).unwrap();
        let same: Weights<Net> = serde_json::from_str(&text).unwrap();
        assert_eq!(same, Weights::init(1));
        type Wider = (Linear<4, 5>, BatchNorm1d<5>, ReLU, Linear<5, 2>);
        let error = serde_json::from_str::<Weights<Wider>>(&text).unwrap_err();
        let words = "`0.weight`: expected F32 [5, 4], found F32 [3, 4]";
        assert!(error.to_string().contains(words), "{error}");
        assert!(serde_json::from_str::<Weights<Net>>("[300]").is_err());
    }
}
