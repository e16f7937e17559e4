"""The scikit-learn side: estimators on arrays, and a model of a whole table. Here words replace symbols."""
