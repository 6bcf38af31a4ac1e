// RTNeural, inference only: `ModelT`, whose sizes are template parameters. `../../harness/served.rs` describes
// the protocol.

#include <RTNeural/RTNeural.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using Floats = std::vector<float>;

/// A network for inference, cycling through its samples in order.
struct Served {
    virtual ~Served() = default;
    virtual void run(std::size_t steps) = 0;
    /// The logits of the first sample.
    virtual const float* values() = 0;
};

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// One tensor of a safetensors file: 8 bytes for the length of a JSON header, the header, the data.
Floats tensor(const std::string& file, const std::string& name) {
    std::uint64_t length;
    std::memcpy(&length, file.data(), sizeof length);
    const auto header = nlohmann::json::parse(file.substr(sizeof length, length));
    const std::size_t begin = header.at(name).at("data_offsets").at(0);
    const std::size_t end = header.at(name).at("data_offsets").at(1);
    Floats values((end - begin) / sizeof(float));
    std::memcpy(values.data(), file.data() + sizeof length + length + begin, end - begin);
    return values;
}

/// Fills a layer from the weight `[O, I]` and the bias `[O]` of a safetensors file.
template <typename Dense>
void fill(Dense& layer, const std::string& file, const std::string& prefix) {
    const Floats weight = tensor(file, prefix + ".weight");
    std::vector<Floats> rows;
    for (auto row = weight.begin(); row != weight.end(); row += Dense::in_size)
        rows.emplace_back(row, row + Dense::in_size);
    layer.setWeights(rows);
    layer.setBias(tensor(file, prefix + ".bias").data());
}

/// The same, with the batch normalisation after the layer as part of its weights: RTNeural's own takes longer.
template <typename Dense>
void fill_normalized(Dense& layer, const std::string& file, const std::string& prefix, const std::string& norm) {
    Floats weight = tensor(file, prefix + ".weight");
    Floats bias = tensor(file, prefix + ".bias");
    const Floats factor = tensor(file, norm + ".weight");
    const Floats term = tensor(file, norm + ".bias");
    const Floats mean = tensor(file, norm + ".running_mean");
    const Floats variance = tensor(file, norm + ".running_var");
    std::vector<Floats> rows;
    for (int o = 0; o < Dense::out_size; ++o) {
        const float scale = factor[o] / std::sqrt(variance[o] + 1e-5f);
        Floats row(weight.begin() + o * Dense::in_size, weight.begin() + (o + 1) * Dense::in_size);
        for (float& value : row) value *= scale;
        rows.push_back(row);
        bias[o] = (bias[o] - mean[o]) * scale + term[o];
    }
    layer.setWeights(rows);
    layer.setBias(bias.data());
}

template <int I, int O>
using Dense = RTNeural::DenseT<float, I, O>;
template <int N>
using ReLU = RTNeural::ReLuActivationT<float, N>;

/// `I-H-O`.
template <int I, int H, int O>
struct Mlp {
    static constexpr int inputs = I;
    using Model = RTNeural::ModelT<float, I, O, Dense<I, H>, ReLU<H>, Dense<H, O>>;

    static void fill(Model& model, const std::string& weights) {
        ::fill(model.template get<0>(), weights, "0");
        ::fill(model.template get<2>(), weights, "2");
    }
};

/// The anomaly detector of MLPerf Tiny.
struct Autoencoder {
    static constexpr int inputs = 640;
    using Model = RTNeural::ModelT<
        float, 640, 640, Dense<640, 128>, ReLU<128>, Dense<128, 128>, ReLU<128>, Dense<128, 128>, ReLU<128>,
        Dense<128, 128>, ReLU<128>, Dense<128, 8>, ReLU<8>, Dense<8, 128>, ReLU<128>, Dense<128, 128>, ReLU<128>,
        Dense<128, 128>, ReLU<128>, Dense<128, 128>, ReLU<128>, Dense<128, 640>>;

    static void fill(Model& model, const std::string& weights) {
        fill_from<0>(model, weights);
    }

    /// Nine blocks of a layer, a batch normalisation and ReLU, and a layer.
    template <int Block>
    static void fill_from(Model& model, const std::string& weights) {
        const auto name = [](int at) { return std::to_string(3 * Block + at); };
        if constexpr (Block < 9) {
            fill_normalized(model.template get<2 * Block>(), weights, name(0), name(1));
            fill_from<Block + 1>(model, weights);
        } else {
            ::fill(model.template get<2 * Block>(), weights, name(0));
        }
    }
};

template <typename Network>
class Inference : public Served {
    static constexpr int I = Network::inputs;

    /// Aligned as RTNeural requires of its input.
    struct alignas(RTNEURAL_DEFAULT_ALIGNMENT) Sample {
        float values[I];
    };

    typename Network::Model model;
    std::vector<Sample> samples;
    std::size_t next = 0;

public:
    explicit Inference(const std::string& folder) {
        const std::string weights = read(folder + "/weights.safetensors");
        Network::fill(model, weights);
        const std::string features = read(folder + "/features.f32");
        samples.resize(features.size() / (I * sizeof(float)));
        for (std::size_t at = 0; at < samples.size(); ++at)
            std::memcpy(samples[at].values, &features[at * I * sizeof(float)], I * sizeof(float));
    }

    void run(std::size_t steps) override {
        for (; steps > 0; --steps) {
            model.forward(samples[next].values);
            // The compiler must assume that the logits are read.
            asm volatile("" : : "r"(model.getOutputs()) : "memory");
            next = (next + 1) % samples.size();
        }
    }

    const float* values() override {
        model.forward(samples[0].values);
        return model.getOutputs();
    }
};

/// Reads the rest of a `setup` command.
std::unique_ptr<Served> setup(std::istream& words) {
    using Shape = std::array<int, 3>;
    std::string task, network, folder;
    Shape shape{};
    int batch;
    words >> task >> network >> batch >> std::ws;
    std::sscanf(network.c_str(), "%d-%d-%d", &shape[0], &shape[1], &shape[2]);
    std::getline(words, folder);
    if (task != "infer" || batch != 1)
        throw std::runtime_error("inference of batches of 1 only");
    if (network == "autoencoder") return std::make_unique<Inference<Autoencoder>>(folder);
    if (shape == Shape{784, 128, 10}) return std::make_unique<Inference<Mlp<784, 128, 10>>>(folder);
    if (shape == Shape{784, 500, 10}) return std::make_unique<Inference<Mlp<784, 500, 10>>>(folder);
    if (shape == Shape{64, 64, 16}) return std::make_unique<Inference<Mlp<64, 64, 16>>>(folder);
    throw std::runtime_error("no network of this shape was compiled");
}

/// Answers commands until standard input ends.
void serve() {
    using Clock = std::chrono::steady_clock;
    std::cout.precision(std::numeric_limits<double>::max_digits10);
    std::unique_ptr<Served> net;
    std::string command;
    std::size_t count;
    while (std::cin >> command) {
        if (command == "setup") {
            net = setup(std::cin);
            std::cout << "ready " << VERSION;
        } else if (command == "reset") {
            std::cout << "ok";
        } else if (command == "run" && net && std::cin >> count) {
            const auto start = Clock::now();
            net->run(count);
            std::cout << std::chrono::duration<double>(Clock::now() - start).count();
        } else if (command == "values" && net && std::cin >> count) {
            const float* values = net->values();
            for (std::size_t at = 0; at < count; ++at)
                std::cout << (at == 0 ? "" : " ") << values[at];
        } else {
            throw std::runtime_error("unknown command, or no `setup` before it: " + command);
        }
        std::cout << std::endl;
    }
}

int main() {
    try {
        serve();
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
