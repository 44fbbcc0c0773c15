"""Writes traits.bin of the tokenizer package: what tokenizers 0.23.3 does to each character, see CharTraits.

    python tools/golden/traits.py
"""

from tokenizers import normalizers as n, pre_tokenizers as p
import sys
clean=n.BertNormalizer(clean_text=True,handle_chinese_chars=False,strip_accents=False,lowercase=False)
acc=n.BertNormalizer(clean_text=False,handle_chinese_chars=False,strip_accents=True,lowercase=False)
sa=n.StripAccents(); pu=p.Punctuation(); wh=p.Whitespace(); di=p.Digits(individual_digits=True); ws=p.WhitespaceSplit()
def flags(c):
    s="a"+chr(c)+"b"
    f=0
    r=clean.normalize_str(s)
    if r=="ab": f|=1
    elif r=="a b" and c!=32: f|=2
    if sa.normalize_str(chr(c))=="": f|=4
    if acc.normalize_str(chr(c))=="": f|=8
    if len(pu.pre_tokenize_str(s))==3: f|=16
    if len(wh.pre_tokenize_str(s))==1: f|=32
    if len(di.pre_tokenize_str(s))==3: f|=64
    if len(ws.pre_tokenize_str(s))==2: f|=128
    return f
runs=bytearray()
fl=[]
for c in range(0x110000):
    if 0xD800<=c<0xE000: fl.append(0); continue
    if c>0x33000 and not 0xE0000<=c<0xE0200 and c&0xFFF: fl.append(fl[-1]& ~1 | (1 if clean.normalize_str("a"+chr(c)+"b")=="ab" else 0)); continue
    fl.append(flags(c))
start=0
for c in range(1,0x110001):
    if c<0x110000 and fl[c]==fl[start]: continue
    runs.append(fl[start]); k=c-start
    while k>0x7f: runs.append(k&0x7f|0x80); k>>=7
    runs.append(k); start=c
open("tokenizer/src/main/resources/clearhead/tokenizer/traits.bin", "wb").write(runs); print(len(runs))
