"""How far reduced precision moves the exported model's answers, as the volatility model's precision.py measures it.

    python3 models/volatility-term/reduced.py
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper

from network import HERE, POOLS, VolatilityTerm
from generate import simulate
from precision import measure


def load():
    """The network with the weights of the ONNX file."""
    net = VolatilityTerm()
    graph = onnx.load(str(HERE / "volatility-term.onnx")).graph
    weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    # The exporter keeps equal tensors once: these two biases are added, so training moves them alike.
    weights.setdefault("direct.bias", weights["trunk.6.bias"])
    net.load_state_dict(weights)
    return net.eval()


if __name__ == "__main__":
    measure(load(), [torch.from_numpy(simulate(seed, 256, 1, POOLS)[0].astype(np.float32)) for seed in (920011, 920012)])
