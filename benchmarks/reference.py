"""The student project's pipeline: librosa for each feature, Keras for the network, joblib for the rest.

    python benchmarks/reference.py FOLDER FILE...    FOLDER holds best_model.h5, scaler.pkl and label_encoder.pkl
"""
import os
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
import json, sys
from pathlib import Path

import joblib, keras, librosa
import numpy as np

SAMPLE_RATE, N_FRAMES = 22_050, 173

def reference_features(y):
    "The nine features of `y`, each by its own librosa call, in 173 frames"
    kw = dict(y=y, sr=SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(n_mfcc=40, **kw)
    features = [mfcc, librosa.feature.delta(mfcc), librosa.feature.delta(mfcc, order=2),
                librosa.feature.chroma_stft(**kw),
                librosa.feature.melspectrogram(**kw), librosa.feature.spectral_contrast(**kw),
                librosa.feature.tonnetz(y=librosa.effects.harmonic(y), sr=SAMPLE_RATE),
                librosa.feature.rms(y=y), librosa.feature.zero_crossing_rate(y)]
    x = np.vstack(features).T[:N_FRAMES]
    return np.pad(x, ((0, N_FRAMES - len(x)), (0, 0)))

class ReferenceApp:
    "What its web app keeps in memory between two uploads"
    def __init__(self, folder):
        self.model = keras.models.load_model(folder/'best_model.h5', compile=False)
        self.scaler, self.encoder = (joblib.load(folder/f) for f in ('scaler.pkl', 'label_encoder.pkl'))

    def predict(self, path):
        "Emotion to probability"
        y, _ = librosa.load(path, sr=SAMPLE_RATE)
        x = self.scaler.transform(reference_features(y))[None]
        return dict(zip(self.encoder.classes_, self.model.predict(x, verbose=0)[0].tolist()))

def save_artefacts(folder):
    "The reference's three files, with an untrained network of its size: its cost is measured, not its predictions"
    from emotion_nb.model import MODELS, build_model
    from sklearn.preprocessing import LabelEncoder, StandardScaler
    from emotion_nb.core import EMOTIONS
    model = build_model((N_FRAMES, 275), config=MODELS['reference'])
    assert model.count_params() == 573_192
    model.save(folder/'best_model.h5')
    joblib.dump(StandardScaler().fit(np.random.default_rng(0).standard_normal((1000, 275))), folder/'scaler.pkl')
    joblib.dump(LabelEncoder().fit(EMOTIONS), folder/'label_encoder.pkl')

if __name__ == '__main__':
    app = ReferenceApp(Path(sys.argv[1]))
    print(json.dumps([app.predict(f) for f in sys.argv[2:]]))
