#!/usr/bin/env python3
"""Writes small pictures of many kinds and what the reference of Phi-3.5-vision sees of them.

    python3 tools/golden/pictures.py tests/golden [IMAGES]

makes tests/golden/pictures/ and tests/golden/pictures.jsonl. The first line of the latter names the
versions and the seed. Each other one is a picture: a file of the folder, one of IMAGES (the folder
vision/images of the shared data, which is no part of the repository), or a size, whose pixels are
those of formula(). It has the width and the height that it is looked at, the SHA-256 of its pixels
(Pillow: turned by EXIF, laid on white where transparent, converted to RGB), and for some numbers of
crops the grid, the tokens, the SHA-256 of the crops as float32, and values of the thumbnail, which
PyTorch sums up in floats.

The transform is what image_processing_phi3_v.py of microsoft/Phi-3.5-vision-instruct computes, by
the same functions of torchvision and PyTorch, written anew.
"""
import hashlib
import io
import json
import math
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image, ImageOps, features
from torchvision.transforms import functional

SEED = 17
SIDE = 336
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Values of a thumbnail that are kept: each STRIDE-th of its 3 x 336 x 336.
STRIDE = 5303

rng = np.random.default_rng(SEED)


def formula(width, height):
    """Pixels that need no file: noise, of 32-bit products of the coordinates."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.uint64)
    mixed = (x * 73856093) ^ (y * 19349663) ^ ((c + 1) * 83492791)
    return Image.fromarray((((mixed & 0xFFFFFFFF) >> 8) & 255).astype(np.uint8))


def photo(width, height, n_channels=3):
    """Something like a photograph: slopes, an edge and some noise."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(n_channels):
        slope = 90 * np.sin(x / (9.0 + 3 * c)) + 2.5 * y + 40 * (x > width / 2) + 30 * c
        planes.append(slope + rng.normal(0, 12, (height, width)) + 60)
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


# ---- files

def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif_of(orientation, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (b"Exif\0\0" + mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(samples, depth, colour, before=(), interlaced=False):
    """A PNG of samples [height, width, n] of a depth, each row unfiltered."""
    height, width, n = samples.shape

    def rows(part):
        out = b""
        for row in part:
            bits = "".join(format(int(v), f"0{depth}b") for v in row.reshape(-1))
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
        return out

    passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    data = b"".join(rows(part) for part in passes if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*c) for c in before)
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def noise(depth, height, width, n):
    return rng.integers(0, 1 << depth, (height, width, n), dtype=np.int64)


def jpeg_files():
    rgb = Image.fromarray(photo(61, 47))
    yield "444.jpg", saved(rgb, "JPEG", quality=92, subsampling=0)
    yield "422.jpg", saved(rgb, "JPEG", quality=85, subsampling=1)
    yield "420.jpg", saved(rgb, "JPEG", quality=75, subsampling=2)
    yield "coarse.jpg", saved(rgb, "JPEG", quality=5)
    yield "gray.jpg", saved(rgb.convert("L"), "JPEG")
    yield "progressive.jpg", saved(rgb, "JPEG", progressive=True)
    yield "stored_as_rgb.jpg", saved(rgb, "JPEG", keep_rgb=True)
    yield "restarts.jpg", saved(rgb, "JPEG", restart_marker_rows=1)
    yield "inks.jpg", saved(Image.fromarray(photo(40, 33, 4), "CMYK"), "JPEG", quality=90)
    yield "junk_behind.jpg", saved(rgb, "JPEG", quality=30) + b"\xff\xd8junk" * 9
    yield "one_pixel.jpg", saved(rgb.crop((0, 0, 1, 1)), "JPEG")
    yield "tall.jpg", saved(Image.fromarray(photo(17, 190)), "JPEG", quality=60)
    yield "wide.jpg", saved(Image.fromarray(photo(260, 11)), "JPEG", quality=60)
    yield "shrinks.jpg", saved(Image.fromarray(photo(801, 603)), "JPEG", quality=20)
    small = Image.fromarray(photo(23, 18))
    for orientation in range(1, 9):
        yield f"turned_{orientation}.jpg", saved(small, "JPEG", exif=exif_of(orientation))
    yield "turned_big_endian.jpg", saved(small, "JPEG", exif=exif_of(6, ">"))
    yield "turned_nowhere.jpg", saved(small, "JPEG", exif=exif_of(9))


def png_files():
    rgb, rgba = photo(45, 31), photo(45, 31, 4)
    palette = (b"PLTE", bytes(rng.integers(0, 256, 48, dtype=np.uint8)))
    yield "rgb.png", saved(Image.fromarray(rgb), "PNG", optimize=True)
    yield "rgba.png", saved(Image.fromarray(rgba, "RGBA"), "PNG")
    yield "gray_1.png", png(noise(1, 9, 21, 1), 1, 0)
    yield "gray_2.png", png(noise(2, 9, 21, 1), 2, 0)
    yield "gray_4.png", png(noise(4, 9, 21, 1), 4, 0)
    yield "gray_8.png", png(noise(8, 9, 21, 1), 8, 0)
    yield "gray_16.png", png(noise(16, 9, 21, 1) >> rng.integers(0, 16, (9, 21, 1)), 16, 0)
    yield "gray_alpha_8.png", png(noise(8, 9, 21, 2), 8, 4)
    yield "gray_alpha_16.png", png(noise(16, 9, 21, 2), 16, 4)
    yield "rgb_16.png", png(noise(16, 9, 21, 3), 16, 2)
    yield "rgba_16.png", png(noise(16, 9, 21, 4), 16, 6)
    for depth in (1, 2, 4):
        yield f"palette_{depth}.png", png(noise(depth, 9, 21, 1), depth, 3, [palette])
    yield "palette_alpha.png", png(noise(4, 9, 21, 1), 4, 3, [palette, (b"tRNS", bytes(range(0, 240, 24)))])
    key = np.where(noise(1, 9, 21, 1) > 0, noise(8, 9, 21, 3), [10, 20, 30])
    yield "rgb_transparent.png", png(key, 8, 2, [(b"tRNS", b"\0\x0a\0\x14\0\x1e")])
    yield "gray_transparent.png", png(noise(3, 9, 21, 1), 8, 0, [(b"tRNS", b"\0\3")])
    yield "interlaced.png", png(noise(8, 13, 19, 3), 8, 2, interlaced=True)
    yield "interlaced_palette.png", png(noise(4, 13, 19, 1), 4, 3, [palette], interlaced=True)
    yield "turned.png", png(noise(8, 9, 21, 3), 8, 2, [(b"eXIf", exif_of(8)[6:])])


def webp_files():
    rgb, rgba = Image.fromarray(photo(45, 31)), Image.fromarray(photo(45, 31, 4), "RGBA")
    yield "lossy.webp", saved(rgb, "WEBP", quality=70)
    yield "lossless.webp", saved(rgb, "WEBP", lossless=True)
    yield "lossy_alpha.webp", saved(rgba, "WEBP", quality=60)
    yield "lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "turned.webp", saved(rgb, "WEBP", quality=40, exif=exif_of(7))
    moving = [Image.fromarray(photo(20, 14, 4), "RGBA") for _ in range(3)]
    yield "animated.webp", saved(moving[0], "WEBP", save_all=True, append_images=moving[1:], quality=50)


# Width, height and the numbers of crops that a size is tried with.
SIZES = (
    (1, 1, (1, 4, 16)), (2, 1, (4,)), (1, 2, (4,)), (3, 2, (16,)), (200, 1, (4,)), (1, 200, (16,)),
    (336, 336, (1, 4)), (337, 336, (4,)), (335, 337, (4,)), (672, 336, (4,)), (672, 672, (4,)),
    (1344, 1344, (16,)), (1001, 5, (4,)), (5, 1000, (4,)), (2000, 41, (16,)), (640, 480, (16,)),
    (480, 640, (4,)), (1920, 1080, (4,)), (1080, 1920, (16,)), (333, 1000, (5,)), (1009, 331, (6,)),
)


# ---- what the reference sees

def seen(image):
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, (255, 255, 255))
        image.paste(rgba, mask=rgba.getchannel("A"))
    return image.convert("RGB")


def canvas_of(image, max_crops):
    tall = image.width < image.height
    if tall:
        image = image.transpose(Image.Transpose.TRANSPOSE)
    ratio = image.width / image.height
    n = max(n for n in range(1, max_crops + 1) if n * math.ceil(n / ratio) <= max_crops)
    image = functional.resize(image, [int(n * SIDE / ratio), n * SIDE])
    missing = -image.height % SIDE
    image = functional.pad(image, [0, missing // 2, 0, missing - missing // 2], fill=[255, 255, 255])
    return image.transpose(Image.Transpose.TRANSPOSE) if tall else image


def digest(data):
    return hashlib.sha256(data).hexdigest()


def crops_of(image, max_crops):
    """The thumbnail [3, side, side]; and the crops [rows, columns, 3, side, side]."""
    canvas = functional.normalize(functional.to_tensor(canvas_of(image, max_crops)), MEAN, DEVIATION)
    small = torch.nn.functional.interpolate(canvas[None], size=(SIDE, SIDE), mode="bicubic")[0]
    n_high, n_wide = canvas.shape[1] // SIDE, canvas.shape[2] // SIDE
    return small, canvas.reshape(3, n_high, SIDE, n_wide, SIDE).permute(1, 3, 0, 2, 4).contiguous()


def view_of(image, max_crops):
    small, crops = crops_of(image, max_crops)
    n_high, n_wide = crops.shape[:2]
    return {
        "max_crops": max_crops, "n_wide": n_wide, "n_high": n_high,
        "tokens": (n_high * n_wide + 1) * 144 + 1 + (n_high + 1) * 12,
        "crops": digest(crops.numpy().astype("<f4").tobytes()),
        "thumbnail": [float(f"{v:.9g}") for v in small.reshape(-1)[::STRIDE].tolist()],
    }


def line_of(name, image, numbers):
    return name | {
        "width": image.width, "height": image.height, "rgb": digest(image.tobytes()),
        "views": [view_of(image, n) for n in numbers],
    }


def main():
    golden = pathlib.Path(sys.argv[1])
    folder = golden / "pictures"
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    lines = [{
        "made_by": "tools/golden/pictures.py", "seed": SEED,
        "python": sys.version.split()[0], "pillow": PIL.__version__, "torch": torch.__version__,
        "torchvision": torchvision.__version__, "numpy": np.__version__,
        "libjpeg-turbo": features.version("libjpeg_turbo"), "libwebp": features.version("webp"),
    }]
    for files in (jpeg_files, png_files, webp_files):
        for name, data in files():
            (folder / name).write_bytes(data)
            numbers = ((4,), (1,), (2,))[len(lines) % 3]
            lines.append(line_of({"file": name}, seen(Image.open(io.BytesIO(data))), numbers))
    for width, height, numbers in SIZES:
        lines.append(line_of({"formula": True}, formula(width, height), numbers))
    for path in sorted(pathlib.Path(sys.argv[2]).iterdir()) if len(sys.argv) > 2 else ():
        lines.append(line_of({"shared": path.name}, seen(Image.open(path)), (4, 16)))
    with open(golden / "pictures.jsonl", "w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
