//! Asynchronous copies from global to shared memory: section 9.7.9.25, `cp.async`.

use super::Operation;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Copying {
    /// Of one of these numbers of bytes.
    Begin(&'static [u64]),
    /// `commit_group`: what has begun since the last one is a group.
    Commit,
    /// `wait_group`: for all groups but the last so many.
    WaitGroup,
    WaitAll,
}

pub(super) fn decode(opcode: &str) -> Option<Operation> {
    let parts: Vec<&str> = opcode.strip_prefix("cp.async.")?.split('.').collect();
    Some(Operation::Copy(match parts[..] {
        [cache, "shared" | "shared::cta", "global", ref prefetch @ ..] => {
            let is_prefetch = |part: &&str| matches!(*part, "L2::64B" | "L2::128B" | "L2::256B");
            match cache {
                _ if !prefetch.iter().all(is_prefetch) => return None,
                "ca" => Copying::Begin(&[4, 8, 16]),
                "cg" => Copying::Begin(&[16]),
                _ => return None,
            }
        }
        ["commit_group"] => Copying::Commit,
        ["wait_group"] => Copying::WaitGroup,
        ["wait_all"] => Copying::WaitAll,
        _ => return None,
    }))
}
