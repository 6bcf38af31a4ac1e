// Device functions of both implementations: pixels as floats, Adam, sums over lanes, bulk copies, the grid barrier.
#pragma once
#include <cstdint>

// A pixel byte x is used as the denormal float x * 2^-149: one byte permutation makes it, without a conversion. The
// other factor of a product is scaled by 2^100, so every product is a normal number times 2^-49, and nothing is lost to
// denormal rounding. The sum is scaled back once, together with the 1 / 255 of the pixels.
constexpr float SCALE_UP = 0x1p100f, SCALE_DOWN = 0x1p49f / 255.f;

// The four bytes of a word as four denormal floats.
__device__ __forceinline__ void unpack_pixels(uint32_t word, float *pixels) {
    pixels[0] = __uint_as_float(__byte_perm(word, 0, 0x4440));
    pixels[1] = __uint_as_float(__byte_perm(word, 0, 0x4441));
    pixels[2] = __uint_as_float(__byte_perm(word, 0, 0x4442));
    pixels[3] = __uint_as_float(__byte_perm(word, 0, 0x4443));
}

__device__ __forceinline__ float sqrt_approximate(float x) {
    float root;
    asm("sqrt.approx.f32 %0, %1;" : "=f"(root) : "f"(x));
    return root;
}

// One Adam update of one parameter; betas 0.9 and 0.999, epsilon 1e-8.
// correction.x is the learning rate / (1 - 0.9^t), correction.y is 1 / sqrt(1 - 0.999^t).
__device__ __forceinline__ void adam(float gradient, float &weight, float &moment1, float &moment2, float2 correction) {
    moment1 = .9f * moment1 + .1f * gradient;
    moment2 = .999f * moment2 + .001f * gradient * gradient;
    weight -= __fdividef(correction.x * moment1, sqrt_approximate(moment2) * correction.y + 1e-8f);
}

// The same for four neighbours.
__device__ __forceinline__ void adam4(
    const float *gradients, float4 &weights, float4 &moments1, float4 &moments2, float2 correction) {
    adam(gradients[0], weights.x, moments1.x, moments2.x, correction);
    adam(gradients[1], weights.y, moments1.y, moments2.y, correction);
    adam(gradients[2], weights.z, moments1.z, moments2.z, correction);
    adam(gradients[3], weights.w, moments1.w, moments2.w, correction);
}

// Sums each of VALUES values over the lanes whose numbers differ in the bits FROM, FROM / 2 .. TO (powers of two).
// While a lane has several values, it gives half of them to its partner and adds the partner's other half, so the
// number of shuffles is about VALUES instead of VALUES * log2(lanes). With TO = 1 a lane ends with the sum of value
// number (lane % (2 * FROM)) / (2 * FROM / VALUES).
template <int VALUES, int FROM, int TO = 1> __device__ __forceinline__ float sum_over_lanes(float *values, int lane) {
    if constexpr (VALUES == 1) {
        float sum = values[0];
#pragma unroll
        for (int bit = FROM; bit >= TO; bit >>= 1) sum += __shfl_xor_sync(~0u, sum, bit);
        return sum;
    } else {
        const bool upper = lane & FROM;
#pragma unroll
        for (int i = 0; i < VALUES / 2; i++) {
            float keep = upper ? values[i + VALUES / 2] : values[i];
            float send = upper ? values[i] : values[i + VALUES / 2];
            values[i] = keep + __shfl_xor_sync(~0u, send, FROM);
        }
        return sum_over_lanes<VALUES / 2, FROM / 2, TO>(values, lane);
    }
}

// Copies 4 floats, aligned to 16 bytes, or 1.
template <int FLOATS> __device__ __forceinline__ void load(float *to, const float *from) {
    if constexpr (FLOATS == 4)
        *(float4 *)to = *(const float4 *)from;
    else
        to[0] = from[0];
}

__device__ __forceinline__ float dot(float4 a, float4 b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

// threadIdx.x, read anew at each call: the compiler cannot keep it, or what is computed from it, from an earlier call.
__device__ __forceinline__ int read_thread_index() {
    int index;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
    return index;
}

__device__ __forceinline__ uint32_t shared_address(const void *pointer) {
    return (uint32_t)__cvta_generic_to_shared(pointer);
}

// Bulk copies into shared memory. An mbarrier (8 bytes of shared memory) completes a phase when the bytes announced by
// expect_bytes have arrived; phases have alternating parity, from 0.
__device__ __forceinline__ void init_two_mbarriers(uint32_t mbarriers) {
    asm volatile("mbarrier.init.shared.b64 [%0], 1; mbarrier.init.shared.b64 [%1], 1;"
        :: "r"(mbarriers), "r"(mbarriers + 8) : "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void expect_bytes(uint32_t mbarrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" :: "r"(mbarrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ void copy_bulk(uint32_t to, const void *from, uint32_t bytes, uint32_t mbarrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        :: "r"(to), "l"(from), "r"(bytes), "r"(mbarrier) : "memory");
}

__device__ __forceinline__ void wait_for_bytes(uint32_t mbarrier, uint32_t parity) {
    uint32_t done;
    do
        asm volatile("{.reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p;}"
            : "=r"(done) : "r"(mbarrier), "r"(parity) : "memory");
    while (!done);
}

__device__ __forceinline__ uint32_t load_acquire(const uint32_t *from) {
    uint32_t value;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
    return value;
}

// Barrier of all blocks of a cooperative launch: one counter of arrivals, 0 at the launch; `number` counts the barriers
// from 1. `meanwhile` runs between arrival and wait, where a block is idle anyway.
template <class Work>
__device__ __forceinline__ void grid_barrier(uint32_t *arrivals, uint32_t number, Work meanwhile) {
    __syncthreads();
    if (threadIdx.x == 0) asm volatile("red.release.gpu.global.add.u32 [%0], 1;" :: "l"(arrivals) : "memory");
    meanwhile();
    if (threadIdx.x == 0)
        while (load_acquire(arrivals) < number * gridDim.x) {}
    __syncthreads();
}
