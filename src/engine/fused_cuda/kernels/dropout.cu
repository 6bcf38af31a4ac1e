// The masks of dropouts. `seed::dropout_row` defines them.

// A dropout's words: ChaCha8 streams of this key, one for each step.
struct Stream {
    u32 key[8];
    u64 of_step_0;
    u64 per_step;
};

__device__ void quarter(u32 &a, u32 &b, u32 &c, u32 &d) {
    a += b; d ^= a; d = d << 16 | d >> 16;
    c += d; b ^= c; b = b << 12 | b >> 20;
    a += b; d ^= a; d = d << 8 | d >> 24;
    c += d; b ^= c; b = b << 7 | b >> 25;
}

// The factors of a dropout, `[batch, width]`: 0 where a word is below `dropped_below`, else `keep`. A thread for 16 words.
extern "C" __global__ void dropout(Run run, Batch batch, float *mask, int width, Stream stream, u32 dropped_below, float keep) {
    int blocks = (width + 15) / 16;
    int at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= batch.len * blocks) return;
    int row = at / blocks, block = at % blocks;
    u64 nonce = stream.of_step_0 + run.steps[number(run, batch)].number * stream.per_step;
    u64 counter = ((u64)row << 28) + block;
    u32 first[16] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, stream.key[0], stream.key[1], stream.key[2],
                     stream.key[3], stream.key[4], stream.key[5], stream.key[6], stream.key[7], (u32)counter,
                     (u32)(counter >> 32), (u32)nonce, (u32)(nonce >> 32)};
    u32 s[16];
    for (int i = 0; i < 16; i++) s[i] = first[i];
    for (int round = 0; round < 4; round++) {
        quarter(s[0], s[4], s[8], s[12]);
        quarter(s[1], s[5], s[9], s[13]);
        quarter(s[2], s[6], s[10], s[14]);
        quarter(s[3], s[7], s[11], s[15]);
        quarter(s[0], s[5], s[10], s[15]);
        quarter(s[1], s[6], s[11], s[12]);
        quarter(s[2], s[7], s[8], s[13]);
        quarter(s[3], s[4], s[9], s[14]);
    }
    for (int i = 0; i < 16 && block * 16 + i < width; i++)
        mask[row * width + block * 16 + i] = s[i] + first[i] < dropped_below ? 0.0f : keep;
}
