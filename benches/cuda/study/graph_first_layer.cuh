// Two of the four plain kernels of a step: the first layer, and its gradient with Adam. Both are tiled products that
// gather the rows of pixels, convert them on the way into shared memory, and load the next tile while they use the
// current one.
#pragma once
#include <algorithm>

#include "device.cuh"
#include "early_launch.cuh"
#include "problem.cuh"

namespace graph {

// Tiles of the first layer's product. A block of 256 = SLICES * SAMPLE_THREADS * UNIT_THREADS threads computes a tile
// of samples x units; a thread computes THREAD_SAMPLES x THREAD_UNITS of them, over every SLICES-th of the 784 inputs,
// DEPTH of which are in shared memory at a time.
template <int THREAD_SAMPLES, int THREAD_UNITS, int SAMPLE_THREADS, int UNIT_THREADS, int SLICES, int DEPTH>
struct ForwardTile {
    static constexpr int thread_samples = THREAD_SAMPLES, thread_units = THREAD_UNITS;
    static constexpr int sample_threads = SAMPLE_THREADS, unit_threads = UNIT_THREADS, slices = SLICES, depth = DEPTH;
    static constexpr int samples = sample_threads * thread_samples, units = unit_threads * thread_units;  // of a block
    static constexpr int sample_stride = samples + 4, unit_stride = units + 4;  // padded against bank conflicts
    static constexpr int shared_floats =
        std::max(depth * (sample_stride + unit_stride), slices > 1 ? slices * samples * units : 0);
    static_assert(slices * sample_threads * unit_threads == 256 && depth % 4 == 0 && INPUTS % depth == 0);
};

// hidden = relu(W1 x + b1).
template <int H, int B, class Tile> __global__ void __launch_bounds__(256) first_layer(Training a, int step) {
    constexpr int TM = Tile::thread_samples, TN = Tile::thread_units, QUADS = Tile::depth / 4;
    constexpr int SAMPLE_LOADS = (Tile::samples * QUADS + 255) / 256, UNIT_LOADS = (Tile::units * QUADS + 255) / 256;
    extern __shared__ __align__(16) float shared[];
    float *tile_x = shared, *tile_w = shared + Tile::depth * Tile::sample_stride;  // [depth, samples], [depth, units]
    const int t = threadIdx.x, tx = t % Tile::sample_threads, ty = t / Tile::sample_threads % Tile::unit_threads;
    const int slice = t / (Tile::sample_threads * Tile::unit_threads);
    const int first_sample = blockIdx.x * Tile::samples, first_unit = blockIdx.y * Tile::units;
    wait_for_previous();
    // The next tile is loaded into registers while the current one is used.
    uint32_t loaded_x[SAMPLE_LOADS];
    float4 loaded_w[UNIT_LOADS];
    const uint8_t *rows[SAMPLE_LOADS];
#pragma unroll
    for (int i = 0; i < SAMPLE_LOADS; i++)
        rows[i] = a.pixels
            + (size_t)a.order[step % (SAMPLES / B) * B + min(first_sample + (t + 256 * i) / QUADS, B - 1)] * INPUTS
            + (t + 256 * i) % QUADS * 4;
    auto load_tile = [&](int input) {
#pragma unroll
        for (int i = 0; i < SAMPLE_LOADS; i++) loaded_x[i] = *(const uint32_t *)(rows[i] + input);
#pragma unroll
        for (int i = 0; i < UNIT_LOADS; i++)
            loaded_w[i] = *(const float4 *)(a.parameters + min(first_unit + (t + 256 * i) / QUADS, H - 1) * INPUTS
                + input + (t + 256 * i) % QUADS * 4);
    };
    float sums[TM][TN] = {};
    load_tile(0);
    for (int input = 0; input < INPUTS; input += Tile::depth) {
#pragma unroll
        for (int i = 0; i < SAMPLE_LOADS; i++) {
            const int e = t + 256 * i;
            float x[4];
            unpack_pixels(loaded_x[i], x);
            if (e < Tile::samples * QUADS)
#pragma unroll
                for (int j = 0; j < 4; j++) tile_x[(e % QUADS * 4 + j) * Tile::sample_stride + e / QUADS] = x[j];
        }
#pragma unroll
        for (int i = 0; i < UNIT_LOADS; i++) {
            const int e = t + 256 * i;
            const float *w = (const float *)&loaded_w[i];
            if (e < Tile::units * QUADS)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    tile_w[(e % QUADS * 4 + j) * Tile::unit_stride + e / QUADS] = w[j] * SCALE_UP;
        }
        __syncthreads();
        if (input + Tile::depth < INPUTS) load_tile(input + Tile::depth);
#pragma unroll 4
        for (int k = slice; k < Tile::depth; k += Tile::slices) {
            float x[TM], w[TN];
#pragma unroll
            for (int i = 0; i < TM; i++) x[i] = tile_x[k * Tile::sample_stride + tx * TM + i];
#pragma unroll
            for (int i = 0; i < TN; i++) w[i] = tile_w[k * Tile::unit_stride + ty * TN + i];
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < TN; j++) sums[i][j] = fmaf(x[i], w[j], sums[i][j]);
        }
        __syncthreads();
    }
    let_next_start();
    auto store = [&](int sample, int unit, float sum) {
        if (sample < B && unit < H)
            a.hidden[sample * H + unit] = fmaxf(sum * SCALE_DOWN + a.parameters[Offsets<H>::bias1 + unit], 0.f);
    };
    if constexpr (Tile::slices > 1) {
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++)
                shared[(slice * Tile::samples + tx * TM + i) * Tile::units + ty * TN + j] = sums[i][j];
        __syncthreads();
        for (int i = t; i < Tile::samples * Tile::units; i += 256) {
            float sum = 0;
            for (int k = 0; k < Tile::slices; k++) sum += shared[k * Tile::samples * Tile::units + i];
            store(first_sample + i / Tile::units, first_unit + i % Tile::units, sum);
        }
    } else {
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++) store(first_sample + tx * TM + i, first_unit + ty * TN + j, sums[i][j]);
    }
}

// The first layer's gradient and Adam: a tile of 16 * UNITS units x 64 pixels, of which each of 16 x 16 threads
// computes UNITS x 4, over DEPTH samples at a time.
template <int H, int B, int UNITS, int DEPTH>
__global__ void __launch_bounds__(256) first_layer_gradient(Training a, int step) {
    constexpr int TILE_UNITS = 16 * UNITS, DHIDDEN_LOADS = (TILE_UNITS * DEPTH + 255) / 256,
                  PIXEL_LOADS = (16 * DEPTH + 255) / 256;
    __shared__ __align__(16) float tile_dhidden[DEPTH][TILE_UNITS], tile_x[DEPTH][64];
    const int t = threadIdx.x, tx = t % 16, ty = t / 16, first_unit = blockIdx.x * TILE_UNITS,
              first_pixel = blockIdx.y * 64;
    wait_for_previous();
    float loaded_dhidden[DHIDDEN_LOADS];
    uint32_t loaded_x[PIXEL_LOADS];
    auto load_tile = [&](int sample) {
#pragma unroll
        for (int i = 0; i < DHIDDEN_LOADS; i++) {
            const int e = t + 256 * i;
            if (e < TILE_UNITS * DEPTH)
                loaded_dhidden[i] = a.dhidden[(sample + e / TILE_UNITS) * H + min(first_unit + e % TILE_UNITS, H - 1)];
        }
#pragma unroll
        for (int i = 0; i < PIXEL_LOADS; i++) {
            const int e = t + 256 * i;
            if (e < 16 * DEPTH)
                loaded_x[i] =
                    *(const uint32_t *)(a.pixels + (size_t)a.order[step % (SAMPLES / B) * B + sample + e / 16] * INPUTS
                        + min(first_pixel + e % 16 * 4, INPUTS - 4));
        }
    };
    float sums[UNITS][4] = {};
    load_tile(0);
    for (int sample = 0; sample < B; sample += DEPTH) {
#pragma unroll
        for (int i = 0; i < DHIDDEN_LOADS; i++) {
            const int e = t + 256 * i;
            if (e < TILE_UNITS * DEPTH) tile_dhidden[e / TILE_UNITS][e % TILE_UNITS] = loaded_dhidden[i];
        }
#pragma unroll
        for (int i = 0; i < PIXEL_LOADS; i++) {
            const int e = t + 256 * i;
            if (e < 16 * DEPTH) unpack_pixels(loaded_x[i], &tile_x[e / 16][e % 16 * 4]);
        }
        __syncthreads();
        if (sample + DEPTH < B) load_tile(sample + DEPTH);
#pragma unroll 4
        for (int k = 0; k < DEPTH; k++) {
            float dhidden[UNITS];
            float4 x = *(float4 *)&tile_x[k][tx * 4];
#pragma unroll
            for (int i = 0; i < UNITS; i++) dhidden[i] = tile_dhidden[k][ty * UNITS + i];
#pragma unroll
            for (int i = 0; i < UNITS; i++) {
                sums[i][0] = fmaf(dhidden[i], x.x, sums[i][0]);
                sums[i][1] = fmaf(dhidden[i], x.y, sums[i][1]);
                sums[i][2] = fmaf(dhidden[i], x.z, sums[i][2]);
                sums[i][3] = fmaf(dhidden[i], x.w, sums[i][3]);
            }
        }
        __syncthreads();
    }
    let_next_start();
#pragma unroll
    for (int i = 0; i < UNITS; i++) {
        const int unit = first_unit + ty * UNITS + i, pixel = first_pixel + tx * 4;
        if (unit < H && pixel < INPUTS) {
            float4 *weights = (float4 *)(a.parameters + unit * INPUTS + pixel);
            float4 *moments1 = (float4 *)(a.moments1 + unit * INPUTS + pixel);
            float4 *moments2 = (float4 *)(a.moments2 + unit * INPUTS + pixel);
            float4 w = *weights, m = *moments1, v = *moments2;
            const float2 correction = a.corrections[step];
            adam(sums[i][0] * SCALE_DOWN, w.x, m.x, v.x, correction);
            adam(sums[i][1] * SCALE_DOWN, w.y, m.y, v.y, correction);
            adam(sums[i][2] * SCALE_DOWN, w.z, m.z, v.z, correction);
            adam(sums[i][3] * SCALE_DOWN, w.w, m.w, v.w, correction);
            *weights = w, *moments1 = m, *moments2 = v;
        }
    }
}

}  // namespace graph
