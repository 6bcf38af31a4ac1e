//! Random modifications of files.

use proptest::{prelude::*, sample::Index};

/// A modification of a file at a random place.
#[derive(Clone, Debug)]
pub enum Change {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, u8),
    Remove(Index),
    Copy(Index, Index, Index),
}

/// Bytes that occur in headers are more frequent.
fn byte() -> impl Strategy<Value = u8> {
    let signs = b"0123456789{}[],:\" \\u".as_slice();
    prop_oneof![any::<u8>(), proptest::sample::select(signs)]
}

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        any::<(Index, Index, Index)>().prop_map(|(a, b, to)| Change::Copy(a, b, to)),
    ]
}

impl Change {
    pub fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let len = file.len();
        match self {
            Change::Flip(at, byte) => file[at.index(len)] = *byte,
            Change::Cut(at) => file.truncate(at.index(len)),
            Change::Insert(at, byte) => file.insert(at.index(len), *byte),
            Change::Remove(at) => drop(file.remove(at.index(len))),
            Change::Copy(a, b, to) => {
                let (a, b) = (a.index(len), b.index(len));
                let piece = file[a.min(b)..a.max(b)].to_vec();
                let to = to.index(len);
                file.splice(to..to, piece);
            }
        }
    }
}
