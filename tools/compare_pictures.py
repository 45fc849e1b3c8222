"""Holds decoded pixels against Pillow and ImageMagick over a corpus that is made here.

    cargo build --profile quick --example decode
    python tools/compare_pictures.py --decode target/quick/examples/decode --out tools/scratch/pictures

Needs `tools/.venv` with pillow, numpy, tifffile and imagecodecs, and Debian's imagemagick and libjpeg-turbo-progs. Prints
a table, a line for each format; with `--verbose` a line for each file whose pixels differ by more than its kind allows.
Differences are in steps of 8 bits, the largest over all pixels of all files. Exit status 1 if anything differs.
"""

import argparse
import io
import itertools
import json
import struct
import subprocess
import zlib
from collections import defaultdict
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps

SIZES = [(45, 37), (64, 64), (17, 9), (1, 1)]


def picture(width, height):
    """Smooth colours, so that upsamplers of chroma do not differ by much."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    r = 128 + 100 * np.sin(x * 0.11 + y * 0.05)
    g = 128 + 100 * np.sin(y * 0.13 + 1)
    b = 128 + 100 * np.cos((x + y) * 0.07)
    return np.clip(np.stack([r, g, b], -1), 0, 255).astype(np.uint8)


class Corpus:
    """Files with what they are held against: another decoder's pixels, or pixels that are known."""

    def __init__(self, folder):
        self.folder = folder
        self.files = []

    def add(self, family, name, data=None, known=None, steps=1.0, magick=None, refused=False):
        path = self.folder / name
        if data is not None:
            path.write_bytes(data)
        self.files.append(
            dict(family=family, path=path, known=known, steps=steps, magick=magick, refused=refused)
        )

    def image(self, family, name, image, known=None, steps=1.0, magick=None, **options):
        out = io.BytesIO()
        image.save(out, **options)
        self.add(family, name, out.getvalue(), known, steps, magick)


def jpegs(corpus):
    folder = corpus.folder
    (folder / "apart.scan").write_text("0;\n1;\n2;\n")
    (folder / "luma.scan").write_text("0;\n1 2;\n")
    (folder / "chroma.scan").write_text("0 1;\n2;\n")
    plain = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "4x4", "3x1", "1x3", "3x3", "3x2", "2x3"]
    mixed = [
        "1x1,2x1,1x1", "1x1,2x2,2x2", "2x1,1x2,1x1", "2x2,2x1,1x2", "2x2,2x1,2x1", "2x2,1x2,1x2", "2x2,2x2,1x1",
        "1x2,1x2,1x2", "2x1,2x1,2x1", "4x1,2x1,1x1", "4x1,2x1,2x1", "4x2,1x1,1x1", "2x2,1x1,2x1", "2x1,1x1,2x1",
        "2x2,1x2,2x1", "4x2,2x2,2x2", "2x4,1x2,1x2",
    ]
    modes = {"base": [], "progressive": ["-progressive"], "apart": ["-scans", "apart.scan"],
             "luma": ["-scans", "luma.scan"], "chroma": ["-scans", "chroma.scan"], "restart": ["-restart", "1"]}
    for width, height in SIZES:
        source = folder / f"s{width}x{height}.ppm"
        Image.fromarray(picture(width, height)).save(source)
        for sampling, (mode, options) in itertools.product(plain + mixed, modes.items()):
            if sampling in mixed and mode in ("luma", "chroma", "restart"):
                continue
            name = f"{width}x{height}_{sampling}_{mode}.jpg"
            made = subprocess.run(
                ["cjpeg", "-quality", "95", "-sample", sampling, *options, "-outfile", name, source.name],
                cwd=folder, capture_output=True)
            if made.returncode:  # sampling that libjpeg does not write in one scan
                (folder / name).unlink(missing_ok=True)
                continue
            fine = [int(part[0]) for part in sampling.split(",")]
            refused = max(fine) == 4 and 2 in fine and mode != "progressive"
            corpus.add("JPEG", name, steps=4.0, refused=refused)
        for kind, options in {"rgb": ["-rgb"], "rgb-progressive": ["-rgb", "-progressive"], "grey": ["-grayscale"]}.items():
            name = f"{width}x{height}_{kind}.jpg"
            subprocess.run(["cjpeg", "-quality", "95", *options, "-outfile", name, source.name], cwd=folder, check=True)
            corpus.add("JPEG", name, steps=2.0)
        subprocess.run(["cjpeg", "-arithmetic", "-outfile", f"arithmetic{width}.jpg", source.name], cwd=folder, check=True)
        corpus.add("JPEG", f"arithmetic{width}.jpg", refused=True)
    for width, height in SIZES[:2]:
        pixels = picture(width, height)
        cmyk = Image.fromarray(pixels).convert("CMYK")
        corpus.image("JPEG CMYK", f"cmyk{width}.jpg", cmyk, format="JPEG", quality=95, subsampling=0, steps=3.0)
        deep = pixels.astype(np.uint16) << 4
        corpus.add("JPEG", f"deep{width}.jpg", imagecodecs.jpeg8_encode(deep, bitspersample=12), refused=True)


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(pixels, depth, kind, extra=()):
    """A PNG by hand: any depth, packed rows."""
    height, width = pixels.shape[0], pixels.shape[1] // {0: 1, 2: 3, 3: 1}[kind]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    if depth == 16:
        rows = [b"\0" + row.astype(">u2").tobytes() for row in pixels]
    elif depth == 8:
        rows = [b"\0" + row.astype(np.uint8).tobytes() for row in pixels]
    else:
        rows = []
        for row in pixels:
            text = "".join(format(int(v), f"0{depth}b") for v in row)
            text += "0" * (-len(text) % 8)
            rows.append(b"\0" + bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8)))
    data = zlib.compress(b"".join(rows))
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def srgb(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def linear(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


P3_TO_SRGB = np.array([[1.2249401, -0.2249404, 0.0], [-0.0420569, 1.0420571, 0.0], [-0.0196376, -0.0786361, 1.0982735]])


def pngs(corpus):
    for width, height in SIZES:
        pixels = picture(width, height)
        name = f"{width}x{height}"
        base = Image.fromarray(pixels)
        grey = pixels[:, :, 1]
        for depth in (1, 2, 4, 8, 16):
            levels = grey.astype(float) / 255
            stored = np.round(levels * (2**depth - 1)).astype(int)
            known = np.repeat((stored / (2**depth - 1))[:, :, None], 3, 2)
            corpus.add("PNG", f"grey{depth}_{name}.png", png(stored, depth, 0), known=known, steps=0.6)
        for depth in (1, 2, 4, 8):
            size = 2**depth
            palette = np.stack([(np.arange(size) * k) % 256 for k in (37, 91, 151)], -1).astype(np.uint8)
            index = (np.arange(width * height).reshape(height, width) * 7) % size
            parts = [chunk(b"PLTE", palette.tobytes())]
            corpus.add("PNG", f"palette{depth}_{name}.png", png(index, depth, 3, parts), known=palette[index] / 255.0)
            alpha = np.full(size, 255, np.uint8)
            alpha[: size // 2] = 64
            parts.append(chunk(b"tRNS", alpha[: size // 2].tobytes()))
            over = palette[index] / 255.0 * (alpha[index] / 255.0)[:, :, None] + 1 - (alpha[index] / 255.0)[:, :, None]
            corpus.add("PNG", f"paletteclear{depth}_{name}.png", png(index, depth, 3, parts), known=over)
        wide = pixels.astype(np.uint16) * 257
        corpus.add("PNG", f"rgb16_{name}.png", png(wide.reshape(height, -1), 16, 2), known=pixels / 255.0)
        rgba = np.dstack([pixels, 255 - grey])
        part = rgba[:, :, 3:] / 255.0
        corpus.image("PNG", f"rgba_{name}.png", Image.fromarray(rgba), format="PNG", known=pixels / 255.0 * part + 1 - part)
        corpus.image("PNG", f"la_{name}.png", Image.fromarray(rgba[:, :, [1, 3]], "LA"), format="PNG")
        corpus.image("PNG", f"rgb_{name}.png", base, format="PNG", optimize=True)
        key = [chunk(b"tRNS", struct.pack(">HHH", *[int(v) for v in pixels[0, 0]]))]
        clear = (pixels == pixels[0, 0]).all(-1)[:, :, None]
        corpus.add("PNG", f"key_{name}.png", png(pixels.reshape(height, -1), 8, 2, key), known=np.where(clear, 1.0, pixels / 255.0))
        if width > 1:
            subprocess.run(["convert", "-", "-interlace", "PNG", f"interlaced_{name}.png"], cwd=corpus.folder, check=True,
                           input=ppm(pixels))
            corpus.add("PNG", f"interlaced_{name}.png")
        # Colours, by the book.
        v = pixels / 255.0
        flat = pixels.reshape(height, -1)
        p3 = srgb(linear(v) @ P3_TO_SRGB.T)
        gamma = lambda g: chunk(b"gAMA", struct.pack(">I", g))
        chrm = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
        cicp = lambda *codes: chunk(b"cICP", bytes(codes))
        for label, parts, known in [
            ("linear", [gamma(100000)], srgb(v)),
            ("gamma22", [gamma(45455)], v),
            ("gamma18", [gamma(55556)], srgb(v**1.8)),
            ("p3", [cicp(12, 13, 0, 1)], p3),
            ("chrm", [chrm], p3),
            ("p3linear", [cicp(12, 8, 0, 1)], srgb(v @ P3_TO_SRGB.T)),
            ("first", [gamma(100000), chunk(b"sRGB", b"\0"), cicp(12, 13, 0, 1)], p3),
            ("second", [gamma(100000), chunk(b"sRGB", b"\0")], v),
        ]:
            corpus.add("PNG colours", f"{label}_{name}.png", png(flat, 8, 2, parts), known=known, magick=False)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        corpus.image("PNG colours", f"icc_{name}.png", base, format="PNG", icc_profile=profile, known=v)


def tiffs(corpus):
    width, height = 45, 37
    pixels = picture(width, height)
    unit = pixels / 255.0
    types = {
        "u8": pixels, "u16": pixels.astype(np.uint16) * 257, "u32": pixels.astype(np.uint32) * 16843009,
        "f16": unit.astype(np.float16), "f32": unit.astype(np.float32), "f64": unit,
    }
    for (kind, values), order, big, planar, tile in itertools.product(types.items(), "<>", (False, True), (False, True), (False, True)):
        options = dict(photometric="rgb", byteorder=order, bigtiff=big)
        data = values.transpose(2, 0, 1) if planar else values
        if planar:
            options["planarconfig"] = "separate"
        if tile:
            options["tile"] = (16, 32)
        name = f"{kind}_{'le' if order == '<' else 'be'}_{'big' if big else 'classic'}_{'planar' if planar else 'chunky'}_{'tile' if tile else 'strip'}.tif"
        tifffile.imwrite(corpus.folder / name, np.ascontiguousarray(data), **options)
        corpus.add("TIFF layouts", name, known=unit, steps=0.6, magick=False if kind in ("u32", "f16", "f64") else None)
    for (kind, values), compression, predictor, tile in itertools.product(
        types.items(), ("lzw", "zlib", "packbits"), (False, True), (False, True)):
        floats = kind.startswith("f")
        if predictor and compression == "packbits":
            continue
        options = dict(photometric="rgb", compression=compression)
        if predictor:
            options["predictor"] = 3 if floats else 2
        if tile:
            options["tile"] = (16, 32)
        name = f"{compression}_{kind}_{'predictor' if predictor else 'plain'}_{'tile' if tile else 'strip'}.tif"
        try:
            tifffile.imwrite(corpus.folder / name, values, **options)
        except (ValueError, NotImplementedError):
            continue
        corpus.add("TIFF compressions", name, known=unit, steps=0.6, magick=False if kind in ("u32", "f16", "f64") else None)
    base = Image.fromarray(pixels)
    for quality, sub in itertools.product((75, 95), (0, 1, 2)):
        corpus.image("TIFF compressions", f"jpeg{quality}_{sub}.tif", base, format="TIFF", compression="jpeg", quality=quality, steps=4.0)
    for compression in ("group3", "group4", "packbits", "tiff_lzw", "tiff_adobe_deflate"):
        corpus.image("TIFF compressions", f"bilevel_{compression}.tif", base.convert("1"), format="TIFF", compression=compression)
    for mode in ("L", "LA", "P", "RGBA", "I;16", "F"):
        if mode == "I;16":
            image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
            known = np.repeat(unit[:, :, :1], 3, 2)
        elif mode == "F":
            image = Image.fromarray(unit[:, :, 0].astype(np.float32))
            known = np.repeat(unit[:, :, :1], 3, 2)
        else:
            image, known = base.convert(mode), None
        corpus.image("TIFF kinds", f"mode_{mode.replace(';', '')}.tif", image, format="TIFF", known=known)
    for bits, photometric in itertools.product((1, 2, 4), ("minisblack", "miniswhite", "palette")):
        stored = (pixels[:, :, 0] >> (8 - bits)).astype(np.uint8)
        data, known = by_hand(stored, bits, photometric)
        # ImageMagick 6 shows white-is-zero of 2 and 4 bits inverted or stretched; Pillow and libvips agree with the known values.
        corpus.add("TIFF kinds", f"{photometric}{bits}.tif", data, known=known, steps=0.6, magick=False if photometric == "miniswhite" else None)
    lab = base.convert("LAB")
    corpus.image("TIFF kinds", "lab.tif", lab, format="TIFF", steps=24.0, known=unit, magick=False)
    corpus.image("TIFF kinds", "cmyk.tif", base.convert("CMYK"), format="TIFF", steps=1.5)
    for orientation in range(1, 9):
        corpus.image("TIFF kinds", f"orientation{orientation}.tif", base, format="TIFF", tiffinfo={274: orientation})
    associated = np.dstack([(pixels * 0.5).astype(np.uint8), np.full((height, width), 128, np.uint8)])
    tifffile.imwrite(corpus.folder / "associated.tif", associated, photometric="rgb", extrasamples=["assocalpha"])
    corpus.add("TIFF kinds", "associated.tif", known=associated[:, :, :3] / 255.0 + 1 - 128 / 255.0, steps=1.5)
    tifffile.imwrite(corpus.folder / "zstd.tif", pixels, photometric="rgb", compression="zstd")
    corpus.add("TIFF kinds", "zstd.tif", refused=True)
    tifffile.imwrite(corpus.folder / "signed.tif", pixels.astype(np.int16), photometric="rgb")
    corpus.add("TIFF kinds", "signed.tif", refused=True)


def by_hand(stored, bits, photometric):
    """A little-endian TIFF of fewer than 8 bits, one strip, with what it shows."""
    height, width = stored.shape
    rows = b""
    for row in stored:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        rows += bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
    size = 2**bits
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits]), (259, 3, [1]),
            (262, 3, [{"miniswhite": 0, "minisblack": 1, "palette": 3}[photometric]]),
            (273, 4, [8]), (277, 3, [1]), (278, 4, [height]), (279, 4, [len(rows)])]
    level = stored / (size - 1)
    known = np.repeat(level[:, :, None], 3, 2)
    if photometric == "miniswhite":
        known = 1 - known
    if photometric == "palette":
        table = [(i * k) % 256 for k in (37, 91, 151) for i in range(size)]
        tags.append((320, 3, [v * 257 for v in table]))
        known = np.stack([np.array(table[c * size:(c + 1) * size])[stored] for c in range(3)], -1) / 255.0
    values, entries = rows, []
    if len(values) % 2:
        values += b"\0"
    for tag, kind, numbers in tags:
        data = struct.pack("<" + "BBBHI"[kind] * len(numbers), *numbers)
        if len(data) <= 4:
            entries.append(struct.pack("<HHI", tag, kind, len(numbers)) + data.ljust(4, b"\0"))
        else:
            entries.append(struct.pack("<HHII", tag, kind, len(numbers), 8 + len(values)))
            values += data
    file = b"II*\0" + struct.pack("<I", 8 + len(values)) + values
    return file + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0" * 4, known


def others(corpus):
    for width, height in SIZES:
        pixels = picture(width, height)
        base, name = Image.fromarray(pixels), f"{width}x{height}"
        rgba = Image.fromarray(np.dstack([pixels, 255 - pixels[:, :, 1]]))
        for mode in ("1", "L", "P", "RGB"):
            corpus.image("BMP", f"{mode}_{name}.bmp", base.convert(mode), format="BMP")
        corpus.image("BMP", f"RGBA_{name}.bmp", rgba, format="BMP", magick=False)
        if width > 1:
            for label, options in {"rle": ["-colors", "16", "-compress", "RLE"], "rle8": ["-colors", "200", "-compress", "RLE"]}.items():
                made = subprocess.run(["convert", "-", *options, f"BMP3:{label}_{name}.bmp"], cwd=corpus.folder, input=ppm(pixels))
                if made.returncode == 0:
                    corpus.add("BMP", f"{label}_{name}.bmp")
        for bits, masks in {"555": (0x7C00, 0x3E0, 0x1F), "565": (0xF800, 0x7E0, 0x1F)}.items():
            corpus.add("BMP", f"{bits}_{name}.bmp", *bmp16(pixels, masks), steps=0.6)
        corpus.image("WebP", f"lossless_{name}.webp", base, format="WEBP", lossless=True)
        corpus.image("WebP", f"clear_{name}.webp", rgba, format="WEBP", lossless=True, exact=True)
        for quality in (40, 75, 95):
            corpus.image("WebP", f"lossy{quality}_{name}.webp", base, format="WEBP", quality=quality, steps=3.0)
            corpus.image("WebP", f"lossyclear{quality}_{name}.webp", rgba, format="WEBP", quality=quality, steps=3.0)
        corpus.image("WebP", f"animated_{name}.webp", base, format="WEBP", lossless=True, save_all=True,
                     append_images=[Image.new("RGB", base.size)], magick=False)
        for colours in (2, 16, 256):
            corpus.image("GIF", f"{colours}_{name}.gif", base.quantize(colours), format="GIF")
        corpus.image("GIF", f"interlaced_{name}.gif", base.quantize(16), format="GIF", interlace=True)
        clear = base.convert("RGBA")
        clear.putpixel((0, 0), (0, 0, 0, 0))
        corpus.image("GIF", f"clear_{name}.gif", clear, format="GIF")
        corpus.image("GIF", f"animated_{name}.gif", base, format="GIF", save_all=True, append_images=[Image.new("RGB", base.size)], magick=False)
        corpus.image("QOI", f"rgb_{name}.qoi", base, format="QOI", magick=False)
        corpus.image("QOI", f"rgba_{name}.qoi", rgba, format="QOI", magick=False)
    base = Image.fromarray(picture(45, 37))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for family, extension, options in [("JPEG", "jpg", dict(format="JPEG", quality=95, subsampling=0, steps=3.0)),
                                           ("PNG", "png", dict(format="PNG")), ("WebP", "webp", dict(format="WEBP", lossless=True))]:
            # ImageMagick 6 does not read EXIF of PNG and WebP for this.
            corpus.image(family, f"orientation{orientation}.{extension}", base, exif=exif.tobytes(), magick=None if extension == "jpg" else False, **options)


def bmp16(pixels, masks):
    height, width = pixels.shape[:2]
    shifts = [(mask & -mask).bit_length() - 1 for mask in masks]
    tops = [mask >> shift for mask, shift in zip(masks, shifts)]
    stored = sum((np.round(pixels[:, :, c] / 255 * tops[c]).astype(int) << shifts[c]) for c in range(3))
    rows = b"".join(row.astype("<u2").tobytes() + b"\0" * (-2 * width % 4) for row in stored[::-1])
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3, len(rows), 0, 0, 0, 0) + struct.pack("<3I", *masks)
    file = b"BM" + struct.pack("<IHHI", 66 + len(rows), 0, 0, 66) + header + rows
    return file, np.stack([((stored >> shifts[c]) & tops[c]) / tops[c] for c in range(3)], -1)


def ppm(pixels):
    return b"P6\n%d %d\n255\n" % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes()


def read_ppm(data):
    fields, at = [], 2
    while len(fields) < 3:
        if data[at + 1:at + 2] == b"#":  # a comment, up to the end of its line
            at = data.index(b"\n", at + 1)
            continue
        end = at + 1
        while not data[end:end + 1].isspace():
            end += 1
        fields.append(int(data[at:end]))
        at = end
    width, height, top = fields
    kind = ">u2" if top > 255 else "u1"
    return np.frombuffer(data[at + 1:], kind, width * height * 3).reshape(height, width, 3) / top


def by_pillow(path):
    image = Image.open(path)
    image.seek(0)
    image = ImageOps.exif_transpose(image)
    if image.mode == "CMYK":
        ink = np.asarray(image) / 255.0
        return (1 - ink[:, :, :3]) * (1 - ink[:, :, 3:])
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        rgba = np.asarray(image.convert("RGBA")) / 255.0
        return rgba[:, :, :3] * rgba[:, :, 3:] + 1 - rgba[:, :, 3:]
    return np.asarray(image.convert("RGB")) / 255.0


def by_magick(path):
    command = ["convert", f"{path}[0]", "-auto-orient", "-background", "white", "-alpha", "remove", "-colorspace", "sRGB",
               "-depth", "16", "ppm:-"]
    made = subprocess.run(command, capture_output=True)
    if made.returncode or not made.stdout.startswith(b"P6"):
        raise OSError(made.stderr.decode(errors="replace").strip())
    return read_ppm(made.stdout)


def worst(a, b):
    """The largest difference in steps of 8 bits; infinite if the sizes differ."""
    return float(np.abs(a - b).max() * 255) if a.shape == b.shape else float("inf")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--decode", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    corpus = Corpus(arguments.out / "files")
    corpus.folder.mkdir(parents=True, exist_ok=True)
    ours = arguments.out / "ours"
    ours.mkdir(exist_ok=True)
    for make in (jpegs, pngs, tiffs, others):
        make(corpus)
    paths = [str(file["path"]) for file in corpus.files]
    lines = subprocess.run([str(arguments.decode.resolve()), str(ours), *paths], capture_output=True, text=True, check=True)
    if lines.stderr:
        print("on stderr:", lines.stderr)
    reports = {line["file"]: line for line in map(json.loads, lines.stdout.splitlines())}
    table = defaultdict(lambda: dict(files=0, read=0, refused=0, first=0.0, second=0.0, held=0, bad=0))
    for file in corpus.files:
        row, path = table[file["family"]], file["path"]
        row["files"] += 1
        report = reports[str(path)]
        problem = None
        if "error" in report:
            row["refused"] += 1
            if not file["refused"]:
                problem = report["error"]
        else:
            row["read"] += 1
            if file["refused"]:
                problem = "read, though it should be refused"
            pixels = read_ppm((ours / (path.name + ".ppm")).read_bytes())
            try:
                first = worst(pixels, by_pillow(path) if file["known"] is None else file["known"])
                row["first"] = max(row["first"], first)
                if first > file["steps"]:
                    problem = f"differs by {first:.2f} steps"
            except Exception as error:  # Pillow does not read everything
                problem = f"Pillow: {error}" if arguments.verbose else None
            if file["magick"] is not False:
                try:
                    second = worst(pixels, by_magick(path))
                    row["held"] += 1
                    row["second"] = max(row["second"], second)
                    if second > file["steps"] + 1 and problem is None:
                        problem = f"differs from ImageMagick by {second:.2f} steps"
                except OSError:
                    pass
        if problem:
            row["bad"] += 1
            if arguments.verbose:
                print(f"{path.name}: {problem}")
    print("| files | how many | read | refused | largest difference from known values or Pillow | from ImageMagick (files) |")
    print("|---|---|---|---|---|---|")
    for family, row in table.items():
        print(f"| {family} | {row['files']} | {row['read']} | {row['refused']} | {row['first']:.2f} | "
              f"{row['second']:.2f} ({row['held']}) |")
    total, bad = len(corpus.files), sum(row["bad"] for row in table.values())
    print(f"\n{total} files, {bad} that differ by more than their kind allows")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
