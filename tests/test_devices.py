"Training on two virtual devices of the processor, in a process of its own, since they are set at its start."
import json, os, subprocess, sys

import pytest

pytest.importorskip('tensorflow')

TWO_DEVICES = '''
import json, os, sys
from dataclasses import replace
from pathlib import Path
import keras, numpy as np, pandas as pd, tensorflow as tf
from emotion_nb import training
from emotion_nb.batches import BatchConfig
from emotion_nb.bundle import save_bundle
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import example_clips
from emotion_nb.corpus import catalogue
from emotion_nb.features import FeatureConfig
from emotion_nb.model import ModelConfig

cpu, = tf.config.list_physical_devices('CPU')
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()]*2)
both = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])
network = ModelConfig(conv=(), kernel_size=(), strides=(), pool_size=(), lstm=(), pooling=('mean',), functionals=0,
    dense=(8,), dropout=0.)
tiny = training.Recipe(features=FeatureConfig(n_frames=20), model=network, n_augmented=0, epochs=3, warmup=0,
    batches=BatchConfig(batch_size=16, time_masks=0, mel_masks=0), learning_rate=.01, ema_momentum=.9, lda=False)
rng, root = np.random.default_rng(0), Path(sys.argv[1])
y = np.eye(2, dtype=np.float32)[np.arange(64) % 2]
x = rng.standard_normal((64, 20, 275), dtype=np.float32)*(1 + 2*y[:, 1, None, None])

def losses(name):
    training.fit([list(x)], y, (x[:50], y[:50]), tiny, training.open_run(root/name, {}), verbose=0)
    return pd.read_csv(root/name/'history.csv')[['loss', 'val_loss']].to_numpy().tolist()

class Interruption(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2: raise KeyboardInterrupt

found = dict(one=losses('one'))
with both.scope():
    found['two'] = losses('two')
    callbacks = training._callbacks
    training._callbacks = lambda *args: [*callbacks(*args), Interruption()]
    try: losses('resumed')
    except KeyboardInterrupt: found['rows'] = len(pd.read_csv(root/'resumed'/'history.csv'))
    training._callbacks = callbacks
    found['resumed'] = losses('resumed')

clips = catalogue(example_clips()['happy'].parent)
df, splits = pd.concat([clips, clips], ignore_index=True), pd.Series(['train']*8 + ['validation']*6 + ['test']*2)
whole = replace(training.Recipe(), model=network, epochs=1, n_augmented=1, batches=BatchConfig(batch_size=4))
with both.scope():
    bundle = save_bundle(training.train(df, splits, root/'run', whole, progress=False), root/'bundle', 'x')
found['answers'] = EmotionClassifier.load(bundle).predict_proba(clips['path'].tolist()).sum(1).tolist()
(root/'found.json').write_text(json.dumps(found))
'''

@pytest.fixture(scope='module')
def found(tmp_path_factory):
    "What a process with two devices found"
    folder = tmp_path_factory.mktemp('devices')
    env = dict(os.environ, EMOTION_NB_CACHE=str(folder/'cache'), TF_CPP_MIN_LOG_LEVEL='3')
    done = subprocess.run([sys.executable, '-c', TWO_DEVICES, str(folder)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder/'found.json').read_text())

def test_two_devices_learn_from_the_batches_of_one(found):
    "They differ a little, as each device limits the norm of its own gradients; other batches would differ by .05"
    for one, two in zip(found['one'], found['two'], strict=True): assert two == pytest.approx(one, abs=.01)
    assert found['two'][-1][0] < found['two'][0][0]

def test_a_run_on_two_devices_is_resumed(found):
    assert found['rows'] == 2
    for whole, resumed in zip(found['two'], found['resumed'], strict=True):
        assert resumed == pytest.approx(whole, abs=1e-3)

def test_a_whole_run_on_two_devices_gives_a_bundle(found):
    assert found['answers'] == pytest.approx([1]*8, abs=1e-3)
