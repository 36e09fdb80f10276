#!/usr/bin/env python3
"""Names that somebody chose to do harm, wherever a capture has names, and what must hold of everything that is made of them.

    hostile.py make                 a script for mkcapture: each name as task, symbol, module, slab cache, program, mark, event,
                                    file of the target and fact about the machine
    hostile.py check DIR            every file there, by its ending: well-formed as strict readers of its kind want it, none of
                                    the names is markup, a field, a line or a control character of its own. Prints what is wrong
"""
import csv
import gzip
import io
import json
import os
import re
import sys
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

EVIL = [
    b"<x-evil>", b"\"><x-evil>", b"'><x-evil onload=evil()>", b"</script><x-evil>", b"--><x-evil>", b"]]><x-evil>",
    b"</title></style><x-evil>", b"&lt;x-evil&gt;", b"<!--", b"<![CDATA[", b"\\u003cx-evil\\u003e", b"${evil()}", b"{{evil()}}",
    b"\x1b]0;evil\x07", b"\x1b[2J\x1b[31mevil", b"evil\x9b2J", b"evil\xc2\x9b2J", b"evil\rover", b"evil\nline", b"evil\ttab",
    b"evil\x08\x7f", b"\xff\xfeevil", b"evil\xc0\xaf", b"evil\xed\xa0\x80", b"evil\xe2\x82", b"\xe2\x80\xaelive\xe2\x80\xac",
    b"evil\xe2\x80\xa8line", b"\xef\xbb\xbfevil", b"=1+1", b"@evil", b"evil,\"quoted\",", b"evil;1 5", b"a;b 99999", b"evil 12",
    b"'; DROP TABLE task;--", b"\" OR 1=1", b"$(touch evil)", b"`touch evil`", b"|touch evil", b"; touch evil", b"%s%n%s%n",
    b"../../../../evil", b"/dev/null", b"-rf", b"--output=evil", b"#evil", b"\\", b"\\\"", b"\"", b"'", b"label=\"x\"];evil[", b"\\N\\G",
    b"A" * 3000, b"\xc3\xa9" * 700, b"_ZN4evilE", b"[evil]", b"+0x10", b"@ 0x1", b"null", b"0",
]


def escaped(name):
    return "".join(chr(b) if chr(b).isalnum() else "\\x%02x" % b for b in name)


def make():
    print("info machine x86_64\ninfo clock.start.trace_ns 1000000000\ninfo clock.start.wall_ns 1700000000000000000")
    print("info time.start_ns 1000000000\ninfo time.end_ns 9000000000\ninfo recorder.user_stacks frame\\x20pointers")
    for key in ("hostname", "kernel.release", "kernel.version", "kernel.cmdline", "recorder.version", "recorder.command", "command",
                "end.reason", "events.spec", "events.filter", "events.absent", "boot_id", "kernel.build_id", "cpus.possible"):
        name = EVIL[len(key) * 7 % len(EVIL)]
        print("info %s %s" % (key, escaped(b"evil" + name if key == "events.spec" else name)))
    for i, name in enumerate(EVIL):
        print("info warning.%d %s" % (i + 1, escaped(b"evil: " + name)))
        print("info evil.%s %s" % (escaped(name), escaped(name)))
        print("task %d %d 1 %s" % (100 + i, 100 + i, escaped(name)))
    print("symbol 0xffffffff81000000 _stext")
    for i, name in enumerate(EVIL):
        print("symbol 0x%x %s" % (0xffffffff81001000 + i * 0x1000, escaped(name)))
        print("symbol 0x%x %s %s" % (0xffffffffc0001000 + i * 0x1000, escaped(name), escaped(name)))
    print("type evil\\x3cx-evil\\x3e al\\x22\\x3e\\x3cx-evil\\x3eloc \\x3cx-evil\\x3e:u8:tuple ptr:u8:address len:u8:tuple s:str:tuple")
    for i, name in enumerate(EVIL):
        print("file /sys/module/%s/sections/.text start 0x%x\\n" % (escaped(name), 0xffffffffc0001000 + i * 0x1000))
        print("file %s start %s" % (escaped(name), escaped(name)))
        print("map %d %d %d 0x400000 0x10000 0 %s" % (1050000000 + i, 100 + i, 100 + i, escaped(name)))
        print("comm %d %d %d %s" % (1060000000 + i, 100 + i, 100 + i, escaped(b"re" + name)))
    at = 1100000000
    for i, name in enumerate(EVIL):
        kernel, module = 0xffffffff81001010 + i * 0x1000, 0xffffffffc0001010 + i * 0x1000
        print("%d 0 %d kmalloc ptr=0x%x call_site=0x%x bytes_req=100 bytes_alloc=128 gfp_flags=0xcc0 node=-1 "
              "stack=0x%x,0x%x,0xffffffff81001020,user,0x400100" % (at, 100 + i, 0xffff888000100000 + i * 0x1000, kernel, kernel, module))
        print("%d 0 %d kmem_cache_alloc ptr=0x%x call_site=0x%x name=%s bytes_req=60 bytes_alloc=64 gfp_flags=0xcc0 node=-1 "
              "stack=0x%x,0x%x" % (at + 1000, 100 + i, 0xffff888000900000 + i * 0x1000, module, escaped(name), module, kernel))
        print("%d 0 %d kfree ptr=0x%x call_site=0x%x" % (at + 2000, 100 + i, 0xffff888000100000 + (i - 1) * 0x1000, kernel))
        print("%d 0 %d al\"><x-evil>loc ptr=0x%x len=8 s=%s <x-evil>=1" % (at + 3000, 100 + i, 0x1000 + i, escaped(name)))
        print("mark %d %s" % (at + 4000, escaped(name)))
        at += 100000000


# ---- what must hold

def shown(text):
    """What is wrong with text that a terminal shows."""
    for line in text.split("\n"):
        for c in line:
            if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
                return "U+%04X in %r" % (ord(c), line[:200])
    return None


class Markup(HTMLParser):
    """Elements and attributes of a page, and of the pages within it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.wrong, self.scripts, self.inside = None, [], False

    def handle_starttag(self, tag, attrs):
        if tag == "x-evil":
            self.wrong = "a name became an element"
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append((dict(attrs).get("type"), ""))
        for key, value in attrs:
            if "evil" in key or key.startswith("on") and "evil" in (value or ""):
                self.wrong = "a name became an attribute: %s=%s" % (key, value)
            if key in ("href", "src", "xlink:href") and (value or "").lower().startswith("javascript"):
                self.wrong = "a name became an address: " + value
            if key == "srcdoc":
                self.wrong = self.wrong or page(value)

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    def handle_comment(self, data):
        if "evil" in data:
            self.wrong = "a name is in a comment"


def page(text):
    markup = Markup()
    markup.feed(text)
    markup.close()
    if markup.wrong:
        return markup.wrong
    for kind, script in markup.scripts:
        if kind == "application/json":
            json.loads(script)
        if "<x-evil" in script.lower():
            return "markup in a script"
    return None


def xml(data):
    for element in ElementTree.fromstring(data).iter():
        if "evil" in str(element.tag):
            return "a name became an element"
        for key in element.attrib:
            if "evil" in key:
                return "a name became an attribute"
    return page(data.decode())


def rows(text):
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    lines = [line for line in lines if line]
    if len({len(line) for line in lines}) > 1:
        return "lines of different length: %s" % sorted({len(line) for line in lines})
    if any(re.search(r"[\r\n]", cell) for line in lines for cell in line):
        return "a field of several lines"
    return None if len(lines) > 1 else "nothing in it"


def texts(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def is_json(text):
    for part in texts(json.loads(text)):
        wrong = shown(part.replace("\n", " "))
        if wrong:
            return wrong
    return None


def folded(text):
    for line in text.splitlines():
        if not re.fullmatch(r"[^ ;]?.* [0-9]+", line):
            return "no line of folded stacks: " + repr(line)
    return shown(text)


def dot(text):
    # strings away, nothing of a name is left
    rest = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.S)
    return "a name got out of its string" if "evil" in rest else shown(text)


def wrong_with(path):
    with open(path, "rb") as f:
        data = f.read()
    if not data:
        return "nothing in it"
    ending = path.rsplit(".", 1)[1]
    if ending == "gz":
        return None if gzip.decompress(data) else "nothing in it"
    if ending == "svg":
        return xml(data)
    if ending in ("png", "pdf"):
        return None
    text = data.decode()  # UTF-8, or it is no text
    if ending in ("json", "trace"):
        return is_json(text)
    if ending == "ndjson":
        return next((w for w in map(is_json, text.splitlines()) if w), None)
    if ending == "csv":
        return rows(text) or shown(text)
    if ending == "html":
        return page(text)
    if ending == "folded":
        return folded(text)
    if ending == "dot":
        return dot(text)
    return shown(text.replace("\t", " "))


def check(directory):
    for name in sorted(os.listdir(directory)):
        try:
            wrong = wrong_with(os.path.join(directory, name))
        except (ValueError, ElementTree.ParseError, csv.Error, OSError, EOFError) as e:
            wrong = "%s: %s" % (type(e).__name__, e)
        print("%s: %s" % (name, wrong) if wrong else "# %s" % name)


if __name__ == "__main__":
    make() if sys.argv[1:] == ["make"] else check(sys.argv[2])
