// CUDA calls of the host: each error is checked and named; memory and streams are freed when they go out of scope.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

// Ends the program with exit code 2 if a call failed. `call` is its name; errors of kernels appear at a later call.
inline void check(
    cudaError_t status, const char *call, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (status == cudaSuccess) return;
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, call, cudaGetErrorString(status));
    exit(2);
}

// A stream other than the default one, which cannot be captured.
class Stream {
public:
    Stream() { check(cudaStreamCreate(&stream), "cudaStreamCreate"); }
    ~Stream() { check(cudaStreamDestroy(stream), "cudaStreamDestroy"); }
    Stream(const Stream &) = delete;
    operator cudaStream_t() const { return stream; }
    void wait() const { check(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }

private:
    cudaStream_t stream;
};

// An array in device memory: zeros, or a copy of a vector.
template <class T> class DeviceArray {
public:
    explicit DeviceArray(size_t length) : length(length) {
        check(cudaMalloc(&pointer, length * sizeof(T)), "cudaMalloc");
        clear();
    }
    explicit DeviceArray(const std::vector<T> &values) : DeviceArray(values.size()) { upload(values); }
    ~DeviceArray() { check(cudaFree(pointer), "cudaFree"); }
    DeviceArray(const DeviceArray &) = delete;

    void clear() { check(cudaMemset(pointer, 0, length * sizeof(T)), "cudaMemset"); }
    void upload(const std::vector<T> &values) {
        check(
            cudaMemcpy(pointer, values.data(), length * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy to the device");
    }
    std::vector<T> download() const {
        std::vector<T> values(length);
        check(cudaMemcpy(values.data(), pointer, length * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy to the host");
        return values;
    }
    T *get() const { return pointer; }
    size_t bytes() const { return length * sizeof(T); }

private:
    T *pointer;
    size_t length;
};

// A CUDA graph: what `record` launches on the stream.
class Graph {
public:
    template <class Record> Graph(const Stream &stream, Record record) {
        check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
        record();
        cudaGraph_t graph;
        check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
        check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
        check(cudaGraphDestroy(graph), "cudaGraphDestroy");
    }
    ~Graph() { check(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy"); }
    Graph(const Graph &) = delete;
    void launch(const Stream &stream) const { check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch"); }

private:
    cudaGraphExec_t executable;
};

// Launches a kernel. `early`, programmatic dependent launch: it may start before the kernel before it has ended.
template <class... Parameters>
void launch(const Stream &stream, void (*kernel)(Parameters...), dim3 blocks, int threads, size_t shared_bytes,
    bool early, Parameters... parameters) {
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = blocks;
    config.blockDim = threads;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = early;
    check(cudaLaunchKernelEx(&config, kernel, parameters...), "cudaLaunchKernelEx");
}

// Launches all blocks of a kernel at the same time, which a grid barrier needs; fails if they do not fit on the device.
template <class... Parameters>
void launch_cooperative(const Stream &stream, void (*kernel)(Parameters...), int blocks, int threads,
    size_t shared_bytes, Parameters... parameters) {
    void *pointers[] = {&parameters...};
    check(cudaLaunchCooperativeKernel(kernel, blocks, threads, pointers, shared_bytes, stream),
        "cudaLaunchCooperativeKernel");
}

struct Times {
    float median, least, most;  // microseconds per step
};

// Times `run`, which enqueues `steps` steps, with events on the stream: five times, after once without timing.
template <class Run> Times time_steps(const Stream &stream, int steps, Run run) {
    cudaEvent_t start, stop;
    check(cudaEventCreate(&start), "cudaEventCreate");
    check(cudaEventCreate(&stop), "cudaEventCreate");
    float times[5];
    run();
    for (float &time : times) {
        check(cudaEventRecord(start, stream), "cudaEventRecord");
        run();
        check(cudaEventRecord(stop, stream), "cudaEventRecord");
        check(cudaEventSynchronize(stop), "cudaEventSynchronize");
        check(cudaEventElapsedTime(&time, start, stop), "cudaEventElapsedTime");
        time *= 1000.f / steps;
    }
    check(cudaEventDestroy(start), "cudaEventDestroy");
    check(cudaEventDestroy(stop), "cudaEventDestroy");
    std::sort(times, times + 5);
    return {times[2], times[0], times[4]};
}
