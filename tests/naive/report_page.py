#!/usr/bin/env python3
"""report_page.py PAGE KMEM_ANALYZE DB [OPTION...]: is the data in a page of `kmem-analyze report` that of the reports of the same
options, is the page one file that loads nothing, and below 5 MB? Prints what is wrong."""
import html.parser
import json
import re
import subprocess
import sys

wrong = []


def check(good, *why):
    if not good:
        wrong.append(" ".join(map(str, why)))


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data, self.inside, self.frame = [], "", None, None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.inside = attrs.get("id") if tag == "script" else None
        check("src" not in attrs and not (attrs.get("href") or "#").strip("#/").startswith("http"), "the page loads", attrs)
        check(not any(name.startswith("on") for name in attrs), "a handler in the markup:", attrs)
        if tag == "iframe":
            self.frame = attrs["srcdoc"]

    def handle_data(self, data):
        if self.inside == "data":
            self.data += data


def report(program, *arguments):
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return json.loads(done.stdout)


def main():
    path, program, db, *options = sys.argv[1:]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    page = Page()
    page.feed(text)
    check(len(text.encode()) < 5 << 20, "the page has", len(text.encode()), "bytes")
    check(set(re.findall(r"https?://[^'\"\s<&]*", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}, "the page names other places")
    check("img" not in page.tags and page.tags.count("iframe") == 1, "a name became a tag")
    data = json.loads(page.data)
    account = report(program, "account", "--format", "json", *options, db)
    leaks = report(program, "kmemleak", "--format", "json", *options, db)
    for member in ("net", "waste", "alloc", "free", "groups"):
        check(data["summary"][member] == account["summary"][member], member, data["summary"][member], account["summary"][member])
    check(sorted((c["caller"], c["total"], c["waste"], c["net"], c["alloc"], c["free"]) for c in data["callers"]) ==
          sorted((c["caller"], c["total"], c["waste"], c["net"], c["alloc"], c["free"]) for c in account["callers"]),
          "the callers are not those of account")
    check(len(data["caches"]) == min(data["cache_groups"]["groups"], 500), "caches are missing")
    check(len(data["caches"]) == 500 or sum(c["net"] for c in data["caches"]) == account["summary"]["net"], "the caches have other bytes")
    check(len(data["caches"]) == 500 or sum(c["alloc"] for c in data["caches"]) == account["summary"]["alloc"],
          "the caches have other allocations")
    check(data["cache_groups"]["objects"] == sum(g["objects"] for g in leaks["leaks"]), "the caches have other live objects")
    check(data["leak_groups"]["groups"] == len(leaks["leaks"]), "other leaks")
    check([(g["bytes"], g["objects"]) for g in data["leaks"]] == [(g["bytes"], g["objects"]) for g in leaks["leaks"]][:300],
          "the leaks are not those of kmemleak")
    line = data["timeline"]
    check(all(len(s["bytes"]) == len(s["objects"]) == len(line["times"]) for s in line["series"]), "the timeline has gaps")
    last = [s["bytes"][-1] for s in line["series"] if s["total"] or s["name"] == data["header"]["domain"]]
    check(account["summary"]["net"] in last or (not last and not account["summary"]["net"]), "the timeline ends at", last)
    tree = json.loads(re.search(r'<script[^>]*>\s*(\{"title".*?)</script>', page.frame, re.S)[1]) if page.frame else None
    check(tree is None or tree["tree"][1] == account["summary"]["net"], "the rings have other bytes")
    print("\n".join(wrong[:5]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
