#!/usr/bin/env python3
"""browser.py FILE SCRIPT: opens a copy of an SVG or HTML file in a real browser, runs the script in it when the file's own
scripts have run, and prints what the script says with say(...), a line each. What goes wrong in the page is said, too.
Exit status 77 where there is no browser."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape

program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not program:
    sys.exit(77)
text, script = open(sys.argv[1]).read(), sys.argv[2]
end = text.rindex("</svg>" if sys.argv[1].endswith(".svg") else "</body>")
first = """
const said = []
function say(...words) { said.push(words.join(' ')); document.documentElement.setAttribute('data-said', said.join('\\n')) }
window.addEventListener('error', e => say('ERROR', e.message))
function click(e) { e.dispatchEvent(new MouseEvent('click', { bubbles: true })) }
"""
begin = re.search(r"<(svg|body)\b[^>]*>", text).end()
tag = ("<script><![CDATA[%s]]></script>" if sys.argv[1].endswith(".svg") else "<script>%s</script>").__mod__
with tempfile.TemporaryDirectory() as room:
    path = os.path.join(room, os.path.basename(sys.argv[1]))
    with open(path, "w") as out:
        out.write(text[:begin] + tag(first) + text[begin:end] +
                  tag("try { " + script + " } catch (e) { say('ERROR', e.message) }") + text[end:])
    page = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
         f"--user-data-dir={room}/profile", "--dump-dom", "--virtual-time-budget=2000", "file://" + path],
        env={**os.environ, "HOME": room, "XDG_CACHE_HOME": room}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        timeout=100, check=False).stdout.decode(errors="replace")
    said = re.search(r'data-said="([^"]*)"', page)
    print(unescape(said[1]) if said else "nothing was said")
