//! Kernels of a few instructions: their PTX, launches, and checks of the results of each thread.

#![allow(dead_code, reason = "not every test file uses all of it")]

pub mod exact;
pub mod faulty;
pub mod operands;

use tuplenet_cuda_emulator::driver::{Device, Kernel, Settings};

/// Blocks of a grid, threads of a block, bytes of dynamic shared memory.
pub type Shape = ([u32; 3], [u32; 3], usize);

/// The threads of a block in [`run`]: no multiple of the 32 of a warp.
const BLOCK: usize = 80;
/// The names of the operands and results in [`run`].
const OPERANDS: [&str; 4] = ["%a", "%b", "%c", "%e"];
const RESULTS: [&str; 4] = ["%d", "%f", "%g", "%k"];

/// A module with one kernel, after other declarations. Its parameters are the addresses of arrays, in `%x0` and following;
/// `%i` is the number of the thread in a launch of one dimension, `%o` four times as much.
pub fn module(before: &str, arrays: usize, body: &str) -> String {
    let parameters = (0..arrays).map(|at| format!(".param .u64 p{at}"));
    let loads = (0..arrays)
        .map(|at| format!("ld.param.u64 %x{at}, [p{at}];\ncvta.to.global.u64 %x{at}, %x{at};\n"));
    format!(
        ".version 9.0\n.target sm_90\n.address_size 64\n{before}\n.visible .entry test({})\n{{\n\
         .reg .pred %p<8>;\n.reg .b16 %h<8>;\n.reg .b32 %i, %r<32>, %s<8>;\n.reg .b64 %o, %x<8>, %l<32>, %m<8>;\n\
         {}mov.u32 %r29, %ctaid.x;\nmov.u32 %r30, %ntid.x;\nmov.u32 %r31, %tid.x;\n\
         mad.lo.u32 %i, %r29, %r30, %r31;\nmul.wide.u32 %o, %i, 4;\n{body}\nret;\n}}\n",
        parameters.collect::<Vec<_>>().join(", "),
        loads.collect::<String>(),
    )
}

/// What a launch of the only kernel of a module leaves in the arrays.
pub fn launch(ptx: &str, shape: Shape, arrays: &[Vec<u8>]) -> Vec<Vec<u8>> {
    launch_with(ptx, shape, arrays, &[])
}

/// A launch with further bytes of parameters after the addresses of the arrays.
pub fn launch_with(
    ptx: &str,
    (grid, block, shared_bytes): Shape,
    arrays: &[Vec<u8>],
    more: &[u8],
) -> Vec<Vec<u8>> {
    let mut device = Device::new(Settings::default());
    let loaded = device.load(ptx);
    let loaded = loaded.unwrap_or_else(|_| panic!("{:?} in\n{ptx}", device.text()));
    let is_kernel = |function: &usize| loaded.module.functions[*function].is_kernel;
    let function = (0..loaded.module.functions.len()).find(is_kernel).unwrap();
    let mut addresses = Vec::new();
    for array in arrays {
        let address = device.allocate(array.len()).unwrap();
        device.write(address, array, "test").unwrap();
        addresses.push(address);
    }
    let mut parameters: Vec<u8> = addresses.iter().flat_map(|at| at.to_le_bytes()).collect();
    parameters.extend(more);
    let kernel = Kernel { loaded, function };
    let done = device.launch(&kernel, grid, block, shared_bytes, &parameters);
    done.unwrap_or_else(|_| panic!("{:?} in\n{ptx}", device.text()));
    let pairs = addresses.iter().zip(arrays);
    pairs
        .map(|(&address, array)| device.read(address, array.len(), "test").unwrap().to_vec())
        .collect()
}

/// The shape of a launch of one dimension.
pub fn line(blocks: u32, threads: u32) -> Shape {
    ([blocks, 1, 1], [threads, 1, 1], 0)
}

/// A launch whose arrays consist of words.
pub fn launch_words(ptx: &str, shape: Shape, arrays: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let bytes = |words: &Vec<u32>| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let arrays: Vec<Vec<u8>> = arrays.iter().map(bytes).collect();
    let words = |bytes: Vec<u8>| {
        let words = bytes.chunks(4).map(|word| word.try_into().unwrap());
        words.map(u32::from_le_bytes).collect()
    };
    launch(ptx, shape, &arrays).into_iter().map(words).collect()
}

/// The `count` results of each thread of a launch, which a kernel's body leaves in `%r0` and following. `%i` is the thread's
/// number in the launch. Arrays `more`, in `%x1` and following, come back second.
pub fn threads_and_arrays(
    before: &str,
    body: &str,
    count: usize,
    shape: Shape,
    more: &[Vec<u32>],
) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let stores = (0..count).map(|at| format!("st.global.u32 [%l0+{}], %r{at};\n", 4 * at));
    let body = format!(
        "{body}mul.wide.u32 %l0, %i, {};\nadd.s64 %l0, %l0, %x0;\n{}",
        4 * count,
        stores.collect::<String>()
    );
    let threads = shape.0.iter().chain(&shape.1).product::<u32>() as usize;
    let mut arrays = vec![vec![0; count * threads]];
    arrays.extend_from_slice(more);
    let mut arrays = launch_words(&module(before, arrays.len(), &body), shape, &arrays);
    let results = arrays.remove(0);
    (results.chunks(count).map(<[u32]>::to_vec).collect(), arrays)
}

/// [`threads_and_arrays`] without further arrays.
pub fn threads(before: &str, body: &str, count: usize, shape: Shape) -> Vec<Vec<u32>> {
    threads_and_arrays(before, body, count, shape, &[]).0
}

/// The bits of a type such as `s32`; a predicate is held in one.
pub fn bits(kind: &str) -> u32 {
    kind[1..].parse().unwrap_or(1)
}

/// The lowest bits, as many as the type has.
pub fn mask(kind: &str) -> u64 {
    u64::MAX >> (64 - bits(kind))
}

/// The number of this type that bits stand for.
pub fn value(kind: &str, of: u64) -> i128 {
    let number = i128::from(of & mask(kind));
    match kind.as_bytes()[0] == b's' && number >> (bits(kind) - 1) == 1 {
        true => number - (1 << bits(kind)),
        false => number,
    }
}

/// The bits of a number of this type, modulo 2 to the power of their count.
pub fn wrapped(kind: &str, number: i128) -> u64 {
    number as u64 & mask(kind)
}

/// The results of a kernel's body in each thread, whose operands `%a`, `%b`, `%c`, `%e` have these types. The results are in
/// `%d`, `%f`, `%g`, `%k`. `pred` is a type too; values of 8 bits are in registers of 16.
pub fn run<const N: usize>(
    body: &str,
    results: [&str; N],
    kinds: &[&str],
    inputs: &[[u64; 4]],
) -> Vec<[u64; N]> {
    let register = |name: &str, kind: &str| match kind {
        "pred" => format!(".reg .pred {name};\n"),
        _ => format!(".reg .b{} {name};\n", bits(kind).max(16)),
    };
    let mut text = format!(
        "setp.ge.u32 %p7, %i, {};\n@%p7 ret;\nmul.wide.u32 %o, %i, 8;\n",
        inputs.len()
    );
    for (at, (name, kind)) in OPERANDS.iter().zip(kinds).enumerate() {
        let load = match *kind {
            "pred" => format!("ld.global.u32 %r28, [%l31];\nsetp.ne.u32 {name}, %r28, 0;\n"),
            kind => format!("ld.global.{kind} {name}, [%l31];\n"),
        };
        text += &register(name, kind);
        text += &format!("add.s64 %l31, %x{}, %o;\n{load}", N + at);
    }
    let named = RESULTS.iter().zip(results);
    named
        .clone()
        .for_each(|(name, kind)| text += &register(name, kind));
    text += &format!("{body}\n");
    for (at, (name, kind)) in named.enumerate() {
        let store = match kind {
            "pred" => format!("selp.u32 %r28, 1, 0, {name};\nst.global.u32 [%l31], %r28;\n"),
            kind => format!("st.global.b{} [%l31], {name};\n", bits(kind)),
        };
        text += &format!("add.s64 %l31, %x{at}, %o;\n{store}");
    }
    let mut arrays = vec![vec![0; inputs.len() * 8]; N];
    let column = |at: usize| inputs.iter().flat_map(move |row| row[at].to_le_bytes());
    arrays.extend((0..kinds.len()).map(|at| column(at).collect()));
    let block = inputs.len().min(BLOCK);
    let grid = inputs.len().div_ceil(block) as u32;
    let shape = line(grid, block as u32);
    let arrays = launch(&module("", arrays.len(), &text), shape, &arrays);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let row =
        |thread: usize| std::array::from_fn(|at| number(&arrays[at][thread * 8..thread * 8 + 8]));
    (0..inputs.len()).map(row).collect()
}

/// Compares the result of a body in each thread with what a function expects of its operands. All NaN are the same.
pub fn check(
    body: &str,
    result: &str,
    kinds: &[&str],
    inputs: &[[u64; 4]],
    expected: impl Fn([u64; 4]) -> u64,
) {
    let found = run(body, [result], kinds, inputs);
    let wrong = inputs.iter().zip(found).filter_map(|(input, [found])| {
        let operands: Vec<u64> = input.iter().zip(kinds).map(|(x, k)| x & mask(k)).collect();
        let mut padded = [0; 4];
        padded[..operands.len()].copy_from_slice(&operands);
        let expected = one_nan(result, expected(padded));
        let found = one_nan(result, found);
        let text = format!("  {operands:#x?} gives {found:#x}, expected {expected:#x}\n");
        (found != expected).then(|| text.replace('\n', " "))
    });
    let wrong: Vec<String> = wrong.collect();
    let first = wrong.iter().take(6).map(|line| format!("{line}\n"));
    let (count, all) = (wrong.len(), inputs.len());
    assert!(
        wrong.is_empty(),
        "{body} is wrong for {count} of {all} inputs:\n{}",
        first.collect::<String>()
    );
}

/// The bits of a result, the same for every NaN.
fn one_nan(kind: &str, bits: u64) -> u64 {
    match kind {
        "f32" if f32::from_bits(bits as u32).is_nan() => 0x7FFF_FFFF,
        "f64" if f64::from_bits(bits).is_nan() => i64::MAX as u64,
        _ => bits,
    }
}
