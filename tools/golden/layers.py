"""Makes the expected values of TransformerGoldenTest: encoder and decoder layers of PyTorch 2.15, float32, with
norms before and after, two layers each. Nothing in it depends on the clock.

    python tools/golden/layers.py [OUT]

OUT is core/src/test/resources/clearhead/nn/layers.json. Element i of the n-th parameter of a layer, in
PyTorch's order, is 0.4·cos(1.7·i + n), plus 1 where it is the weight of a norm; both layers are alike.
Layout [batch][token][dim]. Masks are of padding at the end: 1 hides.
"""

import json
import pathlib
import sys

import torch
from torch import nn

root = pathlib.Path(__file__).parents[2]
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "core/src/test/resources/clearhead/nn/layers.json"

DIM, HEADS, HIDDEN = 8, 2, 12


def floats(tensor):
    """float32 values as the shortest decimals that read back the same."""
    if tensor.dim() > 1:
        return [floats(t) for t in tensor]
    return [float(str(x)) for x in tensor.detach().numpy()]


def fill(layer):
    with torch.no_grad():
        for n, (name, p) in enumerate(layer.named_parameters()):
            i = torch.arange(p.numel(), dtype=torch.float64)
            values = 0.4 * torch.cos(1.7 * i + n) + (1.0 if "norm" in name and "weight" in name else 0.0)
            p.copy_(values.reshape(p.shape))
    return layer.eval()


def padding(lengths, most):
    return torch.tensor([[int(t >= n) for t in range(most)] for n in lengths])


torch.manual_seed(3)
source = torch.randn(2, 6, DIM)
target = torch.randn(2, 4, DIM)
source_padding = padding([6, 4], 6)
target_padding = padding([3, 4], 4)
cases = []
for first in (False, True):
    for act in ("relu", "gelu"):
        for causal in (False, True):
            for padded in (False, True):
                sizes = dict(
                    d_model=DIM,
                    nhead=HEADS,
                    dim_feedforward=HIDDEN,
                    dropout=0.0,
                    activation=act,
                    norm_first=first,
                    batch_first=True,
                )
                encoder = fill(nn.TransformerEncoderLayer(**sizes))
                decoder = fill(nn.TransformerDecoderLayer(**sizes))
                common = {"norm_first": first, "act": act, "causal": causal, "padded": padded}
                with torch.enable_grad():  # keeps PyTorch off its fused path, which drops padded rows
                    x = source
                    mask = torch.triu(torch.ones(6, 6, dtype=torch.bool), 1) if causal else None
                    for _ in range(2):
                        x = encoder(
                            x, src_mask=mask, src_key_padding_mask=source_padding.bool() if padded else None
                        )
                    cases.append({"kind": "encoder", **common, "out": floats(x)})
                    y = target
                    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1) if causal else None
                    for _ in range(2):
                        y = decoder(
                            y,
                            source,
                            tgt_mask=mask,
                            tgt_key_padding_mask=target_padding.bool() if padded else None,
                            memory_key_padding_mask=source_padding.bool() if padded else None,
                        )
                    cases.append({"kind": "decoder", **common, "out": floats(y)})

made = {
    "dim": DIM,
    "heads": HEADS,
    "hidden": HIDDEN,
    "source": floats(source),
    "target": floats(target),
    "source_padding": source_padding.tolist(),
    "target_padding": target_padding.tolist(),
}
lines = ["{"] + [f' "{key}": {json.dumps(value)},' for key, value in made.items()] + [' "cases": [']
lines += [f"  {json.dumps(c)}{',' if i + 1 < len(cases) else ''}" for i, c in enumerate(cases)]
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("\n".join(lines + [" ]", "}"]) + "\n")
