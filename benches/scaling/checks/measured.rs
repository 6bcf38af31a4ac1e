//! Rows of `measured.tsv`.

use crate::measured::{HEADER, Row};

#[test]
fn a_row_is_read_as_it_was_written() {
    let row = Row {
        network: "lenet".to_owned(),
        variant: "local8".to_owned(),
        ranks: 4,
        rank: 3,
        batch: 100,
        gradient_bytes: 246_824,
        seconds: [1.5e-3, 1.25e-3, 2e-3],
        waited: 0.125,
        to_alone: [1.01, 1.0, 1.02],
    };
    let line = row.to_string();
    let read: Row = line.parse().expect("what it has written");
    assert_eq!(read.to_string(), line);
    assert_eq!((read.ranks, read.rank, read.batch), (4, 3, 100));
    assert_eq!(read.seconds, row.seconds);
    assert_eq!(line.split('\t').count(), HEADER.split('\t').count());
    let shorter = line.rsplit_once('\t').expect("tabs").0;
    assert!(shorter.parse::<Row>().is_err());
}
