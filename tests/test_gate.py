"On a small project the gate passes, and each kind of neglect makes it fail and leaves the tree alone."
import json, os, shutil, subprocess, sys
from pathlib import Path

import pytest
from gate import contents

def code(source, *outputs): return dict(cell_type='code', source=source, execution_count=None, outputs=list(outputs))
def result(data): return dict(output_type='execute_result', execution_count=None, metadata={}, data=data)
def stream(says): return dict(output_type='stream', name='stdout', text=says)
def text(source): return dict(cell_type='markdown', source=source)

def notebook(*cells):
    "The text of a notebook"
    cells = [dict(c, id=f'{i:08}', metadata={}, source=c['source'].splitlines(True)) for i, c in enumerate(cells)]
    kernel = dict(display_name='python3', language='python', name='python3')
    nb = dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)
    return json.dumps(nb, indent=1, sort_keys=True) + '\n'

def call(project, *command):
    env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'}
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)

def gate(project):
    "Run the gate of `project`, assert that it changed nothing there, and return (exit status, what it said)"
    before = contents(project)
    done = call(project, sys.executable, 'tools/gate.py', '--quick')
    assert contents(project) == before
    return done.returncode, done.stdout + done.stderr

def edit(path, old, new):
    text = path.read_text(encoding='utf-8')
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding='utf-8')

@pytest.fixture(scope='module')
def finished(repo, tmp_path_factory):
    "A project of one module and a front page, exported and with its README"
    project = tmp_path_factory.mktemp('gate')/'project'
    for name in ('settings.ini', 'ruff.toml', 'tools/gate.py', 'tools/readme.py', 'tools/links.py', '.gitignore'):
        (project/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repo/name, project/name)
    for folder in ('nbs', 'emotion_nb'): (project/folder).mkdir()
    (project/'nbs'/'00_core.ipynb').write_text(notebook(code('#| default_exp core'), text('# Core'),
        code('#| export\nANSWER = 42'), code('assert ANSWER == 42')))
    (project/'nbs'/'index.ipynb').write_text(notebook(text('# A small project\n\n> It answers.')))
    for command in (['git', 'init', '-q'], ['nbdev_clean'], ['nbdev_export'], [sys.executable, 'tools/readme.py']):
        done = call(project, *command)
        assert done.returncode == 0, done.stderr
    return project

@pytest.fixture
def project(finished, tmp_path):
    "A copy of the finished project, to be spoiled"
    return Path(shutil.copytree(finished, tmp_path/'project'))

def test_a_finished_project_passes(project):
    status, said = gate(project)
    assert status == 0, said

def test_an_exported_cell_edited_without_export_is_refused(project):
    edit(project/'nbs'/'00_core.ipynb', 'ANSWER = 42', 'ANSWER = 43')
    status, said = gate(project)
    assert status == 1 and 'emotion_nb/core.py: differs' in said and 'make prepare' in said

def test_a_module_edited_by_hand_is_refused(project):
    edit(project/'emotion_nb'/'core.py', 'ANSWER = 42', 'ANSWER = 43')
    status, said = gate(project)
    assert status == 1 and 'emotion_nb/core.py: differs' in said

def test_a_module_without_a_notebook_is_refused(project):
    (project/'emotion_nb'/'extra.py').write_text('x = 1\n')
    status, said = gate(project)
    assert status == 1 and 'emotion_nb/extra.py: nothing makes it' in said

def test_a_notebook_that_was_never_exported_is_refused(project):
    (project/'nbs'/'01_more.ipynb').write_text(notebook(code('#| default_exp more'), code('#| export\nMORE = 1')))
    status, said = gate(project)
    assert status == 1 and 'emotion_nb/more.py: is missing' in said

def test_a_notebook_that_is_not_clean_is_refused(project):
    edit(project/'nbs'/'index.ipynb', '"metadata": {},', '"metadata": {"scrolled": true},')
    status, said = gate(project)
    assert status == 1 and 'nbs/index.ipynb: differs' in said and 'make prepare' in said

def test_a_stale_readme_is_refused(project):
    edit(project/'nbs'/'index.ipynb', 'It answers.', 'It answers well.')
    status, said = gate(project)
    assert status == 1 and 'README.md' in said and 'make prepare' in said

@pytest.mark.parametrize('target', ['gone.md', '00_core.ipynb#gone', '#gone'])
def test_a_link_that_leads_nowhere_is_refused(project, target):
    edit(project/'nbs'/'00_core.ipynb', '# Core', f'# Core\\n[see]({target})')
    status, said = gate(project)
    assert status == 1 and f'nbs/00_core.ipynb links to {target}, which' in said

def test_links_to_headings_names_and_other_hosts_pass(project):
    edit(project/'nbs'/'00_core.ipynb', '# Core', '# Core\\n[a](#core) [b](#ANSWER) [c](index.ipynb) '
                                                  '[d](https://example.org/gone) `[e](gone)`')
    status, said = gate(project)
    assert status == 0, said

def test_a_name_that_nothing_defines_is_refused(project):
    cells = code('#| default_exp more'), code('#| export\ndef more(): return mroe')
    (project/'nbs'/'01_more.ipynb').write_text(notebook(*cells))
    assert call(project, 'nbdev_export').returncode == 0
    status, said = gate(project)
    assert status == 1 and 'F821' in said and 'mend the notebook' in said

def test_a_call_that_a_type_checker_refuses_is_refused(project):
    (project/'mypy.ini').write_text('[mypy]\nfiles = tests/public_face.py\n')
    (project/'tests').mkdir()
    face = project/'tests'/'public_face.py'
    face.write_text("x: int = len('a')\n")
    assert gate(project)[0] == 0
    face.write_text("x: str = len('a')\n")
    status, said = gate(project)
    assert status == 1 and 'public_face.py:1' in said

def test_committed_work_is_judged_like_uncommitted_work(project):
    for command in (['add', '.'], ['-c', 'user.name=n', '-c', 'user.email=e@x.invalid', 'commit', '-qm', 'all']):
        done = call(project, 'git', *command)
        assert done.returncode == 0, done.stderr
    assert gate(project)[0] == 0
    edit(project/'emotion_nb'/'core.py', 'ANSWER = 42', 'ANSWER = 43')
    assert gate(project)[0] == 1

def readme(project, *cells):
    "Make the front page of `cells`, build README.md and return (exit status, README.md or what was said)"
    (project/'nbs'/'index.ipynb').write_text(notebook(*cells))
    done = call(project, sys.executable, 'tools/readme.py')
    return done.returncode, done.stderr if done.returncode else (project/'README.md').read_text(encoding='utf-8')

def test_readme_shows_code_and_hides_what_is_to_be_hidden(project):
    status, page = readme(project, text('# Title'), code('#| hide\nsecret = 1'), code('#| eval: false\n1 + 1'),
                          code('#| echo: false\nunseen = 2', stream('seen\n')))
    assert status == 0, page
    assert '```python\n1 + 1\n```' in page and '    seen' in page
    assert 'secret' not in page and 'unseen' not in page and '#|' not in page and '```\n\n```' not in page

def test_readme_prefers_markdown_and_strips_what_github_would_print_as_text(project):
    markdown = result({'text/html': '<b>html</b>', 'text/markdown': '| a |\n|---|\n| 1 |', 'text/plain': 'plain'})
    html = '<div>\n<style scoped>\n td {color: red}\n</style>\n<table><tr><td>7</td></tr></table>\n</div>'
    frame = result({'text/html': html, 'text/plain': '7'})
    status, page = readme(project, code('a', markdown), code('b', frame))
    assert status == 0, page
    assert '| a |\n|---|\n| 1 |' in page and 'html' not in page and 'plain' not in page
    assert '<table><tr><td>7</td></tr></table>' in page and 'color' not in page and '<div' not in page

def test_readme_points_to_what_the_notebook_points_to(project):
    (project/'nbs'/'images').mkdir()
    (project/'nbs'/'images'/'x.png').write_bytes(b'')
    links = ('![a](images/x.png) <img src="images/x.png"> [b](00_core.ipynb#top) [c](../settings.ini) '
             '[d](https://example.org) [e](#here) `[f](gone)`')
    status, page = readme(project, text(links))
    assert status == 0, page
    assert ('![a](nbs/images/x.png) <img src="nbs/images/x.png"> [b](nbs/00_core.ipynb#top) [c](settings.ini) '
            '[d](https://example.org) [e](#here) `[f](gone)`') in page

PLOT = dict(output_type='display_data', metadata={}, data={'image/png': 'AA==', 'text/plain': '<Figure>'})

@pytest.mark.parametrize('cells, says', [([text('![a](images/gone.png)')], 'images/gone.png'),
    ([code('plot()', PLOT)], 'picture')])
def test_what_github_cannot_show_is_refused_in_one_sentence(project, cells, says):
    before = (project/'README.md').read_bytes()
    status, said = readme(project, *cells)
    assert status == 1 and says in said and 'Traceback' not in said
    assert (project/'README.md').read_bytes() == before
