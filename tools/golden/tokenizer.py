"""Makes the expected values of the tokenizer tests with tokenizers 0.23.3 and sentencepiece 0.2.3.

    python tools/golden/tokenizer.py SHARED

SHARED is the folder with the vectors. Writes tokenizer/src/test/resources/clearhead/tokenizer:
  training.txt           for each case a line "= file rule size minFrequency", then a merge a line
  llama3-style.json      a tokenizer.json with a Split rule, ignore_merges and a template
  llama3-style.ids       for each of its texts (tab: JSON) the ids without and with added tokens
  sentencepiece.ids      for each model a line "= file", then text, ids and decoded text (tab: JSON)
"""

import json
import pathlib
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from tokenizers import trainers

shared = pathlib.Path(sys.argv[1])
out = pathlib.Path(__file__).parents[2] / "tokenizer/src/test/resources/clearhead/tokenizer"
texts = shared / "vectors/tokenizer/bpe-training"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def splitter(rule):
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if rule == "gpt2":
        return level
    if rule == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level])
    bare = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), bare])


def train(files, rule, size, least):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splitter(rule)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train(
        [str(f) for f in files],
        trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=least,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


CASES = [
    ("german.txt", "gpt2", 400, 0),
    ("address.txt", "smollm", 400, 2),
    ("address.txt", "llama3", 1000, 0),
    ("tinystories_sample.txt", "gpt2", 600, 0),
    ("tinystories_sample.txt", "smollm", 2000, 2),
]

with open(out / "training.txt", "w", newline="\n") as f:
    for name, rule, size, least in CASES:
        tokenizer = train([texts / name], rule, size, least)
        print("=", name, rule, size, least, file=f)
        for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
            print(left, right, file=f)

tokenizer = train(sorted(texts.iterdir()), "llama3", 420, 0)
tokenizer.add_special_tokens(["<|begin|>"])
tokenizer.add_tokens([AddedToken("  \t", normalized=False), AddedToken("<gap>", rstrip=True, normalized=False)])
tokenizer.post_processor = processors.Sequence(
    [
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))]
        ),
    ]
)
data = json.loads(tokenizer.to_str())
data["model"]["ignore_merges"] = True
tokenizer = Tokenizer.from_str(json.dumps(data))
(out / "llama3-style.json").write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n")

samples = [
    "",
    " ",
    "Once upon a time, there was a little girl.",
    "Die Straße ist 12345 km lang.\n\n  Ja!  ",
    "a  \tb<gap>   c <|begin|> d<|endoftext|>",
    "I'LL go, he'ſ there's\r\n\r\n\u3000日本語 🙂 e\u0301\u0301",
    "\u00a0x\u2003y\u0085z",
]
with open(out / "llama3-style.ids", "w", newline="\n") as f:
    for text in samples:
        plain = tokenizer.encode(text, add_special_tokens=False)
        added = tokenizer.encode(text)
        print(json.dumps(text), json.dumps(plain.ids), json.dumps(added.ids), sep="\t", file=f)

samples += [
    "Hello world",
    "  Hello   world  ",
    "\u2581\u2581a b",
    "\uff46\uff55\uff4c\uff4c width \ufb01ve \u2460 \u00bd",
    "\u732b\u3068\u72ac \u2603\u2603 \U0001f642\U0001f642",
    "<s> is no token </s> <unk> <0x0A>",
    "tab\tand\nline",
    "rule mule dark ash",
]
with open(out / "sentencepiece.ids", "w", newline="\n") as f:
    for name in [
        "vectors/stories260K/tok512.model",
        "vectors/tokenizer/sentencepiece/mistral.model.v1",
        "vectors/tokenizer/sentencepiece/test_model.model",
    ]:
        model = sentencepiece.SentencePieceProcessor(model_file=str(shared / name))
        print("=", name, file=f)
        for text in samples:
            ids = model.encode(text)
            print(json.dumps(text), json.dumps(ids), json.dumps(model.decode(ids)), sep="\t", file=f)
