// How the persistent kernel divides the work among blocks, warps and lanes, and the shared memory of a block.
//
// A block owns `units` hidden units for the whole launch: the rows of the first layer's weights, the columns of the
// second layer's, and the moments of both stay in its shared memory, and it alone updates them. So only activations,
// gradients by the logits and the second layer's weights pass between blocks.
//
// In the first layer, where nearly all of the arithmetic is, the 28 warps of a block are 7 slices of 112 pixels times 4
// groups. A group is a quad of units (16 units) or a share of the samples (1 or 4 units). Half a warp takes one sample:
// 14 of its 16 lanes read 8 pixels each, so that a lane reuses its 8 weights of each unit, in registers, for all
// samples.
#pragma once
#include <algorithm>

#include "device.cuh"
#include "problem.cuh"

// HIDDEN and BATCH: the problem. UNITS: hidden units of a block. STAGED: samples whose pixels are copied to shared
// memory at a time; the whole batch, or a part of it. BARRIERS per step: with 1, every block computes the logits of all
// samples; with 2, samples are spread over the blocks, and the second barrier follows their gradients.
template <int HIDDEN, int BATCH, int UNITS, int STAGED, int BARRIERS> struct Layout {
    static constexpr int H = HIDDEN, B = BATCH, units = UNITS, staged = STAGED;
    static constexpr bool one_barrier = BARRIERS == 1;
    static constexpr int threads = 896, warps = 28, slices = 7, blocks = H / units;

    // First layer.
    static constexpr int quad = std::min(units, 4), quads = units / quad;  // units that a lane computes at once
    static constexpr int sample_groups = 4 / quads;                        // shares of the samples
    static constexpr int pairs = 8 / quad;     // pairs of samples that a warp computes at once
    static constexpr int chunks = B / staged;  // parts of a batch
    static constexpr int chunks_per_step = chunks == 1 ? 1 : 2 * chunks;  // copied; several are copied again backward

    // Logits: a warp takes three samples and 128 hidden units, 4 of each lane.
    static constexpr int unit_warps = (H + 127) / 128;
    static constexpr int samples = one_barrier ? B : (B + blocks - 1) / blocks;  // of a block
    static constexpr int triples = (samples + 2) / 3;
    static constexpr int triples_at_once = std::min(warps / unit_warps, triples);
    static constexpr bool stage_weights2 = H <= 512 && !(one_barrier && H > 128);  // copy them to shared memory first

    // Backward.
    static constexpr int halves = units == 16 ? 1 : 2;      // shares of the samples in the second layer's gradient
    static constexpr int sum_buffers = units == 1 ? 4 : 1;  // for sums of first-layer gradients over sample groups
    static constexpr bool reload_hidden = units == 16;  // no room to keep own activations: read back from device memory
    static constexpr bool separate_dhidden = B <= 100;  // else gradients by the hidden units replace the activations

    // Scratch floats: partial sums of the first layer; second layer's weights and partial logits; sums over sample
    // groups, or activations read back.
    static constexpr int partial_logits = stage_weights2 ? CLASSES * H : 0;  // where they begin
    static constexpr int first_layer_floats = slices * staged * units;
    static constexpr int logits_floats = partial_logits + (unit_warps > 1 ? unit_warps * triples * 32 : 0);
    static constexpr int gradient_floats = sample_groups > 1 ? sum_buffers * units * INPUTS : 0;
    static constexpr int reloaded_floats = reload_hidden ? B * units : 0;
    static constexpr int scratch_floats =
        (std::max({first_layer_floats, logits_floats, gradient_floats, reloaded_floats}) + 3) / 4 * 4;

    // Shared memory: where each array begins, in bytes. Parameters are followed by both moments.
    static constexpr int at_weights1 = 0;                                   // [3, units, 784]
    static constexpr int at_pixels = at_weights1 + 4 * 3 * units * INPUTS;  // [2, staged, 784] bytes
    static constexpr int at_dlogits = at_pixels + 2 * staged * INPUTS;      // [B, DLOGITS_STRIDE]
    static constexpr int at_scratch = at_dlogits + 4 * B * DLOGITS_STRIDE;
    static constexpr int after_scratch = at_scratch + 4 * scratch_floats;
    static constexpr int at_hidden = reload_hidden ? at_scratch : after_scratch;     // [B, units]
    static constexpr int at_dhidden = at_hidden + 4 * separate_dhidden * B * units;  // [B, units], times SCALE_UP
    static constexpr int at_weights2 =                                               // [3, 10, units]
        after_scratch + (reload_hidden ? 0 : 4 * (1 + separate_dhidden) * B * units);
    static constexpr int at_bias1 = at_weights2 + 4 * 3 * units * CLASSES;       // [3, units]
    static constexpr int at_bias2 = at_bias1 + 4 * 3 * units;                    // [3, 10], in every block
    static constexpr int at_gradient2 = at_bias2 + 4 * 32;                       // [halves, 10, units]
    static constexpr int at_sums = at_gradient2 + 4 * halves * CLASSES * units;  // [11] of columns of dlogits
    static constexpr int at_labels = at_sums + 4 * 12;                           // [samples]
    static constexpr int at_cycles = at_labels + 4 * ((samples + 3) / 4 * 4);    // [7] per phase, then the clock
    static constexpr int at_mbarriers = (at_cycles + 4 * 8 + 15) / 16 * 16;      // [2] of 8 bytes
    static constexpr int shared_bytes = at_mbarriers + 16;
};

// What a block works on: its units, its samples, and the arrays of Layout.
template <class L> struct Block {
    int index = blockIdx.x, first_unit = index * L::units, first_sample = L::one_barrier ? 0 : index * L::samples;
    float *weights1, *moments1, *moments2;
    uint8_t *pixels;
    float *dlogits, *scratch, *hidden, *dhidden, *weights2, *bias1, *bias2, *gradient2, *sums;
    int *labels;
    uint32_t *cycles, mbarriers;  // the latter an address in shared memory

    __device__ __forceinline__ explicit Block(unsigned char *memory)
        : weights1((float *)(memory + L::at_weights1)),
          moments1(weights1 + L::units * INPUTS),
          moments2(moments1 + L::units * INPUTS),
          pixels(memory + L::at_pixels),
          dlogits((float *)(memory + L::at_dlogits)),
          scratch((float *)(memory + L::at_scratch)),
          hidden((float *)(memory + L::at_hidden)),
          dhidden((float *)(memory + L::at_dhidden)),
          weights2((float *)(memory + L::at_weights2)),
          bias1((float *)(memory + L::at_bias1)),
          bias2((float *)(memory + L::at_bias2)),
          gradient2((float *)(memory + L::at_gradient2)),
          sums((float *)(memory + L::at_sums)),
          labels((int *)(memory + L::at_labels)),
          cycles((uint32_t *)(memory + L::at_cycles)),
          mbarriers(shared_address(memory + L::at_mbarriers)) {}
};

// A thread's place. Constructed anew in every phase, from a read that the compiler cannot reuse: kept live over a step,
// these numbers are spilled, and next to this much shared memory the L1 cache (about 28 kB) is smaller than the spill
// slots of 896 threads.
template <class L> struct Thread {
    int index = read_thread_index();
    int warp = index >> 5, lane = index & 31;
    int half = lane >> 4, half_lane = lane & 15;  // which of two samples, which 8 pixels of the slice
    int slice = warp % 7, quad = warp / 7 % L::quads, sample_group = warp / 7 / L::quads;
    int pixel = slice * 112 + min(half_lane, 13) * 8;  // lanes 14 and 15 repeat the last

    __device__ __forceinline__ Thread() {}
};
