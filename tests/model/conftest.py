import sys
from pathlib import Path

# The helpers of these tests lie beside them, and the tests folders are no packages.
sys.path.insert(0, str(Path(__file__).parent))
