"""How far reduced precision moves the exported model's answers: what the manifest's tolerance must admit or refuse.

    python3 models/volatility/precision.py
"""
import json

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from generate import HERE, simulate
from train import Volatility

LINEAR, CONVOLUTION = torch.nn.functional.linear, torch.nn.Conv1d._conv_forward


def load():
    """The network with the weights of volatility.onnx; the exporter stores phi's matrices transposed, unnamed."""
    arrays = [(i.name, torch.from_numpy(numpy_helper.to_array(i).copy()))
              for i in onnx.load(str(HERE / "volatility.onnx")).graph.initializer]
    unnamed = [array.t().contiguous() for name, array in arrays if name.startswith("onnx::")]
    weights = {name: array for name, array in arrays if not name.startswith("onnx::")}
    weights["phi.0.weight"], weights["phi.2.weight"] = unnamed
    net = Volatility()
    net.load_state_dict(weights)
    return net.eval()


def rounded(x, dropped):
    """float32 with the last `dropped` of its 23 fraction bits rounded off."""
    bits = x.contiguous().view(torch.int32)
    return ((bits + (1 << (dropped - 1))) & ~((1 << dropped) - 1)).view(torch.float32)


def inputs():
    goldens = json.loads((HERE / "goldens.json").read_text())
    for case in goldens["cases"]:
        tensor = case["inputs"]["log_returns"]
        yield torch.tensor(np.array(tensor["values"]) / 1e7, dtype=torch.float32).reshape(tensor["shape"])
    for seed, pools in ((920001, 1), (920002, 3), (920003, 8)):
        yield torch.from_numpy(simulate(seed, 256, 1, pools)[0].astype(np.float32))


def measure(net, hours):
    """Prints how far answers for these inputs lie from float32's when products are rounded, or all is float64."""
    torch.set_num_threads(1)

    def answers(dtype=torch.float32):
        with torch.no_grad():
            return torch.cat([net(x.to(dtype)).double().flatten() for x in hours])

    reference = answers()

    def show(name, got):
        ppm = (got - reference).abs() / reference * 1e6
        print(f"{name:32s} median {ppm.median():8.2f} ppm, 99 % {ppm.quantile(0.99):8.2f}, max {ppm.max():8.2f}")

    for name, dropped in (("TF32 matrix products (emulated)", 13), ("BF16 matrix products (emulated)", 16)):
        torch.nn.functional.linear = lambda x, w, b=None: LINEAR(rounded(x, dropped), rounded(w, dropped), b)
        torch.nn.Conv1d._conv_forward = lambda self, x, w, b: CONVOLUTION(
            self, rounded(x, dropped), rounded(w, dropped), b)
        show(name, answers())
    torch.nn.functional.linear, torch.nn.Conv1d._conv_forward = LINEAR, CONVOLUTION
    net.double()
    show("float64 throughout", answers(torch.float64))


if __name__ == "__main__":
    measure(load(), list(inputs()))
