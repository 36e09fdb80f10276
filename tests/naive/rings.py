#!/usr/bin/env python3
"""A witness for `kmem-analyze rings`: checks that a drawing is what it says.

	rings.py TOTAL FILE.json [FILE.png] [FILE.svg]	geometry of the drawing; pixels and curves of the pictures
	rings.py TOTAL FILE.html			the data of the page

TOTAL is the number of bytes that the report has. Prints what is wrong; exit status 1 then.
"""
import html.parser
import itertools
import json
import math
import re
import struct
import sys
import xml.etree.ElementTree
import zlib

wrong = []


def check(good, *what):
    if not good:
        wrong.append(" ".join(str(w) for w in what))


def corners(text):
    """The box of a text: its width, and 1.15 of its size in height."""
    left = {"centre": -text["width"] / 2, "left": 0, "right": -text["width"]}[text["align"]]
    c, s = math.cos(text["angle"]), math.sin(text["angle"])
    half = text["size"] * 1.15 / 2
    return [(text["x"] + x * c - y * s, text["y"] + x * s + y * c)
            for x, y in ((left, -half), (left + text["width"], -half), (left + text["width"], half), (left, half))]


def apart(a, b):
    """Two convex shapes have a line between them (touching is apart)."""
    for shape in (a, b):
        for i in range(4):
            nx, ny = shape[i][1] - shape[i - 1][1], shape[i - 1][0] - shape[i][0]
            pa = [x * nx + y * ny for x, y in a]
            pb = [x * nx + y * ny for x, y in b]
            if max(pa) <= min(pb) + 1e-6 or max(pb) <= min(pa) + 1e-6:
                return True
    return False


def check_geometry(chart, total):
    wedges, full = chart["wedges"], 2 * math.pi
    check(chart["bytes"] == total, "the middle says", chart["bytes"], "not", total)
    top = [w for w in wedges if w["level"] == 1]
    check(sum(w["bytes"] for w in top) == total, "the inner ring has", sum(w["bytes"] for w in top), "bytes")
    check(abs(sum(w["to"] - w["from"] for w in top) - full) < 1e-6, "the inner ring is no whole circle")
    place = {w["path"]: w for w in wedges if not w["more"]}
    for w in wedges:
        check(abs((w["to"] - w["from"]) - full * w["bytes"] / total) < 1e-6, w["path"], "has a wrong angle")
        if w["level"] > 1:
            parent = place[w["path"] if w["more"] else w["path"].rsplit("/", 1)[0]]
            check(parent["from"] - 1e-9 <= w["from"] and w["to"] <= parent["to"] + 1e-9, w["path"], "leaves its parent")
            check(abs(parent["outer"] - w["inner"]) < 1e-6, w["path"], "does not touch its parent")
    for level in {w["level"] for w in wedges}:
        ring = sorted((w for w in wedges if w["level"] == level), key=lambda w: w["from"])
        check(all(a["to"] <= b["from"] + 1e-9 for a, b in zip(ring, ring[1:])), "wedges overlap in ring", level)
    for parent in {w["path"].rsplit("/", 1)[0] if "/" in w["path"] else "" for w in wedges if not w["more"]}:
        own = [w for w in wedges if not w["more"] and w["path"].startswith(parent and parent + "/")
               and "/" not in w["path"][len(parent) + bool(parent):]
               and not w["path"][len(parent) + bool(parent):].startswith("(")]
        own.sort(key=lambda w: w["from"])
        thick = [w["bytes"] for w in own]
        check(thick[:-1] == sorted(thick[:-1], reverse=True), "not sorted by size below", repr(parent))


def check_texts(chart):
    boxes = [(t, corners(t)) for t in chart["texts"]]
    for text, box in boxes:
        check(all(0 <= x <= chart["width"] and 0 <= y <= chart["height"] for x, y in box), "off the page:", text["text"])
        check(text["size"] >= 11, "too small to be read:", text["text"])
        if text["wedge"] < 0:
            continue
        w = chart["wedges"][text["wedge"]]
        middle = (w["from"] + w["to"]) / 2
        for x, y in box:
            radius = math.hypot(x - chart["x"], y - chart["y"])
            off = math.remainder(math.atan2(x - chart["x"], chart["y"] - y) - middle, 2 * math.pi)
            check(w["inner"] <= radius <= w["outer"] and abs(off) <= (w["to"] - w["from"]) / 2 + 1e-6,
                  "a label leaves its wedge:", text["text"])
    for i, (text, box) in enumerate(boxes):
        for other, obox in boxes[i + 1:]:
            check(apart(box, obox), "labels overlap:", text["text"], "and", other["text"])


def read_png(path):
    """Width, height and a function to read a pixel of a true-colour PNG without interlacing."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and not interlace
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    step = 3 if colour == 2 else 4
    raw, rows, last = zlib.decompress(packed), [], bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        how, row = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
        if how == 1:
            for channel in range(step):
                row[channel::step] = bytes(n & 255 for n in itertools.accumulate(row[channel::step]))
        elif how == 2:
            row = bytearray(a + b & 255 for a, b in zip(row, last))
        elif how:
            left, above = bytes(step) + bytes(row), bytes(step) + bytes(last)   # no pixel is left of the first
            done = bytearray(left)
            for i in range(step, len(left)):
                a, b, c = done[i - step], above[i], above[i - step]
                if how == 3:
                    guess = (a + b) // 2
                else:
                    da, db, dc = abs(b - c), abs(a - c), abs(a + b - c - c)
                    guess = a if da <= db and da <= dc else b if db <= dc else c
                done[i] = left[i] + guess & 255
            row = done[step:]
        rows.append(row)
        last = row
    return width, height, lambda x, y: tuple(rows[y][x * step:x * step + 3])


def check_png(chart, path):
    width, height, pixel = read_png(path)
    scale = width / chart["width"]
    check(abs(height - chart["height"] * scale) <= 1, "the PNG has another shape than the drawing")

    def colour_at(radius, angle):
        return pixel(int((chart["x"] + radius * math.sin(angle)) * scale), int((chart["y"] - radius * math.cos(angle)) * scale))

    def near(a, b):
        return all(abs(x - y) <= 3 for x, y in zip(a, b))

    boxes = [corners(t) for t in chart["texts"]]
    looked = 0
    for w in chart["wedges"]:
        wanted = [round(c * 255) for c in w["colour"]]
        width_of = (w["to"] - w["from"]) * w["inner"]
        if width_of < 6:
            continue
        for part in (0.04, 0.3, 0.5, 0.7, 0.96):
            for share in (0.1, 0.9) if width_of > 40 else (0.5,):
                radius = w["inner"] + (w["outer"] - w["inner"]) * part
                angle = w["from"] + (w["to"] - w["from"]) * share
                x, y = chart["x"] + radius * math.sin(angle), chart["y"] - radius * math.cos(angle)
                dot = [(x - 2, y - 2), (x + 2, y - 2), (x + 2, y + 2), (x - 2, y + 2)]
                if all(apart(dot, box) for box in boxes):
                    looked += 1
                    check(near(colour_at(radius, angle), wanted), "wrong colour in", w["path"] or "the middle", colour_at(radius, angle))
    check(looked > 5, "only", looked, "places of the PNG could be looked at")
    check(colour_at(chart["hole"] * 0.8, 3) == (255, 255, 255), "the hole is not empty")
    rim = max(w["outer"] for w in chart["wedges"])
    check(all(colour_at(rim + 4, a / 10) == (255, 255, 255) for a in range(63)), "something is outside of the rings")


def check_svg(chart, path):
    """Every wedge begins and ends on its circles, whatever the direction: the circles are round."""
    root = xml.etree.ElementTree.parse(path).getroot()
    drawn = set()
    for element in root.iter("{http://www.w3.org/2000/svg}path"):
        words = re.findall(r"[A-Z]|-?[0-9.]+", element.get("d", ""))
        if "C" in words and words[0] == "M" and len(words) > 12 and "matrix" not in element.get("transform", ""):
            x, y = float(words[1]) - chart["x"], float(words[2]) - chart["y"]
            drawn.add((round(math.hypot(x, y), 1), round(math.atan2(x, -y) % (2 * math.pi), 2) % 6.28))
    for w in chart["wedges"]:
        if (w["to"] - w["from"]) * w["inner"] > 6:
            check(any(abs(r - w["outer"]) < 0.6 and abs(math.remainder(a - w["from"], 2 * math.pi)) < 0.02 for r, a in drawn),
                  "not in the SVG:", w["path"])


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.scripts, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        check(not ({"src", "href"} & set(attrs)), "the page loads", attrs)
        if tag == "script":
            self.scripts.append([attrs.get("type"), ""])

    def handle_data(self, data):
        if self.scripts and self.lasttag == "script":
            self.scripts[-1][1] += data


def check_node(node, path):
    name, size, children = node
    if children:
        check(sum(c[1] for c in children) == size, "the parts of", path, name, "are not the whole")
        sizes = [c[1] for c in children if not c[0].startswith("(")]
        check(sizes == sorted(sizes, reverse=True), "not sorted:", path, name)
    for child in children:
        check_node(child, path + "/" + name)


def check_html(path, total):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    page = Page()
    page.feed(text)
    check(page.tags.count("script") == 2 and "img" not in page.tags, "a name became a tag:", page.tags)
    urls = set(re.findall(r"https?://[^'\"\s]*", text))
    check(urls <= {"http://www.w3.org/2000/svg"}, "the page names", urls)
    data = json.loads(page.scripts[0][1])
    check(data["tree"][1] == total, "the page has", data["tree"][1], "bytes, not", total)
    check_node(data["tree"], "")


def main():
    total, files = int(sys.argv[1]), {name.rsplit(".", 1)[1]: name for name in sys.argv[2:]}
    if "html" in files:
        check_html(files["html"], total)
    if "json" in files:
        with open(files["json"], encoding="utf-8") as f:
            chart = json.load(f)
        check_geometry(chart, total)
        check_texts(chart)
        if "png" in files:
            check_png(chart, files["png"])
        if "svg" in files:
            check_svg(chart, files["svg"])
    print("\n".join(wrong[:10]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
