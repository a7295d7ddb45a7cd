"""What a user may call, and the type of each result. `mypy` reads this file; nothing runs it."""
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd

from emotion_nb import EmotionClassifier, EmotionError, Prediction
from emotion_nb.annotation import save_annotation
from emotion_nb.audio import load_audio
from emotion_nb.batch import Saved, save_predictions
from emotion_nb.bundle import Bundle, load_bundle
from emotion_nb.core import cache_dir, data_dir, example_clips
from emotion_nb.corpus import catalogue
from emotion_nb.evaluation import Report, Scores, evaluate, score
from emotion_nb.explanation import Explanation
from emotion_nb.features import FeatureConfig, extract_features, mel_spectrogram
from emotion_nb.stream import EmotionStream, StreamAnswer

def predicting(path: Path, files: list[Path]) -> None:
    clf = EmotionClassifier.load()
    assert_type(clf, EmotionClassifier)
    assert_type(clf.classes_, np.ndarray)
    assert_type(clf.bundle, Bundle)
    assert_type(clf.model_card, str)
    p = clf.predict(path)
    assert_type(p, Prediction)
    assert_type(p.emotion, str | None)
    assert_type(p.confidence, float)
    assert_type(p.candidates, tuple[str, ...])
    assert_type(p.warnings, tuple[str, ...])
    assert_type(p.probabilities, dict[str, float])
    assert_type(p.as_dict(), dict[str, Any])
    assert_type(clf.predict_iter(files, errors='return'), Iterator[Prediction | EmotionError])
    assert_type(clf.predict_proba(files, errors='nan'), np.ndarray)
    assert_type(clf.predict_timeline(path, window=3., hop=1.), pd.DataFrame)
    assert_type(clf.predict_timeline(path, cut='pauses'), pd.DataFrame)
    assert_type(clf.predict_frame(path), pd.DataFrame)
    assert_type(clf.predict_frame(files, cut='windows', n_jobs=1), pd.DataFrame)
    assert_type(save_predictions(clf, files, 'table.csv'), Saved)
    assert_type(save_annotation(clf.predict_timeline(path), 'x.TextGrid'), Path)
    assert_type(clf.explain(path), Explanation)

def reading(path: Path) -> None:
    y = load_audio(path)
    assert_type(y, np.ndarray)
    assert_type(extract_features(y, FeatureConfig()), np.ndarray)
    assert_type(mel_spectrogram(y), np.ndarray)
    assert_type(example_clips(), dict[str, Path])
    assert_type(cache_dir(), Path)
    assert_type(data_dir(), Path)
    assert_type(load_bundle(None), Bundle)

def judging(clips: pd.DataFrame, proba: np.ndarray) -> None:
    assert_type(catalogue('ravdess'), pd.DataFrame)
    report = evaluate(clips, proba, ['calm', 'sad'], 'A')
    assert_type(report, Report)
    assert_type(report.ece, float)
    assert_type(report.groups, dict[str, Scores])
    assert_type(score(clips.emotion, clips.emotion, ['calm', 'sad']), Scores)

def streaming(clf: EmotionClassifier, block: np.ndarray) -> None:
    stream = EmotionStream(clf, 16_000, window=3., hop=.5)
    assert_type(stream.seconds, float)
    for a in stream.push(block):
        assert isinstance(a, StreamAnswer)
        assert_type(a.emotion, str | None)
        assert_type(a.latency, float)
