#!/usr/bin/env python3
"""Trains the model of a recipe with PyTorch, to compare its held-out bits a byte with ours.

    train_reference.py RECIPE OUT [--steps N] [--device cuda] [--seed 1]

OUT is the folder of `clearhead train RECIPE --out OUT`: its token shards (OUT/data/*.tokens) and
tokenizer.json are read, so both sides learn from and are measured on the same ids. Same shape, start,
optimizer and schedule; the order of the windows is another (torch's generator). Needs torch.
"""
import argparse
import json
import math
import struct
import time

import torch
import torch.nn.functional as F
from torch import nn


def shard(path):
    with open(path, "rb") as f:
        data = f.read()
    magic, version, id_bytes, size = struct.unpack("<8sIIQ", data[:24])
    assert magic == b"CLRTOKEN" and version == 1, path
    kind = torch.uint16 if id_bytes == 2 else torch.int32
    return torch.frombuffer(bytearray(data[32:]), dtype=kind).to(torch.int64)[:size]


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, h, kv, hd, m = (c[k] for k in ("hidden_size", "num_attention_heads",
                                          "num_key_value_heads", "head_dim", "intermediate_size"))
        self.h, self.kv, self.hd, eps = h, kv, hd, c["rms_norm_eps"]
        self.norm1, self.norm2 = nn.RMSNorm(d, eps), nn.RMSNorm(d, eps)
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.q, self.k, self.v = linear(d, h * hd), linear(d, kv * hd), linear(d, kv * hd)
        self.o, self.gate, self.up, self.down = linear(h * hd, d), linear(d, m), linear(d, m), linear(m, d)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape

        def turn(y):
            a, c = y.chunk(2, -1)
            return y * cos[:t] + torch.cat((-c, a), -1) * sin[:t]

        n = self.norm1(x)
        q = turn(self.q(n).view(b, t, self.h, self.hd).transpose(1, 2))
        k = turn(self.k(n).view(b, t, self.kv, self.hd).transpose(1, 2))
        v = self.v(n).view(b, t, self.kv, self.hd).transpose(1, 2)
        k, v = (z.repeat_interleave(self.h // self.kv, 1) for z in (k, v))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(z.transpose(1, 2).reshape(b, t, -1))
        n = self.norm2(x)
        return x + self.down(F.silu(self.gate(n)) * self.up(n))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.blocks = nn.ModuleList(Block(c) for _ in range(c["num_hidden_layers"]))
        self.norm = nn.RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        hd = c["head_dim"]
        angle = torch.outer(torch.arange(c["max_position_embeddings"]).double(),
                            c["rope_theta"] ** (-torch.arange(0, hd, 2).double() / hd))
        self.register_buffer("cos", torch.cat((angle, angle), 1).cos().float())
        self.register_buffer("sin", torch.cat((angle, angle), 1).sin().float())
        for name, p in self.named_parameters():
            if p.dim() > 1:
                small = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * c["num_hidden_layers"]) if small else 1))

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.linear(self.norm(x), self.embed.weight)


def measure(model, ids, lengths, context, device):
    """Nats, tokens and bytes of a text in windows without overlap."""
    model.eval()
    nats = 0.0
    with torch.no_grad():
        for at in range(0, len(ids) - 1, context):
            window = ids[at:at + context + 1].to(device)
            logits = model(window[None, :-1])[0].float()
            nats += F.cross_entropy(logits, window[1:], reduction="sum").item()
    model.train()
    return nats, len(ids) - 1, int(lengths[ids[1:]].sum())


def main():
    a = argparse.ArgumentParser()
    a.add_argument("recipe")
    a.add_argument("out")
    a.add_argument("--steps", type=int)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a.add_argument("--save")
    a = a.parse_args()
    recipe = json.load(open(a.recipe))
    t = recipe["training"]
    steps = a.steps or t["steps"]
    torch.manual_seed(a.seed)
    torch.set_float32_matmul_precision("highest")
    model = Model(recipe["model"]).to(a.device)
    print(sum(p.numel() for p in model.parameters()), "parameters")
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": t["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
        lr=t["learning_rate"], betas=(t["beta1"], t["beta2"]), eps=t["epsilon"])

    def rate(step):
        peak, floor, warmup = t["learning_rate"], t["final_learning_rate"], t["warmup"]
        if step < warmup:
            return peak * (step + 1) / warmup
        done = (step - warmup) / (steps - warmup)
        return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * done))

    ids = shard(a.out + "/data/train.tokens")
    vocab = json.load(open(a.out + "/tokenizer.json"))
    lengths = torch.zeros(recipe["tokenizer"]["vocab"], dtype=torch.int64)
    for token, i in vocab["model"]["vocab"].items():
        lengths[i] = len(token)
    for added in vocab["added_tokens"]:
        lengths[added["id"]] = 0
    held = [shard(f"{a.out}/data/held-out-{n}.tokens")
            for n in range(sum(bool(d.get("held_out")) for d in recipe["data"]))]
    context, batch = t["context"], t["batch"]
    per_round = (len(ids) - 1) // context - 1
    order, offset, begun, loss_sum = [], 0, time.time(), 0.0
    for step in range(steps):
        rows = []
        for _ in range(batch):
            if not order:
                order = torch.randperm(per_round).tolist()
                offset = int(torch.randint(context, (1,)))
            rows.append(offset + order.pop() * context)
        window = torch.stack([ids[r:r + context + 1] for r in rows]).to(a.device)
        logits = model(window[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1).float(), window[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), t["clip"])
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        loss_sum += loss.item()
        if (step + 1) % 200 == 0 or step + 1 == steps:
            n = 200 if (step + 1) % 200 == 0 else (step + 1) % 200
            speed = (step + 1) * batch * context / (time.time() - begun)
            print(f"step {step + 1} of {steps}: loss {loss_sum / n:.4f}, {speed:,.0f} tokens/s", flush=True)
            loss_sum = 0.0
    nats = size = 0
    for n, text in enumerate(held):
        x, tokens, length = measure(model, text, lengths, context, a.device)
        print(f"held out {n}: {x / tokens:.4f} nats a token, {x / math.log(2) / length:.4f} bits a byte")
        nats, size = nats + x, size + length
    print(f"held out, together: {nats / math.log(2) / size:.4f} bits a byte")
    if a.save:
        torch.save(model.state_dict(), a.save)


main()
