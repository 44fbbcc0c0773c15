"""Makes the expected values of TalesTest: the bundled model in transformers 5.23 and PyTorch 2.15, float32.

    python tools/golden/tales.py [MODEL] [OUT]

MODEL is models/tales, OUT core/src/test/resources/clearhead/model/tales.safetensors: for each text i
i.text (UTF-8), i.input_ids, i.logits (the last two tokens), i.attentions [layers, heads, T, T],
i.greedy (32 more tokens).
"""

import hashlib
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

root = pathlib.Path(__file__).parents[2]
folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "models/tales"
out = (
    pathlib.Path(sys.argv[2])
    if len(sys.argv) > 2
    else root / "core/src/test/resources/clearhead/model/tales.safetensors"
)

TEXTS = [
    "I am nihar palem, i am a graduate student from san jose state university",
    "Once upon a time there was a king who had three daughters, and the youngest",
]

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
model.eval()
tensors = {}
with torch.no_grad():
    for i, text in enumerate(TEXTS):
        ids = tokenizer(text, return_tensors="pt").input_ids
        result = model(ids, output_attentions=True)
        tensors[f"{i}.text"] = torch.tensor(list(text.encode()), dtype=torch.uint8)
        tensors[f"{i}.input_ids"] = ids[0].int()
        tensors[f"{i}.logits"] = result.logits[0, -2:].float().contiguous()
        tensors[f"{i}.attentions"] = torch.stack([a[0] for a in result.attentions]).float()
        for _ in range(32):
            best = model(ids).logits[0, -1].argmax()
            ids = torch.cat([ids, best.view(1, 1)], 1)
        tensors[f"{i}.greedy"] = ids[0, -32:].int()
out.parent.mkdir(parents=True, exist_ok=True)
sha = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
save_file(tensors, out, metadata={"model_sha256": sha})
