"""Pins what settings.ini asks for: constraints.txt, constraints-lowest.txt, and locks/*.txt with a hash for each file.

    python tools/lock.py              versions stay where they can
    python tools/lock.py --upgrade    each the newest that settings.ini allows

Needs uv (`make lock` installs it). The locks are valid for Python 3.11 to 3.13 and every system; constraints-lowest.txt
for Python 3.11.
"""
import argparse, subprocess, sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = 'dashboard', 'train', 'parquet', 'audformat', 'dask' # Groups of settings.ini
LOCKS = { # File in locks/ to the groups of settings.ini in it
    'dashboard': ('', 'dashboard', 'build'),
    'dev': ('', *EXTRAS, 'dev', 'build'),
    'fuzz': ('', 'fuzz'),
    'tools': ('tools',)}

TESTED_WITH = 'hypothesis', 'praatio', 'pympi-ling', 'pytest', 'srt', 'webvtt-py' # By `make test-lowest`, among others

def requirements(*groups):
    "The requirements of some groups of settings.ini; '' is the plain install"
    ini = ConfigParser()
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return [r for g in groups for r in ini['DEFAULT'][f'{g}_requirements'.lstrip('_')].split()]

def compile_to(file, wanted, *options):
    "Let uv choose versions for `wanted`; those in `file` are kept where they fit"
    command = [sys.executable, '-m', 'uv', 'pip', 'compile', '-', '--quiet', '--python-version', '3.11', '--no-header',
               '--no-annotate', '--no-emit-index-url', '--output-file', str(ROOT/file), *options]
    subprocess.run(command, input='\n'.join(wanted), text=True, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--upgrade', action='store_true', help='choose the newest versions')
    newest = ['--upgrade'] if p.parse_args().upgrade else []
    (ROOT/'locks').mkdir(exist_ok=True)
    everything = requirements(*dict.fromkeys(g for name, groups in LOCKS.items() if name != 'tools' for g in groups))
    compile_to('constraints.txt', everything, '--universal', *newest)
    for name, groups in LOCKS.items():
        same = ['--constraint', 'constraints.txt'] if name != 'tools' else []
        compile_to(f'locks/{name}.txt', requirements(*groups), '--universal', '--generate-hashes', *same, *newest)
    tests = [r for r in requirements('dev') if r.startswith(TESTED_WITH)]
    compile_to('constraints-lowest.txt', requirements('', *EXTRAS, 'build') + tests,
               '--resolution', 'lowest-direct', '--upgrade')

if __name__ == '__main__': main()
