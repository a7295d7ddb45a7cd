"""Builds the site of the docs from the notebooks, the reports and the front page, with Sphinx; runs no cell.

    python tools/docs.py            the site: open _docs/html/index.html
    python tools/docs.py --pages    only the pages that Sphinx reads, into _docs/pages/

A notebook is shown as nbdev would: what its directives hide is left out, what it exports is folded, and each name that
it defines becomes an entry with the comments of its parameters as a table. The outputs are those that are committed.
"""
import argparse, ast, json, os, re, shutil, sys, tokenize
from configparser import ConfigParser
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from urllib.parse import unquote, urldefrag

from links import CODE, ELSEWHERE, ROOT, cells, changed_links, markdown, names

OUT, LOOKS = ROOT/'_docs', ROOT/'tools'/'docs_static'
PAGES, SITE = OUT/'pages', OUT/'html'
REPORTS = { # Heading in the sidebar: pages; what is in docs/ and not named here is under the last one
    'How good it is': ['MODEL_CARD.md', 'report.md', 'docs/comparison.md', 'docs/voice.md'],
    'How fast it is': ['benchmarks/RESULTS.md', 'docs/cores.md', 'docs/million_clips.md'],
    'How reliable it is': [f'docs/{n}.md' for n in ('inputs', 'pauses', 'equal_answers', 'processors', 'kills', 'load',
                           'fuzzing', 'threat_model', 'supply_chain')],
    'The project': ['docs/README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md']}

def settings():
    ini = ConfigParser()
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']

CFG = settings()
WRITTEN = set()

# --- What a cell defines

def comments(source):
    "Line to the comment that ends it"
    return {t.start[0]: t.string.lstrip('# ').strip() for t in tokenize.generate_tokens(StringIO(source).readline)
            if t.type == tokenize.COMMENT}

def shown(node): return '' if node is None else ast.unparse(node)

def own(node): return [a for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ('self', 'cls')]

def signature(node):
    "The parameters of a function, as Sphinx wants them"
    bare = ast.parse(ast.unparse(node)).body[0]
    for a in (bare.args.posonlyargs, bare.args.args): a[:] = [p for p in a if p.arg not in ('self', 'cls')]
    return f"({ast.unparse(bare.args)}){f' -> {shown(node.returns)}' if node.returns else ''}"

def returned(node, said):
    "The comment on what a function returns: beside the end of its header, unless that is a parameter's line"
    taken = {p.end_lineno for p in (*own(node), *node.args.kwonlyargs)} if not node.returns else set()
    start = node.returns.end_lineno if node.returns else node.lineno
    return next((said[i] for i in range(start, node.body[0].lineno) if i in said and i not in taken), '')

def parameters(node, said):
    "Rows of the table of a function: name, type, default, comment"
    a, plain = node.args, own(node)
    defaults = ([None]*len(plain) + a.defaults)[-len(plain):] if plain else []
    rows = [(p, d, '') for p, d in zip(plain, defaults)] + [(a.vararg, None, '*')]*bool(a.vararg)
    rows += [(p, d, '') for p, d in zip(a.kwonlyargs, a.kw_defaults)] + [(a.kwarg, None, '**')]*bool(a.kwarg)
    rows = [(star + p.arg, shown(p.annotation), shown(d), said.get((d or p).end_lineno, '')) for p, d, star in rows]
    end = returned(node, said)
    return rows + [('**returns**', shown(node.returns), '', end)]*bool(node.returns or end)

def fields(node, said):
    "Rows of the table of a class: the attributes that its body declares"
    return [(f.target.id, shown(f.annotation), shown(f.value), said.get(f.end_lineno, '')) for f in node.body
            if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)]

def cell_text(text): return text.replace('|', r'\|').replace('\n', ' ')
def code(text): return f"`{cell_text(text)}`" if text else ''

def table(rows):
    "Parameters or fields as a table; nothing where no comment says more than the signature"
    if not any(row[3] for row in rows): return ''
    full = [(n if n.startswith('**r') else code(n), code(t), code(d), cell_text(says)) for n, t, d, says in rows]
    columns = [c for c in zip(('', 'type', 'default', ''), (':--',)*4, *full) if any(c[2:])]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in zip(*columns))

def directive(kind, name, text, fence=':::'): return f"{fence}{{py:{kind}}} {name}\n\n{text.strip()}\n{fence}"

def docstring(node): return ast.get_docstring(node) or ''

def public(node): return not node.name.startswith('_')

def function(node, said, owner=''):
    "The entry of a function or method; `owner` is the class and a dot"
    marks = [shown(d) for d in node.decorator_list]
    kind = 'property' if 'property' in marks else 'method' if owner else 'function'
    call = '' if kind == 'property' else signature(node)
    options = ''.join(f'\n:{m}:' for m in ('classmethod', 'staticmethod') if m in marks)
    if kind == 'property' and node.returns: options += f'\n:type: {shown(node.returns)}'
    title = f'{owner}{node.name}{call}{options}'
    return directive(kind, title, docstring(node) + '\n\n' + table(parameters(node, said)))

def described(node, said):
    "The entry of a class, with those of its public methods"
    methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
    start = next((n for n in methods if n.name == '__init__'), None)
    rows = fields(node, said) + (parameters(start, said) if start else [])
    inner = [function(n, said, f'{node.name}.') for n in methods if public(n)]
    text = '\n\n'.join([docstring(node), table([r for r in rows if r[0] != '**returns**']), *inner])
    return directive('class', node.name + (signature(start) if start else ''), text, '::::')

def patched(node):
    "The class and a dot, for a method that `@patch` adds to it"
    first = node.args.args[0].annotation if node.args.args else None
    return f'{shown(first)}.' if 'patch' in map(shown, node.decorator_list) and first else ''

def entries(source):
    "The entry of each public name that an exported cell defines"
    said, found = comments(source), []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and public(node): found.append(function(node, said, patched(node)))
        elif isinstance(node, ast.ClassDef) and public(node): found.append(described(node, said))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper() and name[0] != '_':
                found.append(directive('data', name, said.get(node.lineno, said.get(node.end_lineno, ''))))
    return found

def only_constants(source):
    "Is a cell but constants, which are best read as they stand?"
    return all(isinstance(n, (ast.Assign, ast.AnnAssign, ast.Expr)) for n in ast.parse(source).body)

def only_imports(source):
    "Does a cell but import?"
    return all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.parse(source).body)

# --- A notebook as a page

DIRECTIVE = re.compile(r'^#\|\s*(\w+):?\s*(.*?)\s*\n?$', re.M)

def module_of(path):
    "The module that a notebook exports to, with its package; `None` for a tutorial"
    found = [m[2] for s in cells(path, 'code') for m in DIRECTIVE.finditer(s) if m[1] == 'default_exp']
    return f"{CFG['lib_name']}.{found[0]}" if found else None

def converted(cell, change):
    "The cells of the page for one cell of a notebook; `change` is applied to Markdown"
    source = ''.join(cell['source'])
    if cell['cell_type'] != 'code': return [dict(cell, source=change(source))]
    says = {m[1]: m[2].lower() for m in DIRECTIVE.finditer(source)}
    if says.keys() & {'hide', 'default_exp'} or says.get('include') == 'false': return []
    source = re.sub(r'^#\|.*\n?', '', source, flags=re.M).strip()
    exported = bool(says.keys() & {'export', 'exports', 'exporti'})
    if exported and only_imports(source): return []
    tags = ['remove-input'] if says.get('echo') == 'false' else []
    if exported and not only_constants(source): tags = ['hide-input']
    outputs = [] if says.get('output') == 'false' else [offline(o) for o in cell['outputs']]
    cell = dict(cell, source=source, outputs=outputs, metadata=dict(tags=tags))
    before = change('\n\n'.join(entries(source))) if exported and 'exporti' not in says else ''
    return ([dict(cell_type='markdown', metadata={}, source=before)] if before else []) + ([cell] if source else [])

def offline(output):
    "An output without what Sphinx would not show"
    if output.get('data', {}).keys() & {'text/html', 'text/markdown', 'image/png', 'image/svg+xml'}:
        return dict(output, data={k: v for k, v in output['data'].items() if k != 'text/plain'})
    return output

def page_of(path, change):
    "The notebook for Sphinx"
    found = [new for c in json.loads(path.read_text(encoding='utf-8'))['cells'] for new in converted(c, change)]
    if module := module_of(path):
        head = next(c for c in found if c['cell_type'] == 'markdown')
        head['source'] += f"\n\n:::{{py:module}} {module}\n:synopsis: {summary(path).replace('`', '')}\n:::"
    return as_notebook(found)

def as_notebook(cells):
    "The text of a notebook of these cells"
    cells = [dict(c, id=f'{i:08}') for i, c in enumerate(cells)]
    kernel = dict(display_name='Python 3', language='python', name='python3')
    info = dict(kernelspec=kernel, language_info=dict(name='python', pygments_lexer='ipython3'))
    return json.dumps(dict(cells=cells, metadata=info, nbformat=4, nbformat_minor=5))

def title(path): return re.search(r'^# +(.+)', markdown(path), re.M)[1]

def summary(path):
    "The line of a page that says what it is about"
    found = re.search(r'^# .+\n+> (.+)', markdown(path), re.M)
    return found[1] if found else ''

# --- Links

def web(path):
    "The address in the repository of a file or folder that is no page"
    kind = 'tree' if (ROOT/path).is_dir() else 'blob'
    return f"{CFG['git_url']}/{kind}/{CFG['branch']}/{path}"

def changer(page, staged):
    "A function that changes the Markdown of `page` for the site, whose pages are `staged`"
    def target(to):
        path, mark, anchor = to.partition('#')
        if not path or ELSEWHERE.match(to): return to
        where = (page.parent/path).resolve().relative_to(ROOT).as_posix()
        if where in staged or where.endswith('.png'): return to
        if where in ('nbs/index.ipynb', 'README.md'): return up(page) + 'index.md' + mark + anchor
        if where == 'nbs/tutorials': return up(page) + 'tutorials.md'
        return web(where)
    return lambda text: linked_names(changed_links(without_badges(text), target), page)

def up(page): return '../'*(len(page.relative_to(ROOT).parts) - 1)

def without_badges(text):
    "Pictures on other hosts as their words"
    return re.sub(r'!\[([^\]]*)\]\(https?:[^)]*\)', r'\1', text)

def linked_names(text, page):
    "Links to a name that a notebook defines lead to its entry; such a name in code becomes a link"
    def to_entry(m):
        path = (page.parent/m[2]).resolve() if m[2] else page
        if path.suffix != '.ipynb' or m[3] not in names(path): return m[0]
        return f"{{py:obj}}`{m[1].replace('`', '')} <{module_of(path)}.{m[3]}>`"
    text = re.sub(r'\[([^\]]*)\]\(([^)#\s:]*)#([^)\s]+)\)', to_entry, text)
    parts = re.split(CODE, text, flags=re.DOTALL)
    for i in range(1, len(parts), 2):
        role = parts[i - 1].endswith('}') or parts[i - 1].endswith('[')
        name = parts[i].strip('`')
        if not role and name in NAMES: parts[i] = f'{{py:obj}}`{name} <{NAMES[name]}>`'
    return ''.join(parts)

def library(): return sorted((ROOT/'nbs').glob('[0-9]*.ipynb'))
def tutorials(): return sorted((ROOT/'nbs'/'tutorials').glob('*.ipynb'))

def unmistakable():
    "Name to its full name, for the names that one module defines and that cannot be taken for a word"
    found = {}
    for path in library():
        module = module_of(path)
        for name in names(path) if module else (): found.setdefault(name, []).append(f'{module}.{name}')
    return {n: full[0] for n, full in found.items() if len(full) == 1 and not n.startswith('_')
            and ('_' in n or n.lower() != n and not n.isupper())}

NAMES = unmistakable()

# --- The pages that no notebook holds

def toctree(entries, caption='', hidden=True):
    options = f':caption: {caption}\n'*bool(caption) + ':hidden:\n'*hidden
    return f"```{{toctree}}\n{options}\n" + '\n'.join(entries) + '\n```'

def groups():
    "Heading to notebooks: the table of the front page; one that is not in it belongs to those before it"
    rows = re.findall(r'^\| ([a-z ]+) \| (\[.+)\|$', markdown(ROOT/'nbs'/'index.ipynb'), re.M)
    group = {n: name for name, row in rows for n in re.findall(r'\]\((\w+\.ipynb)\)', row)}
    found, last = {name: [] for name, _ in rows}, rows[0][0]
    for path in library(): found[last := group.get(path.name, last)].append(path)
    return found

def group_page(name, notebooks):
    "The modules of a group and what each defines"
    parts = [f'# {name.capitalize()}']
    for path in notebooks:
        rows = [f'| {{py:obj}}`{n} <{module_of(path)}.{n}>` | {cell_text(says)} |' for n, says in exported(path)]
        head = f'## [{title(path)}](../nbs/{path.name})\n\n{summary(path)}\n\n`{module_of(path)}`'
        parts.append('\n\n'.join([head, *(['\n'.join(['| | |', '|:--|:--|', *rows])] if rows else [])]))
    return '\n\n'.join([*parts, toctree(f'../nbs/{p.stem}' for p in notebooks)])

def exported(path):
    "The public functions and classes of a notebook with the first line of their docstrings"
    for source in cells(path, 'code'):
        if not re.match(r'#\|\s*exports?\b', source): continue
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and public(node) and not patched_any(node):
                yield node.name, (docstring(node).splitlines() or [''])[0]

def patched_any(node): return isinstance(node, ast.FunctionDef) and bool(patched(node))

def tutorials_page():
    rows = [f'- [{title(p)}](nbs/tutorials/{p.name}): {summary(p)}' for p in tutorials()]
    return '\n\n'.join(['# Tutorials', 'To be read here, or run in Jupyter or Colab.', '\n'.join(rows),
                        toctree(f'nbs/tutorials/{p.stem}' for p in tutorials())])

def report_page():
    "The pictures and tables that a bundle brings"
    parts = ['# Report of the bundled model',
             'What `emotion-nb train` and `emotion-nb crossval` wrote beside the model. '
             f"Every prediction lies in [the repository]({web('emotion_nb/bundled/report')}); "
             'the [model card](MODEL_CARD.md) says what it means. The temperature of the default model suits '
             'recordings of strangers, where it is less often right: on these splits it is less sure than it might be.']
    for folder in sorted({p.parent for p in (ROOT/CFG['lib_name']).glob('bundled*/report/**/*.png')}):
        parts.append(f"## {folder.relative_to(ROOT/CFG['lib_name'])}")
        parts += [f'### {p.stem.replace("_", " ").capitalize()}\n\n![{p.stem}]({p.relative_to(ROOT)})'
                  for p in sorted(folder.glob('*.png'))]
        parts += [f'### {p.stem.replace("_", " ").capitalize()}\n\n:::{{csv-table}}\n:file: {p.relative_to(ROOT)}\n'
                  ':header-rows: 1\n:::' for p in sorted(folder.glob('*.csv')) if p.stat().st_size < 4000]
    return '\n\n'.join(parts)

def commands_page():
    "The help of each command, as the program prints it"
    import click
    from emotion_nb.cli import main
    parts = ['# Commands',
             'What `emotion-nb COMMAND --help` prints. [The notebook](nbs/14_cli.ipynb) shows each at work.']
    for name, command in sorted(main.commands.items()):
        ctx = click.Context(command, info_name=f'emotion-nb {name}', max_content_width=90, terminal_width=90)
        parts.append(f'## {name}\n\n```text\n{command.get_help(ctx)}\n```')
    return '\n\n'.join(parts)

def index_page(groups, reports):
    "The front page, with the sidebar"
    trees = [toctree(['self', 'tutorials', 'commands', 'genindex', 'modindex'], 'Start'),
             toctree([f'library/{slugged(n)}' for n in groups], 'Library by module'),
             *(toctree([str(Path(p).with_suffix('')) for p in pages], name) for name, pages in reports.items())]
    text = re.sub(r'^<!--.*?-->\s*', '', (ROOT/'README.md').read_text(encoding='utf-8'))
    return text.rstrip() + '\n\n' + '\n\n'.join(trees)

def slugged(name): return name.replace(' ', '_')

# --- Writing

def reports():
    "Heading to the pages that are there"
    named = {p for pages in REPORTS.values() for p in pages}
    more = [f'docs/{p.name}' for p in sorted((ROOT/'docs').glob('*.md')) if f'docs/{p.name}' not in named]
    found = {k: [p for p in v if p == 'report.md' or (ROOT/p).exists()] for k, v in REPORTS.items()}
    return found | {(last := [*found][-1]): found[last] + more}

def write(name, data):
    "A file for Sphinx, which reads again only those that changed"
    WRITTEN.add(file := PAGES/name)
    data = data.encode() if isinstance(data, str) else data
    if file.is_file() and file.read_bytes() == data: return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)

def titled(path):
    "A page of Markdown, which needs a heading for the sidebar"
    text = path.read_text(encoding='utf-8')
    if re.match(r'\s*(<!--.*?-->\s*)*# ', text, re.S): return text
    return f'# {path.stem.replace("_", " ").capitalize()}\n\n{text}'

def write_pages():
    "The source of the site, in the folders of the repository"
    WRITTEN.clear()
    notebooks, grouped, reported = library() + tutorials(), groups(), reports()
    markdowns = [p for found in reported.values() for p in found if p != 'report.md']
    staged = {p.relative_to(ROOT).as_posix() for p in notebooks} | {*markdowns}
    for path in notebooks: write(path.relative_to(ROOT), page_of(path, changer(path, staged)))
    for name in markdowns: write(name, changer(ROOT/name, staged)(titled(ROOT/name)))
    change = changer(ROOT/'README.md', staged)
    write('index.md', change(index_page(grouped, reported)))
    for name, found in grouped.items(): write(f'library/{slugged(name)}.md', group_page(name, found))
    for name, text in dict(tutorials=tutorials_page, commands=commands_page, report=report_page).items():
        write(f'{name}.md', text())
    for file in [*ROOT.glob('nbs/**/*.png'), *ROOT.glob('emotion_nb/bundled*/report/**/*')]:
        if file.suffix in ('.png', '.csv'): write(file.relative_to(ROOT), file.read_bytes())
    for file in LOOKS.iterdir(): write(f'_static/{file.name}', file.read_bytes())
    for file in PAGES.rglob('*'):
        if file.is_file() and file not in WRITTEN: file.unlink()

def build():
    "The site, from the pages; any warning of Sphinx is an error"
    from sphinx.application import Sphinx
    shutil.rmtree(SITE, ignore_errors=True)
    says = dict(project=CFG['lib_name'], author=CFG['author'], release=CFG['version'], extensions=['myst_nb'],
        html_theme='furo', html_title=f"{CFG['lib_name']} {CFG['version']}", html_static_path=['_static'],
        html_css_files=['docs.css'], html_copy_source=False, html_show_sphinx=False, add_module_names=False,
        modindex_common_prefix=[f"{CFG['lib_name']}."],
        python_maximum_signature_line_length=88, toc_object_entries_show_parents='hide',
        nb_execution_mode='off', nb_render_markdown_format='gfm', nb_output_stderr='show',
        smartquotes=False, nb_code_prompt_show='Source', nb_code_prompt_hide='Source',
        myst_enable_extensions=['colon_fence'], myst_heading_anchors=6, copyright=CFG['copyright'],
        html_theme_options=dict(source_repository=CFG['git_url'], source_branch=CFG['branch'], source_directory=''))
    app = Sphinx(PAGES, None, SITE, OUT/'doctrees', 'html', confoverrides=says, status=None,
                 parallel=os.cpu_count() or 1)
    app.connect('html-page-context', without_buttons)
    app.build(force_all=True) # the sidebar of a page depends on the others
    return app._warncount

def without_buttons(app, page, template, context, doctree):
    "No link to the file of a page in the repository for a page that has none there"
    if not (ROOT/f"{page}{context.get('page_source_suffix', '')}").is_file(): context['theme_source_repository'] = ''

class Addresses(HTMLParser):
    "What a page of the site loads, what it links to, and its anchors"
    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        if tag in ('script', 'img', 'iframe', 'source', 'audio', 'video') and a.get('src'): self.loads.append(a['src'])
        points = 'canonical', 'prev', 'next', 'index', 'search'
        if tag == 'link' and a.get('rel') not in points: self.loads.append(a['href'])
        if tag == 'a' and a.get('href'): self.links.append(a['href'])

def faults(site):
    "A sentence for each thing that a page loads from another host, and each link within the site that leads nowhere"
    pages = {p: Addresses(p.read_text(encoding='utf-8')) for p in site.rglob('*.html')}
    for page, found in pages.items():
        for to in found.loads:
            if ELSEWHERE.match(to) and not to.startswith('data:'): yield f'{page.relative_to(site)} loads {to}'
        for to in found.loads + found.links:
            if ELSEWHERE.match(to): continue
            path, anchor = urldefrag(to.split('?')[0])
            file = (page.parent/unquote(path)).resolve() if path else page
            if not file.is_file(): yield f'{page.relative_to(site)} links to {to}, which is not there'
            elif anchor and file in pages and unquote(anchor) not in pages[file].ids:
                yield f'{page.relative_to(site)} links to {to}, which has no such anchor'

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--pages', action='store_true', help='only write what Sphinx reads')
    only_pages = p.parse_args().pages
    write_pages()
    if only_pages: return
    warned = build()
    wrong = sorted(set(faults(SITE)))
    print('\n'.join(wrong), file=sys.stderr)
    front = (SITE/'index.html').relative_to(ROOT)
    if warned or wrong:
        sys.exit(f'The site is {front}, but with {warned} warnings of Sphinx and {len(wrong)} broken links.')
    print(f'The site is ready: open {front}.')

if __name__ == '__main__': main()
