#pragma once
/* The numbers of the registrar. */
#include "core/base/metric.h"

struct turn;

void metrics_collect(struct turn *turn, struct metrics *metrics);
