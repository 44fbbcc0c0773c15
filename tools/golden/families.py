"""Makes the golden folders of core/src/test/resources/golden: tiny models of random weights, and what transformers
computes for them in float32 ("eager" attention). PyTorch 2.15, transformers 5.23; nothing depends on the clock.

    python tools/golden/families.py [NAME...] [--out DIR]

Without names all of them. A folder has config.json, model.safetensors and expected.safetensors; what is in them is
told in the README beside the folders. The expected values come from the model as it is read back from its folder, so
that they belong to the stored weights. A seed is taken when what it makes is a fair test (see `fair`); which one is
in the metadata of expected.safetensors. Each case lists settings that must matter (`bites`): with another value in
their place the same weights have to give other logits.
"""

import argparse
import copy
import json
import pathlib
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig

from family_cases import CASES

TOKENS, PROMPT, TARGET, PADDED = 24, 12, 10, 15
root = pathlib.Path(__file__).parents[2]
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.set_grad_enabled(False)


def alibi_once():
    """With eager attention transformers 5.23 adds Falcon's ALiBi to the scores and, in the mask, once more; with all
    other kinds, and in training, it is added once. Two halves are the whole, exactly."""
    falcon = transformers.models.falcon.modeling_falcon
    whole = falcon.build_alibi_tensor
    falcon.build_alibi_tensor = lambda *arguments, **more: whole(*arguments, **more) / 2


alibi_once()


def randomise(model, case, generator):
    """Every parameter gets noise: norms and biases around what they start as, matrices by their inputs."""

    def noise(t):
        return torch.randn(t.shape, generator=generator)

    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    for name, p in model.named_parameters():
        if any(s in name for s in case.get("computed", ())):
            continue
        own = next((s for pattern, s in case.get("std", {}).items() if pattern in name), None)
        if p.ndim <= 1 or "norm" in name or "correction_bias" in name:
            p.add_((0.3 if own is None else own) * noise(p))
        elif id(p) in embeddings:
            p.copy_((0.8 if own is None else own) * noise(p))
        elif "A_log" in name or "time_decay" in name or "time_first" in name or "time_mix" in name:
            p.add_((0.3 if own is None else own) * noise(p))
        else:
            sharp = any(s in name for s in ("q_proj", "k_proj", "query", "key", "Wqkv", "qkv", "c_attn"))
            gain = own if own is not None else 1.7 if sharp else 1.2
            p.copy_(gain * p.shape[-1] ** -0.5 * noise(p))
    for name, b in model.named_buffers():
        if "correction_bias" in name or "final_logits_bias" in name:
            b.copy_(0.2 * noise(b))


def hub_style(config, case):
    """The way in which the files on the hub were written before transformers 5; `type` instead of rope_type earlier."""
    rope = config.pop("rope_parameters", None)
    if rope is not None and "rope_theta" in rope:
        config["rope_theta"] = rope.pop("rope_theta")
        if "partial_rotary_factor" in rope:
            config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
        if case.get("hub") == "type":
            rope["type"] = rope.pop("rope_type")
        if "longrope" in rope.values():
            rope.pop("original_max_position_embeddings")
        config["rope_scaling"] = None if "default" in rope.values() else rope
    config["torch_dtype"] = config.pop("dtype")
    return config


def load(case, folder, **changes):
    config = AutoConfig.from_pretrained(folder)
    for k, v in changes.items():
        setattr(config, k, v)
    more = {"attn_implementation": "eager"} if case.get("eager", True) else {}
    if case.get("experts"):
        more["experts_implementation"] = "eager"
    model = type_of(case).from_pretrained(folder, config=config, dtype=torch.float32, **more)
    return model.eval()


def type_of(case):
    return getattr(transformers, case["model"])


def greedy(model, case, start, more, **inputs):
    """What generate gives (with its cache), whatever the end-of-sequence token."""
    g = transformers.GenerationConfig(
        max_new_tokens=more,
        min_new_tokens=more,
        do_sample=False,
        num_beams=1,
        eos_token_id=None,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
        use_cache=True,
    )
    model.generation_config = g
    if case["kind"] == "seq2seq":
        g.decoder_start_token_id = int(start[0, 0])
        out = model.generate(inputs["input_ids"], generation_config=g)
    else:
        out = model.generate(start, generation_config=g)
    steps = torch.stack(out.logits, 1)[0]  # [more, vocab]
    top = steps.topk(2, -1).values
    margin = ((top[:, 0] - top[:, 1]) / steps.abs().amax(-1)).min().item()
    return out.sequences, margin


def uncached(model, case, sequence, prompt, **inputs):
    """How many of the tokens after the prompt are those that whole passes would choose."""
    n = 0
    for at in range(prompt, sequence.shape[1]):
        key = "decoder_input_ids" if case["kind"] == "seq2seq" else "input_ids"
        more = {} if case.get("stateful") is None else {"use_cache": False}
        logits = model(**{**inputs, key: sequence[:, :at]}, **more).logits[0, -1]
        n += int(logits.argmax() == sequence[0, at])
    return n


def numbered(name, tensors):
    kept = [t for t in tensors or () if t is not None and t.ndim == 4]
    return {f"{name}.{i}": t[:1] for i, t in enumerate(kept)}


def expected(model, case, generator):
    vocab = model.config.vocab_size
    ids = torch.randint(3, vocab, (2, TOKENS), generator=generator)
    inputs = {"input_ids": ids}
    out = {"input_ids": ids}
    attended = case.get("attentions", True)
    asked = {"output_attentions": True} if attended else {}
    notes = {}
    if case["kind"] == "seq2seq":
        decoder = torch.randint(3, vocab, (2, TARGET), generator=generator)
        decoder[:, 0] = model.config.decoder_start_token_id
        out["decoder_input_ids"] = decoder
        run = model(input_ids=ids, decoder_input_ids=decoder, output_attentions=True, use_cache=False)
        out |= numbered("attentions", run.decoder_attentions)
        out |= numbered("encoder_attentions", run.encoder_attentions)
        out |= numbered("cross_attentions", run.cross_attentions)
        sequence, notes["margin"] = greedy(model, case, decoder[:1, :1], 12, input_ids=ids[:1])
        notes["whole"] = uncached(model, case, sequence, 1, input_ids=ids[:1])
        out["greedy"] = sequence
    elif case["kind"] == "encoder":
        run = model(input_ids=ids, output_hidden_states=True, **asked)
        mask = torch.ones_like(ids)
        mask[1, PADDED:] = 0
        out["padded_mask"] = mask
        padded = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        if case.get("headless"):
            out["pooled"] = padded.pooler_output
        else:
            out["padded_logits"] = padded.logits[1:, :PADDED]
        last = padded.hidden_states[-1]  # [2, tokens, dim]
        weights = mask[..., None].float()
        mean = (last * weights).sum(1) / weights.sum(1)
        out["mean_embedding"] = torch.nn.functional.normalize(mean, dim=-1)
        out |= numbered("attentions", run.attentions)
        out |= {f"hidden_states.{i}": h[:1] for i, h in enumerate(run.hidden_states)}
    else:
        run = model(input_ids=ids, output_hidden_states=True, use_cache=False, **asked)
        if attended:
            out |= numbered("attentions", run.attentions)
        out |= {f"hidden_states.{i}": h[:1] for i, h in enumerate(run.hidden_states)}
        sequence, notes["margin"] = greedy(model, case, ids[:1, :PROMPT], 12)
        notes["whole"] = uncached(model, case, sequence, PROMPT)
        out["greedy"] = sequence
    if not case.get("headless"):
        out["logits"] = run.logits
    return out, notes, answer(run)


def answer(run):
    """What is compared when something is changed."""
    return run.logits if "logits" in run else run.last_hidden_state


def relative(a, b):
    return ((a - b).abs().max() / a.abs().max()).item()


def fair(model, case, out, notes, found):
    """None, or why this seed is no fair test: ties that rounding could break, dull answers, flat patterns."""
    if not found.isfinite().all():
        return "not finite"
    if "greedy" in out:
        if notes["margin"] < 2e-3:
            return f"a greedy choice with margin {notes['margin']:.1e}"
        if len(set(out["greedy"][0, -12:].tolist())) < case.get("distinct", 4):
            return "few different tokens"
        if notes["whole"] != 12 and not case.get("cache_differs"):
            return f"the cache changes the answer: {notes['whole']} of 12"
    weights = [t for k, t in out.items() if "attentions" in k]
    if weights:
        least = min(t.amax(-1)[..., 4:].mean().item() for t in weights)
        if least < 0.12:
            return f"a flat pattern ({least:.2f})"
    # float64 does not help where transformers turns to float32 on the way, but near ties of routers show
    twin = copy.deepcopy(model).double()
    try:
        more = {"decoder_input_ids": out["decoder_input_ids"]} if case["kind"] == "seq2seq" else {}
        error = relative(found.double(), answer(twin(input_ids=out["input_ids"], **more)))
    except RuntimeError as e:
        notes["float64"] = str(e)[:60]
    else:
        notes["float64"] = f"{error:.1e}"
        if error > case.get("float64", 2e-5):
            return f"float32 and float64 differ by {error:.1e}"
    return None


def check_bites(case, folder, out, found):
    more = {"decoder_input_ids": out["decoder_input_ids"]} if case["kind"] == "seq2seq" else {}
    for change in case.get("bites", ()):
        other = answer(load(case, folder, **change)(input_ids=out["input_ids"], **more))
        difference = relative(found, other)
        assert difference > 1e-3, f"{change} changes logits by {difference:.1e} only"


def make(name, case, target):
    for seed in range(case.get("seed", 1), 400):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        config = AutoConfig.for_model(case["type"], **case["config"])
        config.architectures = [case["model"]]
        model = type_of(case)._from_config(config).float().eval()
        if case.get("untie"):
            head = getattr(model, case["untie"])
            head.weight = torch.nn.Parameter(head.weight.clone())
        randomise(model, case, generator)
        stored = getattr(torch, case.get("dtype", "bfloat16"))
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            model.to(stored).save_pretrained(folder)
            (folder / "generation_config.json").unlink(missing_ok=True)
            if case.get("hub"):
                path = folder / "config.json"
                config = hub_style(json.loads(path.read_text()), case)
                for key in case.get("drop", ()):
                    config.pop(key, None)
                config |= case.get("add", {})
                path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
            model = load(case, folder)
            out, notes, found = expected(model, case, generator)
            why = fair(model, case, out, notes, found)
            if why is not None:
                last = why
                continue
            check_bites(case, folder, out, found)
            tensors = {
                k: (t.to(torch.int32) if not t.is_floating_point() else t.float()).contiguous() for k, t in out.items()
            }
            made = {"seed": str(seed), "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
            save_file(tensors, folder / "expected.safetensors", metadata=made)
            files = sorted(p.name for p in folder.iterdir())
            assert files == ["config.json", "expected.safetensors", "model.safetensors"], files
            size = sum(p.stat().st_size for p in folder.iterdir())
            assert size <= 150_000, f"{name}: {size} bytes"
            to = target / case["kind"] / name
            shutil.rmtree(to, ignore_errors=True)
            to.mkdir(parents=True)
            for file in files:
                shutil.copyfile(folder / file, to / file)
            told = " ".join(f"{k} {v:.1e}" if isinstance(v, float) else f"{k} {v}" for k, v in notes.items())
            print(f"{name}: {size / 1000:.0f} kB, seed {seed}, {told}", flush=True)
            return size
    raise AssertionError(f"{name}: no seed was fair; the last: {last}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--out", type=pathlib.Path, default=root / "core/src/test/resources/golden")
    given = arguments.parse_args()
    total = 0
    failed = []
    for name in given.names or CASES:
        try:
            total += make(name, CASES[name], given.out)
        except Exception as e:  # the others are made all the same
            failed.append(name)
            print(f"{name}: FAILED {type(e).__name__}: {str(e)[:600]}", flush=True)
    print(f"{total / 1e6:.2f} MB" + (f"; failed: {' '.join(failed)}" if failed else ""))
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
