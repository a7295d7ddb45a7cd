"""Builds what a release consists of, and checks it; publishes nothing.

    python tools/release.py                 dist/: wheel and source archive; build/release/: the networks for Keras
    python tools/release.py --tag v0.2.0    the same for this tag, which must be the version, with its own changes

A tag starts .github/workflows/release.yml, which calls this; docs/releasing.md says what comes before.
"""
import argparse, configparser, re, shutil, subprocess, sys, tarfile, zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST, EXTRAS = ROOT/'dist', ROOT/'build'/'release'
LIMIT = 6_000_000 # Bytes of the wheel
KERAS = 'best_model.*' # Too large for the wheel, and read by no prediction
LEFT_OUT = KERAS, '*.png', 'predictions.csv' # Of a bundle in the wheel, as setup.py has it

class ReleaseError(Exception):
    "One sentence that says what is wrong and what to do"

def version():
    ini = configparser.ConfigParser()
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']['version']

def changes(text, name):
    "The section of CHANGELOG.md for a version or for `Unreleased`; raises `ReleaseError`"
    found = re.search(rf'^## \[{re.escape(name)}\][^\n]*\n(.*?)(?=^## \[|\Z)', text, re.M | re.S)
    if not found or not found[1].strip():
        raise ReleaseError(f'CHANGELOG.md has no changes under [{name}]: move there what is under [Unreleased].')
    return found[1].strip() + '\n'

def check_tag(tag, number):
    "Raises `ReleaseError` where a tag is not that of the version"
    if tag != f'v{number}':
        raise ReleaseError(f'The tag is {tag}, but settings.ini says {number}: tag v{number}, or change settings.ini.')

def bundles(root): return sorted(p.parent for p in root.glob('emotion_nb/bundled*/bundle.json'))

def check_wheel(wheel, root=ROOT):
    "Raises `ReleaseError` where a wheel is too large, or lacks what a prediction reads or a licence"
    if (size := wheel.stat().st_size) > LIMIT:
        raise ReleaseError(f'The wheel has {size/1e6:.1f} MB, more than {LIMIT/1e6:g}: leave more out in setup.py.')
    holds = set(zipfile.ZipFile(wheel).namelist())
    wanted = [f.relative_to(root).as_posix() for b in bundles(root) for f in b.rglob('*')
              if f.is_file() and not any(f.match(p) for p in LEFT_OUT)]
    if gone := [name for name in wanted if name not in holds]:
        raise ReleaseError(f'The wheel lacks {", ".join(gone)}: see package_data in setup.py.')
    kept = {name.split('/licenses/')[1] for name in holds if '.dist-info/licenses/' in name}
    notices = {p.relative_to(root).as_posix() for p in root.glob('emotion_nb/*/LICENSE*')} | {'LICENSE'}
    if gone := sorted(notices - kept): raise ReleaseError(f'The wheel lacks the notices {", ".join(gone)}.')

def check_archive(archive, root=ROOT):
    "Raises `ReleaseError` where a source archive lacks a part of a model"
    with tarfile.open(archive) as t: holds = {name.partition('/')[2] for name in t.getnames()}
    wanted = [f.relative_to(root).as_posix() for b in bundles(root) for f in b.rglob('*') if f.is_file()]
    if gone := [name for name in wanted if name not in holds]:
        raise ReleaseError(f'The source archive lacks {", ".join(gone)}: see MANIFEST.in.')

def pack_keras(folder):
    "A ZIP file for each bundle with its network for Keras, and with what its predictions need beside it"
    for bundle in bundles(ROOT):
        with zipfile.ZipFile(folder/f'keras-{bundle.name}.zip', 'w', zipfile.ZIP_DEFLATED) as z:
            for f in sorted(bundle.iterdir()):
                if f.is_file() and f.suffix != '.onnx': z.write(f, f'{bundle.name}/{f.name}')

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--tag', help='the tag that is released')
    tag, number = p.parse_args().tag, version()
    try:
        if tag: check_tag(tag, number)
        notes = changes((ROOT/'CHANGELOG.md').read_text(encoding='utf-8'), number if tag else 'Unreleased')
        for folder in (DIST, EXTRAS): shutil.rmtree(folder, ignore_errors=True); folder.mkdir(parents=True)
        run = [sys.executable, '-m', 'build', '--no-isolation', '--outdir', str(DIST), str(ROOT)]
        if subprocess.run(run, stdout=subprocess.DEVNULL).returncode:
            raise ReleaseError('The build failed, as said above.')
        (wheel,), (archive,) = DIST.glob('*.whl'), DIST.glob('*.tar.gz')
        check_wheel(wheel); check_archive(archive)
        if subprocess.run([sys.executable, '-m', 'twine', 'check', '--strict', wheel, archive]).returncode:
            raise ReleaseError('twine complains, as said above: mend setup.py or README.md.')
        (EXTRAS/'notes.md').write_text(notes, encoding='utf-8')
        pack_keras(EXTRAS)
    except ReleaseError as e: sys.exit(str(e))
    for f in [*sorted(DIST.iterdir()), *sorted(EXTRAS.iterdir())]:
        print(f'{f.stat().st_size/1e6:6.1f} MB  {f.relative_to(ROOT)}')

if __name__ == '__main__': main()
