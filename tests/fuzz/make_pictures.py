#!/usr/bin/env python3
"""Writes seeds of the corpus tests/fuzz/corpus/image that carry colour profiles, several frames or one of the newer containers. Needs numpy, pillow,
pillow-heif and pillow-jxl-plugin."""
import io
import os

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (registers itself)
from PIL import Image, ImageCms, PngImagePlugin

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "image")


def smooth(w, h, phase=0.0, channels=3):
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(channels), indexing="ij")
    return (120 + 60 * np.sin(x / 5.0 + c + phase) + 50 * np.cos(y / 4.0 - c)).clip(0, 255).astype(np.uint8)


def keep(name, image, **options):
    image.save(os.path.join(HERE, name), **options)


def with_profile(profile, primaries):
    """The profile with other colourants (XYZ at D50), so that it is not sRGB's."""
    data = bytearray(profile)
    for tag, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries):
        at = data.index(tag)
        offset = int.from_bytes(data[at + 4:at + 8], "big")
        for i, v in enumerate(xyz):
            data[offset + 8 + 4 * i:offset + 12 + 4 * i] = round(v * 65536).to_bytes(4, "big", signed=True)
    return bytes(data)


def main():
    rgb, more = (Image.fromarray(smooth(32, 24, phase)) for phase in (0, 2))
    rgba = Image.fromarray(smooth(32, 24, 1, 4), "RGBA")
    cmyk = Image.fromarray(smooth(32, 24, 1, 4), "CMYK")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    p3 = with_profile(srgb, ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)))
    keep("profile.jpg", rgb, icc_profile=p3)
    keep("profile-cmyk.jpg", cmyk, icc_profile=p3)
    keep("profile.png", rgba, icc_profile=p3)
    keep("profile.webp", rgba, icc_profile=p3, lossless=True)
    keep("profile.tiff", rgb, icc_profile=p3, compression="tiff_lzw")
    keep("profile-cmyk.tiff", cmyk, icc_profile=p3)
    says = PngImagePlugin.PngInfo()
    says.add(b"gAMA", (100000).to_bytes(4, "big"))
    says.add(b"cHRM", b"".join(v.to_bytes(4, "big") for v in (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)))
    keep("linear.png", Image.fromarray(smooth(32, 24)[..., 0].astype(np.uint16) * 257), pnginfo=says)
    keep("film.png", rgb, save_all=True, append_images=[more, rgb.crop((0, 0, 8, 8))], duration=100, disposal=2)
    keep("film.webp", rgb, save_all=True, append_images=[more, rgb], duration=100, lossless=True)
    keep("film.gif", rgb.quantize(16), save_all=True, append_images=[more.quantize(16)], duration=100, disposal=3)
    keep("still.jp2", rgb, irreversible=False)
    keep("alpha.jp2", rgba)
    keep("bare.j2k", rgb, irreversible=True, quality_mode="rates", quality_layers=[20], tile_size=(16, 16))
    keep("deep.jp2", Image.fromarray(smooth(32, 24)[..., 0].astype(np.uint16) * 257))
    keep("still.jxl", rgb, lossless=True)
    keep("lossy.jxl", rgba, quality=80)
    pillow_heif.register_heif_opener()
    keep("two.heic", rgb, save_all=True, append_images=[more], quality=60)
    keep("profile.heic", rgb, icc_profile=p3, quality=60)


main()
