#pragma once
/* The console's one stylesheet, embedded by the build from console.css. */
#include "core/base/span.h"

struct span style_sheet(void);
