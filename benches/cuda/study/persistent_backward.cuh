// Backward phases of the persistent kernel: gradients of the second layer, of the hidden units, of the first layer, and
// Adam. Sums over samples have a fixed order, so a step always gives the same bits.
#pragma once
#include "persistent_pixels.cuh"

// Sums of dlogits * hidden over the samples (the gradient of the second layer's weights): a warp per class and half of
// the samples. Other warps add the columns of dlogits: the gradient of the second bias, and the loss.
template <class L>
__device__ __forceinline__ void second_layer_gradients(const Training &a, const Block<L> &block, int step) {
    constexpr int B = L::B, U = L::units, QUAD = L::quad, SAMPLES_AT_ONCE = 32 / L::quads;
    const Thread<L> t;
    if (t.warp < CLASSES * L::halves) {
        const int c = t.warp % CLASSES;
        float sums[QUAD] = {}, activations[QUAD];
        for (int b = t.lane / L::quads + SAMPLES_AT_ONCE * (t.warp / CLASSES); b < B;
            b += SAMPLES_AT_ONCE * L::halves) {
            const float dlogit = block.dlogits[b * DLOGITS_STRIDE + c];
            load<QUAD>(activations, block.hidden + b * U + t.lane % L::quads * QUAD);
#pragma unroll
            for (int u = 0; u < QUAD; u++) sums[u] += dlogit * activations[u];
        }
        float sum = sum_over_lanes<QUAD, 16, L::quads>(sums, t.lane);
        if (t.lane % (32 / QUAD) < L::quads)
            block.gradient2[(t.warp / CLASSES * CLASSES + c) * U + t.lane % L::quads * QUAD + t.lane / (32 / QUAD)] =
                sum;
    } else {
        for (int c = t.warp - CLASSES * L::halves; c < CLASSES + 1; c += L::warps - CLASSES * L::halves) {
            float sum = 0;
            for (int b = t.lane; b < B; b += 32) sum += block.dlogits[b * DLOGITS_STRIDE + c];
            sum = sum_over_lanes<1, 16>(&sum, t.lane);
            if (t.lane == 0) {
                block.sums[c] = sum;
                if (c == CLASSES && blockIdx.x == 0) a.losses[step] = sum * (1.f / B);
            }
        }
    }
}

// dhidden = W2' dlogits where hidden > 0, with the second layer's weights before their update, times SCALE_UP.
template <class L> __device__ __forceinline__ void hidden_gradients(const Block<L> &block) {
    constexpr int U = L::units, QUAD = L::quad;
    if (!L::separate_dhidden) __syncthreads();  // dhidden takes the place of hidden, which other warps still read
    const Thread<L> t;
    for (int i = t.index; i < L::B * L::quads; i += L::threads) {
        const int b = i / L::quads, quad = i % L::quads;
        float dlogits[DLOGITS_STRIDE], values[QUAD];
#pragma unroll
        for (int k = 0; k < DLOGITS_STRIDE; k += 4) load<4>(dlogits + k, block.dlogits + b * DLOGITS_STRIDE + k);
        load<QUAD>(values, block.hidden + b * U + quad * QUAD);
#pragma unroll
        for (int u = 0; u < QUAD; u++) {
            float sum = 0;
#pragma unroll
            for (int c = 0; c < CLASSES; c++) sum += dlogits[c] * block.weights2[c * U + quad * QUAD + u];
            values[u] = values[u] > 0 ? sum * SCALE_UP : 0.f;
        }
        load<QUAD>(block.dhidden + b * U + quad * QUAD, values);
    }
    __syncthreads();
}

// Adam of the own columns of the second layer, which go out for the next step, of the second bias (in every block the
// same) and of the own first biases.
template <class L>
__device__ __forceinline__ void update_small(
    const Training &a, const Block<L> &block, const Thread<L> &t, int step, float2 correction) {
    constexpr int H = L::H, U = L::units, QUAD = L::quad, SAMPLES_AT_ONCE = 32 / L::quads;
    if (t.index < CLASSES * U) {
        const int i = t.index;
        float gradient = block.gradient2[i] + (L::halves > 1 ? block.gradient2[i + CLASSES * U] : 0.f);
        float *w = block.weights2;
        adam(gradient, w[i], w[CLASSES * U + i], w[2 * CLASSES * U + i], correction);
        a.weights2[((step + 1) & 1) * CLASSES * H + i / U * H + block.first_unit + i % U] = w[i];
    } else if (t.index < CLASSES * U + CLASSES) {
        const int c = t.index - CLASSES * U;
        float *w = block.bias2;
        adam(block.sums[c], w[c], w[CLASSES + c], w[2 * CLASSES + c], correction);
    }
    if (t.warp == 26) {
        float sums[QUAD] = {}, values[QUAD];
#pragma unroll 4
        for (int b = t.lane / L::quads; b < L::B; b += SAMPLES_AT_ONCE) {
            load<QUAD>(values, block.dhidden + b * U + t.lane % L::quads * QUAD);
#pragma unroll
            for (int u = 0; u < QUAD; u++) sums[u] += values[u];
        }
        const float gradient = sum_over_lanes<QUAD, 16, L::quads>(sums, t.lane) * (1.f / SCALE_UP);
        const int u = t.lane % L::quads * QUAD + t.lane / (32 / QUAD);
        float *w = block.bias1;
        if (t.lane % (32 / QUAD) < L::quads) adam(gradient, w[u], w[U + u], w[2 * U + u], correction);
    }
}

// The first layer's gradient, dhidden' x, in registers: a lane's units and 8 pixels, of its half-warp's samples.
template <class L>
__device__ __forceinline__ void first_layer_gradients(
    const Block<L> &block, PixelStream<L> &pixels, const Thread<L> &t, float (&gradients)[L::quad][8]) {
    constexpr int U = L::units, QUAD = L::quad;
    for (int chunk = 0; chunk < L::chunks; chunk++) {
        if (L::chunks > 1) pixels.next();
        const uint8_t *x = pixels.buffer() + t.pixel;
#pragma unroll 2
        for (int pair = t.sample_group; pair < L::staged / 2; pair += L::sample_groups) {
            const int sample = 2 * pair + t.half;
            uint2 bytes = *(const uint2 *)(x + sample * INPUTS);
            float values[8], dhidden[QUAD];
            unpack_pixels(bytes.x, values);
            unpack_pixels(bytes.y, values + 4);
            load<QUAD>(dhidden, block.dhidden + (chunk * L::staged + sample) * U + t.quad * QUAD);
#pragma unroll
            for (int u = 0; u < QUAD; u++)
#pragma unroll
                for (int i = 0; i < 8; i++) gradients[u][i] = fmaf(dhidden[u], values[i], gradients[u][i]);
        }
        if (L::chunks > 1) pixels.chunk++;
    }
}

// Sums the gradients of the warp's two halves and of the sample groups; Adam of the own rows of the first layer.
template <class L>
__device__ __forceinline__ void update_first_layer(
    const Block<L> &block, const Thread<L> &t, float (&gradients)[L::quad][8], float2 correction) {
    constexpr int U = L::units, QUAD = L::quad;
    // The halves of a warp exchange: half 0 keeps pixels 0 to 3 of the 8, half 1 pixels 4 to 7.
#pragma unroll
    for (int u = 0; u < QUAD; u++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float keep = t.half ? gradients[u][i + 4] : gradients[u][i];
            float send = t.half ? gradients[u][i] : gradients[u][i + 4];
            gradients[u][i] = (keep + __shfl_xor_sync(~0u, send, 16)) * SCALE_DOWN;
        }
    }
    if constexpr (L::sample_groups == 1) {
        if (t.half_lane < 14)
#pragma unroll
            for (int u = 0; u < QUAD; u++) {
                const int i = (t.quad * QUAD + u) * INPUTS + t.pixel + t.half * 4;
                float4 *weights = (float4 *)(block.weights1 + i);
                float4 *moments1 = (float4 *)(block.moments1 + i), *moments2 = (float4 *)(block.moments2 + i);
                float4 w = *weights, m = *moments1, v = *moments2;
                adam4(gradients[u], w, m, v, correction);
                *weights = w, *moments1 = m, *moments2 = v;
            }
    } else {
        // Each sample group adds to one of the buffers in its turn, so the order is fixed.
        for (int turn = 0; turn < L::sample_groups / L::sum_buffers; turn++) {
            if (t.sample_group / L::sum_buffers == turn && t.half_lane < 14)
#pragma unroll
                for (int u = 0; u < QUAD; u++) {
                    float4 *out = (float4 *)(block.scratch + t.sample_group % L::sum_buffers * U * INPUTS + u * INPUTS
                        + t.pixel + t.half * 4);
                    float4 sum = make_float4(0, 0, 0, 0);
                    if (turn) sum = *out;
                    const float *g = gradients[u];
                    *out = make_float4(sum.x + g[0], sum.y + g[1], sum.z + g[2], sum.w + g[3]);
                }
            __syncthreads();
        }
        for (int i = t.index; i < U * INPUTS; i += L::threads) {
            float sum = block.scratch[i];
#pragma unroll
            for (int buffer = 1; buffer < L::sum_buffers; buffer++) sum += block.scratch[buffer * U * INPUTS + i];
            adam(sum, block.weights1[i], block.moments1[i], block.moments2[i], correction);
        }
    }
}
