"""Models of whole tables: encoder, network and target column, fitted, measured and stored as one."""
