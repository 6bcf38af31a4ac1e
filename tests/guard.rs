//! A borrowed frozen model reads no byte beyond the file and the sample: a guard page follows them.

#![allow(unsafe_code, reason = "maps memory with guard pages")]

use std::ptr::null_mut;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use tuplenet::{prelude::*, shape::Sample};

use crate::frozen::{Slopes, file};

/// A multiple of every common page size.
const PAGE: usize = 1 << 16;

/// Memory followed by a guard page.
struct Guarded {
    start: *mut u8,
}

impl Guarded {
    fn new() -> Self {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: newly mapped memory, whose second half becomes unreadable.
        unsafe {
            let start = mmap_anonymous(null_mut(), 2 * PAGE, access, MapFlags::PRIVATE).unwrap();
            mprotect(start.byte_add(PAGE), PAGE, MprotectFlags::empty()).unwrap();
            Guarded {
                start: start.cast(),
            }
        }
    }

    /// Places `bytes` so that `gap` bytes are between them and the guard page.
    fn put(&mut self, bytes: &[u8], gap: usize) -> &[u8] {
        let before = PAGE - gap - bytes.len();
        // SAFETY: the first half is writable, and `self` is borrowed as long as the result.
        unsafe {
            let to = self.start.add(before);
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            std::slice::from_raw_parts(to, bytes.len())
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size.
        unsafe { munmap(self.start.cast(), 2 * PAGE).unwrap() };
    }
}

/// The logits are bit-identical for every position of file and sample.
fn assert_within<N, const I: usize>(name: &str)
where
    N: Network,
    [f32; I]: Sample<N::In>,
{
    let bytes = file(name);
    let sample: [f32; I] = std::array::from_fn(|i| (i as f32 - 3.0) / 4.0);
    let expected = Frozen::<N>::from_bytes(&bytes).unwrap().predict(&sample);
    let (mut for_file, mut for_sample) = (Guarded::new(), Guarded::new());
    let sample_bytes = sample.map(f32::to_ne_bytes);
    let sample = for_sample.put(sample_bytes.as_flattened(), 0);
    // SAFETY: it ends at a page boundary, so it is aligned.
    let sample = unsafe { &*sample.as_ptr().cast::<[f32; I]>() };
    for gap in 0..64 {
        let net = Frozen::<N>::from_bytes(for_file.put(&bytes, gap)).unwrap();
        assert_eq!(net.predict(sample), expected, "{name}, {gap}");
    }
    for len in 0..bytes.len() {
        assert!(Frozen::<N>::from_bytes(for_file.put(&bytes[..len], 0)).is_err());
    }
}

#[test]
fn no_reads_beyond_the_file_or_the_sample() {
    assert_within::<(Linear<20, 16>, ReLU, Linear<16, 12>, ReLU, Linear<12, 5>), 20>("relu");
    assert_within::<(Linear<12, 17>, Tanh, Linear<17, 3>), 12>("tanh");
    assert_within::<(Linear<9, 33>, Sigmoid, Linear<33, 7>), 9>("sigmoid");
    assert_within::<(Linear<16, 64>, GELU, Linear<64, 16>), 16>("gelu");
    assert_within::<(Linear<5, 8>, LeakyReLU<20>, Linear<8, 1>), 5>("leaky");
    assert_within::<(Linear<10, 31>, Softplus, Linear<31, 2>), 10>("softplus");
    assert_within::<(Linear<7, 16>, SiLU, Linear<16, 3>), 7>("silu");
    assert_within::<(Linear<6, 17>, ELU<50>, Linear<17, 2>), 6>("elu");
    assert_within::<(Linear<8, 15>, Hardswish, Linear<15, 3>), 8>("hardswish");
    assert_within::<Slopes, 6>("prelu");
    assert_within::<(Linear<100, 40>, ReLU, Dropout<20>, Linear<40, 10>), 100>("dropout");
    assert_within::<(Input<8>, Tanh, Linear<8, 2>), 8>("first");
}
