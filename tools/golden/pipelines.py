"""Makes tokenizer.json files of many kinds with tokenizers 0.23.3, and the ids they give.

    python tools/golden/pipelines.py SHARED OUT [MANY]

SHARED is the folder with the vectors and corpora. Writes for each kind OUT/NAME.json and OUT/NAME.ids: a text a
line (tab: JSON), its ids without and with the tokens around it, its tokens' characters (first, end), and the ids
decoded. MANY more texts, of random characters and of the books; none for the files that are committed.
"""

import base64
import itertools
import json
import pathlib
import random
import struct
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers

shared = pathlib.Path(sys.argv[1])
out = pathlib.Path(sys.argv[2])
many = int(sys.argv[3]) if len(sys.argv) > 3 else 0
out.mkdir(parents=True, exist_ok=True)
FILES = [str(f) for f in sorted((shared / "vectors/tokenizer/bpe-training").iterdir())]
SAMPLE = "The quick brown fox, 123 héllo wörld Straße naïve ﬁne １２ "


def save(name, tokenizer):
    data = json.loads(tokenizer.to_str())
    (out / (name + ".json")).write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
    with open(out / (name + ".ids"), "w", newline="\n") as f:
        for text in texts():
            plain = tokenizer.encode(text, add_special_tokens=False)
            added = tokenizer.encode(text)
            row = [text, plain.ids, added.ids, plain.offsets, tokenizer.decode(plain.ids, skip_special_tokens=False)]
            print(*[json.dumps(cell) for cell in row], sep="\t", file=f)


FIXED = [
    "",
    " ",
    "Once upon a time, there was a little girl.",
    "  Hello   World!!  \n\n\tEND ",
    "Führer 日本語 中文字 カタカナ ひらがな 한국어 ไทย हिन्दी العربية",
    "e\u0301\u0301 \u1100\u1161\u11a8 \u212b \ufb01ve \u2460 \u00bd \uff21 \u0130 \u01c5",
    "🙂🙂 👨‍👩‍👧 🇩🇪 ☃️ \u200b\ufeff\u00ad\u0007",
    "a [MASK] b [SEP] <s> </s> <unk> <pad>  <mask>x <one>two one twone <0x0A>",
    "don't can't I'LL they've; do not. x = y[3] + 0x1F # code\r\n    return f(a,b)\r",
    "\u2581\u2581a \u2581b\u3000c\u00a0d\u2003e\u0085f",
    "supercalifragilisticexpialidocious" * 4,
    "123 4567 ٣٤٥ Ⅷ ²",
    "\ue000\U000e0001\U0010ffff\u0378\u0897\U000105c9",
]


def texts():
    yield from FIXED
    rng = random.Random(7)
    pools = [
        [range(32, 127)],
        [range(32, 127), range(0xA0, 0x250), range(0x300, 0x370)],
        [range(0x370, 0x600), range(32, 48)],
        [range(0x900, 0xE00), range(32, 34)],
        [range(0x3000, 0x3100), range(0x4E00, 0x5000), range(0xFF00, 0xFFF0), range(32, 48)],
        [range(0x1100, 0x1200), range(0xAC00, 0xAD00)],
        [range(0x2000, 0x2BFF), range(0x1F300, 0x1FAFF), range(32, 40), range(0x200D, 0x200E), range(0xFE0F, 0xFE10)],
        [range(0, 0xD800), range(0xE000, 0x20000)],
        [range(0, 33), range(0x2581, 0x2582), range(97, 100)],
    ]
    special = ["[MASK]", "<one>", "one", "<s>", " ", "  ", "\n", "\u2581", "[SEP]", "é", "the", "Hello", "<0x41>"]
    books = [p.read_text(errors="replace") for p in sorted((shared / "corpora/gutenberg").iterdir())[:12]] if many else []
    for i in range(max(many, 60)):
        kind = rng.randrange(12)
        if kind < 9 or not books:
            ranges = pools[kind % 9]
            length = rng.randrange(1, 24)
            parts = []
            for _ in range(length):
                if rng.random() < 0.12:
                    parts.append(rng.choice(special))
                else:
                    parts.append(chr(rng.choice(rng.choice(ranges))))
            yield "".join(parts)
        else:
            book = rng.choice(books)
            at = rng.randrange(max(1, len(book) - 400))
            yield book[at : at + rng.randrange(1, 400)]


def bert(lowercase):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train(FILES, trainers.WordPieceTrainer(
        vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))])
    return t


def pairs(size, **style):
    t = Tokenizer(models.BPE(**style))
    return t, trainers.BpeTrainer(
        vocab_size=size, show_progress=False,
        special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)])


save("bert-uncased", bert(True))
save("bert-cased", bert(False))

# Llama 2 as it was first converted: normalizers, one piece.
t, trainer = pairs(700, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
t.train(FILES, trainer)
data = json.loads(t.to_str())
t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
data["pre_tokenizer"] = None
data["normalizer"] = json.loads(Tokenizer.to_str(t))["normalizer"]
data["added_tokens"] = [a for a in data["added_tokens"] if a["id"] < 3]
plain = Tokenizer.from_str(json.dumps(data))
plain.decoder = decoders.Sequence(
    [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
plain.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
save("llama2", plain)

# The newer conversion: Metaspace, first, not split.
data["normalizer"] = None
new = Tokenizer.from_str(json.dumps(data))
new.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
new.decoder = plain.decoder
new.add_tokens([AddedToken("<one>", lstrip=True, rstrip=True), AddedToken("one", single_word=True)])
save("llama2-metaspace", new)

# Gemma.
gemma = Tokenizer.from_str(json.dumps(data))
gemma.normalizer = normalizers.Replace(" ", "\u2581")
gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
gemma.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
gemma.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
save("gemma", gemma)


def unigram(size, **more):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(**more)
    t.decoder = decoders.Metaspace(**{k: v for k, v in more.items() if k != "split"})
    t.train(FILES, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], unk_token="<unk>", show_progress=False))
    return t


x = unigram(500)
x.post_processor = processors.TemplateProcessing(
    single="<s> $A </s>", special_tokens=[("<s>", x.token_to_id("<s>")), ("</s>", x.token_to_id("</s>"))])
save("unigram", x)


def charsmap():
    """The table of the SentencePiece model among the vectors."""
    blob = (shared / "vectors/tokenizer/sentencepiece/test_model.model").read_bytes()

    def varint(at):
        value = shift = 0
        while True:
            value |= (blob[at] & 127) << shift
            shift += 7
            at += 1
            if blob[at - 1] < 128:
                return value, at

    def fields(at, end):
        while at < end:
            key, at = varint(at)
            if key & 7 == 2:
                size, at = varint(at)
                yield key >> 3, at, at + size
                at += size
            elif key & 7 == 0:
                _, at = varint(at)
            else:
                at += 4 if key & 7 == 5 else 8

    for field, at, end in fields(0, len(blob)):
        if field == 3:
            for inner, start, stop in fields(at, end):
                if inner == 2:
                    return blob[start:stop]
    raise ValueError("no table")


table = charsmap()
if many:
    t5 = unigram(500, prepend_scheme="always")
    data = json.loads(t5.to_str())
    data["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()},
        {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]}
    save("t5", Tokenizer.from_str(json.dumps(data)))
    data["model"]["byte_fallback"] = True
    save("unigram-bytes", Tokenizer.from_str(json.dumps(data)))

# Parts, each over a vocabulary of letters: what a pre-tokenizer cuts shows in words of their own.
letters, trainer = pairs(400, unk_token="<unk>", end_of_word_suffix="</w>")
letters.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
letters.pre_tokenizer = pre_tokenizers.Whitespace()
letters.decoder = decoders.BPEDecoder()
trainer.end_of_word_suffix = "</w>"
letters.train(FILES, trainer)
save("clip", letters)

NORMALIZERS = {
    "nfc": normalizers.NFC(),
    "nfd": normalizers.NFD(),
    "nfkc": normalizers.NFKC(),
    "nfkd": normalizers.NFKD(),
    "strip": normalizers.Strip(),
    "accents": normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]),
    "lower": normalizers.Lowercase(),
    "nmt": normalizers.Nmt(),
    "bert": normalizers.BertNormalizer(strip_accents=False),
    "bytes": normalizers.ByteLevel(),
    "prepend": normalizers.Prepend("ab"),
    "replace": normalizers.Replace(Regex(r"\s+|[0-9]"), "xy"),
}
DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {
    "deepseek3": pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"),
        pre_tokenizers.Split(Regex("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), "isolated"),
        pre_tokenizers.Split(Regex(DEEPSEEK3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
    "whitespace": pre_tokenizers.Whitespace(),
    "white-split": pre_tokenizers.WhitespaceSplit(),
    "punctuation": pre_tokenizers.Punctuation("merged_with_next"),
    "punctuation-contiguous": pre_tokenizers.Punctuation("contiguous"),
    "digits": pre_tokenizers.Digits(individual_digits=False),
    "bert": pre_tokenizers.BertPreTokenizer(),
    "fixed": pre_tokenizers.FixedLength(3),
    "delimiter": pre_tokenizers.CharDelimiterSplit("e"),
    "metaspace": pre_tokenizers.Metaspace(prepend_scheme="always"),
    "removed": pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}"), "removed", invert=True),
    "previous": pre_tokenizers.Split(Regex(r"[aeiou ]"), "merged_with_previous"),
    "next": pre_tokenizers.Split(Regex(r"[aeiou ]"), "merged_with_next", invert=True),
    "bytes": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=True)]),
}
# Not a tokenizer's ids but what the parts themselves give.
with open(out / "parts.tsv", "w", newline="\n") as f:
    for text in itertools.islice(texts(), None if many else 21):
        for name, part in NORMALIZERS.items():
            print("normalizer", name, json.dumps(text), json.dumps(part.normalize_str(text)), sep="\t", file=f)
        for name, part in SPLITS.items():
            pieces = [p for p, _ in part.pre_tokenize_str(text)]
            print("cut", name, json.dumps(text), json.dumps(pieces), sep="\t", file=f)


def part_json(kind, part):
    t = Tokenizer(models.WordLevel({}, unk_token="x"))
    setattr(t, kind, part)
    return json.loads(t.to_str())[kind]


(out / "parts.json").write_text(json.dumps({
    "normalizer": {n: part_json("normalizer", p) for n, p in NORMALIZERS.items()},
    "cut": {n: part_json("pre_tokenizer", p) for n, p in SPLITS.items()},
}, ensure_ascii=False) + "\n")
