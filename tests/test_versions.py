"The versions that are allowed, pinned and installed; and what some of them do."
import configparser, re

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement

from emotion_nb.classifier import EmotionClassifier
from emotion_nb.timeline import timeline_frame

@pytest.fixture(scope='module')
def settings(repo):
    ini = configparser.ConfigParser()
    ini.read(repo/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']

def requirements(settings, *groups):
    "What some groups of settings.ini ask for; '' is the plain install"
    return list(map(Requirement, ' '.join(settings[f'{g}requirements'] for g in groups).split()))

def pinned(file): return dict(re.findall(r'^([\w.-]+)==([^\s;]+)', file.read_text(), re.M))

# --- pandas 3.0.0 to 3.0.2 read the whole numbers in a list of floats as nanoseconds

def test_the_pandas_that_misreads_seconds_is_excluded(settings):
    [allowed] = [r.specifier for r in map(Requirement, settings['requirements'].split()) if r.name == 'pandas']
    assert not [v for v in ('3.0.0', '3.0.1', '3.0.2') if v in allowed]
    assert all(v in allowed for v in ('2.2.2', '3.0.3', '3.1.1'))

def test_times_reach_pandas_as_an_array(monkeypatch):
    "So that the table is right with each version of pandas"
    clf, real = EmotionClassifier.load(), pd.to_timedelta
    def as_3_0_0(x, unit=None):
        if isinstance(x, list): return real(np.array([v/1e9 if float(v).is_integer() else v for v in x]), unit=unit)
        return real(x, unit=unit)
    monkeypatch.setattr(pd, 'to_timedelta', as_3_0_0)
    t = timeline_frame(clf, 'a.wav', [(0, 3.0, None), (1.0, 4, np.full(8, .125)), (1.5, 4.5, None)])
    times = [t.index.get_level_values(k).total_seconds().tolist() for k in ('start', 'end')]
    assert times == [[0, 1, 1.5], [3, 4, 4.5]]

# --- What is pinned

def test_the_locks_hold_what_the_settings_allow(repo, settings):
    groups = dict(dashboard=('', 'dashboard_', 'build_'), fuzz=('', 'fuzz_'),
                  dev=('', 'dashboard_', 'train_', 'dev_', 'build_'), tools=('tools_',))
    for name, wanted in groups.items():
        versions = pinned(repo/'locks'/f'{name}.txt')
        for r in requirements(settings, *wanted):
            assert versions[r.name] in r.specifier, f'{r} in locks/{name}.txt: run  make lock'

def test_the_locks_agree_with_the_constraints(repo):
    everything = pinned(repo/'constraints.txt')
    for name in ('dashboard', 'dev', 'fuzz'): assert pinned(repo/'locks'/f'{name}.txt').items() <= everything.items()

def test_every_file_of_a_lock_has_its_hash_and_no_address(repo):
    for lock in (repo/'locks').glob('*.txt'):
        text = lock.read_text().replace('\\\n', ' ')
        pattern = re.compile(r'[\w.-]+==\S+( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*')
        assert all(map(pattern.fullmatch, text.splitlines())), lock.name
        assert '://' not in text

def test_the_lowest_versions_are_those_of_the_settings(repo, settings):
    lowest = pinned(repo/'constraints-lowest.txt')
    for r in requirements(settings, '', 'dashboard_', 'train_'):
        [least] = [s.version for s in r.specifier if s.operator == '>=']
        assert re.fullmatch(re.escape(least) + r'(\.0)*', lowest[r.name]), (
            f'{r.name}: settings.ini says {least}, what can be installed is {lowest[r.name]}')
