//! The reader of eight-bit models' files against the reference, on files of any values, truncated and modified ones.

use proptest::{collection::vec, prelude::*};

use crate::{
    cases::cases,
    changes::change,
    oracle::{Dense, Images, Range, fix_length, is_read, values_len, written},
};

/// A file of the images, whose header is short beside that of many layers.
fn file() -> Vec<u8> {
    written::<Images>(Range::Moderate, &(0..=u8::MAX).collect::<Vec<u8>>())
}

#[test]
fn every_truncated_file_is_rejected() {
    let file = file();
    assert!(is_read::<Images, _, 2>(&file));
    for len in 0..file.len() {
        assert!(!is_read::<Images, _, 2>(&file[..len]), "{len}");
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn modified_files_are_rejected_or_match_the_reference(
        changes in vec(change(), 1..5),
        fixes_length in any::<bool>(),
    ) {
        let mut file = file();
        let values_len = values_len(&file);
        for change in changes {
            change.apply(&mut file);
        }
        if fixes_length {
            fix_length(&mut file, values_len);
        }
        is_read::<Images, _, 2>(&file);
    }

    #[test]
    fn files_of_any_valid_values_are_read(bytes in vec(any::<u8>(), 1..3000)) {
        for range in [Range::Moderate, Range::Valid] {
            prop_assert!(is_read::<Dense, _, 3>(&written::<Dense>(range, &bytes)));
            prop_assert!(is_read::<Images, _, 2>(&written::<Images>(range, &bytes)));
        }
        is_read::<Images, _, 2>(&written::<Images>(Range::Any, &bytes));
    }
}
