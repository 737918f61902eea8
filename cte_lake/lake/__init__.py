"""The lake on disk: paths, schemas, atomic writes and reading; knows Parquet, no astronomy."""
