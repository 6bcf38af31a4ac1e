// The products of a stage, y = stage(x W^T + b) with W `[O, I]` and b `[O]` behind it.

// The features of a batch, `[batch, I]`, as the prelude changes them.
template <int I, class Prelude> struct Features {
    Data data;
    Samples samples;
    Prelude prelude;
    __device__ float operator()(int b, int i) const {
        long long at = samples[b] * I + i;
        float value = data.bytes ? data.bytes[at] * data.scale : data.values[at];
        return prelude.value(value, b, i);
    }
};

// The values of the stage before.
template <int I> struct Values {
    const float *values;
    __device__ float operator()(int b, int i) const { return values[b * I + i]; }
};

// y, `[batch, O]`. A training keeps the products, `kept`, of which `slope` computes derivatives.
template <int T, int I, int O, class X, class Stage>
__device__ void forward(X x, const float *w, float *kept, float *y, int batch, Stage stage) {
    product<T, TERMS, TERMS>(batch, O, I, x, [=](int o, int i) { return w[o * I + i]; }, [=](int b, int o, float sum) {
        float z = sum + w[O * I + o];
        if (kept) kept[b * O + o] = z;
        y[b * O + o] = stage.value(z, b, o);
    });
}

// The gradient of the products of the stage before, `[batch, I]`, from that of this one, `[batch, O]`.
template <int T, int I, int O, class Before>
__device__ void backward(const float *gradient, const float *w, const float *kept, float *result, int batch, Before before) {
    product<T, TERMS, ROWS>(
        batch, I, O, [=](int b, int o) { return gradient[b * O + o]; }, [=](int i, int o) { return w[o * I + i]; },
        [=](int b, int i, float sum) { result[b * I + i] = sum * before.slope(kept[b * I + i], b, i); });
}

// Updates W and b, at `offset`, or stores their gradient: the bias is the weight of an input that is 1.
template <int T, int I, int O, class X>
__device__ void learn(const float *gradient, X x, Parameters p, long long offset, int batch, const Step &step) {
    Rule rule = step.rule;
    product<T, ROWS, ROWS>(
        O, I + 1, batch, [=](int o, int b) { return gradient[b * O + o]; },
        [=](int i, int b) { return i < I ? x(b, i) : 1.0f; },
        [=](int o, int i, float sum) {
            long long at = offset + (i < I ? o * I + i : O * I + o);
            if (p.gradients) p.gradients[at] = sum;
            else update(p, at, sum, rule);
        });
}
