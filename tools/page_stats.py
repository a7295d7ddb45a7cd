"""Statistics of the notebooks as pages: how long the exported cells are, and how much of the library is shown at work.

    python tools/page_stats.py                 a table of nbs/
    python tools/page_stats.py --write         the same, into docs/page_stats.md
    python tools/page_stats.py a.ipynb b.ipynb of these notebooks
    python tools/page_stats.py --missing nbs   and which public definitions are not shown, and which lines are too long
"""
import argparse, ast, re
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT/'docs'/'page_stats.md'
NEXT, WIDTH = 3, 120  # Code cells after a definition in which it is to be at work; characters of a line
DIRECTIVE = re.compile(r'^#\|\s*(.+)$', re.MULTILINE)

HEAD = f"""# The notebooks as pages

`python tools/page_stats.py --write` made this table. It is a report, not a check.
Directives, blank lines and cells that only import are not counted.
A public definition is at work where one of the next {NEXT} code cells is a lesson that names it.

"""

class Cell:
    "A code cell: its lines without directives, and what it is for"
    def __init__(self, source):
        directives = DIRECTIVE.findall(source)
        self.lines = [line for line in source.splitlines() if line.strip() and not line.startswith('#|')]
        self.source = '\n'.join(self.lines)
        self.exported = any(d.startswith('export') for d in directives)
        hidden = any(d.startswith(('hide', 'default_exp')) for d in directives)
        self.lesson = bool(self.lines) and not self.exported and not hidden

    def tree(self):
        "Its syntax tree; that of nothing where it has line magics"
        try: return ast.parse(self.source)
        except SyntaxError: return ast.parse('')

    def definitions(self):
        "Names of the public functions and classes that it defines"
        return [n.name for n in self.tree().body
                if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not n.name.startswith('_')]

    def is_import(self):
        "Does it import and define nothing else?"
        return all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in self.tree().body)

    def asserts(self): return any(isinstance(n, ast.Assert) for n in ast.walk(self.tree())) or 'test_' in self.source

    def names(self): return set(re.findall(r'\w+', self.source))

def read(path):
    "The code cells of a notebook"
    return [Cell(c.source) for c in nbformat.read(path, 4).cells if c.cell_type == 'code']

def unshown(cells):
    "The public definitions, and those that none of the next `NEXT` code cells uses"
    defined = [(i, name) for i, c in enumerate(cells) if c.exported for name in c.definitions()]
    used = lambda i, name: any(c.lesson and name in c.names() for c in cells[i + 1:i + 1 + NEXT])
    return [n for _, n in defined], [n for i, n in defined if not used(i, n)]

def statistics(pages):
    "Figures of some pages, each a list of cells, by what they say"
    cells = [c for page in pages for c in page]
    exported, lessons = [c for c in cells if c.exported], [c for c in cells if c.lesson and not c.is_import()]
    sizes = [len(c.lines) for c in exported if not c.is_import()] or [0]
    defined, missing = (sum(map(len, x)) for x in zip(*map(unshown, pages)))
    lines = [line for c in cells for line in c.lines]
    spread = f'{np.median(sizes):g} / {np.percentile(sizes, 90):.3g} / {max(sizes)}'
    return {'exported cells': len(exported),
        'lines of one: median / 90th percentile / longest': spread,
        f'public definitions at work within {NEXT} cells': f'{1 - missing/max(1, defined):.0%} of {defined}',
        'lesson cells for each exported cell': f'{len(lessons)/max(1, len(exported)):.2f}',
        'lesson cells that assert': f'{sum(c.asserts() for c in lessons)/max(1, len(lessons)):.0%}',
        f'lines over {WIDTH} characters': f'{sum(len(line) > WIDTH for line in lines)} of {len(lines)}'}

def table(paths):
    "Markdown: a row a page, the last for all"
    pages = {p.stem: read(p) for p in paths}
    rows = {name: statistics([cells]) for name, cells in pages.items()} | {'**all**': statistics([*pages.values()])}
    head = list(rows['**all**'])
    line = lambda cells: '| ' + ' | '.join(map(str, cells)) + ' |'
    lines = [line([name, *row.values()]) for name, row in rows.items()]
    return '\n'.join([line(['page', *head]), '|:--|' + '--:|'*len(head), *lines])

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('paths', nargs='*', type=Path, default=[ROOT/'nbs'], help='notebooks, or folders of them')
    p.add_argument('--missing', action='store_true', help='name what is not shown, and the long lines')
    p.add_argument('--write', action='store_true', help=f'write {REPORT.relative_to(ROOT)}')
    args = p.parse_args()
    paths = [f for path in args.paths for f in (sorted(path.glob('[0-9]*.ipynb')) if path.is_dir() else [path])]
    text = table(paths)
    print(text)
    for path in paths if args.missing else ():
        cells = read(path)
        if names := unshown(cells)[1]: print(f'{path.stem}: not shown: {", ".join(names)}')
        for line in (line for c in cells for line in c.lines if len(line) > WIDTH):
            print(f'{path.stem}: {len(line)}: {line[:100]} …')
    if args.write: REPORT.write_text(HEAD + text + '\n', encoding='utf-8')

if __name__ == '__main__': main()
