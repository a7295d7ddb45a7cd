"""Models adapted to a voice"""
import pytest
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import AudioError, BundleError, TrainingError, example_clips


@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()


def test_an_adapted_model_is_the_same_after_it_was_saved(clf, tmp_path):
    clips = example_clips()
    mine = clf.adapted(clips.values(), clips)
    again = EmotionClassifier.load(mine.save(tmp_path/'mine'))
    assert again.predict(clips['sad']) == mine.predict(clips['sad']) != clf.predict(clips['sad'])
    with pytest.raises(BundleError, match='is there already'): mine.save(tmp_path/'mine')


@pytest.mark.parametrize('n, labels, error, text', [
    (0, None, AudioError, 'no recording to adapt to'), (2, ['sad'], TrainingError, '2 recordings and 1 labels'),
    (2, ['sad', 'bored'], TrainingError, "knows no 'bored'"), (2, ['sad']*2, TrainingError, 'All labels are sad')])
def test_what_cannot_be_adapted_to_is_a_sentence(clf, n, labels, error, text):
    with pytest.raises(error, match=text): clf.adapted([*example_clips().values()][:n], labels)
