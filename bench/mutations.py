#!/usr/bin/env python3
"""The whole campaign of tests/peer/mutations.py: the optimised build, at least 2,000 random signed zones and every fault at least 20 times,
judged by four validators.

./bootstrap bench mutations [--zones N] [--seed N] [--list] [--keep FOLDER]
"""
import os
import sys

from bench import TOP, VOUCH

words = sys.argv[1:]
if "--zones" not in words:
    words += ["--zones", "2300"]
if "--seed" not in words:
    words += ["--seed", "0"]  # another one each time
os.execve(sys.executable, [sys.executable, str(TOP / "tests/peer/mutations.py"), *words], dict(os.environ, VOUCH=str(VOUCH), TOP=str(TOP)))
