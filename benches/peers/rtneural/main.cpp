// RTNeural, inference only: `ModelT`, whose sizes are template parameters. `../../harness/served.rs` describes
// the protocol.

#include <RTNeural/RTNeural.h>

#include <array>
#include <chrono>
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

template <int I, int H, int O>
class Inference : public Served {
    using Model = RTNeural::ModelT<float, I, O, RTNeural::DenseT<float, I, H>,
                                   RTNeural::ReLuActivationT<float, H>, RTNeural::DenseT<float, H, O>>;

    /// Aligned as RTNeural requires of its input.
    struct alignas(RTNEURAL_DEFAULT_ALIGNMENT) Sample {
        float values[I];
    };

    Model model;
    std::vector<Sample> samples;
    std::size_t next = 0;

public:
    explicit Inference(const std::string& folder) {
        const std::string weights = read(folder + "/weights.safetensors");
        fill(model.template get<0>(), weights, "0");
        fill(model.template get<2>(), weights, "2");
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
    if (shape == Shape{784, 128, 10}) return std::make_unique<Inference<784, 128, 10>>(folder);
    if (shape == Shape{784, 500, 10}) return std::make_unique<Inference<784, 500, 10>>(folder);
    if (shape == Shape{64, 64, 16}) return std::make_unique<Inference<64, 64, 16>>(folder);
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
