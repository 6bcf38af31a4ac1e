// Forward phases of the persistent kernel: the first layer of the block's own units, then logits, softmax and loss.
#pragma once
#include "persistent_pixels.cuh"

// hidden = relu(W1 x + b1) of the own units and all samples: one pass over the batch with the own weights in registers.
template <class L>
__device__ __forceinline__ void first_layer(const Block<L> &block, PixelStream<L> &pixels, float *hidden) {
    constexpr int H = L::H, U = L::units, QUAD = L::quad;
    const Thread<L> t;
    float weights[QUAD][8];
#pragma unroll
    for (int u = 0; u < QUAD; u++) {
        const float4 *row = (const float4 *)(block.weights1 + (t.quad * QUAD + u) * INPUTS + t.pixel);
        *(float4 *)weights[u] = row[0];
        *(float4 *)(weights[u] + 4) = row[1];
#pragma unroll
        for (int i = 0; i < 8; i++) weights[u][i] *= t.half_lane < 14 ? SCALE_UP : 0.f;
    }
    for (int chunk = 0; chunk < L::chunks; chunk++) {
        if (chunk) pixels.next();
        // Each slice's partial sums, [7, staged, U].
        const uint8_t *x = pixels.buffer() + t.pixel;
        for (int pair = t.sample_group * L::pairs; pair < L::staged / 2; pair += L::sample_groups * L::pairs) {
            float sums[8] = {};
#pragma unroll
            for (int j = 0; j < L::pairs; j++) {
                uint2 bytes = *(const uint2 *)(x + min(2 * (pair + j) + t.half, L::staged - 1) * INPUTS);
                float values[8];
                unpack_pixels(bytes.x, values);
                unpack_pixels(bytes.y, values + 4);
#pragma unroll
                for (int i = 0; i < 8; i++)
#pragma unroll
                    for (int u = 0; u < QUAD; u++)
                        sums[j * QUAD + u] = fmaf(weights[u][i], values[i], sums[j * QUAD + u]);
            }
            float sum = sum_over_lanes<8, 8>(sums, t.lane);
            const int sample = 2 * (pair + t.half_lane / 2 / QUAD) + t.half;
            if (!(t.half_lane & 1) && sample < L::staged)
                block.scratch[(t.slice * L::staged + sample) * U + t.quad * QUAD + t.half_lane / 2 % QUAD] = sum;
        }
        __syncthreads();
        for (int i = t.index; i < L::staged * U; i += L::threads) {
            float z = 0;
#pragma unroll
            for (int slice = 0; slice < L::slices; slice++) z += block.scratch[slice * L::staged * U + i];
            z = fmaxf(z * SCALE_DOWN + block.bias1[i % U], 0.f);
            if constexpr (!L::reload_hidden) block.hidden[chunk * L::staged * U + i] = z;
            hidden[(chunk * L::staged + i / U) * H + block.first_unit + i % U] = z;
        }
        if (L::chunks > 1) pixels.chunk++;
    }
}

// The labels of the samples whose logits this block computes.
template <class L> __device__ __forceinline__ void load_labels(const Training &a, const Block<L> &block, int step) {
    const Thread<L> t;
    if (t.index < L::samples && block.first_sample + t.index < L::B)
        block.labels[t.index] = a.labels[a.order[step % (SAMPLES / L::B) * L::B + block.first_sample + t.index]];
}

// Softmax cross-entropy of three samples by one warp: lane 10 s + c has the logit of sample s and class c, before the
// bias. Writes the loss's gradient by the logits, divided by B, and the loss.
template <class L>
__device__ __forceinline__ void softmax(const Training &a, const Block<L> &block, int lane, float logit, int triple) {
    const int i = min(lane / CLASSES, 2), c = lane % CLASSES, n = triple * 3 + i, b = block.first_sample + n;
    const float z = logit + block.bias2[c];
    float logits[CLASSES], top = -1e30f, sum = 0;
#pragma unroll
    for (int o = 0; o < CLASSES; o++) top = fmaxf(top, logits[o] = __shfl_sync(~0u, z, i * CLASSES + o));
#pragma unroll
    for (int o = 0; o < CLASSES; o++) sum += __expf(logits[o] - top);
    if (lane < 3 * CLASSES && n < L::samples && b < L::B) {
        const int label = block.labels[n];
        float *out = (L::one_barrier ? block.dlogits : a.dlogits) + b * DLOGITS_STRIDE;
        out[c] = (__fdividef(__expf(z - top), sum) - (c == label)) * (1.f / L::B);
        if (c == label) out[CLASSES] = __logf(sum) + top - z;
    }
}

// Logits, loss and its gradient of the block's samples. What other blocks wrote is read with __ldcg, from the L2 cache:
// the L1 cache may hold values of an earlier step. `activations` is a local array, of the caller: as a local array of
// this function, nvcc 13.0 spends other registers in the kernel's other phases.
template <class L>
__device__ __forceinline__ void logits(
    const Training &a, const Block<L> &block, const float *hidden, const float *weights2, float4 (&activations)[3]) {
    constexpr int H = L::H;
    const Thread<L> t;
    const int unit_warp = t.warp % L::unit_warps, sample_warp = t.warp / L::unit_warps,
              unit = unit_warp * 128 + t.lane * 4;
    const bool inside = unit < H;
    auto sample_of = [&](int n) { return min(block.first_sample + min(n, L::samples - 1), L::B - 1); };
    auto load_activations = [&](int triple) {
#pragma unroll
        for (int i = 0; i < 3; i++)
            activations[i] = inside ? __ldcg((const float4 *)(hidden + sample_of(triple * 3 + i) * H + unit))
                                    : make_float4(0, 0, 0, 0);
    };
    if (sample_warp < L::triples_at_once) load_activations(sample_warp);
    if constexpr (L::stage_weights2) {
        for (int i = t.index; i < CLASSES * H / 4; i += L::threads)
            ((float4 *)block.scratch)[i] = __ldcg((const float4 *)weights2 + i);
        __syncthreads();
    }
    if (sample_warp < L::triples_at_once) {
        for (int triple = sample_warp; triple < L::triples; triple += L::triples_at_once) {
            float products[32];
            products[30] = products[31] = 0;
#pragma unroll
            for (int c = 0; c < CLASSES; c++) {
                const float4 weights = !inside ? make_float4(0, 0, 0, 0)
                    : L::stage_weights2        ? *(float4 *)(block.scratch + c * H + unit)
                                               : __ldcg((const float4 *)(weights2 + c * H + unit));
#pragma unroll
                for (int i = 0; i < 3; i++) products[i * CLASSES + c] = dot(activations[i], weights);
            }
            if (triple + L::triples_at_once < L::triples) load_activations(triple + L::triples_at_once);
            float sum = sum_over_lanes<32, 16>(products, t.lane);
            if constexpr (L::unit_warps == 1)
                softmax<L>(a, block, t.lane, sum, triple);
            else
                block.scratch[L::partial_logits + (unit_warp * L::triples + triple) * 32 + t.lane] = sum;
        }
    }
    if constexpr (L::unit_warps > 1) {
        __syncthreads();
        for (int triple = t.warp; triple < L::triples; triple += L::warps) {
            float sum = 0;
#pragma unroll
            for (int i = 0; i < L::unit_warps; i++)
                sum += block.scratch[L::partial_logits + (i * L::triples + triple) * 32 + t.lane];
            softmax<L>(a, block, t.lane, sum, triple);
        }
    }
}

// After the second barrier: all samples' gradients by the logits, and the own activations if they had no room.
template <class L>
__device__ __forceinline__ void collect(const Training &a, const Block<L> &block, const float *hidden) {
    const Thread<L> t;
    for (int i = t.index; i < L::B * DLOGITS_STRIDE / 4; i += L::threads)
        ((float4 *)block.dlogits)[i] = __ldcg((const float4 *)a.dlogits + i);
    if constexpr (L::reload_hidden)
        for (int i = t.index; i < L::B * L::units; i += L::threads)
            block.hidden[i] = __ldcg(hidden + i / L::units * L::H + block.first_unit + i % L::units);
    __syncthreads();
}
