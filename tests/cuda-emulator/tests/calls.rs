//! Parameters and results of functions, and parameters of kernels.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kernel;

use kernel::{launch_with, line, threads_and_arrays};

const FUNCTIONS: &str = "
.func (.param .b32 result) divisor(.param .b32 first, .param .b32 second);
.func (.param .align 8 .b8 result[16]) swapped(.param .align 8 .b8 pair[16], .param .b32 by)
{
    .reg .b64 %l<3>;
    .reg .b32 %r<2>;
    ld.param.v2.b64 {%l0, %l1}, [pair];
    ld.param.u32 %r0, [by];
    cvt.u64.u32 %l2, %r0;
    add.s64 %l0, %l0, %l2;
    st.param.b64 [result+8], %l0;
    st.param.b64 [result], %l1;
    ret;
}
.func (.param .b32 result) divisor(.param .b32 first, .param .b32 second)
{
    .reg .pred %p<2>;
    .reg .b32 %r<4>;
    ld.param.b32 %r0, [first];
    ld.param.b32 %r1, [second];
NEXT:
    setp.eq.u32 %p0, %r1, 0;
    @%p0 bra END;
    rem.u32 %r2, %r0, %r1;
    mov.u32 %r0, %r1;
    mov.u32 %r1, %r2;
    bra NEXT;
END:
    st.param.b32 [result], %r0;
    ret;
}
.func (.param .b32 result) of_three(.param .b32 first, .param .b32 second, .param .b32 third)
{
    .reg .b32 %r<4>;
    .reg .pred %p0;
    ld.param.b32 %r0, [third];
    setp.eq.u32 %p0, %r0, 0;
    @%p0 bra TWO;
    ld.param.b32 %r1, [second];
    {
        .param .b32 one;
        .param .b32 two;
        .param .b32 back;
        st.param.b32 [one], %r0;
        st.param.b32 [two+0], %r1;
        call.uni (back), divisor, (one, two);
        ld.param.b32 %r0, [back];
    }
    bra REST;
TWO:
    ld.param.b32 %r0, [second];
REST:
    ld.param.b32 %r1, [first];
    {
        .param .b32 one;
        .param .b32 two;
        .param .b32 back;
        st.param.b32 [one], %r1;
        st.param.b32 [two], %r0;
        call (back), divisor, (one, two);
        ld.param.b32 %r0, [back+0];
    }
    st.param.b32 [result], %r0;
    ret;
}
.func set(.param .b64 address, .param .b32 value)
{
    .reg .b64 %l0;
    .reg .b32 %r0;
    ld.param.b64 %l0, [address];
    ld.param.b32 %r0, [value];
    st.global.u32 [%l0], %r0;
    ret;
}
";

/// Functions that only some lanes call; nested calls; a structure as parameter and result; no result.
#[test]
fn calls() {
    let body = "and.b32 %r10, %i, 3;\nsetp.eq.u32 %p0, %r10, 1;\nmul.lo.u32 %r11, %i, 12;\nadd.u32 %r12, %i, 6;\n\
                mov.u32 %r13, 42;\nsetp.lt.u32 %p1, %i, 20;\n@%p0 bra OTHER;\n\
                { .param .b32 a; .param .b32 b; .param .b32 c; .param .b32 d;\n\
                st.param.b32 [a], %r11; st.param.b32 [b], %r12; st.param.b32 [c], %r10;\n\
                call (d), of_three, (a, b, c); ld.param.b32 %r0, [d]; }\nmov.u32 %r1, 1;\nbra JOIN;\n\
                OTHER: cvt.u64.u32 %l4, %i; mov.b64 %l5, {%r13, %i};\n\
                { .param .align 8 .b8 pair[16]; .param .b32 by; .param .align 8 .b8 back[16];\n\
                st.param.v2.b64 [pair], {%l4, %l5}; st.param.b32 [by], %r12;\n\
                call.uni (back), swapped, (pair, by); ld.param.b64 %l6, [back]; ld.param.b64 %l7, [back+8]; }\n\
                mov.b64 {%r0, %r14}, %l6;\nadd.u32 %r0, %r0, %r14;\nmov.b64 {%r1, %r14}, %l7;\n\
                JOIN: mul.wide.u32 %l8, %i, 4; add.s64 %l8, %l8, %x1;\n\
                { .param .b64 a; .param .b32 b; st.param.b64 [a], %l8; st.param.b32 [b], %r12;\n\
                @%p1 call set, (a, b); }\n";
    let (found, arrays) = threads_and_arrays(FUNCTIONS, body, 2, line(2, 35), &[vec![7; 70]]);
    for (thread, pair) in (0..70u32).zip(found) {
        // the largest number that divides all three
        let divides = |by: &u32| {
            (thread * 12).is_multiple_of(*by)
                && (thread + 6).is_multiple_of(*by)
                && (thread % 4).is_multiple_of(*by)
        };
        let expected = match thread % 4 {
            1 => [42 + thread, 2 * thread + 6],
            _ => [(1..2000).filter(divides).max().unwrap(), 1],
        };
        assert_eq!(pair, expected, "thread {thread}");
        let set = if thread < 20 { thread + 6 } else { 7 };
        assert_eq!(arrays[0][thread as usize], set, "thread {thread}");
    }
}

/// Parameters of all widths at their offsets, and a structure.
#[test]
fn kernel_parameters() {
    let ptx = ".version 9.0\n.target sm_90\n.address_size 64\n.visible .entry test(.param .u64 to, .param .u8 a, \
               .param .align 2 .b8 b[6], .param .s16 c, .param .f32 d, .param .align 8 .b8 e[16], .param .u32 f)\n\
               .maxntid 64, 1, 1\n.minnctapersm 2\n{\n.reg .b64 %l<8>;\n.reg .b32 %r<8>;\n\
               ld.param.u64 %l0, [to];\nld.param.u8 %r0, [a];\nld.param.u16 %r1, [b+4];\nld.param.s16 %r2, [c];\n\
               ld.param.f32 %r3, [d];\nld.param.v2.u64 {%l1, %l2}, [e];\nld.param.u32 %r4, [f];\n\
               mov.u32 %r5, %tid.x;\nmul.wide.u32 %l3, %r5, 48;\nadd.s64 %l3, %l3, %l0;\n\
               st.global.v4.u32 [%l3], {%r0, %r1, %r2, %r3};\nst.global.v2.u64 [%l3+16], {%l1, %l2};\n\
               st.global.u32 [%l3+32], %r4;\nret;\n}\n";
    // a at 8, b at 10, c at 16, d at 20, e at 24, f at 40
    let mut parameters = vec![200, 0, 1, 0, 2, 0, 3, 0];
    parameters.extend((-5i16).to_le_bytes());
    parameters.extend([0; 2]);
    parameters.extend(1.5f32.to_le_bytes());
    parameters.extend((1u64 << 40).to_le_bytes());
    parameters.extend((3u64 << 50).to_le_bytes());
    parameters.extend(77u32.to_le_bytes());
    let found = launch_with(ptx, line(1, 40), &[vec![0; 48 * 40]], &parameters);
    for found in found[0].chunks(48) {
        let words = found
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()));
        let words: Vec<u32> = words.take(9).collect();
        let one = 1.5f32.to_bits();
        assert_eq!(words, [200, 3, 0xFFFF_FFFB, one, 0, 1 << 8, 0, 3 << 18, 77]);
    }
}

/// An address that is computed, another in each thread.
#[test]
fn addresses_of_kernel_parameters() {
    let ptx = ".version 9.0\n.target sm_90\n.address_size 64\n\
               .visible .entry test(.param .u64 to, .param .align 4 .b8 words[16])\n{\n\
               .reg .b64 %l<8>;\n.reg .b32 %r<8>;\nld.param.u64 %l0, [to];\n\
               mov.u32 %r0, %tid.x;\nmul.wide.u32 %l1, %r0, 4;\nadd.s64 %l2, %l0, %l1;\n\
               and.b64 %l3, %l1, 8;\nmov.b64 %l4, words;\nadd.s64 %l4, %l4, %l3;\n\
               ld.param.v2.u32 {%r1, %r2}, [%l4];\nsub.u32 %r1, %r1, %r2;\n\
               st.global.u32 [%l2], %r1;\nret;\n}\n";
    let words: Vec<u8> = [10u32, 3, 500, 100]
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect();
    let found = launch_with(ptx, line(1, 40), &[vec![0; 160]], &words);
    for (thread, found) in found[0].chunks(4).enumerate() {
        let expected: u32 = if thread % 4 < 2 { 7 } else { 400 };
        assert_eq!(found, expected.to_le_bytes(), "thread {thread}");
    }
}
