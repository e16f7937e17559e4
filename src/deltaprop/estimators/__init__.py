"""The scikit-learn side: estimators on arrays. Here words replace symbols."""
