"""Times training steps of PyTorch for TrainBench, one line a measurement.

reads   threads T
        case KIND vocab layers heads kvHeads headDim hidden batch context     (KIND: gpt2 or llama)
        steps N
writes  seconds of N steps (forward, backward, clipping to norm 1, AdamW), after `steps`
"""
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, dim, heads, kv, hd, rotary):
        super().__init__()
        self.heads, self.kv, self.hd, self.rotary = heads, kv, hd, rotary
        self.qkv = nn.Linear(dim, (heads + 2 * kv) * hd, bias=not rotary)
        self.out = nn.Linear(heads * hd, dim, bias=not rotary)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        q, k, v = self.qkv(x).split([self.heads * self.hd, self.kv * self.hd, self.kv * self.hd], 2)
        q = q.view(b, t, self.heads, self.hd).transpose(1, 2)
        k = k.view(b, t, self.kv, self.hd).transpose(1, 2)
        v = v.view(b, t, self.kv, self.hd).transpose(1, 2)
        if self.rotary:
            turn = lambda y: y * cos + torch.cat((-y.chunk(2, -1)[1], y.chunk(2, -1)[0]), -1) * sin
            q, k = turn(q), turn(k)
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.kv != self.heads)
        return self.out(z.transpose(1, 2).reshape(b, t, -1))


class Model(nn.Module):
    def __init__(self, kind, vocab, layers, heads, kv, hd, hidden, context):
        super().__init__()
        dim, self.llama = heads * hd, kind == "llama"
        norm = (lambda: nn.RMSNorm(dim, 1e-5)) if self.llama else (lambda: nn.LayerNorm(dim))
        self.embed = nn.Embedding(vocab, dim)
        self.positions = nn.Embedding(context, dim)
        self.norms1 = nn.ModuleList(norm() for _ in range(layers))
        self.norms2 = nn.ModuleList(norm() for _ in range(layers))
        self.attentions = nn.ModuleList(
            Attention(dim, heads, kv, hd, self.llama) for _ in range(layers))
        linear = lambda i, o: nn.Linear(i, o, bias=not self.llama)
        self.ups = nn.ModuleList(linear(dim, hidden) for _ in range(layers))
        self.gates = nn.ModuleList(linear(dim, hidden) for _ in range(layers if self.llama else 0))
        self.downs = nn.ModuleList(linear(hidden, dim) for _ in range(layers))
        self.norm = norm()
        angle = torch.outer(torch.arange(context).float(),
                            10000.0 ** (-torch.arange(0, hd, 2).float() / hd))
        angle = torch.cat((angle, angle), 1)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids):
        x = self.embed(ids)
        if not self.llama:
            x = x + self.positions.weight[: ids.shape[1]]
        for i, attention in enumerate(self.attentions):
            x = x + attention(self.norms1[i](x), self.cos, self.sin)
            h = self.norms2[i](x)
            if self.llama:
                h = F.silu(self.gates[i](h)) * self.ups[i](h)
            else:
                h = F.gelu(self.ups[i](h), approximate="tanh")
            x = x + self.downs[i](h)
        return F.linear(self.norm(x), self.embed.weight)


clock = time.thread_time if sys.argv[1:] == ["cpu"] else time.perf_counter
print("torch " + torch.__version__, flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "threads":
        torch.set_num_threads(int(words[1]))
    elif words[0] == "case":
        vocab, layers, heads, kv, hd, hidden, batch, context = map(int, words[2:])
        torch.manual_seed(0)
        model = Model(words[1], vocab, layers, heads, kv, hd, hidden, context)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)
        data = torch.randint(vocab, (batch, context + 1))
    else:
        begun = clock()
        for _ in range(int(words[1])):
            loss = F.cross_entropy(model(data[:, :-1]).flatten(0, 1), data[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        assert math.isfinite(loss.item())
        print(clock() - begun, flush=True)
