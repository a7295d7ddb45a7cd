"What stops a release."
import tarfile, zipfile

import pytest
import release

CHANGES = '# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- Louder.\n\n## [0.1.0]\n\n- First.\n'

def test_the_notes_of_a_release_are_its_changes():
    assert release.changes(CHANGES, '0.2.0') == '- Louder.\n' and release.changes(CHANGES, '0.1.0') == '- First.\n'
    for name in 'Unreleased', '0.3.0', '0.2':
        with pytest.raises(release.ReleaseError, match='no changes under'): release.changes(CHANGES, name)

def test_the_tag_is_that_of_the_version():
    release.check_tag('v0.2.0', '0.2.0')
    with pytest.raises(release.ReleaseError, match='settings.ini says 0.2.0'): release.check_tag('v0.3.0', '0.2.0')

@pytest.fixture
def tree(tmp_path):
    "A checkout with two models"
    for name in ('bundled/bundle.json', 'bundled/LICENSE.md', 'bundled/best_model.h5', 'bundled_small/bundle.json',
                 'bundled_small/report/report.json', 'silero/LICENSE'):
        (tmp_path/'emotion_nb'/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/'emotion_nb'/name).write_text('x')
    return tmp_path

def names(tree): return [p.relative_to(tree).as_posix() for p in (tree/'emotion_nb').rglob('*') if p.is_file()]

def wheel(tree, leave=(), more=0):
    "A wheel of a checkout without some of its files"
    with zipfile.ZipFile(tree/'x.whl', 'w') as z:
        for name in names(tree):
            if name in leave or 'best_model' in name: continue
            z.write(tree/name, name)
        for name in ('LICENSE', 'emotion_nb/bundled/LICENSE.md', 'emotion_nb/silero/LICENSE'):
            if name not in leave: z.writestr(f'x.dist-info/licenses/{name}', 'x')
        z.writestr('padding', bytes(more))
    return tree/'x.whl'

def test_a_whole_wheel_passes_without_the_keras_files(tree): release.check_wheel(wheel(tree), tree)

@pytest.mark.parametrize('change, says', [(dict(more=6_000_000), '6.0 MB, more than 6'),
    (dict(leave=['emotion_nb/bundled_small/report/report.json']), 'lacks emotion_nb/bundled_small/report/report.json'),
    (dict(leave=['emotion_nb/silero/LICENSE']), 'lacks the notices emotion_nb/silero/LICENSE')])
def test_a_wheel_that_is_too_large_or_lacks_something_is_refused(tree, change, says):
    with pytest.raises(release.ReleaseError, match=says): release.check_wheel(wheel(tree, **change), tree)

def test_the_source_archive_holds_the_keras_files_too(tree):
    def archive(*leave):
        with tarfile.open(tree/'x.tar.gz', 'w:gz') as t:
            for name in names(tree):
                if not name.endswith(leave): t.add(tree/name, f'x-1/{name}')
        return tree/'x.tar.gz'
    release.check_archive(archive('none'), tree)
    with pytest.raises(release.ReleaseError, match='lacks emotion_nb/bundled/best_model.h5'):
        release.check_archive(archive('best_model.h5'), tree)

def test_the_changelog_has_a_place_for_what_comes_next(repo):
    assert release.changes((repo/'CHANGELOG.md').read_text(encoding='utf-8'), 'Unreleased')
