"""Checks that every link of a page of the project leads to a file, and to a heading or a name, that is there.

    python tools/links.py

Pages are the Markdown files and the notebooks. Links to other hosts are not followed.
"""
import ast, json, re, sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
CODE = r'(```.*?```|~~~.*?~~~|`[^`\n]*`)' # What is no text in Markdown
LINK = r'(\]\()([^)\s]*)((?:\s+"[^"]*")?\))'
ATTRIBUTE = r'((?:src|href)=")([^"]*)(")'
ELSEWHERE = re.compile(r'[a-z][a-z0-9+.-]*:|//', re.I) # What begins so is on another host

def cells(notebook, kind):
    "The sources of the cells of this kind"
    found = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return [''.join(c['source']) for c in found if c['cell_type'] == kind]

def markdown(page):
    "The Markdown of a page"
    return '\n\n'.join(cells(page, 'markdown')) if page.suffix == '.ipynb' else page.read_text(encoding='utf-8')

def changed_links(text, change):
    "The Markdown `text` with `change(target)` for the target of each link; code is left alone"
    parts = re.split(CODE, text, flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        for pattern in (LINK, ATTRIBUTE): parts[i] = re.sub(pattern, lambda m: m[1] + change(m[2]) + m[3], parts[i])
    return ''.join(parts)

def targets(text):
    "The targets of the links of some Markdown, but those on other hosts"
    found = []
    changed_links(text, lambda target: found.append(target) or target)
    return [t for t in dict.fromkeys(found) if not ELSEWHERE.match(t)]

def slug(heading):
    "The anchor of a heading, as GitHub makes it"
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).replace('`', '')
    return re.sub(r'[^\w\- ]', '', text.strip().lower()).replace(' ', '-')

def names(notebook):
    "The names that the cells of a notebook define"
    found = set()
    for source in cells(notebook, 'code'):
        if not re.match(r'#\|\s*export', source): continue
        for node in ast.parse(source).body:
            found |= {t.id for t in getattr(node, 'targets', []) if isinstance(t, ast.Name)}
            found |= {node.name} if hasattr(node, 'name') else set()
    return found

def anchors(page):
    "What a link to a page may name after the #"
    found = {slug(h) for h in re.findall(r'^#{1,6} +(.+?)[ #]*$', re.sub(CODE, kept, markdown(page), flags=re.S), re.M)}
    return found | names(page) if page.suffix == '.ipynb' else found

def kept(code):
    "Code within a heading; nothing of a block, whose lines may begin with #"
    return '' if code[0][:3] in ('```', '~~~') else code[0]

def broken(page, root):
    "A sentence for each link of a page that leads nowhere"
    for target in targets(markdown(page)):
        path, _, anchor = unquote(target).partition('#')
        to = root/path.lstrip('/') if path.startswith('/') else page.parent/path if path else page
        if not path and not anchor: yield f"{page.relative_to(root)} has a link without a target"
        elif not to.exists(): yield f"{page.relative_to(root)} links to {target}, which is not there"
        elif anchor and to.suffix in ('.md', '.ipynb') and anchor not in anchors(to):
            yield f"{page.relative_to(root)} links to {target}, which has no heading or name of that kind"

def pages(root):
    "The Markdown files and notebooks under `root`, but those of environments and of what was built"
    found = (p for kind in ('*.md', '*.ipynb') for p in root.rglob(kind))
    made = {'build', 'dist', 'runs', 'node_modules', '_docs', '_proc'}
    def ours(parts): return not any(p in made or p.startswith('.') and p != '.github' for p in parts)
    return sorted(p for p in found if ours(p.relative_to(root).parts[:-1]))

def main():
    wrong = [line for page in pages(ROOT) for line in broken(page, ROOT)]
    if wrong: sys.exit('\n'.join(wrong) + '\nMend these links, or add what they lead to.')

if __name__ == '__main__': main()
