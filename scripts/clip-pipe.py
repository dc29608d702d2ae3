#!/usr/bin/env python3
"""Embeds texts and pictures with a CLIP model in Immich's layout, one a line: for measuring search without the daemon.

    python3 -m venv venv && venv/bin/pip install onnxruntime numpy pillow tokenizers
    venv/bin/python scripts/clip-pipe.py MODEL_FOLDER

Reads `text WORDS` or `picture PATH` from standard input, and writes as many f32 (little-endian) as the model is wide.
The first thing it writes is that width, as u32.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer


def main():
    folder = Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    prepare = json.loads((folder / "visual/preprocess_cfg.json").read_text())
    length = config["text_cfg"].get("context_length", 77)
    size = prepare["size"]
    size = size[0] if isinstance(size, list) else size
    mean, std = (np.array(prepare[name], np.float32) for name in ("mean", "std"))
    tokenizer = Tokenizer.from_file(str(folder / "textual/tokenizer.json"))
    names = json.loads((folder / "textual/tokenizer_config.json").read_text())
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        length=length, pad_token=names["pad_token"], pad_id=tokenizer.token_to_id(names["pad_token"])
    )
    visual = onnxruntime.InferenceSession(str(folder / "visual/model.onnx"))
    textual = onnxruntime.InferenceSession(str(folder / "textual/model.onnx"))

    def text(words):
        ids = tokenizer.encode(" ".join(words.split())).ids
        return textual.run(None, {"text": np.array([ids], np.int32)})[0][0]

    def picture(path):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        width, height = image.size
        scale = size / min(width, height)
        across, down = (size, int(height * scale)) if width <= height else (int(width * scale), size)
        image = image.resize((across, down), Image.BICUBIC)
        left, top = (across - size) // 2, (down - size) // 2
        pixels = np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / 255
        return visual.run(None, {"image": ((pixels - mean) / std).transpose(2, 0, 1)[None]})[0][0]

    out = sys.stdout.buffer
    out.write(struct.pack("<I", config["embed_dim"]))
    out.flush()
    for line in sys.stdin:
        kind, _, rest = line.rstrip("\n").partition(" ")
        out.write(np.asarray(text(rest) if kind == "text" else picture(rest), "<f4").tobytes())
        out.flush()


main()
