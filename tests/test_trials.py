"The table of trials: each row of figures has a recipe that differs from the recipe `ravdess` in the named fields only."
import re
from dataclasses import replace

import pandas as pd
import pytest
from trials import TABLE, TRIALS, changed, channel_augmentation, trial_recipe

from emotion_nb.core import TrainingError
from emotion_nb.model import ModelConfig
from emotion_nb.training import RECIPES, Recipe, recipe_changes

def test_every_row_of_figures_has_a_recipe():
    assert set(pd.read_csv(TABLE).trial) <= set(TRIALS)

def test_every_figure_that_was_measured_once_has_a_day_and_a_command():
    for row in pd.read_csv(TABLE.with_name('trials_once.csv'), dtype=str).itertuples():
        assert re.fullmatch(r'\d{4}-\d\d-\d\d', row.recorded)
        found = re.fullmatch(r'python tools/trials\.py (\S+) --folds [1-5 ]+', row.command)
        assert found and found[1] in TRIALS or row.command.endswith('the code is gone')

@pytest.mark.parametrize('name', TRIALS)
def test_a_trial_changes_what_it_names_and_nothing_else(name):
    found = recipe_changes(trial_recipe(name), RECIPES['ravdess'])
    assert {**TRIALS[name], **found} == TRIALS[name]

def test_no_two_trials_are_the_same():
    recipes = [trial_recipe(name) for name in TRIALS]
    assert all(a != b for i, a in enumerate(recipes) for b in recipes[:i])

def test_channel_augmentation_has_the_probabilities_of_the_recipe():
    assert trial_recipe('all', {'all': channel_augmentation(1.)}) == RECIPES['ravdess']

def test_a_dotted_path_names_a_field_of_a_field():
    assert changed(Recipe(), 'model.dropout', .5) == Recipe(model=replace(ModelConfig(), dropout=.5))

@pytest.mark.parametrize('name, trials, message', [
    ('nothing', {}, "There is no trial 'nothing'"),
    ('mine', {'mine': {'epoch': 3}}, "Recipe has no field 'epoch': choose one of features"),
    ('mine', {'mine': {'model.lstms': (1,)}}, "ModelConfig has no field 'lstms': choose one of conv"),
    ('mine', {'mine': {'epochs.first': 3}}, "'epochs' of Recipe has no fields")])
def test_a_wrong_name_is_one_sentence(name, trials, message):
    with pytest.raises(TrainingError, match=message) as e: trial_recipe(name, trials)
    assert '\n' not in str(e.value) and str(e.value).endswith('.')
