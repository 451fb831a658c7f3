"""One picture in many encodings, and its pixels as Pillow reads them: python3 test/reference/make_images.py

Writes images.json. Needs Pillow and NumPy. Where Pillow knows less than a viewer (16 bits, transparency), the pixels are computed here.
"""

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageCms, ImageOps

H, W = 14, 20
y, x = numpy.mgrid[0:H, 0:W]
base = numpy.stack([x * 12, y * 17, 255 - (x + y) * 7], -1).clip(0, 255).astype(numpy.uint8)
base[3:9, 4:11] = (220, 30, 40)
base[6:12, 12:18] = (20, 200, 90)
picture = Image.fromarray(base)
grey = numpy.asarray(picture.convert("L"))
alpha = numpy.where((x + y) % 7 < 3, 0, numpy.where(x > 12, 128, 255)).astype(numpy.uint8)
images = []


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(file):
    return numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB"))


def add(name, file, pixels=None, most=0):  # most: the largest difference that is right
    pixels = read(file) if pixels is None else numpy.asarray(pixels).round().astype(numpy.uint8)
    pixels = numpy.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels
    text = [base64.b64encode(part).decode() for part in (file, pixels.tobytes())]
    images.append({"name": name, "file": text[0], "height": pixels.shape[0], "width": pixels.shape[1], "pixels": text[1], "most": most})


def on_white(pixels, alpha):
    share = alpha[..., None] / 255 if pixels.ndim == 3 else alpha / 255
    return pixels * share + 255 * (1 - share)


# ---- Orientation

for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    add(f"orientation {orientation} in a JPEG", encoded(picture, "JPEG", quality=95, subsampling=0, exif=exif))
    if orientation not in (5, 6):
        continue
    add(f"orientation {orientation} in a PNG", encoded(picture, "PNG", exif=exif))
    add(f"orientation {orientation} in a WebP", encoded(picture, "WEBP", lossless=True, exif=exif))
    add(f"orientation {orientation} in a TIFF", encoded(picture, "TIFF", exif=exif))


# ---- PNG


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(bits, colours, rows, extra=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", W, H, bits, colours, 0, 0, interlaced)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def sixteen(pixels):
    return [row.tobytes() for row in (pixels.astype(numpy.uint16) * 257).astype(">u2")]


def adam7(pixels):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    return [pixels[row, left::right].tobytes() for left, top, right, down in passes for row in range(top, H, down)]


RGB, GREY, GREY_ALPHA, RGB_ALPHA = 2, 0, 4, 6
rows = [row.tobytes() for row in base]
add("a PNG", encoded(picture, "PNG"))
add("a grey PNG", encoded(Image.fromarray(grey), "PNG"))
add("a PNG of 16 bits", png(16, RGB, sixteen(base)), base, 1)
add("a grey PNG of 16 bits", png(16, GREY, sixteen(grey)), grey, 1)
add("12 bits in a grey PNG of 16", png(16, GREY, [row.tobytes() for row in (grey.astype(numpy.uint16) * 16).astype(">u2")]), grey // 16, 1)
add("a PNG with transparency", encoded(Image.fromarray(numpy.dstack([base, alpha])), "PNG"), on_white(base, alpha), 1)
add("a PNG of 16 bits with transparency", png(16, RGB_ALPHA, sixteen(numpy.dstack([base, alpha]))), on_white(base, alpha), 1)
add("a grey PNG with transparency", encoded(Image.fromarray(numpy.dstack([grey, alpha])), "PNG"), on_white(grey, alpha), 1)
add("a grey PNG of 16 bits with transparency", png(16, GREY_ALPHA, sixteen(numpy.dstack([grey, alpha]))), on_white(grey, alpha), 1)
add("a PNG of one bit", encoded(Image.fromarray(((grey > 128) * 255).astype(numpy.uint8)).convert("1"), "PNG"))
palette = picture.quantize(16)
of_palette, indices = numpy.asarray(palette.convert("RGB")), numpy.asarray(palette)
add("a PNG with a palette", encoded(palette, "PNG"))
white = numpy.where((indices == 3)[..., None], 255, of_palette)
add("a PNG with a transparent colour", encoded(palette, "PNG", transparency=3), white)
shares = bytes([255, 0, 128] + [255] * 13)
add("a PNG with transparent colours", encoded(palette, "PNG", transparency=shares), on_white(of_palette, numpy.array(list(shares))[indices]), 1)
add("an interlaced PNG", png(8, RGB, adam7(base), interlaced=1), base)
add("a PNG with a gamma", png(8, RGB, rows, extra=chunk(b"gAMA", struct.pack(">I", 45455))), base)
bad = bytearray(chunk(b"tEXt", b"Comment\0hello"))
bad[-1] ^= 1
add("a PNG with a damaged comment", png(8, RGB, rows, extra=bytes(bad)), base)
add("a PNG with bytes behind it", encoded(picture, "PNG") + b"more" * 100)

# ---- JPEG

jpeg = {"quality": 95, "subsampling": 0}
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
plain = encoded(picture, "JPEG", **jpeg)
add("a JPEG", plain)
add("a progressive JPEG", encoded(picture, "JPEG", progressive=True, **jpeg))
add("a grey JPEG", encoded(picture.convert("L"), "JPEG", **jpeg))
add("a JPEG with colours at half the size", encoded(picture, "JPEG", quality=95, subsampling=2))
add("a JPEG with a profile", encoded(picture, "JPEG", icc_profile=srgb, **jpeg))
add("a JPEG with bytes behind it", plain + b"\0" * 500 + b"more")
add("two JPEGs in one file", plain + plain)
inks = encoded(picture.convert("CMYK"), "JPEG", **jpeg)
adobe = inks.find(b"\xff\xee")
end = adobe + 2 + struct.unpack(">H", inks[adobe + 2 : adobe + 4])[0]
add("a CMYK JPEG", inks)
add("a CMYK JPEG with a profile", encoded(picture.convert("CMYK"), "JPEG", icc_profile=srgb, **jpeg))
add("a CMYK JPEG without Adobe's marker", inks[:adobe] + inks[end:])
ycck = bytearray(inks)
ycck[end - 1] = 2
add("a YCCK JPEG", bytes(ycck), most=2)

# ---- Others

second = Image.fromarray(255 - base)
frames = {"save_all": True, "append_images": [second], "duration": 100}
add("a WebP", encoded(picture, "WEBP", lossless=True))
add("a WebP with transparency", encoded(Image.fromarray(numpy.dstack([base, alpha])), "WEBP", lossless=True, exact=True), on_white(base, alpha), 1)
add("a WebP with losses", encoded(picture, "WEBP", quality=80))
add("an animated WebP", encoded(picture, "WEBP", lossless=True, **frames), base)
add("an animated PNG", encoded(picture, "PNG", **frames), base)
add("a GIF", encoded(palette, "GIF"))
add("an animated GIF", encoded(palette, "GIF", save_all=True, append_images=[second.quantize(16)], duration=100), of_palette)
add("a TIFF", encoded(picture, "TIFF"))
add("a packed TIFF", encoded(picture, "TIFF", compression="tiff_lzw"))
add("a TIFF of two pages", encoded(picture, "TIFF", save_all=True, append_images=[second]), base)
add("a TIFF of 16 bits", encoded(Image.fromarray(grey.astype(numpy.uint16) * 257), "TIFF"), grey, 1)
add("a CMYK TIFF", encoded(picture.convert("CMYK"), "TIFF"))
add("an AVIF", encoded(picture, "AVIF", quality=100, subsampling="4:4:4"), most=1)
add("a picture of one pixel", encoded(Image.fromarray(base[:1, :1]), "PNG"))

lines = ",\n".join(" " + json.dumps(image) for image in images)
Path(__file__).with_name("images.json").write_text(f"[\n{lines}\n]\n")
