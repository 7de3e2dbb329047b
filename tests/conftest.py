"""Before anything is imported: tests run headless, on one thread, away from the learner's files."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

_study = tempfile.mkdtemp(prefix="course-study-")
atexit.register(shutil.rmtree, _study, ignore_errors=True)
os.environ["COURSE_HEADLESS"] = "1"
os.environ["COURSE_STUDY_DIR"] = _study
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # torch takes it from here
for _name in ("COURSE_DATA", "COURSE_SEED", "COURSE_DEVICE"):
    os.environ.pop(_name, None)
