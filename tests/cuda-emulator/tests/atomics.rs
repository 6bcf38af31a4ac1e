//! Atomic operations in global and shared memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::operands::Random;
use kernel::{bits, launch, line, mask, module, threads};

/// All threads of three blocks update one number with values of their own. Returns the old value that each of them read, and
/// the last value.
fn update(instruction: &str, kind: &str, initial: u64, rows: &[[u64; 4]]) -> (Vec<u64>, u64) {
    let body = format!(
        "mul.wide.u32 %l2, %i, 8;\nadd.s64 %l3, %x0, %l2;\nadd.s64 %l4, %x2, %l2;\nadd.s64 %l5, %x3, %l2;\n\
         .reg .b{0} %a, %b, %d;\nld.global.b{0} %a, [%l4];\nld.global.b{0} %b, [%l5];\n{instruction}\n\
         st.global.b{0} [%l3], %d;",
        bits(kind)
    );
    let column = |at: usize| rows.iter().flat_map(|row| row[at].to_le_bytes()).collect();
    let arrays = [
        vec![0; 8 * rows.len()],
        initial.to_le_bytes().to_vec(),
        column(0),
        column(1),
    ];
    let blocks = line(3, rows.len() as u32 / 3);
    let found = launch(&module("", 4, &body), blocks, &arrays);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    (found[0].chunks(8).map(number).collect(), number(&found[1]))
}

type Update = fn(&str, u64, u64, u64) -> u64;

/// What each operation makes of the old value and two operands.
const UPDATES: [(&str, &[&str], Update); 10] = [
    (
        "add",
        &["u32", "s32", "u64", "f32", "f64"],
        |kind, old, b, _| match kind {
            // whole numbers, whose sums are exact
            "f32" => u64::from((f32::from_bits(old as u32) + f32::from_bits(b as u32)).to_bits()),
            "f64" => (f64::from_bits(old) + f64::from_bits(b)).to_bits(),
            kind => ((u128::from(old) + u128::from(b)) % (1 << bits(kind))) as u64,
        },
    ),
    ("min", &["u32", "s32", "u64", "s64"], |kind, old, b, _| {
        if biased(kind, b) < biased(kind, old) {
            b
        } else {
            old
        }
    }),
    ("max", &["u32", "s32", "u64", "s64"], |kind, old, b, _| {
        if biased(kind, b) > biased(kind, old) {
            b
        } else {
            old
        }
    }),
    ("and", &["b32", "b64"], |_, old, b, _| !(!old | !b)),
    ("or", &["b32", "b64"], |_, old, b, _| !(!old & !b)),
    ("xor", &["b32", "b64"], |_, old, b, _| (old | b) - (old & b)),
    ("exch", &["b32", "b64"], |_, _, b, _| b),
    (
        "cas",
        &["b32", "b64"],
        |_, old, b, c| if old == b { c } else { old },
    ),
    (
        "inc",
        &["u32"],
        |_, old, b, _| if old >= b { 0 } else { old + 1 },
    ),
    ("dec", &["u32"], |_, old, b, _| {
        if old == 0 || old > b { b } else { old - 1 }
    }),
];

/// Bits that, as unsigned numbers, are in the order of the numbers that they stand for.
fn biased(kind: &str, x: u64) -> u64 {
    match kind.starts_with('s') {
        true => x ^ 1 << (bits(kind) - 1),
        false => x,
    }
}

/// Updates come one after another: the values before each, and the last, are the initial one and those after each.
#[test]
fn atomic_operations() {
    let mut random = Random(4);
    for (name, kinds, new) in UPDATES {
        for kind in kinds {
            for space in ["", ".global", ".global.relaxed.gpu"] {
                let mut value = || match (name, *kind) {
                    (_, "f32") => u64::from(((random.next() & 63) as f32).to_bits()),
                    (_, "f64") => ((random.next() & 63) as f64).to_bits(),
                    ("cas" | "inc" | "dec", _) => random.next() & 7,
                    _ => random.next() & mask(kind),
                };
                let initial = value();
                let rows: Vec<[u64; 4]> = (0..210).map(|_| [value(), value(), 0, 0]).collect();
                let third = if name == "cas" { ", %b" } else { "" };
                let instruction = format!("atom{space}.{name}.{kind} %d, [%x1], %a{third};");
                let (olds, last) = update(&instruction, kind, initial, &rows);
                let news = olds
                    .iter()
                    .zip(&rows)
                    .map(|(old, [b, c, ..])| new(kind, *old, *b, *c));
                let mut after: Vec<u64> = news.chain([initial]).collect();
                let mut before: Vec<u64> = olds.iter().copied().chain([last]).collect();
                after.sort_unstable();
                before.sort_unstable();
                assert_eq!(before, after, "{instruction}");
                // the order of these updates does not matter
                if !["exch", "cas", "inc", "dec"].contains(&name) {
                    let expected = rows
                        .iter()
                        .fold(initial, |old, [b, ..]| new(kind, old, *b, 0));
                    assert_eq!(last, expected, "{instruction}");
                    let instruction = format!(
                        "red{space}.{name}.{kind} [%x1], %a;\nmov.b{} %d, %a;",
                        bits(kind)
                    );
                    assert_eq!(
                        update(&instruction, kind, initial, &rows).1,
                        expected,
                        "{instruction}"
                    );
                }
            }
        }
    }
}

#[test]
fn atomic_counters() {
    let olds = |instruction: &str, initial: u64| {
        let (mut olds, last) = update(instruction, "u32", initial, &[[1, 0, 0, 0]; 90]);
        olds.sort_unstable();
        (olds, last)
    };
    assert_eq!(
        olds("atom.global.add.u32 %d, [%x1], %a;", 5),
        ((5..95).collect(), 95)
    );
    // each of 0 to 9, 9 times
    let digits: Vec<u64> = (0..90).map(|at| at / 9).collect();
    assert_eq!(
        olds("atom.global.inc.u32 %d, [%x1], 9;", 0),
        (digits.clone(), 0)
    );
    assert_eq!(olds("atom.global.dec.u32 %d, [%x1], 9;", 9), (digits, 9));
    // an addition by compare and swap, repeated until no other thread was faster
    let swap = "AGAIN: ld.volatile.global.u32 %r0, [%x1];\nadd.u32 %r1, %r0, 3;\natom.global.cas.b32 %d, [%x1], %r0, %r1;\n\
                setp.ne.u32 %p0, %d, %r0;\n@%p0 bra AGAIN;";
    assert_eq!(olds(swap, 0), ((0..90).map(|at| 3 * at).collect(), 270));
}

/// Each block counts the squares of its threads' numbers, modulo 8.
#[test]
fn atomic_operations_in_shared_memory() {
    let body = ".shared .align 4 .b32 counts[8];\nshl.b32 %r10, %r31, 2;\nmov.u32 %r11, counts;\nadd.u32 %r12, %r11, %r10;\n\
                setp.lt.u32 %p0, %r31, 8;\n@%p0 st.shared.u32 [%r12], 0;\nbar.sync 0;\nmul.lo.u32 %r13, %i, %i;\n\
                and.b32 %r13, %r13, 7;\nmad.lo.u32 %r13, %r13, 4, %r11;\natom.shared.add.u32 %r14, [%r13], 1;\nbar.sync 0;\n\
                mov.u32 %r0, 0;\n@%p0 ld.shared.u32 %r0, [%r12];\n";
    for (thread, found) in (0..).zip(threads("", body, 1, line(3, 70))) {
        let (first, own) = (thread / 70 * 70, thread % 70);
        let count = (first..first + 70).filter(|other| own < 8 && other * other % 8 == own);
        assert_eq!(found, [count.count() as u32], "thread {thread}");
    }
}
