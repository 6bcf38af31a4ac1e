// Activations and their derivatives; `plan::Op` has the formulas.
__device__ float sigmoid(float x) {
    float e = expf(-fabsf(x));
    return (x >= 0.0f ? 1.0f : e) / (1.0f + e);
}
__device__ float relu(float x) { return x < 0.0f ? 0.0f : x; }
__device__ float relu_slope(float x) { return x > 0.0f ? 1.0f : 0.0f; }
__device__ float sigmoid_slope(float x) { float s = sigmoid(x); return s * (1.0f - s); }
__device__ float tanhf_slope(float x) { float t = tanhf(x); return (1.0f - t) * (1.0f + t); }
__device__ float leaky_relu(float x, float slope) { return x > 0.0f ? x : x * slope; }
__device__ float leaky_relu_slope(float x, float slope) { return x > 0.0f ? 1.0f : slope; }
__device__ float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }
__device__ float gelu_slope(float x) {
    return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}
__device__ float softplus(float x) { return x > 20.0f ? x : fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
__device__ float softplus_slope(float x) { return x > 20.0f ? 1.0f : sigmoid(x); }
__device__ float silu(float x) { return x * sigmoid(x); }
__device__ float silu_slope(float x) { float s = sigmoid(x); return s * (1.0f + x * (1.0f - s)); }
__device__ float elu(float x, float alpha) { return x > 0.0f ? x : alpha * expm1f(x); }
__device__ float elu_slope(float x, float alpha) { return x > 0.0f ? 1.0f : alpha * expf(x); }
__device__ float hardswish(float x) { return x * fminf(fmaxf(x + 3.0f, 0.0f), 6.0f) / 6.0f; }
__device__ float hardswish_slope(float x) { return x <= -3.0f ? 0.0f : x < 3.0f ? x / 3.0f + 0.5f : 1.0f; }
