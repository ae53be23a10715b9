#!/usr/bin/env python3
"""The whole campaign of tests/peer/answers.py: the optimised build, NSD and Knot answer 500,000 questions to each set of zones.

./bootstrap bench answers [--count N] [--seed N] [--examples N] [--keep FOLDER] [--list]
"""
import os
import sys

from bench import TOP, VOUCH

words = sys.argv[1:]
if "--count" not in words:
    words += ["--count", "500000"]
if "--seed" not in words:
    words += ["--seed", "0"]  # another one each time
os.execve(sys.executable, [sys.executable, str(TOP / "tests/peer/answers.py"), *words], dict(os.environ, VOUCH=str(VOUCH), TOP=str(TOP)))
