"""Train a small classifier on the data set that scikit-learn ships, and print its score."""

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

wine = load_wine(as_frame=True)
features: pd.DataFrame = wine.data
train_x, test_x, train_y, test_y = train_test_split(features, wine.target, random_state=0)
model = RandomForestClassifier(n_estimators=100, random_state=0).fit(train_x, train_y)
print(f"trained on {len(train_x)} wines, accuracy on {len(test_x)} others: {model.score(test_x, test_y):.3f}")
