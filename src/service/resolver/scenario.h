#pragma once
/* Scenarios as text (doc/scenarios.md): zones, servers with their manners, and what clients ask and
 * must get. One file is read and played line by line against the resolver in the DNS in memory. */
#include "core/base/problem.h"
#include "core/base/span.h"

/* OK when everything in it came as it says; otherwise `problem` has the file, the line and what
 * came instead. */
enum status scenario_play(const char *file, struct span text, struct problem *problem) MUST_USE;
