"""``python -m cte_lake`` is ``cte-lake``."""

from cte_lake.cli.main import main

if __name__ == "__main__":
    main()
