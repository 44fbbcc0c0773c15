"""Makes the expected values of RecurrentTest: PyTorch 2.15's RNN, LSTM and GRU in float64, two layers in both
directions over sequences of different lengths, forward and backward. Nothing in it depends on the clock.

    python tools/golden/recurrent.py [OUT]

OUT is core/src/test/resources/clearhead/nn. Writes recurrent.json.
"""

import json
import pathlib
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

root = pathlib.Path(__file__).parents[2]
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "core/src/test/resources/clearhead/nn"
LENGTHS, INPUT, HIDDEN, LAYERS = [3, 5, 1], 4, 3, 2


def values(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{v:.12g}") for v in tensor.detach().flatten().tolist()]}


def case(name, module):
    module = module.double()
    for p in module.parameters():
        nn.init.normal_(p, std=0.6)
    x = torch.randn(sum(LENGTHS), INPUT, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2 * LAYERS, len(LENGTHS), HIDDEN, dtype=torch.float64)
    packed = pack_sequence(list(x.split(LENGTHS)), enforce_sorted=False)
    state = (h, torch.randn_like(h)) if name == "LSTM" else h
    # one run from zeros with gradients, one from states without
    y = torch.cat(unpack_sequence(module(packed)[0]))
    weights = torch.randn_like(y)
    (y * weights).sum().backward()
    z, last = module(packed, state)
    z = torch.cat(unpack_sequence(z))
    lasts = last if name == "LSTM" else (last,)
    states = state if name == "LSTM" else (state,)
    return {
        "name": name,
        "x": values(x),
        "y": values(y),
        "dY": values(weights),
        "dX": values(x.grad),
        "parameters": {n: values(p) for n, p in module.named_parameters()},
        "gradients": {n: values(p.grad) for n, p in module.named_parameters()},
        "start": [values(s) for s in states],
        "fromStart": values(z),
        "last": [values(s) for s in lasts],
    }


torch.manual_seed(1)
shared = dict(num_layers=LAYERS, bidirectional=True)
cases = [
    case("RNN", nn.RNN(INPUT, HIDDEN, **shared)),
    case("RELU", nn.RNN(INPUT, HIDDEN, nonlinearity="relu", **shared)),
    case("LSTM", nn.LSTM(INPUT, HIDDEN, **shared)),
    case("GRU", nn.GRU(INPUT, HIDDEN, **shared)),
]
out.mkdir(parents=True, exist_ok=True)
(out / "recurrent.json").write_text(json.dumps({"lengths": LENGTHS, "cases": cases}, indent=None) + "\n")
