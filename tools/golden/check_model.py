#!/usr/bin/env python3
"""Compares logits and attentions of a run saved by `clearhead trace` with transformers' in float32.

    clearhead trace TEXT --model DIR --sites logits,pattern --out run.safetensors
    check_model.py DIR run.safetensors [TEXT]

With TEXT it also compares the ids of the tokenizers. Needs torch, transformers, safetensors.
"""
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, run = sys.argv[1], load_file(sys.argv[2])
ids = run["input_ids"].long().reshape(1, -1)
if len(sys.argv) > 3:
    theirs = AutoTokenizer.from_pretrained(folder)(sys.argv[3])["input_ids"]
    print("ids", "equal" if theirs == ids[0].tolist() else f"differ: {ids[0].tolist()} {theirs}")
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
with torch.no_grad():
    out = model(ids, output_attentions=True)
difference = (out.logits[0] - run["logits"]).abs().max().item()
print(f"logits differ by {difference:.2e}, largest {out.logits.abs().max().item():.2f}")
for layer, theirs in enumerate(out.attentions):
    if f"pattern.{layer}" in run:
        print(f"pattern.{layer} differs by {(theirs[0] - run[f'pattern.{layer}']).abs().max().item():.2e}")
sys.exit(difference > 1e-4)
