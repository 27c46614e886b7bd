#!/usr/bin/env python3
"""Folders of `arcface generate` below one another: generated_sheet.py OUT.jpg [--real FOLDER] [--columns N] "LABEL=FOLDER"...

A row (or several, of N pictures) for each folder, under its label; below each picture its cosine to the target by the network that
made it and, where there was a judge, by the first one with the photos. --real: a row of photos first, one of each person, whose
folders are named as the people. Needs Pillow.
"""
import argparse
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, LABEL, CAPTION = 112, 4, 18, 14
BACK, INK = (32, 32, 32), (235, 235, 235)


def generated(folder):
    """(picture, caption) of each face in the folder."""
    report = json.loads((folder / "generated.json").read_text())
    for face in report["faces"]:
        judges = face.get("judges", [])
        caption = f"{face['cosine']:.3f}" + (f" / {judges[0]:.3f}" if judges and judges[0] is not None else "")
        yield folder / face["file"], caption


def real(folder):
    for person in sorted(p for p in folder.iterdir() if p.is_dir()):
        yield sorted(person.iterdir())[0], person.name.replace("_", " ")


def rows_of(label, faces, columns):
    faces = list(faces)
    for i in range(0, len(faces), columns):
        yield (label if i == 0 else None), faces[i:i + columns]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("folders", nargs="+", metavar="LABEL=FOLDER")
    args = parser.parse_args()
    rows = list(rows_of("photos", real(args.real), args.columns)) if args.real else []
    for word in args.folders:
        label, folder = word.rsplit("=", 1)
        rows += rows_of(label, generated(Path(folder)), args.columns)
    heights = [GAP + SIDE + CAPTION + (LABEL if label else 0) for label, _ in rows]
    sheet = Image.new("RGB", (GAP + max(len(faces) for _, faces in rows) * (SIDE + GAP), sum(heights) + GAP), BACK)
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(11), 0
    for (label, faces), height in zip(rows, heights):
        top_of_faces = top + GAP + (LABEL if label else 0)
        if label:
            draw.text((GAP, top + GAP + 1), label, INK, ImageFont.load_default(13))
        for i, (file, caption) in enumerate(faces):
            left = GAP + i * (SIDE + GAP)
            sheet.paste(Image.open(file).convert("RGB").resize((SIDE, SIDE)), (left, top_of_faces))
            draw.text((left + 2, top_of_faces + SIDE), caption, INK, font)
        top += height
    sheet.save(args.out, quality=args.quality)


if __name__ == "__main__":
    main()
