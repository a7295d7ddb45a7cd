"What the tests share: where things lie, and the browser."
import os, signal, sysconfig
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
# `emotion-nb` of this Python comes first
os.environ['PATH'] = sysconfig.get_path('scripts') + os.pathsep + os.environ.get('PATH', '')
# as in a background job of a shell; what the tests start would inherit it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

@pytest.fixture(scope='session')
def repo():
    "Root of the checkout"
    return REPO

@pytest.fixture(scope='session')
def examples(repo):
    "The committed clips, sorted by name"
    clips = sorted((repo/'emotion_nb'/'examples').glob('*.flac'))
    assert clips, "no committed clip in emotion_nb/examples"
    return clips

@pytest.fixture(scope='session')
def corpus(repo):
    "Folder of the whole corpus; tests that ask for it are skipped where it does not lie beside the checkout"
    folder = Path(os.environ.get('EMOTION_NB_DATA') or repo.parent/'shared'/'ravdess')
    if not folder.is_dir(): pytest.skip(f"corpus not found: {folder}")
    return folder

@pytest.fixture(scope='session')
def chromium():
    "Path of a Chromium or Chrome, or of the one that `playwright install chromium` fetched; tests fail without"
    from screenshot import find_chromium
    found = find_chromium()
    assert found, "no Chromium found: install it (on Debian: apt-get install chromium)"
    return found
