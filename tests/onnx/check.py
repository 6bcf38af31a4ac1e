"""Checks the ONNX files of a folder: by onnx.checker, by inferring every shape, and by onnxruntime's logits.

Beside NAME.onnx is NAME.safetensors with the inputs and the logits of several samples, as the binary `export` writes them.
Fails if a logit differs by more than 1e-5 of the largest one of its network, for a batch of one sample or of all.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5
NETWORKS = 18


def dimensions(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def check_file(path, arrays):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    # The output's dimensions as they follow from the nodes.
    stated = dimensions(model.graph.output[0])
    model.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    found = dimensions(inferred.graph.output[0])
    assert found == stated == ["batch", *arrays["logits"].shape[1:]], (found, stated)


def check_logits(path, arrays):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["logits"]
    names = {given.name for given in session.get_inputs()}
    assert names == arrays.keys() - {"logits"}, names
    expected = arrays["logits"]
    largest = numpy.abs(expected).max()
    assert largest > 0.1, largest
    worst = 0.0
    for batch in (1, len(expected)):
        (found,) = session.run(["logits"], {name: arrays[name][:batch] for name in names})
        assert found.shape == expected[:batch].shape, found.shape
        worst = max(worst, numpy.abs(found - expected[:batch]).max() / largest)
    assert worst <= TOLERANCE, f"{path.stem}: logits differ by {worst:.1e} of the largest"
    return worst


def main(folder):
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}; largest difference, of the largest logit:")
    paths = sorted(folder.glob("*.onnx"))
    assert len(paths) == NETWORKS, paths
    for path in paths:
        arrays = load_file(path.with_suffix(".safetensors"))
        check_file(path, arrays)
        print(f"{path.stem:14} {check_logits(path, arrays):.1e}")


main(pathlib.Path(sys.argv[1]))
