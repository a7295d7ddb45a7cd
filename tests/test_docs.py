"The site of the docs: what becomes of a notebook and of links, and one small site by Sphinx itself."
import docs
import links
import pytest

SOURCE = '''def loud(
    x:list, # Samples
    by:float=2., # Factor, as in `quiet|er`
    *, limit:int|None=None, # Greatest sample
) -> list: # As long as `x`
    "Louder samples; raises `AudioError`"
    return [by*s for s in x]

def _private(): pass

class Voice:
    "One voice"
    name:str='' # Of the speaker
    def __init__(self,
        pitch=100, # In Hz
    ): self.pitch = pitch
    @property
    def high(self): return self.pitch > 200
    @classmethod
    def load(cls, path): "Read a voice"; return cls()
    def _hidden(self): pass
'''

def code(source, *outputs):
    return dict(cell_type='code', source=source, outputs=list(outputs), metadata={}, execution_count=None)
def text(source): return dict(cell_type='markdown', source=source, metadata={})
def same(markdown): return markdown
def stream(said): return dict(output_type='stream', name='stdout', text=said)

# --- A cell

def test_parameters_become_a_table_with_their_comments():
    function, _ = docs.entries(SOURCE)
    assert '{py:function} loud(x: list, by: float=2.0, *, limit: int | None=None) -> list' in function
    assert 'Louder samples; raises `AudioError`' in function
    assert r'| `by` | `float` | `2.0` | Factor, as in `quiet\|er` |' in function
    assert r'| `limit` | `int \| None` | `None` | Greatest sample |' in function
    assert '| **returns** | `list` |  | As long as `x` |' in function

def test_a_class_has_its_fields_and_public_methods():
    _, klass = docs.entries(SOURCE)
    assert '{py:class} Voice(pitch=100)' in klass and '{py:property} Voice.high' in klass
    assert '{py:method} Voice.load(path)\n:classmethod:' in klass and '_hidden' not in klass
    assert "| `name` | `str` | `''` | Of the speaker |" in klass and '| `pitch` |  | `100` | In Hz |' in klass

def test_a_patched_method_belongs_to_its_class():
    [entry] = docs.entries('@patch\ndef rise(self:Voice, by=1): "Higher"')
    assert '{py:method} Voice.rise(by=1)' in entry

def test_a_column_that_is_empty_is_left_out():
    assert docs.table([('x', '', '', 'Samples')]).splitlines()[0] == '|  |  |'
    assert docs.table([('x', 'list', '', '')]) == ''

@pytest.mark.parametrize('source', ['#| hide\nimport x', '#| default_exp core', '#|hide\n1', '#| include: false\n1',
                                    '#| export\nimport os\nfrom x import y'])
def test_what_is_to_be_hidden_is_left_out(source): assert docs.converted(code(source), same) == []

def test_what_is_exported_is_folded_after_its_entry():
    entry, cell = docs.converted(code('#| export\n' + SOURCE), same)
    assert entry['cell_type'] == 'markdown' and '{py:function}' in entry['source']
    assert cell['source'] == SOURCE.strip() and cell['metadata']['tags'] == ['hide-input']

def test_constants_and_lessons_are_shown():
    for source, entries in ('#| export\nRATE = 22_050 # Hz', 1), ('test_eq(1, 1)', 0), ('#| exporti\nX = 1', 0):
        *before, cell = docs.converted(code(source), same)
        assert len(before) == entries and cell['metadata']['tags'] == []

def test_the_other_directives_are_obeyed_and_removed():
    [cell] = docs.converted(code('#| echo: false\n#| slow\nprint(1)', stream('1\n')), same)
    assert cell['metadata']['tags'] == ['remove-input'] and cell['source'] == 'print(1)' and cell['outputs']
    [cell] = docs.converted(code('#| output: false\nprint(1)', stream('1\n')), same)
    assert cell['outputs'] == []

# --- Links

def test_a_picture_on_another_host_becomes_its_words():
    badge = '[![Open in Colab](https://example.org/badge.svg)](https://example.org/x)'
    assert docs.without_badges(badge) == '[Open in Colab](https://example.org/x)'

def test_what_is_no_page_is_linked_to_the_repository():
    change = docs.changer(links.ROOT/'docs'/'README.md', {'docs/README.md'})
    there = change('[a](README.md) [b](../Makefile#x) [c](https://example.org) `[d](../Makefile)`')
    assert there == (f"[a](README.md) [b]({docs.CFG['git_url']}/blob/{docs.CFG['branch']}/Makefile) "
                     '[c](https://example.org) `[d](../Makefile)`')

def test_a_name_of_the_library_leads_to_its_entry():
    change = docs.changer(links.ROOT/'nbs'/'11_classifier.ipynb', {'nbs/05c_scan.ipynb'})
    assert change('`load_audio` and `predict`') == '{py:obj}`load_audio <emotion_nb.audio.load_audio>` and `predict`'
    assert change('[here](05c_scan.ipynb#scan)') == '{py:obj}`here <emotion_nb.scan.scan>`'

def test_the_anchor_of_a_heading_is_that_of_github(tmp_path):
    page = tmp_path/'a.md'
    page.write_text("# In Python: `load` & [co](x.md)\n```sh\n# no heading\n```\n## What's new?\n")
    assert links.anchors(page) == {'in-python-load--co', 'whats-new'}

def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path/'a.md').write_text('# A\n[1](b.md) [2](a.md#a) [3](#b) [4](https://example.org) <img src="c.png"> []()')
    assert [line.split(' links to ')[-1] for line in links.broken(tmp_path/'a.md', tmp_path)] == [
        'b.md, which is not there', '#b, which has no heading or name of that kind', 'a.md has a link without a target',
        'c.png, which is not there']

# --- Pages

def test_every_page_is_in_the_sidebar(tmp_path, monkeypatch):
    monkeypatch.setattr(docs, 'PAGES', tmp_path)
    docs.write_pages()
    written = [p for kind in ('*.md', '*.ipynb') for p in tmp_path.rglob(kind)]
    pages = {p.relative_to(tmp_path).with_suffix('').as_posix() for p in written}
    listed = {line for line in (tmp_path/'index.md').read_text().splitlines() if line in pages} | {'index'}
    for page in [*(tmp_path/'library').iterdir(), tmp_path/'tutorials.md']:
        for line in page.read_text().splitlines(): listed |= {line.removeprefix('../')} & pages
    assert pages - listed == set()
    ours = {f'nbs/{p.stem}' for p in docs.library()} | {f'nbs/tutorials/{p.stem}' for p in docs.tutorials()}
    assert ours <= pages and {'MODEL_CARD', 'report', 'benchmarks/RESULTS', 'docs/threat_model'} <= pages

def test_a_module_stands_in_its_group_though_the_front_page_lacks_it(monkeypatch):
    monkeypatch.setattr(docs, 'markdown', lambda page: '| one | [a](00_core.ipynb) |\n| two | [b](05_features.ipynb) |')
    found = {name: [p.name for p in pages] for name, pages in docs.groups().items()}
    assert [*found] == ['one', 'two'] and found['one'][1] == '00a_files.ipynb' and '05a_activity.ipynb' in found['two']

def test_faults_of_a_site_are_named(tmp_path):
    (tmp_path/'a.html').write_text('<script src="https://cdn.example/x.js"></script><img src="gone.png"><a id="here">'
                                   '<a href="#here"><a href="b.html#x"><a href="https://example.org">')
    (tmp_path/'b.html').write_text('<link rel="stylesheet" href="//fonts.example/f.css"><img src="data:image/png,">')
    assert sorted(docs.faults(tmp_path)) == ['a.html links to b.html#x, which has no such anchor',
        'a.html links to gone.png, which is not there', 'a.html loads https://cdn.example/x.js',
        'b.html loads //fonts.example/f.css']

@pytest.fixture(scope='module')
def site(tmp_path_factory):
    "A site of two pages, made by Sphinx"
    out = tmp_path_factory.mktemp('site')
    frame = dict(output_type='execute_result', execution_count=None, metadata={},
                 data={'text/html': '<table><tr><td>7</td></tr></table>', 'text/plain': 'plain'})
    page = (code('#| hide\nsecret = 1'), text('# A page\n\n> About loudness'), code('#| export\n' + SOURCE),
            code('frame', frame), code('1/0', stream('kept\n')))
    cells = [c for cell in page for c in docs.converted(cell, same)]
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in dict(OUT=out, PAGES=out/'pages', SITE=out/'html').items(): patch.setattr(docs, name, folder)
        docs.write('page.ipynb', docs.as_notebook(cells))
        docs.write('index.md', f"# Home\n\n{docs.toctree(['page'])}")
        docs.write('_static/docs.css', '')
        assert docs.build() == 0
        yield out/'html'

def test_sphinx_shows_tables_outputs_and_folded_code_and_runs_nothing(site):
    page = (site/'page.html').read_text()
    assert 'id="loud"' in page and 'Greatest sample' in page and '<details class="admonition hide above-input">' in page
    assert '<td>7</td>' in page and 'kept' in page and 'secret' not in page and 'ZeroDivisionError' not in page

def test_a_page_that_no_file_of_the_repository_holds_has_no_link_to_one(site):
    assert '/edit/' not in (site/'page.html').read_text()

def test_the_site_needs_no_other_host_and_finds_words(site):
    assert [*docs.faults(site)] == []
    index = (site/'searchindex.js').read_text()
    assert 'loud' in index and index.startswith('Search.setIndex(')
