//! Links `src/bin/chip.rs` by the script of cortex-m-rt, which reads `memory.x` here.

fn main() {
    println!("cargo::rerun-if-changed=memory.x");
    if std::env::var_os("CARGO_FEATURE_CHIP").is_some() {
        println!("cargo::rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
        println!("cargo::rustc-link-arg-bin=chip=-Tlink.x");
    }
}
