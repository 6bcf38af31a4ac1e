// Two of the four plain kernels of a step: logits, softmax and loss; then the second layer's gradients and Adam.
#pragma once
#include "device.cuh"
#include "early_launch.cuh"
#include "problem.cuh"

namespace graph {

// Logits, softmax, loss and its gradient by the logits: a warp per sample, 4 of them in a block. Two lanes per class.
template <int H, int B> __global__ void softmax(Training a, int step) {
    const int lane = threadIdx.x & 31, b = blockIdx.x * 4 + threadIdx.x / 32;
    wait_for_previous();
    const int label = a.labels[a.order[step % (SAMPLES / B) * B + b]];
    float sums[16] = {};
    for (int unit = lane * 4; unit < H; unit += 128) {
        float4 hidden = *(const float4 *)(a.hidden + b * H + unit);
#pragma unroll
        for (int c = 0; c < CLASSES; c++)
            sums[c] += dot(hidden, *(const float4 *)(a.parameters + Offsets<H>::weights2 + c * H + unit));
    }
    const int c = lane / 2;
    let_next_start();
    float z = sum_over_lanes<16, 16>(sums, lane) + (c < CLASSES ? a.parameters[Offsets<H>::bias2 + c] : -1e30f);
    float top = z;
#pragma unroll
    for (int bit = 16; bit > 1; bit >>= 1) top = fmaxf(top, __shfl_xor_sync(~0u, top, bit));
    float sum = __expf(z - top);
    const float power = sum;
#pragma unroll
    for (int bit = 16; bit > 1; bit >>= 1) sum += __shfl_xor_sync(~0u, sum, bit);
    if (c < CLASSES && !(lane & 1)) {
        a.dlogits[b * DLOGITS_STRIDE + c] = (__fdividef(power, sum) - (c == label)) * (1.f / B);
        if (c == label) a.dlogits[b * DLOGITS_STRIDE + CLASSES] = __logf(sum) + top - z;
    }
}

// dhidden; gradients and Adam of the second layer and of both biases; the loss. A block of 128 threads for 4 hidden
// units.
template <int H, int B> __global__ void __launch_bounds__(128) second_layer(Training a, int step) {
    __shared__ float partial[4][5][16];
    const int t = threadIdx.x, lane = t & 31, first_unit = blockIdx.x * 4;
    wait_for_previous();
    // Columns of `sums`: the 10 classes, then dhidden (the first bias). Row 4: sums of dlogits (the second bias), the
    // loss.
    float sums[5][16] = {}, weights[CLASSES][4];
#pragma unroll
    for (int c = 0; c < CLASSES; c++) load<4>(weights[c], a.parameters + Offsets<H>::weights2 + c * H + first_unit);
    for (int b = t; b < B; b += 128) {
        float dlogits[DLOGITS_STRIDE], hidden[4], dhidden[4] = {};
#pragma unroll
        for (int k = 0; k < DLOGITS_STRIDE; k += 4) load<4>(dlogits + k, a.dlogits + b * DLOGITS_STRIDE + k);
        load<4>(hidden, a.hidden + b * H + first_unit);
#pragma unroll
        for (int u = 0; u < 4; u++) {
#pragma unroll
            for (int c = 0; c < CLASSES; c++) {
                dhidden[u] += dlogits[c] * weights[c][u];
                sums[u][c] += dlogits[c] * hidden[u];
            }
            dhidden[u] = hidden[u] > 0 ? dhidden[u] : 0.f;
            sums[u][CLASSES] += dhidden[u];
        }
#pragma unroll
        for (int c = 0; c < CLASSES + 1; c++) sums[4][c] += dlogits[c];
        *(float4 *)(a.dhidden + b * H + first_unit) =
            make_float4(dhidden[0] * SCALE_UP, dhidden[1] * SCALE_UP, dhidden[2] * SCALE_UP, dhidden[3] * SCALE_UP);
    }
    let_next_start();
#pragma unroll
    for (int u = 0; u < 5; u++) {
        float sum = sum_over_lanes<16, 16>(sums[u], lane);
        if (!(lane & 1)) partial[t / 32][u][lane / 2] = sum;
    }
    __syncthreads();
    const int u = t / 16, c = t % 16;
    const int parameter = u == 4 ? Offsets<H>::bias2 + c
        : c == CLASSES           ? Offsets<H>::bias1 + first_unit + u
                                 : Offsets<H>::weights2 + c * H + first_unit + u;
    if (u > 4 || c > CLASSES) return;
    const float sum = partial[0][u][c] + partial[1][u][c] + partial[2][u][c] + partial[3][u][c];
    if (u == 4 && blockIdx.x) return;
    if (u == 4 && c == CLASSES)
        a.losses[step] = sum * (1.f / B);
    else
        adam(sum, a.parameters[parameter], a.moments1[parameter], a.moments2[parameter], a.corrections[step]);
}

}  // namespace graph
