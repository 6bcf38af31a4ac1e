"""onnxruntime, inference only, with the operators that PyTorch exports; `OMP_NUM_THREADS` also sets its number of threads."""

import os

import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from served import serve


def model(setup):
    weights = [(f"w{at}", values) for at, values in enumerate(setup.weights())]
    names = iter([name for name, _ in weights])
    (_, *sizes), *layers = setup.layers()
    nodes, x = [], "x"
    for at, (name, *numbers) in enumerate(layers):
        y = "y" if at + 1 == len(layers) else f"a{at}"
        if name == "Linear":
            inputs = [x, next(names), next(names)]
            nodes.append(helper.make_node("Gemm", inputs, [y], transB=1))
        elif name == "Conv2d":
            _, _, kernel, stride, padding = numbers
            inputs = [x, next(names), next(names)]
            attributes = {
                "kernel_shape": [kernel] * 2,
                "strides": [stride] * 2,
                "pads": [padding] * 4,
            }
            nodes.append(helper.make_node("Conv", inputs, [y], **attributes))
        elif name == "MaxPool2d":
            kernel, stride = ([size] * 2 for size in numbers)
            node = helper.make_node("MaxPool", [x], [y], kernel_shape=kernel, strides=stride)
            nodes.append(node)
        else:
            operator = {"ReLU": "Relu", "Flatten": "Flatten"}[name]
            nodes.append(helper.make_node(operator, [x], [y]))
        x = y
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [setup.batch, *sizes])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [setup.batch, weights[-1][1].size])],
        [numpy_helper.from_array(values, name) for name, values in weights],
    )
    # Not the newest versions of format and opset, so that every onnxruntime reads them.
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


class Inference:
    def __init__(self, setup):
        if setup.trains:
            raise SystemExit("onnxruntime: inference only")
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(model(setup), options, ["CPUExecutionProvider"])
        self.inputs = [{"x": batch} for batch in setup.batches()]
        self.next = 0

    def reset(self):
        pass

    def run(self, steps):
        for _ in range(steps):
            self.session.run(None, self.inputs[self.next])
            self.next = (self.next + 1) % len(self.inputs)

    def values(self, count):
        return self.session.run(None, self.inputs[0])[0].ravel()[:count]


if __name__ == "__main__":
    serve(ort.__version__, Inference)
