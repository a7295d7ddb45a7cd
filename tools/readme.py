"""Builds README.md from nbs/index.ipynb, without Quarto: nbdev's processors hide cells, nbconvert writes the Markdown.

    python tools/readme.py            writes README.md
    python tools/readme.py --check    exits 1 when README.md is not what the notebook says
"""
import argparse, json, posixpath, re, sys
from pathlib import Path

import nbformat
from nbconvert.exporters import MarkdownExporter
from nbdev.process import NBProcessor
from nbdev.processors import clean_magics, hide_, hide_line, populate_language, rm_export, rm_header_dash, strip_ansi
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK, README = ROOT/'nbs'/'index.ipynb', ROOT/'README.md'
NOTE = '<!-- Made from nbs/index.ipynb by tools/readme.py: edit the notebook, then run `make readme`. -->\n\n'
PRIORITY = ['text/markdown', 'text/html', 'text/latex', 'text/plain']

class ReadmeError(Exception):
    "One sentence that says what is wrong and what to do"

def rebase(target):
    "The link `target` of a page in nbs/ as a link of a page in the root"
    if re.match(r'[a-z][a-z0-9+.-]*:|[/#]', target, re.I): return target
    path, mark, anchor = target.partition('#')
    path = posixpath.normpath(posixpath.join('nbs', path))
    if path.startswith('..') or not (ROOT/path).exists():
        raise ReadmeError(f"nbs/index.ipynb points to {target}, which is not there: add the file or mend the link.")
    return path + mark + anchor

def rebase_links(text):
    "Rebase the Markdown links and HTML attributes of `text`, leaving what stands in code alone"
    parts = re.split(r'(```.*?```|`[^`\n]*`)', text, flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r'(\]\()([^)\s]+)', lambda m: m[1] + rebase(m[2]), parts[i])
        parts[i] = re.sub(r'((?:src|href)=")([^"]+)', lambda m: m[1] + rebase(m[2]), parts[i])
    return ''.join(parts)

def plain_html(html):
    "What GitHub shows of `html`: no style sheet, no script, no box around it"
    html = re.sub(r'<(style|script)\b.*?</\1>', '', html, flags=re.DOTALL | re.I)
    return '\n'.join(line.strip() for line in re.sub(r'</?div\b[^>]*>', '', html).splitlines() if line.strip())

def show_output(output):
    "Change `output` into something that GitHub shows"
    data = output.get('data')
    if data is None: return
    if not set(data) & set(PRIORITY) or any(kind.startswith('image/') for kind in data):
        raise ReadmeError("nbs/index.ipynb has a picture among its outputs: "
                          "save it in nbs/images/ and show it from a Markdown cell.")
    if 'text/html' in data: data['text/html'] = plain_html(''.join(data['text/html']))

def options(cell):
    "Obey and remove the directives of `cell` that nbdev leaves to Quarto"
    if cell.cell_type != 'code': return
    says = {name.rstrip(':'): (args or [''])[0].lower() for name, args in cell.directives_.items()}
    if says.get('include') == 'false': del cell['source']; return
    cell.source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.MULTILINE).strip()
    if says.get('output') == 'false': cell.outputs = []
    if says.get('echo') == 'false': cell.source = ''
    for output in cell.outputs: show_output(output)

def build():
    "The text of README.md"
    if not NOTEBOOK.exists(): raise ReadmeError("There is no nbs/index.ipynb to make README.md from: write it first.")
    procs = [populate_language, strip_ansi, hide_line, rm_header_dash, rm_export, clean_magics, hide_, options]
    nb = NBProcessor(NOTEBOOK, procs, process=True).nb
    for cell in nb.cells:
        if cell.cell_type == 'markdown': cell.source = rebase_links(cell.source)
    keep = {'cell_type', 'source', 'outputs', 'metadata', 'execution_count', 'id'}
    cells = [{k: v for k, v in cell.items() if k in keep} for cell in nb.cells]
    page = dict(cells=cells, metadata={'language_info': {'name': 'python'}}, nbformat=4, nbformat_minor=5)
    nb = nbformat.reads(json.dumps(page), as_version=4)  # which joins what nbdev keeps as lists of lines
    exporter = MarkdownExporter(config=Config(NbConvertBase=dict(display_data_priority=PRIORITY)))
    text = exporter.from_notebook_node(nb)[0]
    text = re.sub(r'^```(?:python)?\n\n```$', '', text, flags=re.MULTILINE)  # a cell of which only the output is shown
    text = re.sub(r'^[ \t]+$', '', text, flags=re.MULTILINE)
    return NOTE + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'

def main():
    parser = argparse.ArgumentParser(description="Build README.md from nbs/index.ipynb.")
    parser.add_argument('--check', action='store_true', help="write nothing; exit 1 when README.md is stale")
    check = parser.parse_args().check
    try: text = build()
    except ReadmeError as e: sys.exit(str(e))
    stale = not README.exists() or README.read_text(encoding='utf-8') != text
    if check and stale:
        sys.exit("README.md is not what nbs/index.ipynb says: run  make prepare  and commit what it changes.")
    if stale: README.write_text(text, encoding='utf-8')

if __name__ == '__main__': main()
