//! `digits.h` is what cbindgen writes from the sources; `HEADER=write cargo test --test header` writes it anew.

use std::{fs, path::Path};

#[test]
fn the_header_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("digits.h");
    let mut header = Vec::new();
    cbindgen::generate(folder).unwrap().write(&mut header);
    let header = String::from_utf8(header).unwrap();
    if std::env::var("HEADER").is_ok_and(|it| it == "write") {
        fs::write(&path, &header).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == header,
        "{} is stale: HEADER=write cargo test --test header",
        path.display()
    );
}
