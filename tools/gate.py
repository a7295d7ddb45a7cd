"""The gate: notebooks clean, library exported, README in step, links sound, ruff and mypy content, notebooks pass.

    python tools/gate.py            everything
    python tools/gate.py --quick    without running the notebooks

It works on a copy of the tree, so it leaves nothing behind, and uncommitted work is judged as it stands.
"""
import argparse, os, re, shutil, subprocess, sys, sysconfig, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = sysconfig.get_path('scripts')
CORPUS = Path(os.environ.get('EMOTION_NB_DATA') or ROOT.parent/'shared'/'ravdess').absolute()
LIBRARY = 'emotion_nb'
MEND = "run  make prepare  and commit what it changes"

class GateError(Exception):
    "What is wrong, and what to do"

def project_files(root):
    "What git tracks in `root`, or would if asked: relative paths of the files that exist"
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    asked = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if asked.returncode:
        raise GateError(f"The gate asks git which files belong to the project, and git says: {asked.stderr.strip()}")
    return sorted(name for name in set(asked.stdout.split('\0')) if name and (root/name).is_file())

def copy_tree(src, dest):
    "Copy the project's files from `src` to `dest`"
    for name in project_files(src):
        (dest/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(src/name, dest/name)

def contents(root):
    "The bytes of every file under `root`, by relative path"
    files = (p for p in root.rglob('*') if p.is_file() and '__pycache__' not in p.parts)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}

def differences(before, after):
    "One line for each file that is not the same in both"
    words = [(sorted(before.keys() - after.keys()), 'nothing makes it'),
             (sorted(after.keys() - before.keys()), 'is missing'),
             (sorted(n for n in before.keys() & after.keys() if before[n] != after[n]), 'differs')]
    return [f"  {name}: {word}" for names, word in words for name in names]

def run(tree, command, *args):
    "Run a command of this Python's environment in `tree`; its exit status"
    return subprocess.run([f'{BIN}/{command}', *args], cwd=tree, env=environment(), stdin=subprocess.DEVNULL).returncode

def environment(**more):
    "What the notebooks see: this Python's commands first, no corpus unless `more` names it"
    env = {k: v for k, v in os.environ.items() if k not in ('EMOTION_NB_DATA', 'IN_TEST')}
    return env | dict(PATH=BIN + os.pathsep + env.get('PATH', ''), TF_CPP_MIN_LOG_LEVEL='3') | more

def check_clean(tree):
    "`nbdev_clean` changes nothing"
    before = contents(tree)
    for folder in ('nbs', 'dashboards'):
        if (tree/folder).is_dir() and run(tree, 'nbdev_clean', '--fname', folder):
            raise GateError(f"nbdev_clean could not read the notebooks in {folder}: mend what it says above.")
    if changed := differences(before, contents(tree)):
        raise GateError('\n'.join([f"Notebooks are not clean: {MEND}.", *changed]))

def check_export(tree):
    "`nbdev_export` makes every module again, and the same"
    before = contents(tree)
    for module in (tree/LIBRARY).rglob('*.py'):
        if not module.name.startswith('__'): module.unlink()  # so that a module without a notebook is noticed
    if run(tree, 'nbdev_export'): raise GateError("nbdev_export failed: mend what it says above.")
    if changed := differences(before, contents(tree)):
        says = f"The library is not what the notebooks export (change the notebook, never the module): {MEND}."
        raise GateError('\n'.join([says, *changed]))

def check_readme(tree):
    "README.md is made from the front page as it stands"
    if run(tree, 'python', 'tools/readme.py', '--check'): raise GateError("The README check failed, as said above.")

def check_links(tree):
    "Every link of a page within the project leads to a file, and to a heading or a name, that is there"
    if run(tree, 'python', 'tools/links.py'): raise GateError("The check of the links failed, as said above.")

def check_lint(tree):
    "ruff finds nothing in notebooks, library, tests and tools"
    if run(tree, 'ruff', 'check', '--quiet', '--no-cache', '.'):
        raise GateError("ruff complains, as said above: mend the notebook, not the module.")

def check_types(tree):
    "A type checker understands every call in tests/public_face.py"
    if (tree/'mypy.ini').exists() and run(tree, 'mypy', '--no-error-summary', '--cache-dir', os.devnull):
        raise GateError("mypy complains, as said above.")

def notebooks(tree):
    "The notebooks that are run, library first"
    found = [nb.relative_to(tree) for folder in ('nbs', 'dashboards') for nb in sorted((tree/folder).rglob('*.ipynb'))]
    return [nb.as_posix() for nb in found if not any(part[0] in '._' for part in nb.parts)]

def needs_corpus(notebook):
    "Does it have a cell flagged `data`?"
    return bool(re.search(r'"#\|\s*data\b', notebook.read_text(encoding='utf-8')))

def passes(tree, name, data=None):
    "Run one notebook in a process of its own, so that none leans on what another imported; say how it went"
    start = time.monotonic()
    args, more = (['--flags', 'data'], {'EMOTION_NB_DATA': str(data)}) if data else ([], {})
    done = subprocess.run([f'{BIN}/nbdev_test', '--path', name, *args], cwd=tree, env=environment(**more), text=True,
                          errors='replace', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with_corpus = ' with the corpus' if data else ''
    ok = done.returncode == 0
    report = f"  {'passes' if ok else 'FAILS '} {time.monotonic() - start:4.0f} s  {name}{with_corpus}\n"
    print(report if ok else f"{done.stdout}{report}", end='', flush=True)
    return ok

def check_notebooks(tree):
    "Every notebook passes without the corpus; where the corpus lies here, those that use it pass with it too"
    names = notebooks(tree)
    with_data = [name for name in names if needs_corpus(tree/name)]
    if not CORPUS.is_dir():
        skipped = ', '.join(with_data) or 'no notebook'
        print(f"gate: SKIPPED the corpus cells of {skipped}: corpus not found: {CORPUS}", flush=True)
        with_data = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        jobs = [pool.submit(passes, tree, name, CORPUS) for name in with_data]
        jobs += [pool.submit(passes, tree, name) for name in names]
    if not all(job.result() for job in jobs): raise GateError("A notebook fails: its cell and error stand above.")

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help="do not run the notebooks")
    checks = [check_clean, check_export, check_readme, check_links, check_lint, check_types, check_notebooks]
    if parser.parse_args().quick: checks.remove(check_notebooks)
    with tempfile.TemporaryDirectory(prefix='gate-') as folder:
        tree, wrong = Path(folder).resolve()/ROOT.name, []
        try:
            copy_tree(ROOT, tree)
            for check in checks:
                if wrong and check is check_notebooks: break
                print(f"gate: {check.__doc__}", flush=True)
                try: check(tree)
                except GateError as e: wrong.append(str(e))
        except GateError as e: wrong.append(str(e))
    for text in wrong: print(f"gate: {text}", file=sys.stderr)
    sys.exit(1 if wrong else 0)

if __name__ == '__main__': main()
